"""Kinematics, densities, sampler and response in setups that are not the paper's.

Low and high E_max, antineutrinos, other targets, x above 1, electrons: everything scales with the
setup, and every part agrees with direct evaluation of the same cross section.
"""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from scipy.stats import chi2

import toy
from chi_squared import SMALLEST, follows
from nd2fd.beam.flux import cell_averages
from nd2fd.detector.response import event_response, response_matrix
from nd2fd.detector.smearing import Resolution, smear_events
from nd2fd.events import coordinates
from nd2fd.events.sampling import EventSampler, histogram_events
from nd2fd.forward.event_kernel import event_cross_sections
from nd2fd.forward.nodes import NodeGrid
from nd2fd.forward.operator import ForwardOperator
from nd2fd.physics.cross_section import kinematic_coefficients, lepton_prefactor
from nd2fd.physics.density import (
    CROSS_SECTION_UNIT,
    DensityGrid,
    event_densities,
    midpoints,
    reachable_parts,
)
from nd2fd.physics.kinematics import (
    check_reachable,
    density_variables_from_lepton,
    kinematics,
    lepton_from_density_variables,
)
from nd2fd.physics.marginals import marginal_densities

WATER = {"O16": 1, "H1": 2}
SETUPS = {
    "0.5 GeV": toy.setup(energy_max=0.5),
    "3 GeV, water, nubar": toy.setup(energy_max=3.0, target=WATER, antineutrino=True),
    "50 GeV, iron": toy.setup(energy_max=50.0, target={"Fe56": 1}),
    "3 GeV, x to 2, nubar": toy.setup(
        energy_max=3.0, target={"C12": 1}, antineutrino=True, x_max=2.0
    ),
    "electron": toy.setup(lepton="electron"),
    "0.5 GeV, x to 2, electron, nubar": toy.setup(
        energy_max=0.5, x_max=2.0, lepton="electron", antineutrino=True
    ),
}
every_setup = pytest.mark.parametrize("setup", SETUPS.values(), ids=SETUPS)


def spectrum(setup):
    """A peak at a quarter of E_max, with a tail."""
    return lambda energy: np.exp(-0.5 * (8 * energy / setup.energy_max - 2) ** 2) + 0.03


def density_of(setup, n_energy, n_v1, n_v2, subsamples):
    grid = DensityGrid(setup, n_energy, n_v1, n_v2, subsamples)
    flux = cell_averages(spectrum(setup), n_energy, setup.energy_max)
    (density,), sigma = event_densities(grid, toy.structure_functions_of(setup), flux[None])
    return grid, flux, density, sigma


# Kinematics


@every_setup
def test_lepton_variables_are_inverted(setup):
    """Also for leptons that go exactly forward or backward."""
    m = setup.lepton_mass
    rng = np.random.default_rng(1)
    e_lepton = m + (setup.energy_max - m) * rng.uniform(0, 1, 20_000) ** 2
    cos_theta = rng.uniform(-1, 1, 20_000)
    cos_theta[:500], cos_theta[500:1000] = 1.0, -1.0
    v1, v2 = density_variables_from_lepton(e_lepton, cos_theta, setup)
    momentum = np.sqrt(e_lepton**2 - m**2)
    scale = setup.nucleon_mass * setup.x_max
    atol = 1e-12 * e_lepton.max()
    np.testing.assert_allclose(scale * v1**2, e_lepton - momentum * cos_theta, atol=atol)
    np.testing.assert_allclose(
        2 * setup.energy_max * v2**2, e_lepton + momentum * cos_theta, atol=atol
    )
    inside = (v1 <= 1) & (v2 <= 1)
    assert inside.sum() > 1000
    check_reachable(v1[inside], v2[inside], setup)
    back = lepton_from_density_variables(v1, v2, setup)
    np.testing.assert_allclose(back[0], e_lepton, rtol=1e-12)
    np.testing.assert_allclose(back[1], cos_theta, atol=1e-7)


@every_setup
def test_reachable_parts_fill_the_reachable_region(setup):
    """∫ dv1 dv2 over v1 v2 ≥ c in the unit square, and its first moments."""
    c = setup.lepton_mass / np.sqrt(2.0 * setup.nucleon_mass * setup.x_max * setup.energy_max)
    _, v1, v2, area = reachable_parts(DensityGrid(setup, 1, 17, 12, 2))
    assert area.sum() == pytest.approx(1 - c + c * np.log(c), rel=1e-12)
    # ∫ v1 dv1 (1 - c/v1) from c to 1.
    first = (1 - c**2) / 2 - c * (1 - c)
    assert (area * v1).sum() == pytest.approx(first, rel=1e-12)
    assert (area * v2).sum() == pytest.approx(first, rel=1e-12)


