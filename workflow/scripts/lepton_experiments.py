"""Pseudo-experiments of an analysis of leptons."""

from typing import Any

from nd2fd.cross_sections.truths import PdfMember
from nd2fd.io.job import Job
from nd2fd.io.schemas.truth import StructureFunctionTable
from nd2fd.leptons.experiments import pseudo_experiments
from nd2fd.leptons.reading import lepton_analysis
from nd2fd.physics.setup import Setup
from nd2fd.streams import random_stream

snakemake: Any

with Job(snakemake) as job:
    p, setup = job.params, Setup.from_config(job.params.setup)
    pdf = PdfMember.of_job(job.input_path("pdf"), p.member, p.reader)
    table = job.load_optional("table", StructureFunctionTable)
    of_truth = (p.truth["model"], pdf, p.oscillation, p.nodes, table)
    analysis, _ = lepton_analysis(p.settings, setup, *of_truth)
    rng = random_stream(p.seed, "lepton_experiments", p.analysis)
    progress = job.progress("experiments", p.n_experiments)
    job.save(pseudo_experiments(analysis, p.n_experiments, rng, progress))
