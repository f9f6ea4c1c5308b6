"""Fit the oscillation parameters to the far-detector events, with the cross sections of a batch."""

from typing import Any

from nd2fd.cross_sections.models import ARTIFACTS, cross_section_models, fitted_flux
from nd2fd.io.job import Job
from nd2fd.io.schemas.events import Events
from nd2fd.io.schemas.inputs import Flux, Response
from nd2fd.statistics.far_analysis import FarAnalysis
from nd2fd.statistics.fits import fit_members
from nd2fd.streams import random_stream
from nd2fd.systematics.members import draw_assumptions

snakemake: Any

with Job(snakemake) as job:
    p, cross_section = job.params, job.load("cross_section", ARTIFACTS[job.params.cross_section])
    analysis = FarAnalysis.from_params(p, job.load_optional("response", Response))
    models = cross_section_models(cross_section, len(p.members))
    assumed = (p.nuisance_draws, job.load("flux", Flux), p.systematics, fitted_flux(cross_section))
    assumptions = draw_assumptions(p.seed, *assumed)
    data = (job.load("events", Events), p.replicas, random_stream(p.seed, "bootstrap"))
    progress = job.progress("fits", len(p.members))
    job.save(fit_members(analysis, models, assumptions, p.members, *data, progress))
