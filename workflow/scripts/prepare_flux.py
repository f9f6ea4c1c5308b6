"""Fluxes at the detectors, and the modes of their uncertainty, on common energies."""

from typing import Any

from nd2fd.beam.builtin_modes import flux_modes
from nd2fd.beam.fluxes import read_fluxes, remarks
from nd2fd.beam.prepare import prepare_flux
from nd2fd.io.job import Job
from nd2fd.physics.setup import Setup

snakemake: Any

with Job(snakemake) as job:
    p, setup = job.params, Setup.from_config(job.params.setup)
    near, far = read_fluxes(p.flux, setup, p.has_far)
    for line in remarks(p.flux, near, far, setup)[0]:
        job.log.info("%s", line)
    modes = flux_modes(p.flux["uncertainty"], setup.energy_max)
    without_normalisation = p.flux["remove_normalisation"]
    job.save(prepare_flux(near, far, modes, setup.energy_max, without_normalisation))
