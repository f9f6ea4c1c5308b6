"""Closure: the known truth at the detectors, near-detector data, and predictions."""

from dataclasses import fields
from functools import partial

import numpy as np
import pytest

import toy
from chi_squared import follows
from nd2fd.beam.flux import FluxTable, cell_averages, interpolate_flux
from nd2fd.beam.spectra import far_spectrum, near_spectrum
from nd2fd.cross_sections.closure import closure_events, closure_truth, node_weights
from nd2fd.cross_sections.models import (
    StructureFunctionModel,
    cross_section_models,
)
from nd2fd.cross_sections.predictions import marginals, predictions, slices
from nd2fd.detector.response import tabulated_response
from nd2fd.detector.smearing import Resolution
from nd2fd.events.sampling import histogram_events
from nd2fd.forward.nodes import NodeGrid
from nd2fd.learning.near_data import draw_histogram, expected_contents, near_data
from nd2fd.physics.density import DensityGrid, event_densities, total_variation
from nd2fd.physics.kinematics import kinematics, lepton_from_density_variables
from nd2fd.streams import NO_DRAW, random_stream
from nd2fd.systematics.members import draw_assumptions

SETUP = toy.SETUP
GRID = DensityGrid(SETUP, 80, 24, 28, 3)
NODES = NodeGrid.for_setup(SETUP, 32, 32)
FLUX, OSCILLATION = toy.inputs()
RESOLUTION = Resolution(0.06, 0.03)
SIZES = {"muon_energy_scale": 0.02}
N_EVENTS = 60_000
"""So few that the response's even spread within cells does not matter."""


@pytest.fixture(scope="module")
def truth():
    return closure_truth(toy.structure_functions, FLUX, OSCILLATION, GRID, NODES)


@pytest.fixture(scope="module")
def response():
    return tabulated_response(GRID, RESOLUTION)


def assumptions(flux=(NO_DRAW,), scale=(NO_DRAW,)):
    return draw_assumptions(3, {"flux": flux, "muon_energy_scale": scale}, FLUX, SIZES)


def data(truth, assumed, n_events, streams, response=None, bootstraps=()):
    members = list(range(len(assumed.of_members)))
    resolution = RESOLUTION if response else Resolution.ideal()
    return near_data(
        truth,
        FLUX,
        response,
        resolution,
        GRID,
        assumed,
        members,
        n_events,
        [random_stream(3, "near_events", "", stream) for stream in streams],
        [random_stream(3, "near_bootstrap", "", stream) for stream in bootstraps],
        lambda *_: None,
    )


# The truth


def test_truth_is_direct_evaluation(truth):
    flux = cell_averages(toy.flux, GRID.n_energy, 10.0)
    oscillated = cell_averages(
        lambda e: toy.flux(e) * toy.EXPERIMENT.true_survival(e), GRID.n_energy, 10.0
    )
    expected, sigma = event_densities(GRID, toy.structure_functions, np.stack([flux, oscillated]))
    # The flux of the file is linear between its points.
    assert total_variation(truth.near, expected[0]) < 2e-3
    assert total_variation(truth.far, expected[1]) < 2e-3
    assert total_variation(truth.near, truth.far) > 0.1
    np.testing.assert_allclose(truth.sigma_total, sigma, rtol=1e-12)
    np.testing.assert_allclose(truth.near_flux, flux, rtol=5e-3)
    for density in (truth.near, truth.far):
        assert density.sum() * GRID.cell_area == pytest.approx(1.0)
    x, Q2 = NODES.x_and_Q2()
    np.testing.assert_array_equal(truth.structure_functions, toy.structure_functions(x, Q2))
    assert NodeGrid.of(truth) == NODES


def test_known_cross_section_predicts_the_truth(truth):
    """By the interpolation between its nodes."""
    models = cross_section_models(truth, 2)
    found = predictions(models, [4, 5], FLUX, OSCILLATION, GRID)
    assert found.member.tolist() == [4, 5]
    assert total_variation(found.near[0], truth.near) < 1e-4
    assert total_variation(found.far[1], truth.far) < 1e-4
    assert np.average(found.sigma_total[0], weights=truth.near_flux) == pytest.approx(1.0)
    shape = truth.sigma_total / np.average(truth.sigma_total, weights=truth.near_flux)
    np.testing.assert_allclose(found.sigma_total[0], shape, rtol=1e-3, atol=1e-4)

    of_energy = marginals(models, [4, 5], FLUX, OSCILLATION, GRID)
    events = truth.near_flux * truth.sigma_total
    width = 10.0 / GRID.n_energy
    np.testing.assert_allclose(
        of_energy.near_energy[0], events / (events.sum() * width), rtol=1e-3, atol=1e-4
    )
    np.testing.assert_allclose(of_energy.far_v1[0], truth.far.mean(axis=1), rtol=1e-3, atol=1e-3)

    at_energies = slices(models, [4, 5], DensityGrid(SETUP, 4, 24, 28, 2))
    np.testing.assert_allclose(at_energies.density.mean(axis=(2, 3)), 1.0, rtol=1e-12)
    assert at_energies.energy.tolist() == [1.25, 3.75, 6.25, 8.75]
    expected, _ = event_densities(
        DensityGrid(SETUP, 4, 24, 28, 2), toy.structure_functions, np.eye(4)
    )
    assert total_variation(at_energies.density[1, 2], expected[2]) < 1e-3


