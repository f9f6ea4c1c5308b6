"""Which members' regions contain the truth, in a block of pseudo-experiments."""

from typing import Any

from nd2fd.cross_sections.models import ARTIFACTS, cross_section_models, fitted_flux
from nd2fd.io.job import Job
from nd2fd.io.schemas.inputs import Flux, Oscillation, Response
from nd2fd.io.schemas.truth import Truth
from nd2fd.statistics.far_analysis import FarAnalysis
from nd2fd.statistics.pseudo_experiments import PseudoData, pseudo_experiments
from nd2fd.systematics.members import draw_assumptions

snakemake: Any
with Job(snakemake) as job:
    p, truth, flux = job.params, job.load("truth", Truth), job.load("flux", Flux)
    analysis = FarAnalysis.from_params(p, job.load_optional("response", Response))
    oscillation = job.load("oscillation", Oscillation)
    data = PseudoData(truth, flux, oscillation, p.n_events, p.replicas, p.seed, p.draw_flux)
    kind = ARTIFACTS[p.cross_section]
    cross_section = truth if kind is Truth else job.load_joined("members", kind)
    assumed = (p.nuisance_draws, flux, p.systematics, fitted_flux(cross_section))
    assumptions = draw_assumptions(p.seed, *assumed).of_members
    members = (cross_section_models(cross_section, len(assumptions)), assumptions)
    progress = job.progress("experiments", len(p.experiments))
    job.save(pseudo_experiments(analysis, data, *members, p.experiments, p.true_point, progress))
