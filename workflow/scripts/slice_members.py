"""Cross sections of a batch at fixed neutrino energies."""

from typing import Any

from nd2fd.cross_sections.models import ARTIFACTS, cross_section_models
from nd2fd.cross_sections.predictions import slices
from nd2fd.io.job import Job
from nd2fd.physics.density import DensityGrid

snakemake: Any

with Job(snakemake) as job:
    p = job.params
    cross_section = job.load("cross_section", ARTIFACTS[p.cross_section])
    models = cross_section_models(cross_section, len(p.members))
    job.save(slices(models, p.members, DensityGrid.from_config(p.setup, p.grid)))
