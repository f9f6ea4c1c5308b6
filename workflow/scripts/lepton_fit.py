"""Structure functions from near samples of all leptons, and what far samples then tell."""

from typing import Any

from nd2fd.cross_sections.truths import PdfMember
from nd2fd.io.job import Job
from nd2fd.io.schemas.truth import StructureFunctionTable
from nd2fd.leptons.reading import lepton_analysis
from nd2fd.leptons.results import lepton_fit
from nd2fd.physics.setup import Setup

snakemake: Any

with Job(snakemake) as job:
    p, setup = job.params, Setup.from_config(job.params.setup)
    pdf = PdfMember.of_job(job.input_path("pdf"), p.member, p.reader)
    table = job.load_optional("table", StructureFunctionTable)
    of_truth = (p.truth["model"], pdf, p.oscillation, p.nodes, table)
    analysis, truths = lepton_analysis(p.settings, setup, *of_truth)
    job.save(lepton_fit(analysis, truths, job.progress("results", 4)))
