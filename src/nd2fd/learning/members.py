"""Training the networks of a batch of members on their near-detector data."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import scipy.sparse as sp

from nd2fd.forward.nodes import NodeGrid
from nd2fd.forward.operator import ForwardOperator
from nd2fd.io.checkpoint import Checkpoint
from nd2fd.io.schemas.learned import Networks
from nd2fd.io.schemas.near import NearData
from nd2fd.io.schemas.truth import Truth
from nd2fd.learning.closure import closure_loss
from nd2fd.learning.flux_errors import with_flux_errors
from nd2fd.learning.network import Architecture
from nd2fd.learning.problem import poisson_weights
from nd2fd.learning.training import TrainingData, TrainingSettings, train
from nd2fd.physics.density import DensityGrid

Progress = Callable[[int, str], None]


def train_members(
    near: NearData,
    truth: Truth,
    response: sp.csr_array | None,
    grid: DensityGrid,
    section: Mapping[str, Any],
    seeds: Sequence[int],
    progress: Progress,
    checkpoint: Checkpoint | None = None,
) -> Networks:
    """Learn the structure functions of each member.

    Parameters
    ----------
    near
        What the members train on.
    truth
        Compared with by the test loss alone; its nodes are those of the structure functions.
    response
        Detector response S of smeared data; None: no smearing.
    grid
        Of the densities.
    section
        Configuration section `training`, as it applies to the ensemble.
    seeds
        Of the initial weights, one per member.
    progress
        Called with (evaluations of all members so far, note).
    checkpoint
        Where to save the state now and then, and to go on from if there is one.
    """
    nodes = NodeGrid.of(truth)
    n_events = int(near.n_events)
    settings = TrainingSettings.for_statistics(section, n_events)
    operator = ForwardOperator.build(grid, nodes)
    fluxes = near.flux / near.flux.sum(axis=1, keepdims=True)
    shared = (fluxes == fluxes[0]).all()
    event_matrices = operator.event_matrices(fluxes[:1] if shared else fluxes)
    if n_events > 0 and section["weighting"] == "poisson":
        weights = poisson_weights(near.density)
    else:
        weights = np.ones_like(near.density)
    data = TrainingData(
        event_matrices,
        near.density.reshape(len(fluxes), -1),
        weights.reshape(len(fluxes), -1),
        response,
        grid.cell_area,
        nodes,
        seeds,
    )
    if section["flux_errors"] and near.flux_errors is not None:
        data = with_flux_errors(data, settings, grid, near.flux, near.flux_errors, n_events)
    models = train(
        data,
        settings,
        closure_loss(grid, nodes, truth.structure_functions),
        lambda done, loss: progress(done, f"loss {loss:.3g}"),
        checkpoint,
    )
    architecture = Architecture(settings.hidden_layers, settings.width, settings.activation)
    return Networks(
        member=near.member,
        xi=nodes.xi,
        tau=nodes.tau,
        x_max=truth.x_max,
        Q2_max=truth.Q2_max,
        structure_functions=models.structure_functions,
        layer_sizes=np.array(architecture.layer_sizes),
        weights=models.weights,
        loss=models.loss,
        test_step=models.test_step,
        test_loss=models.test_loss,
        best_step=models.best_step,
    )
