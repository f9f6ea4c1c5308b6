"""K and T of members: as fits take them, event by event, and as the coverage study does."""

from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest

import toy
from nd2fd.beam.builtin_modes import flux_modes
from nd2fd.beam.modes import modes_at
from nd2fd.cross_sections.models import StructureFunctionModel, folded_in_cells
from nd2fd.detector.response import response_matrix
from nd2fd.detector.smearing import Resolution, smear_events
from nd2fd.events.sampling import sample_events
from nd2fd.forward.nodes import NodeGrid
from nd2fd.io.schemas.inputs import Flux
from nd2fd.physics.baseline import Experiment
from nd2fd.physics.density import DensityGrid
from nd2fd.physics.oscillation_parameters import OscillationParameters
from nd2fd.statistics.far_analysis import FarAnalysis
from nd2fd.statistics.far_density import (
    NEGLIGIBLE_SHAPE,
    ExactDensity,
    FarDetector,
    SmearedDensity,
    SurvivalPivots,
    SurvivalShapes,
    cell_rates,
)
from nd2fd.statistics.likelihood import DENSITY_FLOOR, log_density
from nd2fd.statistics.likelihood_table import choose_nodes
from nd2fd.systematics import SYSTEMATICS
from nd2fd.systematics.systematic import Assumption

SETUP = toy.SETUP
GRID = DensityGrid(SETUP, n_energy=60, n_v1=24, n_v2=28, subsamples=2)
NODES = NodeGrid.for_setup(SETUP, 24, 24)
RESOLUTION = Resolution()
EXPERIMENT = Experiment(
    1300.0, 1.424, OscillationParameters(0.308, 0.02215, 0.47, 3.7, 7.49e-5, 2.513e-3)
)
RANGES = {"sin2_theta23_range": (0.3, 0.7), "dm2_32_range": (2.1e-3, 2.8e-3)}


def known():
    values = toy.structure_functions(*NODES.x_and_Q2()).reshape(3, NODES.n_xi, NODES.n_tau)
    return StructureFunctionModel(NODES, values)


def learned():
    """Wrong by some per cent, and negative where there are few events."""
    values = toy.structure_functions(*NODES.x_and_Q2()).reshape(3, NODES.n_xi, NODES.n_tau)
    ripple = 0.05 * np.sin(9 * NODES.xi[:, None] + 7 * NODES.tau)
    values = values * (1 + ripple) - 0.05
    return StructureFunctionModel(NODES, values)


MODELS = {"known": known(), "learned": learned()}


@pytest.fixture(scope="module")
def fluxes():
    """Nominal and drawn."""
    energy = np.linspace(0.0, 10.0, 201)
    modes = flux_modes("dune_fhc", SETUP.energy_max)
    near_modes, far_modes = modes_at(modes, energy)
    near = toy.flux(energy)
    flux = Flux(energy=energy, near=near, far=2 * near, near_modes=near_modes, far_modes=far_modes)
    drawn = np.random.default_rng(8).standard_normal(len(far_modes))
    assumed = SYSTEMATICS["flux"].assume(Assumption(flux), drawn, {})
    analysis = FarAnalysis(
        FarDetector.exact(GRID), EXPERIMENT.survival_scan(GRID.energy), *RANGES.values(), "lower"
    )
    result = [analysis.far_flux(assumption) for assumption in (Assumption(flux), assumed)]
    nominal = 2 * np.interp(GRID.energy, energy, near)
    np.testing.assert_allclose(result[0], nominal, rtol=1e-12)
    # Modes vary slowly between two energies of the table.
    factor = 1 + drawn @ modes_at(modes, GRID.energy)[1]
    np.testing.assert_allclose(result[1], nominal * factor, rtol=1e-3)
    assert abs(factor - 1).max() > 0.02
    return dict(zip(("nominal", "drawn"), result, strict=True))


@pytest.fixture(scope="module")
def detectors():
    acceptance = np.asarray(response_matrix(GRID, RESOLUTION).sum(axis=0))
    return {
        "exact": FarDetector.exact(GRID),
        "smeared": FarDetector(GRID, RESOLUTION, acceptance),
    }


@pytest.fixture(scope="module")
def events(detectors):
    """Of the oscillated flux and the known cross section, looked up by either detector."""
    rng = np.random.default_rng(2)
    sample = sample_events(
        1200, toy.oscillated_flux, partial(NODES.interpolate, MODELS["known"].values), SETUP, rng
    )
    found = {}
    for name, detector in detectors.items():
        v1, v2, accepted = smear_events(sample.v1, sample.v2, detector.resolution, SETUP, rng)
        found[name] = detector.look_up(v1[accepted], v2[accepted])
    return found


@pytest.fixture(scope="module")
def theta_nodes(fluxes):
    """As in the coverage study: one set for all, with the cells of one member as events."""
    (rates,) = cell_rates([MODELS["known"]], [fluxes["nominal"]], GRID)
    survival = EXPERIMENT.survival_scan(GRID.energy)
    return choose_nodes(rates[rates.any(axis=1)], rates.sum(axis=0), survival, **RANGES)


