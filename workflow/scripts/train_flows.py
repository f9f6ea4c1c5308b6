"""Train the flows of a batch of ensemble members: the baseline without structure functions."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch

from nd2fd.io.checkpoint import Checkpoint
from nd2fd.cross_sections.flow import FlowSettings, TrainedFlow, train_flow
from nd2fd.physics.density import DensityGrid
from nd2fd.io.schemas import FLOW, NEAR
from nd2fd.io.job import Stage
from nd2fd.streams import stream_seed

snakemake: Any

# Seconds; a checkpoint takes about 10 ms.
CHECKPOINT_INTERVAL = 20.0

with Stage(snakemake) as stage:
    torch.set_num_threads(snakemake.threads)
    params = snakemake.params
    near = stage.read("near", NEAR)
    grid = DensityGrid(**params.grid)
    settings = FlowSettings(**params.flow)
    checkpoint = Checkpoint(
        Path(snakemake.output[0]).with_suffix(".checkpoint"),
        stage.fingerprint(),
        CHECKPOINT_INTERVAL,
    )
    progress = stage.progress("training", settings.steps * len(params.streams))

    def train_member(index: int, stream: list[Any]) -> TrainedFlow:
        """The flow of one member of the batch."""
        before = index * settings.steps
        return train_flow(
            grid,
            near["flux"][index],
            near["density"][index],
            settings,
            stream_seed(params.seed, "network", *stream),
            lambda done, loss: progress(before + done, f"loss {loss:.3g}"),
            checkpoint.of_member(index),
        )

    flows = [train_member(index, stream) for index, stream in enumerate(params.streams)]
    final_loss = np.array([flow.final_loss for flow in flows])
    stage.log.info("final losses %s", np.array2string(final_loss, precision=3))
    stage.write(
        FLOW,
        {
            "member": near["member"],
            "energy_max": grid.energy_max,
            **asdict(settings),
            "weights": np.stack([flow.weights for flow in flows]),
            "loss": np.stack([flow.loss for flow in flows]),
            "final_loss": final_loss,
        },
    )
    checkpoint.remove()
