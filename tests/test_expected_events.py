"""Expected contents of near-detector histograms, smeared or not, and histograms drawn from them."""

from functools import cache, partial

import numpy as np
import pytest

import toy
from chi_squared import SMALLEST, p_value
from nd2fd.beam.flux import FluxTable, interpolate_flux
from nd2fd.beam.weighted_rule import weighted_rule
from nd2fd.detector.measured_density import Fineness, cell_contents, measured_density
from nd2fd.detector.smearing import Resolution, smear_events
from nd2fd.events.lepton_density import LeptonDensity, integrated_over_energy
from nd2fd.events.sampling import EventSampler, histogram_events
from nd2fd.learning.near_data import draw_histogram
from nd2fd.physics.cell_quadrature import cell_points
from nd2fd.physics.density import DensityGrid, cross_section_factors
from test_other_setups import SETUPS

SETUP = toy.SETUP
GRID = DensityGrid(SETUP, 1, 48, 44, 1)
ENERGY = np.linspace(0.0, 1.0, 161)
TABLE = FluxTable(10.0 * ENERGY, toy.flux(10.0 * ENERGY))
RESOLUTIONS = {
    "ideal": Resolution.ideal(),
    "default": Resolution(),
    "coarse": Resolution(0.15, 0.2),
    "energy": Resolution(0.06, 0.0),
    "angle": Resolution(0.0, 0.03),
    "fine energy": Resolution(0.008, 0.05),
    "fine angle": Resolution(0.06, 0.003),
}


@cache
def density_of(setup, *sizes):
    table = FluxTable(setup.energy_max * ENERGY, TABLE.flux)
    truth = toy.structure_functions_of(setup)
    return LeptonDensity.build(table, truth, setup, *sizes)


@cache
def expected(setup, resolution, grid=GRID, fine=False):
    """Contents per event, by default or with more points of all kinds."""
    density = density_of(setup, 192, 24) if fine else density_of(setup)
    fineness, order = (Fineness(0.6, 4, 6.0, 16.0), (9,)) if fine else (None, ())
    true, measured = (
        cell_contents(measured_density(density, r, grid, fineness), grid, *order)
        for r in (Resolution.ideal(), resolution)
    )
    return measured / true.sum()


@cache
def sample(setup, n_events):
    table = FluxTable(setup.energy_max * ENERGY, TABLE.flux)
    sampler = EventSampler.build(
        partial(interpolate_flux, table), toy.structure_functions_of(setup), setup, (96, 40, 32)
    )
    return list(sampler.batches(n_events, np.random.default_rng(11)))


def measured_counts(setup, resolution, grid, n_events):
    """Histogram of sampled events, with the lost ones at the end."""
    rng = np.random.default_rng(12)
    counts = np.zeros((grid.n_v1, grid.n_v2), dtype=np.int64)
    for events in sample(setup, n_events):
        v1, v2, kept = smear_events(events.v1, events.v2, resolution, setup, rng)
        counts += histogram_events([(events.energy, v1[kept], v2[kept])], grid.n_v1, grid.n_v2)
    return np.append(counts, n_events - counts.sum())


def agrees(counts, contents):
    expectation = counts.sum() * np.append(contents, max(0.0, 1.0 - contents.sum()))
    return SMALLEST < p_value(counts, expectation, n_fitted=1) < 1 - SMALLEST


# Parts of the quadrature


def test_rule_weighted_by_the_flux_is_exact_for_cubics():
    """Against straight sums over 400,000 energies, with a sharp peak and beyond the table."""
    points = np.concatenate([np.linspace(0.3, 6.0, 58), [6.02, 6.04, 9.0]])
    table = FluxTable(points, np.where(points == 6.02, 3.0, toy.flux(points)))
    rng = np.random.default_rng(2)
    edges = np.sort(rng.uniform(0.1, 9.9, (3, 9)), axis=1)
    energy, weight = weighted_rule(table, edges)
    assert energy.shape == weight.shape == (2, 3, 8)
    assert (weight >= 0.0).all()
    assert ((energy >= edges[:, :-1]) & (energy <= edges[:, 1:])).all()
    fine = (np.arange(400_000) + 0.5) * (10.0 / 400_000)
    flux = interpolate_flux(table, fine)
    for power in range(4):
        cumulative = np.concatenate([[0.0], np.cumsum(flux * fine**power) * (10.0 / 400_000)])
        at_edges = np.interp(edges, np.linspace(0.0, 10.0, 400_001), cumulative)
        found = (weight * energy**power).sum(axis=0)
        np.testing.assert_allclose(found, np.diff(at_edges, axis=1), rtol=1e-4, atol=1e-7)


