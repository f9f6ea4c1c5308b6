"""What a training makes small: distances, penalties, and the last layer that solves for them."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse as sp
import torch

from nd2fd.learning.closure import closure_loss
from nd2fd.learning.compression import TestFunctions
from nd2fd.learning.evaluation import plain_loss, projected_loss
from nd2fd.learning.network import Architecture, network_inputs
from nd2fd.learning.problem import DensityProblem
from nd2fd.learning.training_settings import TrainingSettings
from nd2fd.learning.weights import poisson_weights
from training_data import GRID, NODES, VARPRO, problem, reachable_bends
from training_data import data as data  # a fixture
from training_data import true_node_values as true_node_values  # a fixture


def test_loss_is_the_integral_of_the_squared_difference(data):
    (near, _), (density, _), _ = data
    w = np.random.default_rng(0).uniform(0.5, 1.0, 3 * NODES.n_nodes)
    model = near @ w
    model /= model.sum() * GRID.cell_area
    expected = ((model - density.ravel()) ** 2).sum() * GRID.cell_area
    p = problem(data)
    outputs = torch.from_numpy(w.reshape(3, -1)[:, p.reachable_nodes].T.copy())[None]
    assert p.loss(p.densities(outputs)).item() == pytest.approx(expected, rel=1e-12)
    # Densities have no scale and no sign.
    assert p.loss(p.densities(-7.0 * outputs)).item() == pytest.approx(expected, rel=1e-12)


def test_gradient_of_the_loss(data):
    p = problem(data)
    outputs = torch.rand(1, len(p.reachable_nodes), 3, dtype=torch.float64, requires_grad=True)
    direction = torch.randn(outputs.shape, dtype=torch.float64)
    (gradient,) = torch.autograd.grad(p.loss(p.densities(outputs)).sum(), outputs)
    step = 1e-6
    with torch.no_grad():
        up, down = (p.loss(p.densities(outputs + s * direction)).item() for s in (step, -step))
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
    solution = p.solve_last_layer(torch.from_numpy(features)[None], 0.0, 0.0).numpy()
    np.testing.assert_allclose(solution.ravel(), expected, rtol=1e-6)


def test_weighted_loss_and_last_layer(data):
    """Weights count as rows that stand several times: against NumPy's lstsq and the integral."""
    (near, _), (density, _), _ = data
    rng = np.random.default_rng(0)
    weights = rng.uniform(0.5, 2.0, density.size)
    p = DensityProblem(
        [near],
        density.reshape(1, -1),
        weights[None],
        None,
        GRID.cell_area,
        NODES,
        torch.float64,
        "cpu",
    )
    features = rng.normal(size=(len(p.reachable_nodes), 4))
    everywhere = np.zeros((NODES.n_nodes, 4))
    everywhere[p.reachable_nodes] = features
    design = np.hstack(
        [near[:, i * NODES.n_nodes : (i + 1) * NODES.n_nodes] @ everywhere for i in range(3)]
    )
    root = np.sqrt(weights)
    expected, *_ = np.linalg.lstsq(
        root[:, None] * design / GRID.cell_area, root * density.ravel(), rcond=None
    )
    solution = p.solve_last_layer(torch.from_numpy(features)[None], 0.0, 0.0)
    np.testing.assert_allclose(solution.numpy().ravel(), expected, rtol=1e-6)

    outputs = torch.from_numpy(features)[None] @ solution.mT
    model = design @ solution.numpy().ravel()
    model /= model.sum() * GRID.cell_area
    loss = (weights * (model - density.ravel()) ** 2).sum() * GRID.cell_area
    assert p.loss(p.densities(outputs)).item() == pytest.approx(loss, rel=1e-9)


