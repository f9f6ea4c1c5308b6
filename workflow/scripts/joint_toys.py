"""Toys from which thresholds of a joint fit's regions are taken."""

from typing import Any

from nd2fd.io.job import Job
from nd2fd.io.schemas.inputs import Flux, Response
from nd2fd.io.schemas.joint import JointDesign, JointFit
from nd2fd.statistics.far_analysis import FarAnalysis
from nd2fd.statistics.feldman_cousins import toys_of_fit
from nd2fd.statistics.joint_analysis import ChosenPulls, JointAnalysis
from nd2fd.streams import random_stream

snakemake: Any

with Job(snakemake) as job:
    p, fit = job.params, job.load("fit", JointFit)
    far = FarAnalysis.from_params(p, job.load_optional("response", Response))
    design, shape = job.load("design", JointDesign), fit.near_density.shape
    settings = (p.price, shape, ChosenPulls(**p.pulls))
    analysis = JointAnalysis.of(design, job.load("flux", Flux), far, *settings)
    rng = random_stream(p.seed, "joint_toys", snakemake.wildcards.fit)
    progress = job.progress("values of sin²θ23", len(p.toy_mixing))
    job.save(toys_of_fit(analysis, fit, p.toy_mixing, p.n_toys, rng, progress))
