"""Far-detector data: events drawn from the truth, continuous in energy and lepton momentum."""

from typing import Any

from nd2fd.cross_sections.closure import closure_events
from nd2fd.cross_sections.truths import PdfMember, true_structure_functions
from nd2fd.io.job import Job
from nd2fd.io.schemas.inputs import Flux, Oscillation
from nd2fd.io.schemas.truth import StructureFunctionTable
from nd2fd.physics.setup import Setup
from nd2fd.streams import random_stream

snakemake: Any

with Job(snakemake) as job:
    p = job.params
    setup = Setup.from_config(p.setup)
    pdf = PdfMember.of_job(job.input_path("pdf"), p.member, p.reader)
    table = job.load_optional("table", StructureFunctionTable)
    structure_functions = true_structure_functions(p.truth["model"], setup, pdf, table)
    flux, oscillation = job.load("flux", Flux), job.load("oscillation", Oscillation)
    rng = random_stream(p.seed, "far_events")
    job.save(closure_events(structure_functions, flux, oscillation, setup, p.n_events, rng))
