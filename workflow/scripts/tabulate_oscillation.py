"""Survival probability at the true oscillation parameters."""

from typing import Any

from nd2fd.beam.spectra import tabulated_oscillation
from nd2fd.io.job import Job
from nd2fd.physics.baseline import Experiment
from nd2fd.physics.setup import Setup

snakemake: Any

with Job(snakemake) as job:
    p = job.params
    setup = Setup.from_config(p.setup)
    experiment = Experiment.from_config(p.oscillation, antineutrino=setup.antineutrino)
    job.save(tabulated_oscillation(experiment, setup.energy_max))
