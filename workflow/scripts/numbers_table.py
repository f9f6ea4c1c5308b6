"""The numbers that captions and documentation quote, with their provenance, and as LaTeX macros."""

from typing import Any

from nd2fd.io.job import Job
from nd2fd.report.collect import all_numbers, numbers_file
from nd2fd.report.numbers import as_latex

snakemake: Any

with Job(snakemake) as job:
    numbers = all_numbers(job)
    job.save_text("json", numbers_file(job, numbers))
    job.save_text("latex", as_latex(numbers))