def test_rule_in_narrow_panels():
    """Panels of a thousandth and of a millionth of their energy."""
    for width in (2e-3, 2e-6):
        edges = 2.0 + width * np.arange(4)
        energy, weight = weighted_rule(TABLE, edges)
        middle = 0.5 * (edges[1:] + edges[:-1])
        expectation = width * interpolate_flux(TABLE, middle)
        np.testing.assert_allclose(weight.sum(axis=0), expectation, rtol=1e-6)
        second = (weight * (energy - middle) ** 2).sum(axis=0)
        np.testing.assert_allclose(second, expectation * width**2 / 12.0, rtol=1e-3)


@pytest.mark.parametrize("setup", SETUPS.values(), ids=SETUPS)
def test_cells_are_integrated_to_their_edge_at_forward_leptons(setup):
    """Area, first moment and ∫ (v1 v2 - c)^(-1/2), in closed form, over all and in single cells."""
    c = setup.smallest_product
    points = cell_points(setup, 17, 12, 8)
    assert (points.cell == (points.v1 * 17).astype(int) * 12 + (points.v2 * 12).astype(int)).all()
    rel = 1e-6 if setup.lepton == "muon" else 1e-5
    assert points.area.sum() == pytest.approx(1 - c + c * np.log(c), rel=rel)
    first = (1 - c**2) / 2 - c * (1 - c)
    for v in (points.v1, points.v2):
        assert (points.area * v).sum() == pytest.approx(first, rel=rel)
    found = np.bincount(points.cell, points.area / np.sqrt(points.above * points.v1), 17 * 12)
    whole = 4 * (np.sqrt(1 - c) - np.sqrt(c) * np.arctan(np.sqrt((1 - c) / c)))
    assert found.sum() == pytest.approx(whole, rel=10 * rel)
    # Along v2 it is 2 √(v1 v2 - c) / v1; along v1 a million midpoints.
    v1 = (np.arange(1_000_000) + 0.5) / 1_000_000
    edges = [2 * np.sqrt(np.maximum(v1 * j / 12 - c, 0.0)) / v1 for j in range(13)]
    starts = np.ceil(np.arange(17) / 17 * v1.size).astype(int)
    below = np.stack([np.add.reduceat(e, starts) for e in edges], axis=1) / v1.size
    expectation = np.diff(below, axis=1)
    np.testing.assert_allclose(found.reshape(17, 12), expectation, rtol=1e-3, atol=2e-6)


def test_density_is_the_sum_over_energies():
    """Of a table, and of the integral behind it, against 200,000 energies at a few places."""
    fine = (np.arange(200_000) + 0.5) * (10.0 / 200_000)
    v1 = np.array([0.03, 0.1, 0.1, 0.3, 0.5, 0.7, 0.9])
    v2 = np.array([0.9, 0.3, 0.7, 0.4, 0.15, 0.06, 0.05])
    flux = interpolate_flux(TABLE, fine) * (10.0 / 200_000)
    sums = []
    for one, two in zip(v1, v2, strict=True):
        x, Q2, factors, _ = cross_section_factors(fine, one, two, SETUP)
        sums.append((factors * toy.structure_functions(x, Q2)).sum(axis=0) @ flux)
    for n_panels, rtol in ((16, 3e-4), (64, 3e-6)):
        direct, negative = integrated_over_energy(
            TABLE, toy.structure_functions, v1, v2, SETUP, n_panels
        )
        np.testing.assert_allclose(direct, sums, rtol=rtol)
        assert not negative.any()
    np.testing.assert_allclose(density_of(SETUP)(v1, v2), sums, rtol=3e-4, atol=2e-5)


def test_there_is_no_density_where_no_event_can_be():
    density = density_of(SETUP)
    v1 = np.array([0.02, 0.5, 0.999, 0.98])
    assert not density(v1, np.array([0.9, 0.95, 0.04, 0.5])).any()


def test_negative_cross_sections_are_taken_as_zero():
    """As the sampler does: where x > ½ nothing remains."""

    def half(x, Q2):
        return toy.structure_functions(x, Q2) * np.where(x > 0.5, -0.01, 1.0)

    v1, v2 = np.array([0.3, 0.5]), np.array([0.4, 0.15])
    density, negative = integrated_over_energy(TABLE, half, v1, v2, SETUP, 64)
    below, _ = integrated_over_energy(
        TABLE,
        lambda x, Q2: toy.structure_functions(x, Q2) * (x <= 0.5),
        v1,
        v2,
        SETUP,
        64,
    )
    np.testing.assert_allclose(density, below, rtol=1e-12)
    assert (negative > 0.0).all()


