"""The truth: densities at the detectors, cross section, and W_i' on the nodes."""

from typing import Any

from nd2fd.cross_sections.closure import closure_truth
from nd2fd.cross_sections.truths import PdfMember, true_structure_functions
from nd2fd.forward.nodes import NodeGrid
from nd2fd.io.job import Job
from nd2fd.io.schemas.inputs import Flux, Oscillation
from nd2fd.io.schemas.truth import StructureFunctionTable
from nd2fd.physics.density import DensityGrid

snakemake: Any

with Job(snakemake) as job:
    p, grid = job.params, DensityGrid.from_config(job.params.setup, job.params.grid)
    pdf = PdfMember.of_job(job.input_path("pdf"), p.member, p.reader)
    table = job.load_optional("table", StructureFunctionTable)
    structure_functions = true_structure_functions(p.truth["model"], grid.setup, pdf, table)
    oscillation = job.load_optional("oscillation", Oscillation)
    inputs = (structure_functions, job.load("flux", Flux), oscillation)
    job.save(closure_truth(*inputs, grid, NodeGrid.for_setup(grid.setup, **p.nodes)))
