"""One-dimensional marginals of the event densities of a batch of cross sections, on a fine grid."""

from typing import Any

from nd2fd.cross_sections.models import ARTIFACTS, cross_section_models
from nd2fd.cross_sections.predictions import marginals
from nd2fd.io.job import Job
from nd2fd.io.schemas.inputs import Flux, Oscillation
from nd2fd.physics.density import DensityGrid

snakemake: Any

with Job(snakemake) as job:
    p = job.params
    cross_section = job.load("cross_section", ARTIFACTS[p.cross_section])
    models = cross_section_models(cross_section, len(p.members))
    oscillation = job.load_optional("oscillation", Oscillation)
    grid = DensityGrid.from_config(p.setup, p.grid)
    job.save(marginals(models, p.members, job.load("flux", Flux), oscillation, grid))
