"""Confidence regions and intervals of an ensemble."""

from typing import Any

from nd2fd.io.job import Job
from nd2fd.io.schemas.fits import Fits
from nd2fd.statistics.ensemble import regions_of_ensemble

snakemake: Any

with Job(snakemake) as job:
    p, fits = job.params, job.load_joined("fits", Fits)
    job.save(regions_of_ensemble(fits, p.sin2_theta23, p.dm2_32, p.points))
