"""Training: objective, optimisers, determinism, and what a trained member knows."""

from dataclasses import replace

import numpy as np
import pytest
import torch

import toy
from nd2fd.forward.nodes import NodeGrid
from nd2fd.forward.operator import ForwardOperator
from nd2fd.learning.closure import closure_loss
from nd2fd.learning.network import network_inputs, structure_function_network
from nd2fd.learning.problem import DensityProblem
from nd2fd.learning.training import TrainingSettings, train
from nd2fd.physics.density import DensityGrid, event_densities, total_variation
from nd2fd.physics.flux import cell_averages

GRID = DensityGrid(32, 32, 32, 2, 10.0)
NODES = NodeGrid(24, 24)
VARPRO = TrainingSettings("varpro", "silu", "float64", 3, 32, 40, "cpu")


@pytest.fixture(scope="module")
def data():
    """Event matrices and true densities at both detectors."""
    fluxes = np.stack(
        [cell_averages(s, GRID.n_energy, 10.0) for s in (toy.flux, toy.oscillated_flux)]
    )
    operator = ForwardOperator.build(GRID, NODES)
    matrices = [operator.event_matrix(flux / flux.sum()) for flux in fluxes]
    densities, sigma = event_densities(GRID, toy.structure_functions, fluxes)
    return matrices, densities, sigma


@pytest.fixture(scope="module")
def true_node_values():
    return toy.structure_functions(*NODES.x_and_Q2())


def trained(data, settings, seed=1, test_loss=lambda _: 0.0):
    (near, _), (density, _), _ = data
    return train(
        near, density.ravel(), GRID.cell_area, NODES, settings, seed, test_loss, lambda *_: None
    )


@pytest.fixture(scope="module")
def member(data, true_node_values):
    return trained(data, VARPRO, test_loss=closure_loss(GRID, NODES, true_node_values))


def problem(data, dtype=torch.float64):
    (near, _), (density, _), _ = data
    return DensityProblem(near, density.ravel(), GRID.cell_area, dtype, "cpu")


def test_loss_is_the_integral_of_the_squared_difference(data):
    (near, _), (density, _), _ = data
    w = np.random.default_rng(0).uniform(0.5, 1.0, 3 * NODES.n_nodes)
    model = near @ w
    model /= model.sum() * GRID.cell_area
    expected = ((model - density.ravel()) ** 2).sum() * GRID.cell_area
    p = problem(data)
    outputs = torch.from_numpy(w.reshape(3, -1)[:, p.reachable_nodes].T.copy())
    assert p.loss(p.density(outputs)).item() == pytest.approx(expected, rel=1e-12)
    # Densities have no scale and no sign.
    assert p.loss(p.density(-7.0 * outputs)).item() == pytest.approx(expected, rel=1e-12)


def test_gradient_of_the_loss(data):
    p = problem(data)
    outputs = torch.rand(len(p.reachable_nodes), 3, dtype=torch.float64, requires_grad=True)
    direction = torch.randn(outputs.shape, dtype=torch.float64)
    (gradient,) = torch.autograd.grad(p.loss(p.density(outputs)), outputs)
    step = 1e-6
    with torch.no_grad():
        up, down = (p.loss(p.density(outputs + s * direction)).item() for s in (step, -step))
    assert (gradient * direction).sum().item() == pytest.approx((up - down) / (2 * step), rel=1e-5)


def test_last_layer_is_the_least_squares_solution(data):
    """Against NumPy's lstsq on the explicit design matrix."""
    (near, _), (density, _), _ = data
    p = problem(data)
    features = np.random.default_rng(0).normal(size=(len(p.reachable_nodes), 4))
    everywhere = np.zeros((NODES.n_nodes, 4))
    everywhere[p.reachable_nodes] = features
    design = np.hstack(
        [near[:, i * NODES.n_nodes : (i + 1) * NODES.n_nodes] @ everywhere for i in range(3)]
    )
    expected, *_ = np.linalg.lstsq(design / GRID.cell_area, density.ravel(), rcond=None)
    solution = p.solve_last_layer(torch.from_numpy(features), ridge=0.0).numpy()
    np.testing.assert_allclose(solution.ravel(), expected, rtol=1e-6)


