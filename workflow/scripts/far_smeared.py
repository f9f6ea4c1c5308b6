"""Far-detector events as the detector measures them; those that leave the acceptance are lost."""

from typing import Any

from nd2fd.detector.smearing import Resolution, measured_events
from nd2fd.io.job import Job
from nd2fd.io.schemas.events import Events
from nd2fd.physics.setup import Setup
from nd2fd.streams import random_stream

snakemake: Any

with Job(snakemake) as job:
    p = job.params
    events = job.load("events", Events)
    rng = random_stream(p.seed, "far_smeared")
    resolution, setup = Resolution.from_config(p.smearing), Setup.from_config(p.setup)
    measured = measured_events(events, resolution, setup, rng)
    job.log.info("measured: %d of %d events", measured.v1.size, events.v1.size)
    job.save(measured)
