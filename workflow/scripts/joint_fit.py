"""Joint fit of a near-detector histogram and the far-detector events."""

from typing import Any

from nd2fd.io.job import Job
from nd2fd.io.schemas.events import Events
from nd2fd.io.schemas.inputs import Flux, Response
from nd2fd.io.schemas.joint import JointDesign
from nd2fd.io.schemas.near import NearHistogram
from nd2fd.io.schemas.truth import Truth
from nd2fd.physics.density import DensityGrid
from nd2fd.statistics.far_analysis import FarAnalysis
from nd2fd.statistics.joint_fits import joint_fit, near_counts

snakemake: Any

with Job(snakemake) as job:
    p, nature = job.params, (job.load("truth", Truth), job.load("flux", Flux))
    analysis = FarAnalysis.from_params(p, job.load_optional("response", Response))
    resolution, grid = analysis.detector.resolution, DensityGrid.from_config(p.setup, p.near_grid)
    read = job.load_optional("near", NearHistogram)
    near = near_counts(read, *nature, resolution, grid, p.near_events, p.seed)
    design, events = job.load("design", JointDesign), job.load("events", Events)
    data, settings = (near, (events.v1, events.v2)), (p.price, p.points)
    job.save(joint_fit(design, analysis, *nature, grid, *data, *settings, job.progress("fit", 4)))
