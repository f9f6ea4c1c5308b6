"""Linear maps from spline coefficients to the near-detector density at an angle to the axis."""

from typing import Any

from nd2fd.detector.smearing import Resolution
from nd2fd.io.job import Job
from nd2fd.io.schemas.inputs import Flux
from nd2fd.io.schemas.joint import JointDesign
from nd2fd.physics.density import DensityGrid
from nd2fd.statistics.off_axis import off_axis_design

snakemake: Any

with Job(snakemake) as job:
    p, design = job.params, job.load("design", JointDesign)
    resolution = Resolution.from_config(p.smearing) if p.smearing else Resolution.ideal()
    grid, angle = DensityGrid.from_config(p.setup, p.grid), float(snakemake.wildcards.angle)
    job.save(off_axis_design(design, job.load("flux", Flux), resolution, grid, angle))
