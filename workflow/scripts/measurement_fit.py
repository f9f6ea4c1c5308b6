"""Structure functions of a published measurement, and what its marginal predicts."""

from typing import Any

from nd2fd.io.job import Job
from nd2fd.io.schemas.measurements import Measurement
from nd2fd.measurements.fit import FitSettings, fit_measurement
from nd2fd.physics.setup import Setup

snakemake: Any

with Job(snakemake) as job:
    setup, settings = Setup.from_config(job.params.setup), FitSettings(**job.params.settings)
    job.save(fit_measurement(job.load("measurement", Measurement), setup, settings))
