"""What the members of a batch train on, if the near-detector events are from a file."""

from typing import Any

from nd2fd.events.files.reading import EventSource
from nd2fd.io.job import Job
from nd2fd.io.schemas.inputs import Flux
from nd2fd.io.schemas.near import NearHistogram
from nd2fd.learning.near_file import calibrated_histograms, histogram_of, near_data_of_file
from nd2fd.physics.density import DensityGrid
from nd2fd.systematics.members import draw_assumptions

snakemake: Any

with Job(snakemake) as job:
    p, flux = job.params, job.load("flux", Flux)
    grid = DensityGrid.from_config(p.setup, p.grid)
    assumptions = draw_assumptions(p.seed, p.nuisance_draws, flux, p.systematics)
    if path := job.input_path("events"):
        source = EventSource.open(path, p.reading, grid.setup)
        histograms = calibrated_histograms(source, grid, assumptions, job.progress(*source.size))
    else:
        histograms = [histogram_of(job.load("histogram", NearHistogram))]
    members = (assumptions, p.members, p.seed, p.streams)
    job.save(near_data_of_file(histograms, flux, grid, *members))
