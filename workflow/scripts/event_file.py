"""Unweighted events of a known or learned cross section, in a file for others."""

from pathlib import Path
from typing import Any

from nd2fd.cross_sections.event_samples import SOURCES, structure_function_model, write_event_file
from nd2fd.io.job import Job
from nd2fd.io.schemas.inputs import Flux, Oscillation
from nd2fd.physics.density import DensityGrid

snakemake: Any

with Job(snakemake) as job:
    p, path = job.params, Path(job.output[0])
    artifact = job.load("cross_section", SOURCES[p.source["kind"]])
    model = structure_function_model(artifact, p.source["member"])
    fluxes = (job.load("flux", Flux), job.load_optional("oscillation", Oscillation))
    grid = DensityGrid.from_config(p.setup, p.grid)
    progress = job.progress("events", p.sample["number"])
    write_event_file(path, p.sample, model, fluxes, grid, job.provenance(), progress)
