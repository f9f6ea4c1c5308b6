"""Training: objective, optimisers, determinism, and what a trained member knows."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse as sp
import torch

import toy
from nd2fd.beam.flux import cell_averages
from nd2fd.forward.nodes import NodeGrid
from nd2fd.forward.operator import ForwardOperator
from nd2fd.io.checkpoint import Checkpoint
from nd2fd.learning.closure import closure_loss
from nd2fd.learning.compression import TestFunctions
from nd2fd.learning.evaluation import plain_loss, projected_loss
from nd2fd.learning.lbfgs import LBFGS
from nd2fd.learning.network import Architecture, network_inputs
from nd2fd.learning.problem import DensityProblem
from nd2fd.learning.training import (
    TrainingData,
    TrainingSettings,
    train,
    train_together,
)
from nd2fd.learning.weights import poisson_weights
from nd2fd.physics.density import DensityGrid, event_densities, total_variation

GRID = DensityGrid(toy.SETUP, 32, 32, 32, 2)
NODES = NodeGrid.for_setup(toy.SETUP, 24, 24)
VARPRO = TrainingSettings("varpro", "silu", "float64", 3, 32, 40, 1e-10, 0.0, "cpu")


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


def trained(data, settings, seeds=(1,), test_loss=lambda _: 0.0, checkpoint=None, how=train):
    (near, _), (density, _), _ = data
    densities = np.repeat(density.reshape(1, -1), len(seeds), axis=0)
    problem = TrainingData(
        [near], densities, np.ones_like(densities), None, GRID.cell_area, NODES, seeds
    )
    return how(problem, settings, test_loss, lambda *_: None, checkpoint)


@pytest.fixture(scope="module")
def member(data, true_node_values):
    return trained(data, VARPRO, test_loss=closure_loss(GRID, NODES, true_node_values))


def problem(data, dtype=torch.float64):
    (near, _), (density, _), _ = data
    target = density.reshape(1, -1)
    ones = np.ones_like(target)
    return DensityProblem([near], target, ones, None, GRID.cell_area, NODES, dtype, "cpu")


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


def reachable_bends(p):
    """Second derivatives of reachable nodes that have no unreachable neighbour, dense."""
    derivatives = NODES.second_derivatives().toarray()
    unreachable = np.delete(derivatives, p.reachable_nodes, axis=1)
    return derivatives[~unreachable.any(axis=1)][:, p.reachable_nodes]


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


def sampled_data(data, n_events, seed):
    """A histogram of events of the near detector to learn from, with Poisson weights."""
    (near, _), (density, _), _ = data
    counts = np.random.default_rng(seed).poisson(n_events * density.ravel() * GRID.cell_area)
    histogram = counts / (counts.sum() * GRID.cell_area)
    weights = poisson_weights(histogram.reshape(1, *density.shape)).reshape(1, -1)
    return TrainingData([near], histogram[None], weights, None, GRID.cell_area, NODES, (1,))


def test_smoothness_keeps_the_noise_out(data):
    """Half a million events: the far detector is better known, the fit to the near one worse."""
    (_, far), (_, far_density), _ = data
    n_events = 500_000
    sampled = sampled_data(data, n_events, 1)
    deviation, loss = [], []
    for smoothness in (0.0, 0.01 / n_events):
        settings = replace(VARPRO, smoothness=smoothness)
        models = train(sampled, settings, lambda _: 0.0, lambda *_: None)
        w = models.structure_functions.ravel()
        deviation.append(total_variation(far @ w, far_density.ravel()))
        loss.append(models.loss[0, models.best_step[0]])
    assert loss[1] > loss[0]
    assert deviation[1] < 0.3 * deviation[0]


def test_smoothness_decides_and_not_the_network(data):
    """Against the minimum over all node values, which is a linear problem, without a network."""
    (near, far), (_, far_density), _ = data
    n_events = 500_000
    smoothness = 0.01 / n_events
    sampled = sampled_data(data, n_events, 1)
    p = problem(data)
    columns = (p.reachable_nodes + NODES.n_nodes * np.arange(3)[:, None]).ravel()
    root = np.sqrt(sampled.weights[0] * GRID.cell_area)
    constants = [c.sum(axis=1) / GRID.cell_area for c in np.split(near.toarray(), 3, axis=1)]
    unit = np.mean([((root * c) ** 2).sum() for c in constants])
    rows = np.vstack(
        [
            root[:, None] * near[:, columns].toarray() / GRID.cell_area,
            np.sqrt(smoothness * unit) * np.kron(np.eye(3), reachable_bends(p)),
        ]
    )
    target = np.concatenate([root * sampled.densities[0], np.zeros(len(rows) - root.size)])
    at_minimum, *_ = np.linalg.lstsq(rows, target, rcond=None)
    far_at_minimum = far[:, columns] @ at_minimum
    statistical = total_variation(far_at_minimum, far_density.ravel())
    for seed in (1, 2):
        settings = replace(VARPRO, smoothness=smoothness)
        models = train(replace(sampled, seeds=(seed,)), settings, lambda _: 0.0, lambda *_: None)
        w = models.structure_functions.ravel()
        cost = np.square(rows @ w[columns] - target).sum()
        assert 1.0 < cost / np.square(rows @ at_minimum - target).sum() < 1.25
        assert total_variation(far @ w, far_at_minimum) < 0.5 * statistical


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


def test_member_learns_both_detectors_from_the_near_one(data, member):
    (near, far), (near_density, far_density), _ = data
    w = member.structure_functions.ravel()
    assert member.loss.min() < 1e-7
    assert total_variation(near @ w, near_density.ravel()) < 1e-3
    assert total_variation(far @ w, far_density.ravel()) < 6e-3


def test_member_knows_the_energy_dependence(data, member):
    """σ(E_ν) was never shown: it follows from the structure functions."""
    operator = ForwardOperator.build(GRID, NODES)
    points = operator.point_matrix() @ member.structure_functions.ravel()
    sigma = np.bincount(operator.energy_index, points, GRID.n_energy)
    flux = cell_averages(toy.flux, GRID.n_energy, 10.0)
    ratio = (sigma / np.average(sigma, weights=flux)) / (
        data[2] / np.average(data[2], weights=flux)
    )
    inside = (GRID.energy > 1.5) & (GRID.energy < 9.0)
    np.testing.assert_allclose(ratio[inside], 1.0, atol=0.02)


def test_test_loss_falls_though_it_is_never_used(member):
    assert member.test_loss[0, -1] < 0.05 * member.test_loss[0, 0]
    assert member.test_step[0] == 0


def test_closure_loss_is_zero_for_the_truth_alone(true_node_values):
    loss = closure_loss(GRID, NODES, true_node_values)
    assert loss(3.0 * true_node_values.ravel()) == pytest.approx(0.0, abs=1e-20)
    tilted = true_node_values * (1 + 0.1 * NODES.xi[:, None])
    assert loss(tilted.ravel()) > 1e-6


def test_result_is_normalised_and_belongs_to_the_best_weights(data, member):
    (near, _), _, _ = data
    assert (near @ member.structure_functions.ravel()).sum() == pytest.approx(1.0)
    assert member.best_step[0] == member.loss[0].argmin()
    network = Architecture(3, 32, "silu")
    weights = torch.from_numpy(member.weights)
    inputs = network_inputs(torch.from_numpy(NODES.xi), torch.from_numpy(NODES.tau))
    last = weights[:, -network.n_last_layer :]
    w = network.outputs(last, network.features(weights, inputs))[0].T.numpy()
    w = w / (near @ w.ravel()).sum()
    np.testing.assert_allclose(w.ravel(), member.structure_functions.ravel(), atol=1e-10)


def test_a_last_step_that_made_it_worse_is_not_kept(data):
    """The loss of what is kept, computed anew, is the lowest."""
    (near, _), (density, _), _ = data
    settings = replace(VARPRO, optimizer="lbfgs", evaluations=30)
    loss = trained(data, settings).loss[0]
    last = int(np.flatnonzero(loss[1:] > 1.05 * np.minimum.accumulate(loss)[:-1])[-1]) + 1
    models = trained(data, replace(settings, evaluations=last + 1))
    np.testing.assert_array_equal(models.loss[0], loss[: last + 1])
    model = near @ models.structure_functions.ravel() / GRID.cell_area
    found = np.square(model - density.ravel()).sum() * GRID.cell_area
    assert found == pytest.approx(loss[:last].min(), rel=1e-9)
    assert found < 0.99 * loss[last]


@pytest.mark.parametrize("optimizer", ["adam", "lbfgs"])
def test_cross_sections_are_positive_whatever_the_network_started_from(data, optimizer):
    """Normalised densities have no sign: half of the networks end with a negative one."""
    (near, _), _, _ = data
    settings = replace(VARPRO, optimizer=optimizer, evaluations=2)
    models = trained(data, settings, seeds=range(6))
    architecture = Architecture(settings.hidden_layers, settings.width, settings.activation)
    weights = torch.from_numpy(models.weights)
    inputs = network_inputs(torch.from_numpy(NODES.xi), torch.from_numpy(NODES.tau))
    last = weights[:, -architecture.n_last_layer :]
    outputs = architecture.outputs(last, architecture.features(weights, inputs)).mT.numpy()
    signs = [np.sign((near @ w.ravel()).sum()) for w in outputs]
    assert set(signs) == {-1.0, 1.0}
    for w in models.structure_functions:
        assert (near @ w.ravel()).sum() == pytest.approx(1.0, rel=1e-9)


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


def test_same_seed_same_bytes_other_seed_another_network(data, member):
    again = trained(data, VARPRO)
    assert again.structure_functions.tobytes() == member.structure_functions.tobytes()
    assert again.weights.tobytes() == member.weights.tobytes()
    other = trained(data, VARPRO, seeds=(2,))
    assert not np.allclose(other.weights, member.weights)


def test_bytes_do_not_depend_on_the_batch_on_a_cpu(data, member):
    batch = trained(data, VARPRO, seeds=(5, 1))
    assert batch.structure_functions[1].tobytes() == member.structure_functions.tobytes()
    assert batch.loss[1].tobytes() == member.loss.tobytes()


@pytest.mark.parametrize("optimizer", ["adam", "lbfgs", "varpro"])
def test_batched_members_do_what_single_ones_do(data, optimizer):
    """What a GPU does, on the CPU: equal to round-off as long as it is not amplified."""
    settings = replace(VARPRO, optimizer=optimizer, evaluations=12)
    batch = trained(data, settings, seeds=(5, 1, 7), how=train_together)
    for member, seed in enumerate((5, 1, 7)):
        single = trained(data, settings, seeds=(seed,))
        tolerance = 0.05 if optimizer == "varpro" else 1e-8
        np.testing.assert_allclose(batch.loss[member], single.loss[0], rtol=tolerance)


def test_members_with_their_own_event_matrices(data, member):
    """The same matrix given once or for each member is the same problem."""
    (near, _), (density, _), _ = data
    densities = np.repeat(density.reshape(1, -1), 2, axis=0)
    settings = replace(VARPRO, optimizer="lbfgs", evaluations=10)
    problem = TrainingData(
        [near, 2.0 * near],
        densities,
        np.ones_like(densities),
        None,
        GRID.cell_area,
        NODES,
        (1, 1),
    )
    shared = trained(data, settings)
    # The normalisation drops out, so twice the flux is the same flux.
    for how in (train, train_together):
        own = how(problem, settings, lambda _: 0.0, lambda *_: None)
        np.testing.assert_allclose(own.loss, np.repeat(shared.loss, 2, axis=0), rtol=1e-8)


def test_wrong_number_of_event_matrices_is_refused(data):
    (near, _), (density, _), _ = data
    target = density.reshape(1, -1)
    with pytest.raises(ValueError, match="2 event matrices for 1 members"):
        DensityProblem(
            [near, near], target, np.ones_like(target), None, 1.0, NODES, torch.float64, "cpu"
        )


def test_training_leaves_the_global_random_state_alone(data):
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    trained(data, replace(VARPRO, evaluations=1))
    assert torch.rand(1) == expected


@pytest.mark.parametrize(
    "settings",
    [
        TrainingSettings("adam", "leaky_relu", "float32", 3, 32, 400, 0.0, 0.0, "cpu"),
        TrainingSettings("lbfgs", "silu", "float64", 3, 32, 200, 0.0, 0.0, "cpu"),
    ],
    ids=["adam", "lbfgs"],
)
def test_other_optimisers_reduce_the_loss(data, settings):
    loss = trained(data, settings).loss[0]
    assert len(loss) == settings.evaluations
    assert loss.min() < 2e-3 < 0.1 * loss[0]


def test_projection_beats_plain_lbfgs_at_equal_evaluations(data, member):
    plain = trained(data, replace(VARPRO, optimizer="lbfgs"))
    assert member.loss.min() < 0.01 * plain.loss.min()


class KilledError(Exception):
    """Stands for a signal that ends the process."""


@pytest.mark.parametrize("optimizer", ["adam", "lbfgs", "varpro"])
def test_killed_training_resumes_to_the_same_bytes(data, tmp_path, optimizer):
    settings = replace(VARPRO, optimizer=optimizer)
    undisturbed = trained(data, settings, seeds=(3, 4))
    calls = 0

    def dies_in_the_second_member(_):
        nonlocal calls
        calls += 1
        if calls > 30:
            raise KilledError
        return 0.0

    checkpoint = Checkpoint(tmp_path / "training.checkpoint", "fingerprint", 0.0)
    with pytest.raises(KilledError):
        trained(data, settings, (3, 4), dies_in_the_second_member, checkpoint)
    calls = 0

    def counts(_):
        nonlocal calls
        calls += 1
        return 0.0

    resumed = trained(data, settings, (3, 4), counts, checkpoint)
    # Every other of 80 evaluations and the last of each member, and 30 of them before the kill.
    assert calls == 12
    assert resumed.structure_functions.tobytes() == undisturbed.structure_functions.tobytes()
    assert resumed.loss.tobytes() == undisturbed.loss.tobytes()
    checkpoint.remove()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", None])
def test_unusable_checkpoint_is_not_used(data, tmp_path, content, caplog):
    """Damaged, or of another training: the training starts afresh and says so."""
    settings = replace(VARPRO, evaluations=3)
    path = tmp_path / "training.checkpoint"
    if content is None:
        trained(data, settings, checkpoint=Checkpoint(path, "another", 0.0))
    else:
        path.with_name(f"{path.name}-0").write_bytes(content)
    model = trained(data, settings, checkpoint=Checkpoint(path, "this", 0.0))
    assert "starting afresh" in caplog.text
    np.testing.assert_array_equal(model.loss, trained(data, settings).loss)


def rosenbrock(point):
    """Rosenbrock's function in four dimensions, for several points (n, 4)."""
    a, b = point[:, 1:], point[:, :-1]
    return (100 * (a - b**2) ** 2 + (1 - b) ** 2).sum(dim=1)


