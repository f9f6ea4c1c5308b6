"""Train the flows of a batch of ensemble members: the baseline without structure functions."""

from typing import Any

import torch

from nd2fd.cross_sections.flow import FlowSettings
from nd2fd.io.checkpoint import checkpoint_of
from nd2fd.io.job import Job
from nd2fd.io.schemas.near import NearData
from nd2fd.learning.flow_training import train_flows
from nd2fd.physics.density import DensityGrid
from nd2fd.streams import seeds_of

snakemake: Any

with Job(snakemake) as job:
    torch.set_num_threads(snakemake.threads)
    p, checkpoint = job.params, checkpoint_of(job)
    near, settings = job.load("near", NearData), FlowSettings(**p.flow)
    grid = DensityGrid.from_config(p.setup, p.grid)
    seeds = seeds_of(p)
    progress = job.progress("training", settings.steps * len(seeds))
    job.save(train_flows(near, grid, settings, seeds, progress, checkpoint))
    checkpoint.remove()
