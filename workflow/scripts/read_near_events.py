"""Near-detector events of a file, in cells."""

from typing import Any

from nd2fd.events.files.reading import EventSource
from nd2fd.io.job import Job
from nd2fd.learning.near_file import near_histogram
from nd2fd.physics.density import DensityGrid

snakemake: Any

with Job(snakemake) as job:
    p, grid = job.params, DensityGrid.from_config(job.params.setup, job.params.grid)
    source = EventSource.open(job.input.events, p.reading, grid.setup)
    progress = job.progress(*source.size)
    job.save(near_histogram(source, grid, p.n_events, progress, p.section))
