"""Training a batch of members: what they learn from, against the training itself."""

from dataclasses import replace

import numpy as np
import pytest

import toy
from nd2fd.beam.flux import cell_averages
from nd2fd.cross_sections.closure import closure_truth
from nd2fd.cross_sections.models import cross_section_models, densities
from nd2fd.detector.response import tabulated_response
from nd2fd.detector.smearing import Resolution
from nd2fd.forward.nodes import NodeGrid
from nd2fd.forward.operator import ForwardOperator
from nd2fd.io.schemas.near import NearData
from nd2fd.learning import members
from nd2fd.learning.compression import TestFunctions
from nd2fd.learning.flux_errors import fitted_shifts, with_flux_errors
from nd2fd.learning.members import NearAnalysis, train_members
from nd2fd.learning.training import TrainingData, train
from nd2fd.learning.training_settings import TrainingSettings
from nd2fd.learning.weights import poisson_weights
from nd2fd.physics.density import DensityGrid, event_densities, total_variation

SETUP = toy.SETUP
GRID = DensityGrid(SETUP, 24, 20, 22, 2)
NODES = NodeGrid.for_setup(SETUP, 16, 16)
FLUX, OSCILLATION = toy.inputs()
SECTION = {
    "optimizer": "varpro",
    "activation": "silu",
    "precision": "float64",
    "hidden_layers": 2,
    "width": 16,
    "evaluations": 12,
    "weighting": "poisson",
    "ridge": 1e-10,
    "smoothness": 0.03,
    "flux_errors": False,
    "device": "cpu",
}
SEEDS = (3, 4)
N_EVENTS = 400_000


@pytest.fixture(scope="module")
def truth():
    return closure_truth(toy.structure_functions, FLUX, OSCILLATION, GRID, NODES)


def near_data(truth, n_events=0, drawn=False):
    """Two members, whose histograms and, if drawn, fluxes differ."""
    density = np.stack([truth.near, truth.near])
    if n_events:
        contents = truth.near * GRID.cell_area
        counts = np.random.default_rng(1).poisson(n_events * contents, density.shape)
        density = counts / (counts.sum(axis=(1, 2), keepdims=True) * GRID.cell_area)
    tilt = 0.1 * np.sin(GRID.energy)
    flux = np.stack([truth.near_flux, truth.near_flux * (1 + drawn * tilt)])
    return NearData(
        member=np.array([5, 6]),
        v1=GRID.v1,
        v2=GRID.v2,
        density=density,
        energy=GRID.energy,
        flux=flux,
        flux_parameters=np.array([[0.0], [1.0]]) if drawn else None,
        flux_errors=(truth.near_flux * tilt)[None] if drawn else None,
        n_events=np.array(n_events),
        acceptance=np.ones(2),
    )


def networks(truth, near, response=None, **changes):
    analysis = NearAnalysis(GRID, NODES, truth.near_flux)
    return train_members(near, truth, response, analysis, SECTION | changes, SEEDS, lambda *_: None)


def training_data(near, response=None, weights=None):
    operator = ForwardOperator.build(GRID, NODES)
    matrices = [operator.event_matrix(flux / flux.sum()) for flux in near.flux]
    density = near.density.reshape(2, -1)
    weights = np.ones_like(density) if weights is None else weights.reshape(2, -1)
    return TrainingData(matrices, density, weights, response, GRID.cell_area, NODES, SEEDS)


def settings_for_events():
    return settings(smoothness=0.03 / N_EVENTS, least_gain=6.5 / N_EVENTS)


def settings(**changes):
    values = {k: v for k, v in SECTION.items() if k not in ("weighting", "flux_errors")}
    return TrainingSettings(**values | changes)


def expect(found, data, how, rtol=1e-9):
    expected = train(data, how, lambda _: 0.0, lambda *_: None)
    np.testing.assert_allclose(found.loss, expected.loss, rtol=rtol)
    np.testing.assert_allclose(
        found.structure_functions, expected.structure_functions, rtol=1e3 * rtol, atol=1e-9
    )


def test_asimov_density_is_learned_without_weights_and_penalty(truth):
    near = near_data(truth)
    found = networks(truth, near)
    expect(found, training_data(near), settings(smoothness=0.0))
    assert found.member.tolist() == [5, 6]
    assert NodeGrid.of(found) == NODES
    assert found.layer_sizes.tolist() == [2, 16, 16, 3]
    assert not np.allclose(found.weights[0], found.weights[1])
    # It says what it should, and the test loss knows the truth.
    (density,), _ = densities(cross_section_models(found, 2)[1:], GRID, truth.near_flux[None])
    assert total_variation(density[0], truth.near) < 0.02
    assert found.test_loss[0, -1] < 0.3 * found.test_loss[0, 0]


def test_histograms_have_weights_and_a_penalty(truth):
    near = near_data(truth, N_EVENTS)
    how = settings_for_events()
    expect(networks(truth, near), training_data(near, weights=poisson_weights(near.density)), how)
    expect(networks(truth, near, weighting="uniform"), training_data(near), how)


