"""What a training is given: data, streams, a start, errors of the flux."""

import itertools
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from nd2fd.cross_sections.models import interpolated
from nd2fd.io.declarations import Provenance
from nd2fd.io.schemas.inputs import Response
from nd2fd.io.schemas.learned import Networks
from nd2fd.io.schemas.near import NearData
from nd2fd.io.schemas.truth import Truth
from nd2fd.learning import flow_training, flux_errors, members
from nd2fd.learning.problem import DensityProblem
from nd2fd.learning.weights import poisson_weights
from nd2fd.physics.density import DensityGrid, event_densities
from nd2fd.physics.setup import Setup
from nd2fd.streams import random_stream, stream_seed
from stage_runs import load
from wiring_nature import E_MAX, MODE_CENTRES, NEAR_MODES, user_flux
from wiring_nature import nature as nature  # a fixture


# Training
class NoTrainingError(Exception):
    """In place of a training, which nobody needs here."""


@pytest.fixture
def captured(nature, monkeypatch):
    """What the training of a batch is given; a first one, for flux errors, finds the truth."""
    truth = load(nature, Truth, "truth/densities.h5")

    given = []

    def train_together(data, *_):
        given.append(data)
        return SimpleNamespace(structure_functions=None)

    def joined(_):
        raise NoTrainingError

    def find_the_truth(data, *_, **__):
        return SimpleNamespace(
            structure_functions=np.stack([truth.structure_functions] * len(data.seeds)),
            weights=np.zeros((len(data.seeds), 1)),
        )

    def of_all(field):
        return list(itertools.chain.from_iterable(getattr(data, field) for data in given))

    monkeypatch.setattr(members, "train_together", train_together)
    monkeypatch.setattr(members, "joined", joined)
    monkeypatch.setattr(members, "fitted_shifts", lambda *_: None)
    monkeypatch.setattr(flux_errors, "train_together", find_the_truth)

    def of_batch(name, batch):
        if not Path(nature.plan.path(f"near/{name}/{batch}.h5")).exists():
            nature.near(name, batch)
        with pytest.raises(NoTrainingError):
            nature.train(name, batch)
        return replace(
            given[0],
            common_errors=None if given[0].common_errors is None else of_all("common_errors"),
            **{f: of_all(f) for f in ("event_matrices", "densities", "weights", "seeds")},
        )

    return of_batch


@pytest.mark.parametrize("name", ["flux", "smeared"])
def test_networks_learn_their_own_data_with_their_own_streams(nature, captured, name):
    data = captured(name, 0)
    near = load(nature, NearData, f"near/{name}/0.h5")
    np.testing.assert_array_equal(data.densities, near.density.reshape(2, -1))
    response = load(nature, Response, "inputs/response.h5").matrix()
    if name == "flux":
        assert data.response is None
    else:
        assert abs(data.response - response).max() == 0
    # Neither varies the seeds.
    assert data.seeds == [stream_seed(3, "network", "", 0)] * 2


def test_networks_start_from_their_file(nature, captured, tmp_path, monkeypatch):
    """With the weights of its first member, about its structure functions; errors are theirs."""
    truth = load(nature, Truth, "truth/densities.h5")
    rng, shape = np.random.default_rng(6), truth.structure_functions.shape
    values = truth.structure_functions * rng.uniform(0.9, 1.1, (2, *shape))
    sizes = [2, *[nature.config.training.width] * nature.config.training.hidden_layers, 3]
    n_weights = sum((a + 1) * b for a, b in itertools.pairwise(sizes))
    learned = Networks(
        member=np.arange(2),
        xi=truth.xi,
        tau=truth.tau,
        x_max=truth.x_max,
        Q2_max=truth.Q2_max,
        structure_functions=values,
        layer_sizes=np.array(sizes),
        weights=rng.normal(size=(2, n_weights)),
        loss=np.ones((2, 1)),
        best_step=np.zeros(2, dtype=np.int64),
    )
    path = str(tmp_path / "carbon.h5")
    learned.save(path, Provenance("train_members", "", 1, {}))
    monkeypatch.setattr(nature.plan, "start", lambda name: {"start": path})
    data = captured("flux", 0)
    np.testing.assert_array_equal(data.start.weights, learned.weights[0])
    np.testing.assert_allclose(data.start.values, values[0], rtol=1e-9, atol=1e-12)
    of_start = np.maximum(data.event_matrices[0] @ values[0].ravel(), 0.0)
    of_start *= data.weights[0].size / of_start.sum()
    grid = nature.config.grid
    expected = poisson_weights(of_start.reshape(1, grid.n_v1, grid.n_v2))
    np.testing.assert_allclose(data.weights[0], expected.ravel(), rtol=1e-9)


