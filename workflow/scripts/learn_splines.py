"""Splines of a batch of ensemble members, learned in closed form."""

from typing import Any

from nd2fd.io.job import Job
from nd2fd.io.schemas.joint import JointDesign
from nd2fd.io.schemas.learned import Splines
from nd2fd.io.schemas.near import NearData
from nd2fd.learning.spline_members import spline_members

snakemake: Any

with Job(snakemake) as job:
    near, design = job.load("near", NearData), job.load("design", JointDesign)
    progress, start = job.progress("members", near.member.size), job.load_optional("start", Splines)
    job.save(spline_members(near, design, job.params.price, progress, start))
