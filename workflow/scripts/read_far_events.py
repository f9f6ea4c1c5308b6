"""Far-detector events of a file."""

from typing import Any

from nd2fd.events.files.reading import EventSource
from nd2fd.events.measured_events import measured_events
from nd2fd.io.job import Job
from nd2fd.physics.setup import Setup

snakemake: Any

with Job(snakemake) as job:
    p, setup = job.params, Setup.from_config(job.params.setup)
    source = EventSource.open(job.input.events, p.reading, setup)
    progress = job.progress(*source.size)
    job.save(measured_events(source, p.n_events, progress))