def test_smeared_density_is_the_product_with_the_response(data):
    """S (A w), against the matrix S A; the gradient and the last layer follow from it."""
    (near, _), (density, _), _ = data
    rng = np.random.default_rng(0)
    n_cells = density.size
    response = sp.csr_array(
        sp.random(n_cells, n_cells, density=0.01, rng=rng) + sp.eye_array(n_cells)
    )
    target, ones = density.reshape(1, -1), np.ones((1, n_cells))
    smeared, explicit = (
        DensityProblem([matrix], target, ones, kept, GRID.cell_area, NODES, torch.float64, "cpu")
        for matrix, kept in ((near, response), (sp.csr_array(response @ near), None))
    )
    features = torch.from_numpy(rng.normal(size=(1, len(smeared.reachable_nodes), 4)))
    solutions = [p.solve_last_layer(features, 1e-8, 1e-8) for p in (smeared, explicit)]
    torch.testing.assert_close(*solutions, rtol=1e-6, atol=1e-9)
    gradients = []
    for p in (smeared, explicit):
        outputs = (features @ solutions[0].mT).requires_grad_()
        gradients.append(torch.autograd.grad(p.loss(p.densities(outputs)).sum(), outputs)[0])
    torch.testing.assert_close(*gradients, rtol=1e-8, atol=1e-12)


def test_poisson_weights_make_a_chi_squared(data):
    """The noise of N events costs one unit per cell and N, whatever the density is there."""
    _, (density, _), _ = data
    n_events, n_draws = 3_000_000, 200
    contents = density.ravel() * GRID.cell_area
    counts = np.random.default_rng(0).poisson(n_events * contents, (n_draws, contents.size))
    histograms = (counts / (n_events * GRID.cell_area)).reshape(n_draws, *density.shape)
    weights = poisson_weights(histograms)
    cost = n_events * GRID.cell_area * (weights * (histograms - density) ** 2).mean(axis=0)
    inside = density > 0.3
    assert cost[inside].mean() == pytest.approx(1.0, abs=0.03)
    # Smoothing over neighbours moves the weights where the density bends.
    assert cost[inside].std() / cost[inside].mean() < 0.2
    unweighted = ((histograms - density) ** 2).mean(axis=0)
    assert unweighted[inside].std() / unweighted[inside].mean() > 0.5


def test_smoothness_counts_the_less_the_more_events_there_are():
    section = {
        "optimizer": "varpro",
        "activation": "silu",
        "precision": "float64",
        "hidden_layers": 3,
        "width": 32,
        "evaluations": 40,
        "weighting": "poisson",
        "ridge": 1e-10,
        "smoothness": 0.3,
        "device": "cpu",
    }
    assert TrainingSettings.for_statistics(section, 0) == VARPRO
    sampled = TrainingSettings.for_statistics(section, 3_000_000)
    assert sampled == replace(VARPRO, smoothness=1e-7, least_gain=6.5 / 3_000_000)
    careful = TrainingSettings.for_statistics(section, 3_000_000, with_flux_errors=True)
    assert careful == replace(sampled, least_gain=20.0 / 3_000_000)


def test_penalised_last_layer(data):
    """Penalties are further rows of the least-squares problem: against NumPy's lstsq."""
    (near, _), (density, _), _ = data
    p = problem(data)
    n_features, ridge, smoothness = 4, 1e-3, 2e-4
    features = np.random.default_rng(0).normal(size=(len(p.reachable_nodes), n_features))
    columns = [near[:, i * NODES.n_nodes + p.reachable_nodes] @ features for i in range(3)]
    design = np.hstack(columns) / GRID.cell_area
    constants = [c.sum(axis=1) for c in np.split(near.toarray(), 3, axis=1)]
    unit = np.mean([((c / GRID.cell_area) ** 2).sum() for c in constants])
    rows = np.vstack(
        [
            design,
            np.sqrt(ridge * unit) * np.eye(3 * n_features),
            np.sqrt(smoothness * unit) * np.kron(np.eye(3), reachable_bends(p) @ features),
        ]
    )
    target = np.concatenate([density.ravel(), np.zeros(len(rows) - density.size)])
    expected, cost, *_ = np.linalg.lstsq(rows, target, rcond=None)
    solution = p.solve_last_layer(torch.from_numpy(features)[None], ridge, smoothness)
    np.testing.assert_allclose(solution.numpy().ravel(), expected, rtol=1e-6)

    outputs = torch.from_numpy(features)[None] @ solution.mT
    value = (
        p.squared_distance(p.densities(outputs))
        + ridge * p.norm(solution)
        + smoothness * p.curvature(outputs)
    )
    assert value.item() == pytest.approx(cost.item() * GRID.cell_area, rel=1e-9)


