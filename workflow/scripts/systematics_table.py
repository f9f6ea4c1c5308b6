"""What each systematic uncertainty does to the oscillation parameters, in units of σ_stat."""

from typing import Any

from nd2fd.io.job import Job
from nd2fd.io.schemas.fits import Fits, Intervals
from nd2fd.report.fit_tables import systematics_latex, systematics_table

snakemake: Any

with Job(snakemake) as job:
    pairs = job.params.references
    names = {*pairs, *pairs.values()}
    intervals = {name: job.load(f"{name}_intervals", Intervals) for name in names}
    fits = {name: job.load_joined(f"{name}_fits", Fits) for name in names}
    table = systematics_table(intervals, fits, pairs)
    job.save_table(table)
    job.save_text("latex", systematics_latex(table))
