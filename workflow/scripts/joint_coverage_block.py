"""Joint fits to pseudo-experiments in which flux, near and far events are drawn."""

from typing import Any

from nd2fd.io.job import Job
from nd2fd.io.schemas.inputs import Flux, Oscillation, Response
from nd2fd.io.schemas.joint import JointDesign, OffAxisDesign
from nd2fd.io.schemas.truth import Truth
from nd2fd.physics.density import DensityGrid
from nd2fd.statistics.far_analysis import FarAnalysis
from nd2fd.statistics.joint_analysis import ChosenPulls, JointAnalysis
from nd2fd.statistics.joint_experiments import JointData, joint_experiments

snakemake: Any

with Job(snakemake) as job:
    p, truth, flux = job.params, job.load("truth", Truth), job.load("flux", Flux)
    far = FarAnalysis.from_params(p, job.load_optional("response", Response))
    grid = DensityGrid.from_config(p.setup, p.near_grid)
    design, shape = job.load("design", JointDesign), (grid.n_v1, grid.n_v2)
    analysis = JointAnalysis.of(design, flux, far, p.price, shape, ChosenPulls(**p.pulls))
    osc, angles = job.load("oscillation", Oscillation), job.load_all("off_axis", OffAxisDesign)
    data = JointData(truth, flux, osc, p.near_events, p.n_events, p.seed, p.pulls["sizes"])
    what = (p.experiments, p.true_point, job.progress("experiments", len(p.experiments)))
    job.save(joint_experiments(analysis, grid, data, *what, angles))