def test_slices_below_the_threshold_are_empty():
    """Fixed energies begin at E_max/10: too little for a muon where E_max is below 1.1 GeV."""
    setup = toy.setup(energy_max=0.5)
    nodes = NodeGrid.for_setup(setup, 24, 24)
    values = toy.structure_functions_of(setup)(*nodes.x_and_Q2()).reshape(3, 24, 24)
    model = StructureFunctionModel(nodes, values)
    found = slices([model], [0], DensityGrid(setup, 5, 8, 8, 2))
    assert np.isfinite(found.density).all()
    assert not found.density[0, 0].any()
    np.testing.assert_allclose(found.density[0, 1:].mean(axis=(1, 2)), 1.0, rtol=1e-12)


def test_node_weights_give_the_number_of_events(truth):
    """Linear in the structure functions: twice as large ones beyond ξ = ½ add their own share."""
    weights = node_weights(truth, FLUX, OSCILLATION, GRID, NODES)
    w = truth.structure_functions
    changed = w * (1 + 0.3 * NODES.xi[:, None] ** 2)
    spectra = (near_spectrum(FLUX), far_spectrum(FLUX, OSCILLATION))
    for found, spectrum in zip((weights.near, weights.far), spectra, strict=True):
        assert (found * w).sum() == pytest.approx(1.0, rel=1e-12)
        flux = cell_averages(spectrum, GRID.n_energy, 10.0)
        _, sigma = event_densities(GRID, partial(NODES.interpolate, changed), flux[None])
        expected = (flux * sigma).sum() / (flux * truth.sigma_total).sum()
        assert (found * changed).sum() == pytest.approx(expected, rel=1e-3)


def test_events_of_either_detector_follow_their_density(truth):
    for oscillation, density in ((None, truth.near), (OSCILLATION, truth.far)):
        rng = np.random.default_rng(2)
        sample = closure_events(toy.structure_functions, FLUX, oscillation, SETUP, 60_000, rng)
        batch = (sample.energy, sample.v1, sample.v2)
        assert follows(histogram_events([batch], GRID.n_v1, GRID.n_v2), density)
        assert kinematics(*batch, SETUP).physical.all()
        e_lepton, cos_theta = lepton_from_density_variables(sample.v1, sample.v2, SETUP)
        np.testing.assert_array_equal(sample.e_lepton, e_lepton)
        np.testing.assert_array_equal(sample.cos_theta, cos_theta)
        other = truth.far if density is truth.near else truth.near
        assert not follows(histogram_events([batch], GRID.n_v1, GRID.n_v2), other)


def test_without_a_far_detector(truth):
    """Nothing is said of the far detector, and the same of the near one."""
    flux, none = toy.inputs(far=False)
    assert none is None
    near_only = closure_truth(toy.structure_functions, flux, None, GRID, NODES)
    models = cross_section_models(truth, 1)
    pairs = [
        (near_only, truth),
        (
            node_weights(near_only, flux, None, GRID, NODES),
            node_weights(truth, FLUX, OSCILLATION, GRID, NODES),
        ),
        (
            predictions(models, [0], flux, None, GRID),
            predictions(models, [0], FLUX, OSCILLATION, GRID),
        ),
        (
            marginals(models, [0], flux, None, GRID),
            marginals(models, [0], FLUX, OSCILLATION, GRID),
        ),
    ]
    n_far = 0
    for without, complete in pairs:
        for field in fields(without):
            found, expected = getattr(without, field.name), getattr(complete, field.name)
            if field.name.startswith("far"):
                assert found is None
                assert expected is not None
                n_far += 1
            elif expected is None:
                assert found is None
            else:
                np.testing.assert_allclose(found, expected, rtol=1e-12)
    assert n_far == 3 + 5


# Near-detector data


@pytest.mark.parametrize("smeared", [False, True])
def test_histograms_are_counts_about_the_truth(truth, response, smeared):
    chosen = response if smeared else None
    near = data(truth, assumptions([NO_DRAW] * 2, [NO_DRAW] * 2), N_EVENTS, (0, 1), chosen)
    assert near.member.tolist() == [0, 1]
    assert near.n_events == N_EVENTS
    contents = truth.near.ravel() * GRID.cell_area
    if smeared:
        contents = response.matrix() @ contents
    counts = near.density * GRID.cell_area * N_EVENTS * near.acceptance[:, None, None]
    np.testing.assert_allclose(counts, np.rint(counts), atol=1e-6)
    for histogram in counts:
        assert follows(histogram, contents)
    lost = 1 - contents.sum()
    assert abs(1 - near.acceptance - lost).max() < 4 * np.sqrt(lost / N_EVENTS) + 1e-12
    assert (counts[0] != counts[1]).any()
    np.testing.assert_allclose(near.density.sum(axis=(1, 2)) * GRID.cell_area, 1.0, rtol=1e-12)
    # The test can fail: the true density does not describe smeared events, nor the reverse.
    other = response.matrix() @ contents if not smeared else truth.near.ravel()
    assert not follows(counts[0], other)


