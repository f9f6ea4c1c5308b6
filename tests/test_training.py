"""Training: objective, optimisers, determinism, and what a trained member knows."""

from dataclasses import replace

import numpy as np
import pytest
import torch

import toy
from nd2fd.beam.flux import cell_averages
from nd2fd.forward.operator import ForwardOperator
from nd2fd.io.checkpoint import Checkpoint
from nd2fd.learning.closure import closure_loss
from nd2fd.learning.network import Architecture, network_inputs
from nd2fd.learning.training import TrainingData, train, train_together
from nd2fd.learning.training_settings import TrainingSettings
from nd2fd.physics.density import total_variation
from training_data import GRID, NODES, VARPRO, problem, reachable_bends, sampled_data, trained
from training_data import data as data  # a fixture
from training_data import true_node_values as true_node_values  # a fixture


@pytest.fixture(scope="module")
def member(data, true_node_values):
    return trained(data, VARPRO, test_loss=closure_loss(GRID, NODES, true_node_values))


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
    # Side by side they round otherwise, and may end elsewhere: each by its own losses.
    together = train_together(sampled, shorter, lambda _: 1.0, lambda *_: None)
    for loss in together.loss:
        n = np.isfinite(loss).sum()
        best = np.minimum.accumulate(loss[:n])
        steps = together.test_step[(together.test_step >= 10) & (together.test_step < n)]
        small = best[steps - 10] - best[steps] < shorter.least_gain
        assert not small[:-1].any()
        assert n == 40 or (small[-1] and steps[-1] == n - 1)
        assert np.isnan(loss[n:]).all()
    assert np.isnan(together.loss).any()
