"""A figure of the catalogue."""

from importlib import import_module
from typing import Any

from nd2fd.figures.style import save, use_style
from nd2fd.io.job import Job

snakemake: Any

with Job(snakemake) as job:
    use_style(job.input.style)
    module = import_module(f"nd2fd.figures.{job.params.module}")
    save(module.from_job(job), job.output, job.params.note)