every_case = pytest.mark.parametrize(
    ("kind", "seen", "drawn"),
    [
        (kind, seen, drawn)
        for kind in MODELS
        for seen in ("exact", "smeared")
        for drawn in ("nominal", "drawn")
    ],
)


def floor(kernel, totals):
    return DENSITY_FLOOR * kernel.sum() / (len(kernel) * totals.sum())


@every_case
def test_density_is_the_sum_over_the_energy(
    detectors, fluxes, events, theta_nodes, kind, seen, drawn
):
    """Event by event, as the fits take it: Φ σ P summed in a loop, with no matrix for the flux."""
    model, flux, sample = MODELS[kind], fluxes[drawn], events[seen]
    (density,) = detectors[seen].densities([model], [flux])
    kernel = density.kernel(sample)
    survival = theta_nodes.survival[::17]
    found = np.exp(log_density(kernel, density.totals, survival)) - floor(kernel, density.totals)
    in_cells = model.in_cells(GRID)
    at_events = (
        model.at_events(GRID, sample.v1, sample.v2).T
        if seen == "exact"
        else [sample.response @ content for content in in_cells]
    )
    measured = [detectors[seen].acceptance @ content for content in in_cells]
    for i, probability in enumerate(survival):
        weight = flux * probability
        expected = sum(w * s for w, s in zip(weight, at_events, strict=True))
        total = sum(w * s for w, s in zip(weight, measured, strict=True))
        # Only the order of sums differs; adding and subtracting the floor rounds by 1e-16 of it.
        np.testing.assert_allclose(found[i], expected / total, rtol=1e-11, atol=1e-14)


@every_case
def test_fits_and_coverage_see_the_same_density(
    detectors, fluxes, events, theta_nodes, kind, seen, drawn
):
    """A column per energy in the one, a column per θ in the other where the muon is smeared.

    What is left out of the survival probability is 1e-10 of its norm: densities differ by less than
    1e-9 of their mean. The floors are 1e-6 of two means, without oscillation and over all θ. So
    ln p differs by that difference over p, for either floor the same constant at all θ.
    """
    (density,) = detectors[seen].densities([MODELS[kind]], [fluxes[drawn]])
    kernel, totals, survival = density.kernel(events[seen]), density.totals, theta_nodes.survival
    in_fits = log_density(kernel, totals, survival)
    floor_of_fits = floor(kernel, totals)
    if isinstance(density, SmearedDensity):
        density = density.at_theta(SurvivalShapes.of(survival))
        survival = np.eye(len(survival))
    kernel, totals = density.kernel(events[seen]), density.totals
    in_coverage = log_density(kernel, totals, survival)
    floor_of_coverage = floor(kernel, totals)

    p, q = np.exp(in_fits), np.exp(in_coverage)
    np.testing.assert_allclose(
        q - floor_of_coverage, p - floor_of_fits, rtol=0, atol=1e-9 * p.mean()
    )
    assert floor_of_coverage == pytest.approx(floor_of_fits, rel=0.1)
    tolerance = abs(floor_of_coverage - floor_of_fits) + 1e-9 * p.mean()
    assert (abs(in_coverage - in_fits) < tolerance / np.minimum(p, q)).all()


@pytest.mark.parametrize("seen", ["exact", "smeared"])
def test_density_is_normalised(detectors, fluxes, seen):
    """The integral of K over the unit square is T, for every energy."""
    n = 5
    v1, v2 = np.meshgrid(
        (np.arange(n * GRID.n_v1) + 0.5) / (n * GRID.n_v1),
        (np.arange(n * GRID.n_v2) + 0.5) / (n * GRID.n_v2),
        indexing="ij",
    )
    reachable = v1 * v2 > 0.0245
    (density,) = detectors[seen].densities([MODELS["learned"]], [fluxes["nominal"]])
    kernel = density.kernel(detectors[seen].look_up(v1[reachable], v2[reachable]))
    integral = kernel.sum(axis=0) * GRID.cell_area / n**2
    # Midpoints: they are 0.1 % off where forward muons end, and smearing leaves no edge there.
    scale = density.totals.max()
    np.testing.assert_allclose(integral, density.totals, rtol=0, atol=3e-3 * scale)
    assert integral.sum() == pytest.approx(density.totals.sum(), rel=1e-3)


def test_survival_has_few_shapes(theta_nodes):
    survival = theta_nodes.survival
    shapes = SurvivalShapes.of(survival)
    n_shapes = len(shapes.shapes)
    assert n_shapes < GRID.n_energy / 2
    np.testing.assert_allclose(shapes.shapes @ shapes.shapes.T, np.eye(n_shapes), atol=1e-12)
    missing = np.linalg.norm(shapes.amplitudes.T @ shapes.shapes - survival, 2)
    assert missing < 1.1 * NEGLIGIBLE_SHAPE * np.linalg.norm(survival, 2)


