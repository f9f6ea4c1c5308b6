"""Networks with the structure functions of all leptons."""

from typing import Any

import torch

from nd2fd.io.job import Job
from nd2fd.leptons.networks import lepton_networks
from nd2fd.leptons.reading import of_job
from nd2fd.streams import seeds_of

snakemake: Any

with Job(snakemake) as job:
    torch.set_num_threads(snakemake.threads)
    p = job.params
    analysis, _ = of_job(job)
    progress = job.progress("training", p.training["evaluations"] * len(p.streams))
    job.save(lepton_networks(analysis, seeds_of(p), p.training, progress))