# Densities


@every_setup
def test_operator_is_direct_evaluation(setup):
    grid, flux, density, sigma = density_of(setup, 40, 32, 36, 2)
    truth = toy.structure_functions_of(setup)
    errors = []
    for n in (16, 32, 64):
        nodes = NodeGrid.for_setup(setup, n, n)
        operator = ForwardOperator.build(grid, nodes)
        w = truth(*nodes.x_and_Q2()).ravel()
        events = operator.event_matrix(flux) @ w
        events /= events.sum() * grid.cell_area
        errors.append(np.sqrt(((events - density.ravel()) ** 2).sum() / np.square(density).sum()))
    assert errors[-1] < 2e-5
    assert (np.log2(np.array(errors[:-1]) / errors[1:]) > 2.0).all(), errors
    of_points = np.bincount(operator.energy_index, operator.point_matrix() @ w, grid.n_energy)
    seen = sigma > 1e-3 * sigma.max()
    np.testing.assert_allclose(of_points[seen], sigma[seen], rtol=1e-3)


@every_setup
def test_densities_are_integrals_over_lepton_energy_and_angle(setup):
    """σ(E_ν) from d²σ/dE_l dcosθ, which knows neither v1 nor v2."""
    n = 1200
    energy = 0.7125 * setup.energy_max
    grid = DensityGrid(setup, 40, 64, 64, 3)
    truth = toy.structure_functions_of(setup)
    _, sigma = event_densities(grid, truth, np.ones((1, 40)))
    index = 28
    assert grid.energy[index] == pytest.approx(energy)
    m, M = setup.lepton_mass, setup.nucleon_mass
    # Substitutions that resolve forward leptons: E_l = m + … u², 1 - cosθ = 2 s³.
    u, s = np.meshgrid(midpoints(n), midpoints(n), indexing="ij")
    e_lepton = energy - (energy - m) * u**2
    cos_theta = 1 - 2 * s**3
    jacobian = 2 * (energy - m) * u * 6 * s**2 / n**2
    momentum = np.sqrt(e_lepton**2 - m**2)
    # E - p cosθ = (m² + p² sin²θ) / (E + p cosθ), which does not cancel.
    a = np.where(
        cos_theta > 0,
        (m**2 + momentum**2 * (1 - cos_theta**2)) / (e_lepton + momentum * abs(cos_theta)),
        e_lepton - momentum * cos_theta,
    )
    Q2, nu = 2 * energy * a - m**2, energy - e_lepton
    x = Q2 / (2 * M * nu)
    inside = (x > 0) & (x <= setup.x_max)
    Q2, x, y, momentum = Q2[inside], x[inside], nu[inside] / energy, momentum[inside]
    brace = (kinematic_coefficients(np.array(energy), Q2, y, setup) * truth(x, Q2)).sum(axis=0)
    values = brace * lepton_prefactor(momentum, Q2, y) * jacobian[inside]
    assert sigma[index] == pytest.approx(values.sum() * CROSS_SECTION_UNIT, rel=3e-3)


@every_setup
def test_marginals_of_the_lepton_cover_its_range(setup):
    grid, flux, density, sigma = density_of(setup, 40, 60, 60, 1)
    marginals = marginal_densities(grid, density[None], sigma, flux[None])
    e_lepton, of_energy = marginals["e_lepton"]
    cos_theta, of_angle = marginals["cos_theta"]
    v1, v2 = np.meshgrid(grid.v1, grid.v2, indexing="ij")
    energies, cosines = lepton_from_density_variables(v1, v2, setup)
    for centres, values, cells in ((e_lepton, of_energy, energies), (cos_theta, of_angle, cosines)):
        width = centres[1] - centres[0]
        assert values.sum() * width == pytest.approx(1.0)
        mean = (density * cells).sum() / density.sum()
        assert (centres * values[0]).sum() * width == pytest.approx(mean, abs=0.6 * width)
    assert e_lepton[-1] < setup.energy_max < e_lepton[-1] + 0.01 * setup.energy_max


# Sampler


@cache
def events(name):
    setup = SETUPS[name]
    sampler = EventSampler.build(
        spectrum(setup), toy.structure_functions_of(setup), setup, (96, 32, 24)
    )
    batches = sampler.batches(300_000, np.random.default_rng(5))
    return tuple(np.concatenate(values) for values in zip(*batches, strict=True))


