"""A small sample of near-detector events, continuous in energy and lepton momentum."""

from typing import Any

from nd2fd.cross_sections.closure import closure_events
from nd2fd.cross_sections.models import interpolated
from nd2fd.io.job import Job
from nd2fd.io.schemas.inputs import Flux
from nd2fd.io.schemas.truth import Truth
from nd2fd.physics.setup import Setup
from nd2fd.streams import random_stream

snakemake: Any

with Job(snakemake) as job:
    p = job.params
    structure_functions = interpolated(job.load("truth", Truth))
    setup, flux = Setup.from_config(p.setup), job.load("flux", Flux)
    rng = random_stream(p.seed, "near_event_file")
    job.save(closure_events(structure_functions, flux, None, setup, p.n_events, rng))
