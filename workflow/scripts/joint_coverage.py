"""Coverage of a joint fit's regions over all pseudo-experiments."""

from typing import Any

from nd2fd.io.job import Job
from nd2fd.io.schemas.joint import JointCoverageBlock, JointToys
from nd2fd.statistics.joint_experiments import joint_coverage_of

snakemake: Any

with Job(snakemake) as job:
    blocks = job.load_joined("blocks", JointCoverageBlock, "experiment")
    toys = job.load_optional("toys", JointToys)
    job.save(joint_coverage_of(blocks, toys, job.params.true_point))
