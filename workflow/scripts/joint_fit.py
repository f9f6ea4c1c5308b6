"""Joint fit of near-detector histograms and the far-detector events."""

from typing import Any

from nd2fd.io.job import Job
from nd2fd.io.schemas.events import Events
from nd2fd.io.schemas.inputs import Flux, Response
from nd2fd.io.schemas.joint import JointDesign, OffAxisDesign
from nd2fd.io.schemas.near import NearHistogram
from nd2fd.io.schemas.truth import Truth
from nd2fd.physics.density import DensityGrid
from nd2fd.statistics.far_analysis import FarAnalysis
from nd2fd.statistics.joint_analysis import ChosenPulls
from nd2fd.statistics.joint_fits import joint_fit
from nd2fd.statistics.off_axis import near_samples

snakemake: Any
with Job(snakemake) as job:
    p, nature = job.params, (job.load_optional("truth", Truth), job.load("flux", Flux))
    analysis = FarAnalysis.from_params(p, job.load_optional("response", Response))
    grid, progress = DensityGrid.from_config(p.setup, p.near_grid), job.progress("fit", 4)
    far, angles = job.load("events", Events), job.load_all("off_axis", OffAxisDesign)
    read, resolution = job.load_optional("near", NearHistogram), analysis.detector.resolution
    near, others = near_samples(read, angles, *nature, resolution, grid, p.near_events, p.seed)
    data = (job.load("design", JointDesign), analysis, *nature, grid, near, (far.v1, far.v2))
    job.save(joint_fit(*data, p.price, p.points, progress, others, ChosenPulls(**p.pulls)))
