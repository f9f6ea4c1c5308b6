"""A published measurement, in the project's units."""

from pathlib import Path
from typing import Any

from nd2fd.io.job import Job
from nd2fd.measurements.readers import READERS
from nd2fd.physics.setup import Target

snakemake: Any

with Job(snakemake) as job:
    reading = job.params.reading
    measured = READERS[reading["reader"]].read(Path(reading["path"]))
    job.save(measured.artifact(Target.parse(reading["target"])))
