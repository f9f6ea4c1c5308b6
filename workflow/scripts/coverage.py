"""Coverage of an ensemble's regions over all pseudo-experiments."""

from typing import Any

from nd2fd.io.job import Job
from nd2fd.io.schemas.coverage import CoverageBlock
from nd2fd.statistics.pseudo_experiments import coverage_of
from nd2fd.streams import random_stream

snakemake: Any

with Job(snakemake) as job:
    blocks = job.load_joined("blocks", CoverageBlock, "experiment")
    rng = random_stream(job.params.seed, "coverage_members", snakemake.wildcards.ensemble)
    job.save(coverage_of(blocks, job.params.true_point, rng))
