"""Cross sections of either kind, as predictions and fits use them."""

from dataclasses import asdict, replace
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest
import torch

import toy
from nd2fd.beam.flux import cell_averages
from nd2fd.cross_sections.flow import CrossSectionFlow, FlowSettings, flat_weights
from nd2fd.cross_sections.models import (
    StructureFunctionModel,
    cross_section_models,
    densities,
    in_cells,
)
from nd2fd.forward.event_kernel import cell_cross_sections
from nd2fd.forward.nodes import NodeGrid
from nd2fd.io.schemas.learned import Flows
from nd2fd.physics.density import DensityGrid, event_densities, total_variation

GRID = DensityGrid(toy.SETUP, n_energy=20, n_v1=24, n_v2=28, subsamples=2)
SETTINGS = FlowSettings(
    transforms=2,
    bins=4,
    hidden_layers=1,
    width=8,
    steps=1,
    learning_rate=1e-2,
    cells=16,
    energy_stride=1,
)
FLUXES = np.stack(
    [
        cell_averages(s, GRID.n_energy, GRID.setup.energy_max)
        for s in (toy.flux, toy.oscillated_flux)
    ]
)


def on_nodes(nodes, structure_functions):
    """What is read of a known or learned cross section."""
    return SimpleNamespace(
        **nodes.stored,
        structure_functions=structure_functions,
    )


@pytest.fixture(scope="module")
def models():
    """One of each kind."""
    nodes = NodeGrid.for_setup(toy.SETUP, 32, 32)
    values = toy.structure_functions(*nodes.x_and_Q2()).reshape(3, 32, 32)
    learned = on_nodes(nodes, values[None])
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        weights = flat_weights(CrossSectionFlow(SETTINGS, GRID.setup.energy_max))
    flow = Flows(
        member=np.array([0]),
        energy_max=np.array(GRID.setup.energy_max),
        **{name: np.array(value) for name, value in asdict(SETTINGS).items()},
        weights=weights[None],
        loss=np.ones((1, SETTINGS.steps)),
        final_loss=np.ones(1),
    )
    return {
        "structure_functions": cross_section_models(learned, 1)[0],
        "flow": cross_section_models(flow, 1)[0],
    }


@pytest.mark.parametrize("kind", ["structure_functions", "flow"])
def test_events_and_cells_are_of_the_same_cross_section(models, kind):
    """Cells by 4 × 4 events each."""
    n1, n2 = 4 * GRID.n_v1, 4 * GRID.n_v2
    v1, v2 = np.meshgrid((np.arange(n1) + 0.5) / n1, (np.arange(n2) + 0.5) / n2, indexing="ij")
    at_events = models[kind].at_events(GRID, v1.ravel(), v2.ravel())
    assert at_events.shape == (n1 * n2, GRID.n_energy)
    averages = at_events.T.reshape(GRID.n_energy, GRID.n_v1, 4, GRID.n_v2, 4).mean(axis=(2, 4))
    found = models[kind].in_cells(replace(GRID, subsamples=4))
    assert found.shape == (GRID.n_energy, GRID.n_v1 * GRID.n_v2)
    assert total_variation(found, averages.reshape(GRID.n_energy, -1)) < 0.02
    assert found.sum() == pytest.approx(averages.sum() * GRID.cell_area, rel=5e-3)


@pytest.mark.parametrize(("kind", "tolerance"), [("structure_functions", 1e-4), ("flow", 1e-12)])
def test_densities_are_sums_over_energy(models, kind, tolerance):
    """Of the cells; but those of structure functions are clamped where interpolation overshoots."""
    of_members, sigma_total = densities([models[kind]], GRID, FLUXES)
    contents = models[kind].in_cells(GRID)
    np.testing.assert_allclose(sigma_total[0], contents.sum(axis=1), rtol=tolerance)
    for density, flux in zip(of_members[0], FLUXES, strict=True):
        events = np.zeros(GRID.n_v1 * GRID.n_v2)
        for weight, cross_section in zip(flux, contents, strict=True):
            events += weight * cross_section
        assert density.sum() * GRID.cell_area == pytest.approx(1.0, rel=1e-12)
        assert total_variation(density.ravel(), events) < tolerance


def test_structure_functions_are_those_of_the_artifact(models):
    found, _ = densities([models["structure_functions"]], GRID, FLUXES)
    expected, _ = event_densities(GRID, toy.structure_functions, FLUXES)
    assert total_variation(found[0], expected) < 2e-3


def test_members_evaluated_together_are_as_each_alone():
    """To the last bit, so that a member does not depend on its batch."""
    nodes = NodeGrid.for_setup(toy.SETUP, 16, 16)
    values = toy.structure_functions(*nodes.x_and_Q2()).reshape(3, 16, 16)
    members = [
        StructureFunctionModel(nodes, values * (1 - i * nodes.xi[:, None])) for i in range(5)
    ]
    together = in_cells(members, GRID)
    predicted, sigma_total = densities(members, GRID, FLUXES)
    # The last ones are negative somewhere: cells are clamped there, densities are not.
    assert (together[4] >= 0.0).all()
    assert (predicted[4] < 0.0).any()
    for i, member in enumerate(members):
        expected = cell_cross_sections(partial(nodes.interpolate, member.values), GRID)
        np.testing.assert_allclose(together[i], expected, rtol=1e-12, atol=1e-14)
        np.testing.assert_array_equal(together[i], member.in_cells(GRID))
        of_one, sigma = densities([member], GRID, FLUXES)
        np.testing.assert_array_equal(predicted[i], of_one[0])
        np.testing.assert_array_equal(sigma_total[i], sigma[0])
        alone, _ = event_densities(GRID, partial(nodes.interpolate, member.values), FLUXES)
        np.testing.assert_allclose(predicted[i], alone, rtol=1e-10, atol=1e-12)


def test_members_share_the_known_cross_section():
    nodes = NodeGrid.for_setup(toy.SETUP, 16, 16)
    values = toy.structure_functions(*nodes.x_and_Q2()).reshape(3, 16, 16)
    truth = on_nodes(nodes, values)
    known = [model.in_cells(GRID) for model in cross_section_models(truth, 3)]
    assert len(known) == 3
    np.testing.assert_array_equal(known[0], known[2])
    expected = cell_cross_sections(lambda x, Q2: nodes.interpolate(values, x, Q2), GRID)
    np.testing.assert_allclose(known[1], expected, rtol=1e-12, atol=1e-14)