def test_lbfgs_minimises_independent_problems_at_once():
    starts = torch.tensor([[-1.2, 1.0, -0.5, 2.0], [0.0, 0.0, 0.0, 0.0]], dtype=torch.float64)
    minimiser = LBFGS.start(starts, history=8)
    for _ in range(150):
        point = minimiser.point.clone().requires_grad_()
        value = rosenbrock(point)
        (gradient,) = torch.autograd.grad(value.sum(), point)
        minimiser.update(value.detach(), gradient, torch.ones(2, dtype=torch.bool))
    assert minimiser.value.max() < 1e-12
    torch.testing.assert_close(minimiser.base, torch.ones_like(starts), atol=1e-5, rtol=0.0)


def test_lbfgs_survives_a_value_that_is_no_number():
    """A step into a region without values is shortened until it has one."""
    minimiser = LBFGS.start(torch.tensor([[0.5]], dtype=torch.float64), history=4)
    for _ in range(60):
        x = minimiser.point.clone().requires_grad_()
        value = (x - torch.log(x)).sum(dim=1)
        (gradient,) = torch.autograd.grad(value.sum(), x)
        minimiser.update(value.detach(), torch.nan_to_num(gradient), torch.tensor([True]))
    assert minimiser.base.item() == pytest.approx(1.0, abs=1e-8)


