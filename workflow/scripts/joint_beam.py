"""Linear maps from spline coefficients to the near-detector density in another beam."""

from typing import Any

from nd2fd.detector.smearing import Resolution
from nd2fd.io.job import Job
from nd2fd.io.schemas.inputs import Flux
from nd2fd.io.schemas.joint import JointDesign
from nd2fd.physics.density import DensityGrid
from nd2fd.statistics.beams import beam_design

snakemake: Any

with Job(snakemake) as job:
    p, design = job.params, job.load("design", JointDesign)
    resolution = Resolution.from_config(p.smearing) if p.smearing else Resolution.ideal()
    grid = DensityGrid.from_config(p.setup, p.grid)
    job.save(beam_design(design, job.load("flux", Flux), resolution, grid))
