"""The flow baseline: its density, its training and how it is stored."""

from dataclasses import replace

import numpy as np
import pytest
import torch

import toy
from nd2fd.beam.flux import cell_averages
from nd2fd.cross_sections.flow import (
    CrossSectionFlow,
    FlowSettings,
    cell_cross_sections_of_flow,
    cross_section_on_points,
    flat_weights,
    flow_from_weights,
)
from nd2fd.io.checkpoint import Checkpoint
from nd2fd.learning.flow_training import _NearDetector, train_flow
from nd2fd.physics.density import DensityGrid, event_densities, midpoints, total_variation
from nd2fd.physics.kinematics import kinematics

GRID = DensityGrid(toy.SETUP, n_energy=24, n_v1=24, n_v2=24, subsamples=2)
SETTINGS = FlowSettings(
    transforms=2,
    bins=6,
    hidden_layers=2,
    width=24,
    steps=120,
    learning_rate=2e-2,
    cells=64,
    energy_stride=2,
)
FLUX = cell_averages(toy.flux, GRID.n_energy, GRID.setup.energy_max)


@pytest.fixture(scope="module")
def density():
    return event_densities(GRID, toy.structure_functions, FLUX[None])[0][0]


def train(density, settings=SETTINGS, flux=FLUX, seed=1, checkpoint=None):
    return train_flow(GRID, flux, density, settings, seed, lambda *_: None, checkpoint)


@pytest.fixture(scope="module")
def trained(density):
    return train(density)


@pytest.fixture(scope="module")
def flow(trained):
    return flow_from_weights(SETTINGS, trained.weights, GRID.setup.energy_max)


