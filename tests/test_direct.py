"""The network at every quadrature point, as the oracle of the operator on the nodes."""

import itertools

import numpy as np
import pytest
import torch
from bench.direct import DirectProblem

import toy
from nd2fd.beam.flux import cell_averages
from nd2fd.forward.nodes import NodeGrid
from nd2fd.forward.operator import ForwardOperator
from nd2fd.learning.network import network_inputs
from nd2fd.learning.problem import DensityProblem
from nd2fd.physics.density import DensityGrid, event_densities

GRID = DensityGrid(toy.SETUP, n_energy=24, n_v1=20, n_v2=22, subsamples=2)
NODES = NodeGrid.for_setup(toy.SETUP, 24, 24)
FLUX = cell_averages(toy.flux, GRID.n_energy, GRID.setup.energy_max)
DENSITY = event_densities(GRID, toy.structure_functions, FLUX[None])[0].ravel()


def smooth_network(seed, dtype=torch.float64):
    """Random weights, large enough that the outputs bend."""
    sizes = (2, 16, 16, 16)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        layers = [
            layer
            for n_in, n_out in itertools.pairwise(sizes)
            for layer in (torch.nn.Linear(n_in, n_out), torch.nn.SiLU())
        ]
        network = torch.nn.Sequential(*layers, torch.nn.Linear(sizes[-1], 3))
    with torch.no_grad():
        for parameter in network.parameters():
            parameter *= 2.0
        # Keeps the total, which the density is divided by, away from zero.
        network[-1].bias.fill_(1.0)
    return network.to(dtype)


def loss_and_gradient(network, loss):
    gradients = torch.autograd.grad(loss, list(network.parameters()))
    return loss.item(), torch.cat([g.flatten() for g in gradients]).cpu().numpy()


def direct(network, dtype=torch.float64, device="cpu", batch_size=None):
    problem = DirectProblem(GRID, NODES, FLUX, DENSITY, dtype, device, batch_size)
    return loss_and_gradient(network, problem.loss(network))


def on_nodes(network, nodes):
    matrix = ForwardOperator.build(GRID, nodes).event_matrix(FLUX)
    ones = np.ones_like(DENSITY[None])
    problem = DensityProblem(
        [matrix], DENSITY[None], ones, None, GRID.cell_area, nodes, torch.float64, "cpu"
    )
    inputs = network_inputs(torch.from_numpy(nodes.xi), torch.from_numpy(nodes.tau))
    outputs = network(inputs[torch.from_numpy(problem.reachable_nodes)])
    return loss_and_gradient(network, problem.loss(problem.densities(outputs[None]))[0])


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_operator_approaches_the_direct_loss_and_gradient(seed):
    network = smooth_network(seed)
    loss, gradient = direct(network)
    losses, gradients = zip(
        *(on_nodes(network, NodeGrid.for_setup(toy.SETUP, n, n)) for n in (12, 24, 48)), strict=True
    )
    errors = np.linalg.norm(np.array(gradients) - gradient, axis=1) / np.linalg.norm(gradient)
    assert losses[-1] == pytest.approx(loss, rel=1e-6)
    assert errors[-1] < 1e-5
    # Third order: a factor of 8 for each doubling of the nodes.
    assert (errors[:-1] / errors[1:] > 5).all(), errors


def test_density_is_that_of_direct_evaluation():
    """Against the NumPy reference that makes the truth."""
    network = smooth_network(4)

    def structure_functions(x, Q2):
        nodes = np.stack(
            [2 * np.sqrt(x) - 1, 2 * np.log1p(Q2 / 0.3) / np.log1p(20 / 0.3) - 1], axis=1
        )
        with torch.no_grad():
            return network(torch.from_numpy(nodes)).T.numpy()

    expected = event_densities(GRID, structure_functions, FLUX[None])[0].ravel()
    density = DirectProblem(GRID, NODES, FLUX, DENSITY, torch.float64, "cpu").density(network)
    density = (density / (density.sum() * GRID.cell_area)).detach().numpy()
    np.testing.assert_allclose(density, expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("batch_size", [1000, 10**6])
def test_batches_change_nothing(batch_size):
    network = smooth_network(5)
    loss, gradient = direct(network)
    batched_loss, batched_gradient = direct(network, batch_size=batch_size)
    assert batched_loss == pytest.approx(loss, rel=1e-12)
    np.testing.assert_allclose(batched_gradient, gradient, atol=1e-12 * abs(gradient).max())


def test_single_precision():
    loss, gradient = direct(smooth_network(6))
    single = smooth_network(6, torch.float32)
    single_loss, single_gradient = direct(single, torch.float32)
    assert single_loss == pytest.approx(loss, rel=1e-4)
    np.testing.assert_allclose(single_gradient, gradient, atol=1e-4 * abs(gradient).max())


@pytest.mark.skipif(
    not torch.cuda.is_available(), reason="needs a CUDA GPU; the CPU tests cover the same code"
)
def test_same_on_a_gpu():
    loss, gradient = direct(smooth_network(7))
    gpu_loss, gpu_gradient = direct(smooth_network(7).to("cuda"), device="cuda")
    assert gpu_loss == pytest.approx(loss, rel=1e-10)
    np.testing.assert_allclose(gpu_gradient, gradient, atol=1e-10 * abs(gradient).max())
