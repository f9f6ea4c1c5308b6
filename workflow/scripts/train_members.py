"""Train the structure functions of a batch of ensemble members."""

from typing import Any

import torch

from nd2fd.io.checkpoint import checkpoint_of
from nd2fd.io.job import Job
from nd2fd.io.schemas.inputs import Flux
from nd2fd.io.schemas.learned import Networks
from nd2fd.io.schemas.near import NearData
from nd2fd.io.schemas.truth import Truth
from nd2fd.learning.members import NearAnalysis, train_members
from nd2fd.streams import seeds_of

snakemake: Any

with Job(snakemake) as job:
    torch.set_num_threads(snakemake.threads)
    p, checkpoint, start = job.params, checkpoint_of(job), job.load_optional("start", Networks)
    data = (job.load("near", NearData), job.load_optional("truth", Truth), job.load_response())
    analysis = NearAnalysis.from_params(p, job.load("flux", Flux))
    progress = job.progress("training", p.training["evaluations"] * len(p.streams))
    job.save(train_members(*data, analysis, p.training, seeds_of(p), progress, checkpoint, start))
    checkpoint.remove()
