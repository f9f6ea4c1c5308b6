"""Near-detector events of another beam, in cells, drawn from the truth."""

from typing import Any

from nd2fd.detector.smearing import Resolution
from nd2fd.io.job import Job
from nd2fd.io.schemas.inputs import Flux
from nd2fd.io.schemas.truth import Truth
from nd2fd.learning.near_data import drawn_histogram
from nd2fd.physics.density import DensityGrid
from nd2fd.streams import random_stream

snakemake: Any

with Job(snakemake) as job:
    p, nature = job.params, (job.load("truth", Truth), job.load("flux", Flux))
    resolution = Resolution.from_config(p.smearing) if p.smearing else Resolution.ideal()
    grid = DensityGrid.from_config(p.setup, p.grid)
    rng = random_stream(p.seed, "beam_events", snakemake.wildcards.beam)
    job.save(drawn_histogram(*nature, resolution, grid, p.n_events, rng))