def random_flow(energy_max=10.0):
    """A flow that is not the identity."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return CrossSectionFlow(replace(SETTINGS, bins=4), energy_max).double()


def test_density_of_the_flow_integrates_to_its_scale():
    """In the box (0, E_max) × (0, 1)², by midpoints."""
    flow = random_flow()
    with torch.no_grad():
        flow.log_scale.fill_(0.7)
        u = torch.from_numpy(midpoints(32))
        values = flow(torch.cartesian_prod(u, u, u)).exp()
    assert values.std() > 0.1 * values.mean()
    assert values.mean().item() * 10.0 == pytest.approx(np.exp(0.7), rel=2e-3)


def test_identity_is_the_uniform_density():
    flow = CrossSectionFlow(SETTINGS, 10.0).double()
    with torch.no_grad():
        for p in flow.flow.parameters():
            p.zero_()
    energy, v1, v2 = np.random.default_rng(0).uniform([0, 0, 0], [10, 1, 1], (200, 3)).T
    physical = kinematics(energy, v1, v2, toy.SETUP).physical
    assert 0 < physical.sum() < physical.size
    sigma = cross_section_on_points(flow, energy, v1, v2, toy.SETUP)
    np.testing.assert_allclose(sigma, np.where(physical, 0.1, 0.0), rtol=1e-5)


@pytest.mark.parametrize(
    "setup",
    [
        toy.SETUP,
        toy.setup(energy_max=0.8, antineutrino=True),
        toy.setup(energy_max=3.0, x_max=2.0, lepton="electron"),
    ],
    ids=["default", "0.8 GeV, nubar", "3 GeV, x to 2, electron"],
)
def test_points_and_cells_agree(setup):
    """Cells by 4 × 4 points each against one point and the physical share."""
    flow = random_flow(setup.energy_max)
    grid = replace(GRID, setup=setup)
    fine = midpoints(4 * grid.n_v1)
    points = cross_section_on_points(
        flow, grid.energy[:, None, None], fine[None, :, None], fine[None, None, :], setup
    )
    averages = points.reshape(grid.n_energy, grid.n_v1, 4, grid.n_v2, 4).mean(axis=(2, 4))
    cells = cell_cross_sections_of_flow(flow, replace(grid, subsamples=4)) / grid.cell_area
    assert total_variation(cells, averages.reshape(grid.n_energy, -1)) < 0.01
    assert cells.sum() == pytest.approx(averages.sum(), rel=3e-3)


def test_estimates_of_a_step_are_those_of_all_cells(density):
    """Averaged over the random offsets; the scale is not at its best, so both integrals count."""
    settings = replace(SETTINGS, cells=32, energy_stride=1)
    data = _NearDetector(GRID, FLUX, density, settings)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        flow = CrossSectionFlow(settings, GRID.setup.energy_max)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        steps = [data.objective(flow, *data.choose(generator)) for _ in range(100)]
    objective, distance = np.array([(value.item(), d) for value, d in steps]).mean(axis=0)

    near = FLUX / FLUX.sum() @ cell_cross_sections_of_flow(flow.double(), GRID) / GRID.cell_area
    p = density.ravel()
    expected = (near - p * np.log(np.where(near > 0, near, 1.0))).sum() * GRID.cell_area
    assert objective == pytest.approx(expected, rel=0.01)
    assert distance == pytest.approx(np.square(near - p).sum() * GRID.cell_area, rel=0.02)


def test_gradient_is_finite_and_right(density):
    data = _NearDetector(GRID, FLUX, density, SETTINGS)
    flow = CrossSectionFlow(SETTINGS, GRID.setup.energy_max)
    chosen = data.choose(torch.Generator().manual_seed(0))
    objective, _ = data.objective(flow, *chosen)
    gradients = torch.autograd.grad(objective, list(flow.parameters()))
    assert all(torch.isfinite(g).all() for g in gradients)
    # Along the gradient itself.
    step = 1e-2 / torch.cat([g.flatten() for g in gradients]).norm()
    values = []
    for sign in (1.0, -2.0):
        with torch.no_grad():
            for p, g in zip(flow.parameters(), gradients, strict=True):
                p.add_(g, alpha=sign * step.item())
            values.append(data.objective(flow, *chosen)[0].item())
    norm2 = sum(g.square().sum().item() for g in gradients)
    assert values[0] - values[1] == pytest.approx(2 * step.item() * norm2, rel=0.02)


def test_training_fits_the_near_detector(trained, flow, density):
    near = FLUX @ cell_cross_sections_of_flow(flow, GRID)
    assert total_variation(near, density.ravel()) < 0.05
    difference = near / near.sum() / GRID.cell_area - density.ravel()
    loss = np.square(difference).sum() * GRID.cell_area
    assert trained.final_loss == pytest.approx(loss, rel=1e-9)
    assert trained.final_loss < 0.01 * trained.loss[0]
    assert trained.loss.shape == (SETTINGS.steps,)


def test_flux_average_of_the_cross_section_is_one(flow):
    sigma = cell_cross_sections_of_flow(flow, GRID).sum(axis=1)
    assert np.average(sigma, weights=FLUX) == pytest.approx(1.0, rel=1e-12)


def test_normalisation_of_the_flux_drops_out(density):
    short = replace(SETTINGS, steps=3)
    scaled = train(density, short, flux=1e-9 * FLUX)
    np.testing.assert_allclose(scaled.weights, train(density, short).weights, rtol=0, atol=1e-3)


def test_weights_round_trip(trained, flow):
    np.testing.assert_array_equal(flat_weights(flow), trained.weights)
    with pytest.raises(ValueError, match=r"weights of the flow have shape \(3,\)"):
        flow_from_weights(SETTINGS, np.zeros(3), 10.0)


def test_seed_decides_and_nothing_else(density):
    short = replace(SETTINGS, steps=5)
    torch.manual_seed(5)
    first = train(density, short)
    torch.manual_seed(6)
    before = torch.get_rng_state()
    again = train(density, short)
    assert torch.equal(before, torch.get_rng_state())
    np.testing.assert_array_equal(first.weights, again.weights)
    np.testing.assert_array_equal(first.loss, again.loss)
    assert not np.allclose(first.weights, train(density, short, seed=2).weights)


def test_interrupted_training_ends_with_the_same_bytes(density, tmp_path):
    short = replace(SETTINGS, steps=8)
    expected = train(density, short)
    path = tmp_path / "state"

    class KilledError(Exception):
        pass

    class Killing(Checkpoint):
        def save(self, state):
            super().save(state)
            if state["step"] == 3:
                raise KilledError

    with pytest.raises(KilledError):
        train(density, short, checkpoint=Killing(path, "same", 0.0))
    resumed = train(density, short, checkpoint=Checkpoint(path, "same", 1e9))
    np.testing.assert_array_equal(resumed.weights, expected.weights)
    np.testing.assert_array_equal(resumed.loss, expected.loss)


def test_data_in_cells_that_nothing_reaches_are_left_out(density):
    """Smearing or a wrong flux puts events there; their likelihood would be zero for any flow."""
    unreached = np.flatnonzero(cell_cross_sections_of_flow(random_flow(), GRID).sum(axis=0) == 0)
    spoiled = density.ravel().copy()
    spoiled[unreached[:3]] = 1.0
    short = replace(SETTINGS, steps=3)
    result = train(spoiled.reshape(density.shape), short)
    np.testing.assert_array_equal(result.weights, train(density, short).weights)


@pytest.mark.parametrize("energy", [0.0, 10.0, -1.0, np.nan])
def test_energies_outside_the_box_are_refused(flow, energy):
    with pytest.raises(ValueError, match="is not between 0 and 10"):
        cross_section_on_points(flow, np.array([5.0, energy]), 0.5, 0.5, toy.SETUP)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -1.0])
def test_bad_densities_and_fluxes_are_refused(density, bad):
    spoiled = density.copy()
    spoiled[3, 4] = bad
    with pytest.raises(ValueError, match=rf"density is {bad} at \[3, 4\]"):
        train(spoiled)
    flux = FLUX.copy()
    flux[2] = bad
    with pytest.raises(ValueError, match=rf"flux is {bad} at \[2\]"):
        train(density, flux=flux)


def test_empty_and_misshapen_input_is_refused(density):
    with pytest.raises(ValueError, match="flux is zero throughout"):
        train(density, flux=np.zeros_like(FLUX))
    with pytest.raises(ValueError, match="density is zero throughout"):
        train(np.zeros_like(density))
    with pytest.raises(ValueError, match=r"density has shape \(576,\); that of the grid"):
        train(density.ravel())
    with pytest.raises(ValueError, match=r"flux has shape \(23,\); that of the grid"):
        train(density, flux=FLUX[1:])
    with pytest.raises(ValueError, match="energy_stride is 25"):
        train(density, replace(SETTINGS, energy_stride=25))