def test_member_learns_both_detectors_from_the_near_one(data, member):
    (near, far), (near_density, far_density), _ = data
    w = member.structure_functions.ravel()
    assert member.loss.min() < 1e-7
    assert total_variation(near @ w, near_density.ravel()) < 1e-3
    assert total_variation(far @ w, far_density.ravel()) < 6e-3


def test_member_knows_the_energy_dependence(data, member):
    """σ(E_ν) was never shown: it follows from the structure functions."""
    sigma = ForwardOperator.build(GRID, NODES).cross_section_matrix() @ (
        member.structure_functions.ravel()
    )
    flux = cell_averages(toy.flux, GRID.n_energy, 10.0)
    ratio = (sigma / np.average(sigma, weights=flux)) / (
        data[2] / np.average(data[2], weights=flux)
    )
    inside = (GRID.energy > 1.5) & (GRID.energy < 9.0)
    np.testing.assert_allclose(ratio[inside], 1.0, atol=0.02)


def test_test_loss_falls_though_it_is_never_used(member):
    assert member.test_loss[-1] < 0.05 * member.test_loss[0]
    assert member.test_step[0] == 0


def test_closure_loss_is_zero_for_the_truth_alone(true_node_values):
    loss = closure_loss(GRID, NODES, true_node_values)
    assert loss(3.0 * true_node_values.ravel()) == pytest.approx(0.0, abs=1e-20)
    tilted = true_node_values * (1 + 0.1 * NODES.xi[:, None])
    assert loss(tilted.ravel()) > 1e-6


def test_result_is_normalised_and_belongs_to_the_best_weights(data, member):
    (near, _), _, _ = data
    assert (near @ member.structure_functions.ravel()).sum() == pytest.approx(1.0)
    assert member.best_step == member.loss.argmin()
    network = structure_function_network(3, 32, "silu", torch.float64, seed=99)
    torch.nn.utils.vector_to_parameters(torch.from_numpy(member.weights), network.parameters())
    with torch.no_grad():
        w = network(network_inputs(torch.from_numpy(NODES.xi), torch.from_numpy(NODES.tau))).T
    w = w.numpy() / (near @ w.numpy().ravel()).sum()
    np.testing.assert_allclose(w.ravel(), member.structure_functions.ravel(), atol=1e-10)


def test_same_seed_same_bytes_other_seed_another_network(data, member):
    again = trained(data, VARPRO)
    assert again.structure_functions.tobytes() == member.structure_functions.tobytes()
    assert again.weights.tobytes() == member.weights.tobytes()
    other = trained(data, VARPRO, seed=2)
    assert not np.allclose(other.weights, member.weights)


def test_training_leaves_the_global_random_state_alone(data):
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    trained(data, replace(VARPRO, evaluations=1))
    assert torch.rand(1) == expected


@pytest.mark.parametrize(
    "settings",
    [
        TrainingSettings("adam", "leaky_relu", "float32", 3, 32, 400, "cpu"),
        TrainingSettings("lbfgs", "silu", "float64", 3, 32, 200, "cpu"),
    ],
    ids=["adam", "lbfgs"],
)
def test_other_optimisers_reduce_the_loss(data, settings):
    model = trained(data, settings)
    assert len(model.loss) == settings.evaluations
    assert model.loss.min() < 2e-3 < 0.1 * model.loss[0]


def test_projection_beats_plain_lbfgs_at_equal_evaluations(data, member):
    plain = trained(data, replace(VARPRO, optimizer="lbfgs"))
    assert member.loss.min() < 0.01 * plain.loss.min()
