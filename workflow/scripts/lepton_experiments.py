"""Pseudo-experiments of an analysis of leptons."""

from typing import Any

from nd2fd.io.job import Job
from nd2fd.leptons.experiments import pseudo_experiments
from nd2fd.leptons.reading import of_job
from nd2fd.streams import random_stream

snakemake: Any

with Job(snakemake) as job:
    p = job.params
    analysis, _ = of_job(job)
    rng = random_stream(p.seed, "lepton_experiments", p.analysis)
    progress = job.progress("experiments", p.n_experiments)
    job.save(pseudo_experiments(analysis, p.n_experiments, rng, progress))
