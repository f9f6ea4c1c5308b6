"""Train the structure functions of one ensemble member."""

from typing import Any

import numpy as np
import torch

from nd2fd.forward.nodes import NodeGrid
from nd2fd.forward.operator import ForwardOperator
from nd2fd.learning.closure import closure_loss
from nd2fd.learning.training import TrainingSettings, train
from nd2fd.physics.density import DensityGrid
from nd2fd.schemas import MEMBER, NEAR, TRUTH
from nd2fd.stage import Stage
from nd2fd.statistics.streams import stream_seed

snakemake: Any

with Stage(snakemake) as stage:
    torch.set_num_threads(snakemake.threads)
    params = snakemake.params
    near = stage.read("near", NEAR)
    truth = stage.read("truth", TRUTH)
    grid = DensityGrid(**params.grid)
    nodes = NodeGrid(**params.nodes)
    settings = TrainingSettings(**params.training)
    flux = near["flux"] / near["flux"].sum()
    event_matrix = ForwardOperator.build(grid, nodes).event_matrix(flux)
    progress = stage.progress("training", settings.evaluations)
    model = train(
        event_matrix,
        near["density"].ravel(),
        grid.cell_area,
        nodes,
        settings,
        stream_seed(params.seed, "network", *params.stream),
        closure_loss(grid, nodes, truth["structure_functions"]),
        lambda done, loss: progress(done, f"loss {loss:.3g}"),
    )
    stage.log.info("best loss %.3g at evaluation %d", model.loss.min(), model.best_step)
    stage.write(
        MEMBER,
        {
            "xi": nodes.xi,
            "tau": nodes.tau,
            "structure_functions": model.structure_functions,
            "layer_sizes": np.array([2, *[settings.width] * settings.hidden_layers, 3]),
            "weights": model.weights,
            "loss": model.loss,
            "test_step": model.test_step,
            "test_loss": model.test_loss,
            "best_step": model.best_step,
        },
    )
