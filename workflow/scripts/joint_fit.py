"""Joint fit of near-detector histograms and the far-detector events."""

from typing import Any

from nd2fd.io.job import Job
from nd2fd.io.schemas.events import Events
from nd2fd.io.schemas.inputs import Flux, Response
from nd2fd.io.schemas.joint import BeamDesign, JointDesign, OffAxisDesign
from nd2fd.io.schemas.near import NearHistogram
from nd2fd.io.schemas.truth import Truth
from nd2fd.physics.density import DensityGrid
from nd2fd.statistics.beams import samples_of_fit
from nd2fd.statistics.far_analysis import FarAnalysis
from nd2fd.statistics.joint_analysis import ChosenPulls
from nd2fd.statistics.joint_fits import joint_fit

snakemake: Any
with Job(snakemake) as job:
    p, nature = job.params, (job.load_optional("truth", Truth), job.load("flux", Flux))
    analysis = FarAnalysis.from_params(p, job.load_optional("response", Response))
    detector = analysis.detector.resolution, DensityGrid.from_config(p.setup, p.near_grid)
    angles, read = job.load_all("off_axis", OffAxisDesign), job.load_optional("near", NearHistogram)
    beams = job.load_all("beams", BeamDesign), job.load_all("beam_events", NearHistogram)
    design, far = job.load("design", JointDesign), job.load("events", Events)
    near = samples_of_fit(design, nature, angles, beams, read, detector, p.near_events, p.seed)
    settings = (p.price, p.points, job.progress("fit", 4), ChosenPulls(**p.pulls))
    job.save(joint_fit(near, analysis, nature[0], detector[1], (far.v1, far.v2), *settings))
