"""Structure functions from near samples of all leptons, and what far samples then tell."""

from typing import Any

from nd2fd.io.job import Job
from nd2fd.leptons.reading import of_job
from nd2fd.leptons.results import lepton_fit

snakemake: Any

with Job(snakemake) as job:
    analysis, truths = of_job(job)
    job.save(lepton_fit(analysis, truths, job.progress("results", 4)))