def test_lbfgs_does_not_go_where_values_are_unreliable():
    """The minimum of (x - 3)² is out of bounds: the search comes close to the bound at 1."""
    minimiser = LBFGS.start(torch.tensor([[0.0]], dtype=torch.float64), history=4)
    for _ in range(60):
        x = minimiser.point.clone()
        value, gradient = (x - 3.0).square().sum(dim=1), 2.0 * (x - 3.0)
        minimiser.update(value, gradient, x[:, 0] < 1.0)
        assert minimiser.base.item() < 1.0
    assert minimiser.base.item() > 0.8


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
    assert gaps.max() - gaps.min() < 0.01 * min(expected)


def test_a_member_that_gains_little_ends(data):
    """At the same place as one that goes on has been, and whatever the other members do."""
    sampled = replace(sampled_data(data, 500_000, 1), seeds=(1, 2))
    sampled = replace(
        sampled,
        densities=np.repeat(sampled.densities, 2, axis=0),
        weights=np.repeat(sampled.weights, 2, axis=0),
    )
    longest = train(sampled, VARPRO, lambda _: 1.0, lambda *_: None)
    best = np.minimum.accumulate(longest.loss, axis=1)
    steps = longest.test_step[longest.test_step >= 10]
    gains = best[:, steps - 10] - best[:, steps]
    # Between the gains of the two where one is done and the other is not.
    apart = np.sort(gains[:, gains.max(axis=0).argmin()])
    shorter = replace(VARPRO, least_gain=float(np.sqrt(apart.prod())))
    ends = [min([*(steps[g < shorter.least_gain] + 1), 40]) for g in gains]
    models = train(sampled, shorter, lambda _: 1.0, lambda *_: None)
    for member in range(2):
        n = np.isfinite(models.loss[member]).sum()
        assert n == ends[member]
        np.testing.assert_array_equal(models.loss[member, :n], longest.loss[member, :n])
        assert np.isnan(models.loss[member, n:]).all()
        recorded = models.test_step < n
        assert models.test_step[recorded][-1] == n - 1
        np.testing.assert_array_equal(np.isnan(models.test_loss[member]), ~recorded)
        assert models.best_step[member] < n
    assert ends[0] != ends[1]
    assert min(ends) < 40
    alone = train(sampled.of_member(1), shorter, lambda _: 1.0, lambda *_: None)
    assert alone.structure_functions[0].tobytes() == models.structure_functions[1].tobytes()
    together = train_together(sampled, shorter, lambda _: 1.0, lambda *_: None)
    np.testing.assert_array_equal(np.isnan(together.loss), np.isnan(models.loss))