@pytest.fixture(scope="module")
def pivots():
    low, high = np.transpose([RANGES["sin2_theta23_range"], RANGES["dm2_32_range"]])
    return SurvivalPivots.of(EXPERIMENT.survival_scan(GRID.energy), low, high)


def test_survival_is_that_of_few_pivots(pivots):
    """Anywhere in the ranges, with amplitudes of order one: nothing cancels."""
    rng = np.random.default_rng(8)
    theta = [rng.uniform(*limits, 300) for limits in RANGES.values()]
    survival, amplitudes = EXPERIMENT.survival_scan(GRID.energy)(*theta), pivots.amplitudes(*theta)
    assert len(pivots.columns) < GRID.n_energy / 2
    assert pivots.columns.min() >= 0
    assert abs(amplitudes).max() < 10
    np.testing.assert_allclose(amplitudes @ pivots.columns, survival, atol=1e-7)


@pytest.mark.parametrize("kind", MODELS)
def test_pivots_stand_for_energies(detectors, fluxes, events, pivots, kind):
    """Densities in columns for pivots, against sums over all energies, and their floors."""
    models, assumed = [MODELS[kind]] * 2, [fluxes["nominal"], fluxes["drawn"]]
    rng = np.random.default_rng(9)
    theta = [rng.uniform(*limits, 20) for limits in RANGES.values()]
    survival, amplitudes = EXPERIMENT.survival_scan(GRID.energy)(*theta), pivots.amplitudes(*theta)
    for found, expected in zip(
        detectors["smeared"].folded_densities(models, assumed, pivots),
        detectors["smeared"].densities(models, assumed),
        strict=True,
    ):
        kernel, right = found.kernel(events["smeared"]), expected.kernel(events["smeared"])
        p = np.exp(log_density(right, expected.totals, survival, floor=1e-9))
        np.testing.assert_allclose(
            np.exp(log_density(kernel, found.totals, amplitudes, floor=1e-9)),
            p,
            rtol=1e-6,
            atol=1e-7 * p.mean(),
        )
        assert floor(kernel, found.totals) == pytest.approx(floor(right, expected.totals), rel=0.1)


def test_cells_are_folded_with_weights():
    """Of models on nodes, few energies at a time, and of any other one, as a flow."""
    model = MODELS["learned"]
    other = SimpleNamespace(in_cells=model.in_cells)
    weights = np.random.default_rng(10).standard_normal((2, GRID.n_energy, 3))
    expected = np.einsum("jc,mjb->mcb", model.in_cells(GRID), weights)
    for models in ([model, model], [model, other]):
        found = folded_in_cells(models, GRID, weights)
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12 * abs(expected).max())


@pytest.mark.parametrize("seen", ["exact", "smeared"])
def test_events_looked_up_together_are_those_looked_up_alone(detectors, events, fluxes, seen):
    some = slice(700, 900)
    together = events[seen]
    alone = detectors[seen].look_up(together.v1[some], together.v2[some])
    (density,) = detectors[seen].densities([MODELS["known"]], [fluxes["nominal"]])
    np.testing.assert_allclose(density.kernel(together[some]), density.kernel(alone), rtol=1e-13)
    np.testing.assert_allclose(density.kernel(together)[some], density.kernel(alone), rtol=1e-13)


def test_negative_cross_sections_count_as_none(detectors, fluxes, events):
    """In the events and in the totals, smeared or not."""
    points = np.linspace(0.05, 0.95, 20)
    assert NODES.interpolate(MODELS["learned"].values, points, np.full(20, 0.01)).min() < 0
    for seen, detector in detectors.items():
        (density,) = detector.densities([MODELS["learned"]], [fluxes["nominal"]])
        assert density.kernel(events[seen]).min() >= 0
        assert density.totals.min() >= 0


def test_a_detector_that_smears_nothing_is_exact(detectors, fluxes, events):
    """A response with both resolutions 0, as the configuration allows, is no response."""
    detector = FarDetector(GRID, Resolution(0.0, 0.0), np.ones(GRID.n_v1 * GRID.n_v2))
    sample = detector.look_up(events["exact"].v1, events["exact"].v2)
    (density,) = detector.densities([MODELS["known"]], [fluxes["nominal"]])
    assert isinstance(density, ExactDensity)
    (expected,) = detectors["exact"].densities([MODELS["known"]], [fluxes["nominal"]])
    np.testing.assert_array_equal(density.kernel(sample), expected.kernel(events["exact"]))
    np.testing.assert_array_equal(density.totals, expected.totals)


def test_wrong_acceptance_is_refused():
    with pytest.raises(ValueError, match=r"acceptance has shape \(24, 28\); it must be \(672,\)"):
        FarDetector(GRID, RESOLUTION, np.ones((24, 28)))


def test_events_without_a_response_are_refused(detectors, fluxes, events):
    (density,) = detectors["smeared"].densities([MODELS["known"]], [fluxes["nominal"]])
    with pytest.raises(ValueError, match="events have no response"):
        density.kernel(events["exact"])
