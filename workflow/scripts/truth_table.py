"""The structure functions of a truth that takes long to compute, or is the user's."""

from typing import Any

from nd2fd.cross_sections.truths import PdfMember, table_of_truth
from nd2fd.io.job import Job
from nd2fd.physics.setup import Setup

snakemake: Any

with Job(snakemake) as job:
    p = job.params
    source = PdfMember.of_job(job.input_path("pdf"), p.member, p.reader) or job.input["table"]
    job.save(table_of_truth(p.truth["model"], Setup.from_config(p.setup), source))