@pytest.mark.parametrize("evaluate", [projected_loss, plain_loss])
def test_gradient_of_loss_and_penalties(data, evaluate):
    """Against differences; for the projected loss, of the minimum over the last layer."""
    p = problem(data)
    network = Architecture(2, 6, "silu")
    inputs = network_inputs(torch.from_numpy(NODES.xi), torch.from_numpy(NODES.tau))
    inputs = inputs[torch.from_numpy(p.reachable_nodes)]
    point = network.initial_weights([1]).double()
    penalties = {"smoothness": 1e-4}
    if evaluate is projected_loss:
        point = point[:, : -network.n_last_layer]
        penalties["ridge"] = 1e-6

    def value_and_gradient(point):
        here = evaluate(network, point, inputs, p, **penalties)
        return here.value.item(), here.gradient[0]

    value, gradient = value_and_gradient(point)
    # A direction along which the slope is next to zero would ask for more digits.
    seeded = torch.Generator().manual_seed(1)
    direction = torch.randn(point.shape, dtype=torch.float64, generator=seeded)
    step = 1e-5
    up, down = (value_and_gradient(point + s * direction)[0] for s in (step, -step))
    assert (gradient * direction).sum().item() == pytest.approx((up - down) / (2 * step), rel=1e-5)
    penalties["smoothness"] = 0.0
    assert value_and_gradient(point)[0] < value


def test_plain_loss_does_not_see_the_normalisation(data):
    p = problem(data)
    network = Architecture(2, 6, "silu")
    inputs = network_inputs(torch.from_numpy(NODES.xi), torch.from_numpy(NODES.tau))
    inputs = inputs[torch.from_numpy(p.reachable_nodes)]
    point = network.initial_weights([1]).double()
    scaled = point.clone()
    scaled[:, -network.n_last_layer :] *= -3.0
    values = [plain_loss(network, at, inputs, p, smoothness=1e-4).value for at in (point, scaled)]
    torch.testing.assert_close(*values, rtol=1e-10, atol=0.0)


def test_closure_loss_is_zero_for_the_truth_alone(true_node_values):
    loss = closure_loss(GRID, NODES, true_node_values)
    assert loss(3.0 * true_node_values.ravel()) == pytest.approx(0.0, abs=1e-20)
    tilted = true_node_values * (1 + 0.1 * NODES.xi[:, None])
    assert loss(tilted.ravel()) > 1e-6


def test_batched_network_is_the_usual_one():
    """The flat weights of two members against torch's own modules."""
    network = Architecture(2, 5, "leaky_relu")
    weights = network.initial_weights([3, 4])
    inputs = torch.rand(7, 2)
    outputs = network.outputs(
        weights[:, -network.n_last_layer :], network.features(weights, inputs)
    )
    for member, seed in enumerate((3, 4)):
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            sizes = network.layer_sizes
            linear = [torch.nn.Linear(a, b) for a, b in itertools.pairwise(sizes)]
        relu = torch.nn.LeakyReLU()
        model = torch.nn.Sequential(linear[0], relu, linear[1], relu, linear[2])
        torch.testing.assert_close(outputs[member], model(inputs))


def test_wrong_number_of_event_matrices_is_refused(data):
    (near, _), (density, _), _ = data
    target = density.reshape(1, -1)
    with pytest.raises(ValueError, match="2 event matrices for 1 members"):
        DensityProblem(
            [near, near], target, np.ones_like(target), None, 1.0, NODES, torch.float64, "cpu"
        )


