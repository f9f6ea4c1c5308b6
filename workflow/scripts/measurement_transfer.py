"""A published measurement, predicted from the structure functions of another."""

from typing import Any

from nd2fd.io.job import Job
from nd2fd.io.schemas.measurements import Measurement
from nd2fd.measurements.fit import FitSettings
from nd2fd.measurements.transfer import predict_from
from nd2fd.physics.setup import Setup

snakemake: Any

with Job(snakemake) as job:
    p = job.params
    setups = Setup.from_config(p.setup), Setup.from_config(p.source_setup)
    settings = FitSettings(**p.settings), FitSettings(**p.source_settings)
    measurement, source = (job.load(name, Measurement) for name in ("measurement", "source"))
    job.save(predict_from(measurement, source, setups, settings))
