"""Train the structure functions of a batch of ensemble members."""

from typing import Any

import torch

from nd2fd.io.checkpoint import checkpoint_of
from nd2fd.io.job import Job
from nd2fd.io.schemas.near import NearData
from nd2fd.io.schemas.truth import Truth
from nd2fd.learning.members import train_members
from nd2fd.physics.density import DensityGrid
from nd2fd.streams import stream_seed

snakemake: Any

with Job(snakemake) as job:
    torch.set_num_threads(snakemake.threads)
    p, checkpoint = job.params, checkpoint_of(job)
    data = (job.load("near", NearData), job.load("truth", Truth), job.load_response())
    grid = DensityGrid.from_config(p.setup, p.grid)
    seeds = [stream_seed(p.seed, "network", *stream) for stream in p.streams]
    progress = job.progress("training", p.training["evaluations"] * len(seeds))
    job.save(train_members(*data, grid, p.training, seeds, progress, checkpoint))
    checkpoint.remove()
