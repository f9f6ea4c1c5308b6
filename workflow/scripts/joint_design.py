"""Linear maps from spline coefficients to the densities of both detectors."""

from typing import Any

from nd2fd.forward.nodes import NodeGrid
from nd2fd.io.job import Job
from nd2fd.io.schemas.inputs import Flux, Response
from nd2fd.physics.density import DensityGrid
from nd2fd.statistics.far_analysis import FarAnalysis
from nd2fd.statistics.joint_design import joint_design
from nd2fd.systematics.pulls import detector_pulls

snakemake: Any

with Job(snakemake) as job:
    p, flux = job.params, job.load("flux", Flux)
    analysis = FarAnalysis.from_params(p, job.load_optional("response", Response))
    grid = DensityGrid.from_config(p.setup, p.near_grid)
    nodes = NodeGrid.for_setup(grid.setup, **p.nodes)
    pulls = detector_pulls(p.pulls, flux, p.sizes)
    progress = job.progress("detectors", 2)
    job.save(joint_design(nodes, flux, analysis, grid, p.true_point, p.intervals, progress, pulls))
