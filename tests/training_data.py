"""What trainings of the toy share: matrices, densities, settings, and a trained member."""

from functools import cache

import numpy as np
import pytest
import torch

import toy
from nd2fd.beam.flux import cell_averages
from nd2fd.forward.nodes import NodeGrid
from nd2fd.forward.operator import ForwardOperator
from nd2fd.learning.problem import DensityProblem
from nd2fd.learning.training import TrainingData, train
from nd2fd.learning.training_settings import TrainingSettings
from nd2fd.learning.weights import poisson_weights
from nd2fd.physics.density import DensityGrid, event_densities

GRID = DensityGrid(toy.SETUP, 32, 32, 32, 2)


NODES = NodeGrid.for_setup(toy.SETUP, 24, 24)


VARPRO = TrainingSettings("varpro", "silu", "float64", 3, 32, 40, 1e-10, 0.0, "cpu")


@pytest.fixture(scope="module")
@cache
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
@cache
def true_node_values():
    return toy.structure_functions(*NODES.x_and_Q2())


def trained(data, settings, seeds=(1,), test_loss=lambda _: 0.0, checkpoint=None, how=train):
    (near, _), (density, _), _ = data
    densities = np.repeat(density.reshape(1, -1), len(seeds), axis=0)
    problem = TrainingData(
        [near], densities, np.ones_like(densities), None, GRID.cell_area, NODES, seeds
    )
    return how(problem, settings, test_loss, lambda *_: None, checkpoint)


def problem(data, dtype=torch.float64):
    (near, _), (density, _), _ = data
    target = density.reshape(1, -1)
    ones = np.ones_like(target)
    return DensityProblem([near], target, ones, None, GRID.cell_area, NODES, dtype, "cpu")


def reachable_bends(p):
    """Second derivatives of reachable nodes that have no unreachable neighbour, dense."""
    derivatives = NODES.second_derivatives().toarray()
    unreachable = np.delete(derivatives, p.reachable_nodes, axis=1)
    return derivatives[~unreachable.any(axis=1)][:, p.reachable_nodes]


def sampled_data(data, n_events, seed):
    """A histogram of events of the near detector to learn from, with Poisson weights."""
    (near, _), (density, _), _ = data
    counts = np.random.default_rng(seed).poisson(n_events * density.ravel() * GRID.cell_area)
    histogram = counts / (counts.sum() * GRID.cell_area)
    weights = poisson_weights(histogram.reshape(1, *density.shape)).reshape(1, -1)
    return TrainingData([near], histogram[None], weights, None, GRID.cell_area, NODES, (1,))
