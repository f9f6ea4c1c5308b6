"""Train the structure functions of a batch of ensemble members."""

from pathlib import Path
from typing import Any

import numpy as np
import torch

from nd2fd.forward.nodes import NodeGrid
from nd2fd.forward.operator import ForwardOperator
from nd2fd.io.checkpoint import Checkpoint
from nd2fd.learning.closure import closure_loss
from nd2fd.learning.flux_errors import with_flux_errors
from nd2fd.learning.network import Architecture
from nd2fd.learning.problem import poisson_weights
from nd2fd.learning.training import TrainingData, TrainingSettings, train
from nd2fd.physics.density import DensityGrid
from nd2fd.io.schemas import MEMBER, NEAR, TRUTH
from nd2fd.io.job import Stage
from nd2fd.streams import stream_seed

snakemake: Any

# Seconds; a checkpoint of one member takes about 10 ms.
CHECKPOINT_INTERVAL = 20.0

with Stage(snakemake) as stage:
    torch.set_num_threads(snakemake.threads)
    params = snakemake.params
    near = stage.read("near", NEAR)
    truth = stage.read("truth", TRUTH)
    grid = DensityGrid(**params.grid)
    nodes = NodeGrid(**params.nodes)
    n_events = int(near["n_events"])
    settings = TrainingSettings.for_statistics(params.training, n_events)
    operator = ForwardOperator.build(grid, nodes)
    fluxes = near["flux"] / near["flux"].sum(axis=1, keepdims=True)
    shared = (fluxes == fluxes[0]).all()
    event_matrices = [operator.event_matrix(flux) for flux in (fluxes[:1] if shared else fluxes)]
    densities = near["density"]
    if n_events > 0 and params.training["weighting"] == "poisson":
        weights = poisson_weights(densities)
    else:
        weights = np.ones_like(densities)
    checkpoint = Checkpoint(
        Path(snakemake.output[0]).with_suffix(".checkpoint"),
        stage.fingerprint(),
        CHECKPOINT_INTERVAL,
    )
    progress = stage.progress("training", settings.evaluations * len(fluxes))
    data = TrainingData(
        event_matrices,
        densities.reshape(len(fluxes), -1),
        weights.reshape(len(fluxes), -1),
        stage.read_response(),
        grid.cell_area,
        nodes,
        [stream_seed(params.seed, "network", *stream) for stream in params.streams],
    )
    if params.training["flux_errors"]:
        data = with_flux_errors(data, settings, grid, near["flux"], near["flux_errors"], n_events)
    models = train(
        data,
        settings,
        closure_loss(grid, nodes, truth["structure_functions"]),
        lambda done, loss: progress(done, f"loss {loss:.3g}"),
        checkpoint,
    )
    losses = models.loss[np.arange(len(fluxes)), models.best_step]
    stage.log.info("losses %s", np.array2string(losses, precision=3))
    architecture = Architecture(settings.hidden_layers, settings.width, settings.activation)
    stage.write(
        MEMBER,
        {
            "member": near["member"],
            "xi": nodes.xi,
            "tau": nodes.tau,
            "structure_functions": models.structure_functions,
            "layer_sizes": np.array(architecture.layer_sizes),
            "weights": models.weights,
            "loss": models.loss,
            "test_step": models.test_step,
            "test_loss": models.test_loss,
            "best_step": models.best_step,
        },
    )
    checkpoint.remove()
