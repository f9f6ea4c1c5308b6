"""Probabilities that events of one cell are measured in another."""

from typing import Any

from nd2fd.detector.response import tabulated_response
from nd2fd.detector.smearing import Resolution
from nd2fd.io.job import Job
from nd2fd.physics.density import DensityGrid

snakemake: Any

with Job(snakemake) as job:
    p = job.params
    grid = DensityGrid.from_config(p.setup, p.grid)
    job.save(tabulated_response(grid, Resolution.from_config(p.smearing)))