@pytest.mark.parametrize("name", SETUPS)
def test_events_follow_the_density_and_the_spectrum(name):
    setup = SETUPS[name]
    _, flux, density, sigma = density_of(setup, 160, 32, 32, 4)
    assert follows(histogram_events([events(name)], 32, 32), density)
    observed, _ = np.histogram(events(name)[0], np.linspace(0, setup.energy_max, 81))
    assert follows(observed, (flux * sigma).reshape(80, 2).sum(axis=1))
    # The test can fail: those of the other helicity have another density.
    other = replace(setup, antineutrino=not setup.antineutrino)
    wrong = density_of(other, 160, 32, 32, 4)[2]
    assert not follows(histogram_events([events(name)], 32, 32), wrong)


@every_setup
def test_the_box_of_the_sampler_is_the_physical_region(setup):
    rng = np.random.default_rng(8)
    low, high = setup.energy_threshold, setup.energy_max
    energy, s, t = rng.random((3, 100_000))
    energy = low + (high - low) * energy**2
    x, y, _ = coordinates.inelastic(energy, s, t, setup)
    assert x.max() <= setup.x_max
    point = kinematics(energy, *coordinates.density_variables(energy, x, y, setup), setup)
    # Rounding may take a point of the boundary across it.
    assert point.physical.mean() > 0.9999
    inside = point.physical
    np.testing.assert_allclose(point.inelasticity[inside], y[inside], rtol=1e-5)

    point = kinematics(energy, *rng.random((2, energy.size)), setup)
    inside = point.physical
    assert inside.sum() > 5_000
    energy, x, y = energy[inside], point.bjorken_x[inside], point.inelasticity[inside]
    x_min = coordinates.inelastic(energy, np.zeros(1), np.zeros(1), setup).bjorken_x
    assert (x >= x_min * (1 - 1e-9)).all()
    s = (np.sqrt(x) - np.sqrt(x_min)) / (np.sqrt(setup.x_max) - np.sqrt(x_min))
    s = np.clip(s, 0.0, 1.0)
    assert (y >= coordinates.inelastic(energy, s, np.zeros(1), setup).inelasticity * 0.999999).all()
    assert (y <= coordinates.inelastic(energy, s, np.ones(1), setup).inelasticity * 1.000001).all()


# Response


def true_events(n_events, contents, grid, rng):
    """Events evenly spread over the reachable part of each cell."""
    cell = np.repeat(np.arange(contents.size), rng.multinomial(n_events, contents))
    v1, v2 = np.zeros((2, n_events))
    missing = np.arange(n_events)
    while missing.size:
        row, column = np.divmod(cell[missing], grid.n_v2)
        v1[missing] = (row + rng.random(missing.size)) / grid.n_v1
        v2[missing] = (column + rng.random(missing.size)) / grid.n_v2
        missing = missing[v1[missing] * v2[missing] < grid.setup.smallest_product]
    return v1, v2


@every_setup
def test_response_is_what_happens_to_events(setup):
    grid, _, density, _ = density_of(setup, 20, 30, 24, 1)
    resolution = Resolution(0.06, 0.04)
    response = response_matrix(grid, resolution)
    sums = response.sum(axis=0)
    assert response.data.min() >= 0
    assert sums.max() < 1 + 1e-12
    # Cells that five standard deviations do not lead out of lose nothing.
    safe = np.ones(sums.size, dtype=bool)
    for corner in ((0, 0), (0, 1), (1, 0), (1, 1)):
        v1, v2 = np.meshgrid(
            (np.arange(30) + corner[0]) / 30, (np.arange(24) + corner[1]) / 24, indexing="ij"
        )
        e_lepton, cos_theta = lepton_from_density_variables(v1.ravel(), v2.ravel(), setup)
        theta = np.arccos(np.clip(cos_theta, -1, 1))
        for low_or_high in ((0.7, 0.2), (1.3, 0.2), (1.3, -0.2)):
            energy = np.maximum(e_lepton * low_or_high[0], setup.lepton_mass)
            turned = np.cos(np.clip(theta + low_or_high[1], 0, np.pi))
            v1, v2 = density_variables_from_lepton(energy, turned, setup)
            safe &= (energy > setup.lepton_mass) & (v1 < 1) & (v2 < 1)
    assert safe.sum() > 60
    np.testing.assert_allclose(sums[safe], 1.0, atol=1e-6)

    contents = density.ravel() / density.sum()
    n_events = 400_000
    rng = np.random.default_rng(3)
    v1, v2, kept = smear_events(*true_events(n_events, contents, grid, rng), resolution, setup, rng)
    counts = histogram_events([(v1[kept], v1[kept], v2[kept])], grid.n_v1, grid.n_v2)
    expected = n_events * (response @ contents)
    # Lost events are a cell of their own.
    counts = np.append(counts.ravel(), n_events - counts.sum())
    expected = np.append(expected, n_events - expected.sum())
    few = expected < 10
    observed = np.append(counts[~few], counts[few].sum())
    merged = np.append(expected[~few], expected[few].sum())
    statistic = ((observed - merged) ** 2 / np.maximum(merged, 1e-9)).sum()
    assert SMALLEST < chi2.sf(statistic, len(merged)) < 1 - SMALLEST