def test_flux_errors_of_a_training_are_those_of_the_flux(nature, captured):
    """In N times the loss, a χ², a flux off by z costs zᵀ I (1 + I)⁻¹ z, nearly |z|².

    I is what the histogram says of the modes with its own errors.
    The flux and its modes are those of the files, about the flux that each member has drawn.
    """
    n_events, data = 60_000, captured("flux", 0)
    truth = load(nature, Truth, "truth/densities.h5")
    grid = DensityGrid(Setup.from_config(nature.section("setup")), 40, 20, 24, 2)
    fine = (np.arange(40 * 200) + 0.5) * E_MAX / 8000
    flux = user_flux(fine, 2.5) * (fine > 0.05)
    modes = np.stack([np.interp(fine, MODE_CENTRES, mode) for mode in NEAR_MODES])

    def density(z):
        in_cells = (flux * (1 + z @ modes)).reshape(40, -1).mean(axis=1)
        return event_densities(grid, interpolated(truth), in_cells[None])[0].ravel()

    drawn = [random_stream(3, "flux", "", member).standard_normal(2) for member in range(2)]
    off_by, costs = np.array([2.0, -2.0]), []
    for z, errors, weights in zip(drawn, data.common_errors, data.weights, strict=True):
        steps = 0.01 * np.eye(2)
        expected = np.sqrt(n_events) * np.stack(
            [(density(z + h) - density(z - h)) / 0.02 for h in steps], axis=1
        )
        np.testing.assert_allclose(errors, expected, atol=0.003 * abs(expected).max())
        information = data.cell_area * expected.T @ (expected * weights[:, None])
        costs.append(off_by @ np.linalg.solve(np.eye(2) + information, information @ off_by))
    problem = DensityProblem(
        data.event_matrices,
        np.stack([density(z) for z in drawn]),
        np.stack(data.weights),
        None,
        data.cell_area,
        data.nodes,
        torch.float64,
        "cpu",
        np.stack(data.common_errors),
    )
    rows = np.flatnonzero(np.diff(data.event_matrices[0].indptr))
    # To first order: densities have a total that the flux changes, too.
    changes = [0.5 * (density(z + off_by) - density(z - off_by)) for z in drawn]
    off = np.stack([density(z) + change for z, change in zip(drawn, changes, strict=True)])[:, rows]
    cost = n_events * problem.squared_distance(torch.from_numpy(off)).numpy()
    np.testing.assert_allclose(cost, costs, rtol=0.05)
    assert (np.array(costs) > 6.5).all()


def test_flows_of_a_batch_start_from_their_own_seeds(nature, monkeypatch):
    seeds = []

    def train_flow(grid, flux, density, settings, seed, *_):
        seeds.append(seed)
        if len(seeds) == 2:
            raise NoTrainingError

    monkeypatch.setattr(flow_training, "train_flow", train_flow)
    nature.near("flow")
    with pytest.raises(NoTrainingError):
        nature.train("flow")
    assert seeds == [stream_seed(3, "network", "flow", member) for member in range(2)]