@pytest.mark.parametrize(
    ("factor", "message"),
    [
        (lambda x: np.where(x > 0.3, -1.0, 1.0), r"negative for 0\.\d+ of the events \(allowed is"),
        (lambda x: np.where(x > 0.9, np.nan, 1.0), r"not finite at v1 = 0\.\d+, v2 = 0\.\d+"),
        (lambda x: 0.0 * x, r"vanishes everywhere between 0\.11.. and 10"),
    ],
)
def test_unusable_cross_sections_are_refused(factor, message):
    with pytest.raises(ValueError, match=message):
        LeptonDensity.build(
            TABLE, lambda x, Q2: toy.structure_functions(x, Q2) * factor(x), SETUP, 24, 4
        )


# What is expected, against events


@pytest.mark.parametrize("name", RESOLUTIONS)
def test_expected_contents_are_those_of_sampled_events(name):
    """Two million events in 48 × 44 cells, and how many of them are lost."""
    resolution = RESOLUTIONS[name]
    counts = measured_counts(SETUP, resolution, GRID, 2_000_000)
    assert agrees(counts, expected(SETUP, resolution))


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("default", Resolution(1.15 * Resolution().energy, Resolution().angle)),
        ("default", Resolution(Resolution().energy, 1.15 * Resolution().angle)),
        ("coarse", Resolution(0.158, 0.2)),
        ("coarse", Resolution(0.15, 0.203)),
        ("energy", Resolution(0.06, 0.006)),
        ("angle", Resolution(0.008, 0.03)),
        ("fine energy", Resolution(0.014, 0.05)),
        ("fine angle", Resolution(0.06, 0.0065)),
    ],
)
def test_events_tell_resolutions_apart(name, other):
    """By the best linear statistic, normal about 0 if the first is right.

    It is about -√(χ² between the two) if the second is.
    """
    counts = measured_counts(SETUP, RESOLUTIONS[name], GRID, 2_000_000)
    first, second = (
        np.append(contents, max(0.0, 1.0 - contents.sum())) * counts.sum()
        for contents in (expected(SETUP, RESOLUTIONS[name]), expected(SETUP, other))
    )
    seen = first > 1.0
    counts, first, second = (values[seen] for values in (counts, first, second))
    apart = np.sqrt((np.square(first - second) / first).sum())
    assert apart > 6.0
    assert abs(((counts - first) * (first - second) / first).sum() / apart) < 4.0


@pytest.mark.parametrize("setup", SETUPS.values(), ids=SETUPS)
def test_expected_contents_in_other_setups(setup):
    grid = DensityGrid(setup, 1, 24, 28, 1)
    for resolution in (Resolution.ideal(), Resolution(0.05, 0.04)):
        counts = measured_counts(setup, resolution, grid, 300_000)
        assert agrees(counts, expected(setup, resolution, grid))


@pytest.mark.parametrize("name", ["ideal", "default", "energy"])
def test_expectations_have_converged(name):
    """With many more points of all kinds χ² of 30 million events changes by far less than one."""
    coarse = expected(SETUP, RESOLUTIONS[name])
    fine = expected(SETUP, RESOLUTIONS[name], fine=True)
    seen = fine > 1e-12
    assert 30e6 * (np.square(coarse - fine)[seen] / fine[seen]).sum() < 0.1
    assert abs(coarse.sum() - fine.sum()) < 1e-6


# Drawing


def test_histograms_are_multinomial():
    """Means and covariances of counts, lost events left out, over many histograms."""
    probability = np.array([[0.5, 0.0, 0.1], [0.25, 0.05, 0.0]])
    rng = np.random.default_rng(3)
    counts = np.stack([draw_histogram(probability, 200, rng).ravel() for _ in range(20_000)])
    p = probability.ravel()
    np.testing.assert_allclose(counts.mean(axis=0), 200 * p, rtol=5e-3)
    covariance = 200 * (np.diag(p) - np.outer(p, p))
    np.testing.assert_allclose(np.cov(counts.T), covariance, atol=1.5)
    assert not counts[:, p == 0.0].any()
    assert (counts.sum(axis=1) < 200).any()


@pytest.mark.parametrize("n_events", [1, 10_000, 1_000_000_000])
def test_without_losses_all_events_are_in_the_histogram(n_events):
    contents = expected(SETUP, Resolution.ideal())
    counts = draw_histogram(contents, n_events, np.random.default_rng(1))
    assert counts.sum() == n_events
    assert not counts[contents == 0.0].any()