def test_last_layer_of_huge_features_is_unreliable(data):
    p = problem(data)
    network = Architecture(2, 6, "silu")
    inputs = network_inputs(torch.from_numpy(NODES.xi), torch.from_numpy(NODES.tau))
    inputs = inputs[torch.from_numpy(p.reachable_nodes)]
    point = network.initial_weights([1, 2])[:, : -network.n_last_layer].double()
    point[1] *= 1e3
    problems = DensityProblem(
        [data[0][0]],
        np.repeat(data[1][0].reshape(1, -1), 2, axis=0),
        np.ones((2, data[1][0].size)),
        None,
        GRID.cell_area,
        NODES,
        torch.float64,
        "cpu",
    )
    here = projected_loss(network, point, inputs, problems, ridge=1e-10, smoothness=0.0)
    assert here.reliable.tolist() == [True, False]


def test_compressed_distance_is_that_of_all_cells_less_a_constant(data):
    """Against the dense covariance: smeared, with weights and with errors that cells share."""
    (near, _), (density, _), _ = data
    rng = np.random.default_rng(0)
    v1, v2 = np.divmod(np.arange(density.size), GRID.n_v2)
    spread = np.exp(-0.5 * ((v1[:, None] - v1) ** 2 + (v2[:, None] - v2) ** 2) / 2.0**2)
    spread[spread < 1e-6] = 0.0
    response = sp.csr_array(spread / spread.sum(axis=0))
    flat = response @ near.sum(axis=1)
    weights = 1.0 / (flat / flat.mean() + 0.01)
    target = response @ density.ravel() * rng.normal(1.0, 0.01, density.size)
    x, y = 2.0 * np.stack(np.meshgrid(NODES.xi, NODES.tau, indexing="ij")) - 1.0
    bent = np.stack([np.sin(2.0 * x), np.cos(3.0 * y), x * y]).reshape(3, -1)
    errors = response @ (near @ np.kron(np.eye(3), bent.mean(axis=0)[:, None]))
    functions = TestFunctions.for_flux(near, response, NODES)
    p = DensityProblem(
        [near],
        target[None],
        weights[None],
        response,
        GRID.cell_area,
        NODES,
        torch.float64,
        "cpu",
        errors[None],
        functions,
    )
    assert functions.measured.shape[1] < 0.8 * len(np.flatnonzero(np.diff(near.indptr)))
    inverse = np.linalg.inv(np.diag(1 / (weights * GRID.cell_area)) + errors @ errors.T)
    network = Architecture(3, 32, "silu")
    inputs = network_inputs(torch.from_numpy(NODES.xi), torch.from_numpy(NODES.tau))
    found, expected = [], []
    for seed in range(4):
        initial = 3.0 * network.initial_weights([seed]).double()
        features = network.features(initial, inputs)
        if seed < 3:
            outputs = network.outputs(initial[:, -network.n_last_layer :], features)
        else:
            solution = p.solve_last_layer(features[:, p.reachable_nodes], 1e-9, 0.0)
            outputs = features @ solution.mT
        w = outputs[0].T.numpy()
        difference = response @ (near @ w.ravel()) / GRID.cell_area - target
        expected.append(difference @ inverse @ difference)
        outputs = torch.from_numpy(w[:, p.reachable_nodes].T.copy())[None]
        distance, loss = p.distance_and_loss(outputs)
        found.append(distance.item())
        # The loss is that of all cells.
        assert loss.item() == pytest.approx(p.loss(p.densities(outputs)).item(), rel=1e-12)
    gaps = np.array(expected) - found
    assert max(expected) > 10.0 * min(expected)
    # Products in single precision.
    rounding = 3e-7 * np.array(expected)
    assert (abs(gaps - gaps[-1]) < 0.01 * min(expected) + rounding).all()