@pytest.mark.parametrize("smeared", [False, True])
def test_asimov_data_are_the_measured_truth(truth, response, smeared):
    near = data(truth, assumptions(), 0, (), response if smeared else None)
    contents = truth.near.ravel() * GRID.cell_area
    if smeared:
        contents = response.matrix() @ contents
    density = contents / (contents.sum() * GRID.cell_area)
    np.testing.assert_allclose(near.density[0].ravel(), density, rtol=1e-12)
    assert near.acceptance[0] == pytest.approx(contents.sum(), rel=1e-12)
    assert near.n_events == 0
    assert not near.flux_parameters.any()
    assert near.nuisance_parameters is None
    assert near.flux_errors is None


def test_data_are_nature_s_and_the_flux_is_assumed(truth):
    """One sample for both members, and the nominal and a drawn flux; with its errors."""
    assumed = assumptions([NO_DRAW, 5], [NO_DRAW] * 2)
    near = data(truth, assumed, 20_000, (0, 0))
    np.testing.assert_array_equal(near.density[0], near.density[1])
    z = random_stream(3, "flux", "", 5).standard_normal(3)
    np.testing.assert_array_equal(near.flux_parameters, [np.zeros(3), z])

    def in_cells(values):
        table = FluxTable(FLUX.energy, values)
        return cell_averages(partial(interpolate_flux, table), GRID.n_energy, 10.0)

    np.testing.assert_allclose(near.flux[0], in_cells(FLUX.near), rtol=1e-12)
    np.testing.assert_allclose(near.flux[0], truth.near_flux, rtol=1e-12)
    drawn = in_cells(FLUX.near * (1 + z @ FLUX.near_modes))
    np.testing.assert_allclose(near.flux[1], drawn, rtol=1e-12)
    for error, mode in zip(near.flux_errors, FLUX.near_modes, strict=True):
        np.testing.assert_allclose(error, in_cells(FLUX.near * mode), rtol=1e-12, atol=1e-15)
    assert near.nuisance_parameters is None


def test_nothing_drawn_is_nothing_changed(truth):
    """To the last bit: the histogram that the member's stream draws from what is expected."""
    with_registry = data(truth, assumptions([NO_DRAW] * 2, [NO_DRAW] * 2), 20_000, (0, 1))
    without = data(truth, draw_assumptions(3, {"flux": [NO_DRAW] * 2}, FLUX, SIZES), 20_000, (0, 1))
    for field in fields(with_registry):
        found, expected = getattr(with_registry, field.name), getattr(without, field.name)
        np.testing.assert_array_equal(found, expected)
    contents = expected_contents(truth, FLUX, Resolution.ideal(), GRID)
    for member in (0, 1):
        counts = draw_histogram(contents, 20_000, random_stream(3, "near_events", "", member))
        np.testing.assert_array_equal(
            with_registry.density[member], counts / 20_000 / GRID.cell_area
        )


def test_bootstraps_are_samples_of_the_one_sample(truth, response):
    """Smeared, with losses: they scatter about the sample, and about the truth twice as much."""
    n_events, n_members = 200_000, 20
    (sample,) = data(truth, assumptions(), n_events, (0,), response).density
    near = data(
        truth,
        assumptions([NO_DRAW] * n_members, [NO_DRAW] * n_members),
        n_events,
        [0] * n_members,
        response,
        range(n_members),
    )
    expected = expected_contents(truth, FLUX, RESOLUTION, GRID)
    expected = expected / expected.sum() / GRID.cell_area
    cells = expected * GRID.cell_area * n_events > 20

    def chi2(density, centre):
        terms = (density - centre)[..., cells] ** 2 / expected[cells]
        return n_events * GRID.cell_area * terms.sum(axis=-1).mean() / cells.sum()

    assert cells.sum() > 100
    assert chi2(near.density, sample) == pytest.approx(1.0, abs=0.07)
    assert chi2(sample, expected) == pytest.approx(1.0, abs=0.25)
    both = chi2(near.density, sample) + chi2(sample, expected)
    assert chi2(near.density, expected) == pytest.approx(both, rel=0.1)
    assert near.acceptance.std() > 0


def test_histograms_do_not_depend_on_the_batch(truth, response):
    """Smeared, one of the members with an energy scale of its own."""
    together = data(
        truth, assumptions([NO_DRAW] * 3, [NO_DRAW, 2, NO_DRAW]), 5_000, (0, 1, 2), response
    )
    for member, scale in enumerate((NO_DRAW, 2, NO_DRAW)):
        alone = data(truth, assumptions(scale=(scale,)), 5_000, (member,), response)
        np.testing.assert_array_equal(together.density[member], alone.density[0])
        assert together.acceptance[member] == alone.acceptance[0]
