"""Best fits, intervals and shifts of all ensembles."""

from typing import Any

from nd2fd.io.job import Job
from nd2fd.io.schemas.fits import Fits, Intervals
from nd2fd.report.fit_tables import oscillation_table

snakemake: Any

with Job(snakemake) as job:
    names = job.params.ensembles
    intervals = {name: job.load(f"{name}_intervals", Intervals) for name in names}
    fits = {name: job.load_joined(f"{name}_fits", Fits) for name in names}
    job.save_table(oscillation_table(intervals, fits, job.params.references))