def test_smeared_histograms_are_seen_through_test_functions_of_the_nominal_flux(truth):
    response = tabulated_response(GRID, Resolution(0.08, 0.06)).matrix()
    near = near_data(truth, N_EVENTS, drawn=True)
    nominal = ForwardOperator.build(GRID, NODES).event_matrix(truth.near_flux)
    data = replace(
        training_data(near, response, poisson_weights(near.density)),
        test_functions=TestFunctions.for_flux(nominal, response, NODES),
    )
    expect(networks(truth, near, response), data, settings_for_events())


def test_measured_densities_are_learned_with_the_response(truth):
    response = tabulated_response(GRID, Resolution(0.08, 0.06)).matrix()
    near = near_data(truth)
    contents = response @ (truth.near.ravel() * GRID.cell_area)
    measured = (contents / (contents.sum() * GRID.cell_area)).reshape(truth.near.shape)
    near = replace(near, density=np.stack([measured, measured]))
    found = networks(truth, near, response)
    expect(found, training_data(near, response), settings(smoothness=0.0))
    # With the response the true density is learned, without it a smeared one.
    wrong = networks(truth, near)
    deviation = [
        total_variation(
            densities(cross_section_models(n, 2)[:1], GRID, truth.near_flux[None])[0][0, 0],
            truth.near,
        )
        for n in (found, wrong)
    ]
    assert deviation[0] < 0.3 * deviation[1]


def test_each_member_has_the_flux_it_assumes(truth):
    near = near_data(truth, drawn=True)
    found = networks(truth, near)
    expect(found, training_data(near), settings(smoothness=0.0))
    for member, model in enumerate(cross_section_models(found, 2)):
        (density,), _ = densities([model], GRID, near.flux[member][None])
        assert total_variation(density[0], truth.near) < 0.02


def test_flux_errors_count_where_they_are_asked_for(truth):
    near = near_data(truth, N_EVENTS, drawn=True)
    how = settings_for_events()
    plain = training_data(near, weights=poisson_weights(near.density))
    found = networks(truth, near)
    expect(found, plain, how)
    assert found.fitted_flux_parameters is None
    operator = ForwardOperator.build(GRID, NODES)
    modes, units = operator.event_matrices(near.flux_errors), near.flux.sum(axis=1)
    alone = [
        with_flux_errors(plain.of_member(member), how, modes, units[member, None], N_EVENTS)
        for member in range(2)
    ]
    careful = replace(
        plain,
        common_errors=np.concatenate([data.common_errors for data in alone]),
        initial=np.concatenate([data.initial for data in alone]),
    )
    found = networks(truth, near, flux_errors=True)
    how = replace(how, least_gain=20.0 / N_EVENTS)
    # Event matrices are sums here and not there; round-off grows from one evaluation to the next.
    expect(found, careful, how, rtol=1e-4)
    # The second member assumes one standard deviation too much, and is told so.
    shifts = fitted_shifts(careful, found.structure_functions, N_EVENTS)
    fitted = near.flux_parameters + shifts
    np.testing.assert_allclose(found.fitted_flux_parameters, fitted, rtol=1e-6)
    assert shifts[1, 0] < -0.3
    without = near_data(truth, N_EVENTS)
    weighted = training_data(without, weights=poisson_weights(without.density))
    expect(networks(truth, without, flux_errors=True), weighted, settings_for_events())


def test_members_with_flux_errors_need_not_gain_as_little_to_end(truth, monkeypatch):
    near, gains = near_data(truth, N_EVENTS, drawn=True), []

    def training(data, how, *_):
        gains.append(N_EVENTS * how.least_gain)
        return train(data, replace(how, evaluations=1), lambda _: 0.0, lambda *_: None)

    monkeypatch.setattr(members, "train_together", training)
    for flux_errors in (False, True):
        networks(truth, near, flux_errors=flux_errors)
    np.testing.assert_allclose(gains, [6.5, 6.5, 20.0, 20.0])


def test_networks_of_an_antineutrino_setup_learn_the_three_functions():
    """Low energies, another target and the other helicity: the far detector is predicted."""
    setup = toy.setup(energy_max=3.0, target={"O16": 1, "H1": 2}, antineutrino=True)
    grid, nodes = DensityGrid(setup, 24, 24, 24, 2), NodeGrid.for_setup(setup, 32, 32)
    flux, oscillation = toy.inputs(setup)
    truth = closure_truth(toy.structure_functions_of(setup), flux, oscillation, grid, nodes)
    near = NearData(
        member=np.array([0]),
        v1=grid.v1,
        v2=grid.v2,
        density=truth.near[None],
        energy=grid.energy,
        flux=truth.near_flux[None],
        n_events=np.array(0),
        acceptance=np.ones(1),
    )
    section = SECTION | {"hidden_layers": 3, "width": 32, "evaluations": 60}
    analysis = NearAnalysis(grid, nodes, truth.near_flux)
    found = train_members(near, truth, None, analysis, section, (1,), lambda *_: None)
    models = cross_section_models(found, 1)
    # Of another flux than the one it was trained with.
    other = cell_averages(lambda e: 1.0 + 0.0 * e, grid.n_energy, 3.0)
    (learned,), _ = densities(models, grid, other[None])
    expected, _ = event_densities(grid, toy.structure_functions_of(setup), other[None])
    assert total_variation(expected[0], truth.near) > 0.05
    assert total_variation(learned[0], expected[0]) < 6e-3
