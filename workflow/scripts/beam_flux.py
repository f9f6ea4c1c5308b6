"""Flux of another beam at a near detector, and the modes of its uncertainty."""

from typing import Any

from nd2fd.beam.builtin_modes import flux_modes
from nd2fd.beam.fluxes import read_flux_of
from nd2fd.beam.prepare import prepare_flux
from nd2fd.io.job import Job
from nd2fd.physics.setup import Setup

snakemake: Any

with Job(snakemake) as job:
    p, setup = job.params, Setup.from_config(job.params.setup)
    key = f"joint.beams.{snakemake.wildcards.beam}.flux"
    near = read_flux_of(key, p.beam["flux"], p.beam["flux_format"], setup)
    modes = flux_modes(p.beam["uncertainty"], setup.energy_max)
    job.save(prepare_flux(near, None, modes, setup.energy_max, True))