@every_setup
def test_density_of_measured_events_integrates_to_the_contents(setup):
    grid, _, density, _ = density_of(setup, 20, 24, 24, 1)
    resolution = Resolution(0.08, 0.06)
    contents = density.ravel() / density.sum()
    measured = response_matrix(grid, resolution) @ contents
    cells = np.argsort(measured)[-40:]
    # Not next to the beam, where the density goes as 1/θ.
    row, column = np.divmod(cells, grid.n_v2)
    away = (row / grid.n_v1) * (column / grid.n_v2) > 1.3 * setup.smallest_product
    row, column, cells = row[away], column[away], cells[away]
    assert cells.size > 10
    x, w = np.polynomial.legendre.leggauss(4)
    v1 = (row[:, None, None] + (x[:, None] + 1) / 2) / grid.n_v1 + 0 * x
    v2 = (column[:, None, None] + (x + 1) / 2) / grid.n_v2 + 0 * x[:, None]
    found = event_response(v1.ravel(), v2.ravel(), grid, resolution) @ contents
    averages = np.einsum("i,j,cij->c", w / 2, w / 2, found.reshape(v1.shape))
    np.testing.assert_allclose(averages * grid.cell_area, measured[cells], rtol=0.02)


# x_max


XMAX_SETUPS = [
    toy.setup(energy_max=3.0, antineutrino=antineutrino, lepton=lepton)
    for antineutrino in (False, True)
    for lepton in ("muon", "electron")
]


@pytest.mark.parametrize("setup", XMAX_SETUPS, ids=lambda s: f"{s.lepton}-{s.antineutrino}")
def test_x_max_does_not_matter_where_nothing_is_above_one(setup):
    """Densities in lepton energy and angle, point by point, and σ(E_ν)."""
    wide = toy.setup(
        energy_max=3.0, antineutrino=setup.antineutrino, lepton=setup.lepton, x_max=2.0
    )
    rng = np.random.default_rng(4)
    e_lepton = rng.uniform(setup.lepton_mass, 3.0, 3000)
    cos_theta = 1 - 2 * rng.uniform(0, 1, 3000) ** 2
    energy = np.array([0.6, 1.4, 2.9])
    of_setup = []
    for s in (setup, wide):
        v1, v2 = density_variables_from_lepton(e_lepton, cos_theta, s)
        # dv1 dv2 / dE_l dcosθ = 2 p / (4 M x_max E_max v1 v2) with 2 p = da db / dE_l dcosθ.
        momentum = np.sqrt(e_lepton**2 - s.lepton_mass**2)
        jacobian = 2 * momentum / (4 * s.nucleon_mass * s.x_max * 2 * 3.0 * v1 * v2)
        kernel = event_cross_sections(toy.structure_functions_of(s), energy, v1, v2, s)
        of_setup.append(kernel * jacobian[:, None])
    assert (of_setup[0] > 0).sum() > 1000
    np.testing.assert_allclose(of_setup[1], of_setup[0], rtol=1e-9, atol=1e-12)

    totals = []
    for s in (setup, wide):
        grid = DensityGrid(s, 12, 64, 64, 3)
        truth = toy.structure_functions_of(s)
        totals.append(event_densities(grid, truth, np.ones((1, 12)))[1])
    np.testing.assert_allclose(totals[1][2:], totals[0][2:], rtol=2e-3)

    # The operator, too: nodes beyond x = 1 hold zeros.
    nodes = NodeGrid.for_setup(wide, 64, 64)
    w = toy.structure_functions_of(wide)(*nodes.x_and_Q2())
    assert not w[:, nodes.xi > np.sqrt(0.5)].any()
    operator = ForwardOperator.build(grid, nodes)
    of_points = np.bincount(operator.energy_index, operator.point_matrix() @ w.ravel(), 12)
    np.testing.assert_allclose(of_points[2:], totals[0][2:], rtol=2e-3)


def test_events_above_one_are_seen_with_x_max_alone():
    """A truth that goes on to x = 2 has more events with x_max = 2."""

    def structure_functions(x, Q2):
        w2 = x * (2 - np.minimum(x, 2.0)) ** 3 * Q2 / (Q2 + 0.8)
        return np.stack([w2, w2, 0.5 * w2])

    sigma = []
    for x_max in (1.0, 2.0):
        grid = DensityGrid(toy.setup(energy_max=3.0, x_max=x_max), 20, 64, 64, 2)
        sigma.append(event_densities(grid, structure_functions, np.ones((1, 20)))[1][-1])
    assert sigma[1] > 1.05 * sigma[0]
