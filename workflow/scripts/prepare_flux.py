"""Fluxes at the detectors, and the modes of their uncertainty, on common energies."""

from typing import Any

from nd2fd.beam.builtin import flux_table
from nd2fd.beam.builtin_modes import flux_modes
from nd2fd.beam.prepare import prepare_flux
from nd2fd.io.job import Job
from nd2fd.physics.setup import Setup

snakemake: Any

with Job(snakemake) as job:
    p, setup = job.params, Setup.from_config(job.params.setup)
    neutrinos = (setup.lepton, setup.antineutrino)
    near = flux_table(p.flux["near"], *neutrinos)
    # Without a flux of its own the far detector sees that of the near one.
    far = flux_table(p.flux["far"] or p.flux["near"], *neutrinos) if p.has_far else None
    modes = flux_modes(p.flux["uncertainty"], setup.energy_max)
    without_normalisation = p.flux["remove_normalisation"]
    job.save(prepare_flux(near, far, modes, setup.energy_max, without_normalisation))
