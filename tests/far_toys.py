"""Far-detector analysis of the toy: its cells, events and fits."""

from functools import cache

import numpy as np
import pytest

import toy
from nd2fd.cross_sections.closure import closure_events, closure_truth
from nd2fd.cross_sections.models import cross_section_models
from nd2fd.detector.response import tabulated_response
from nd2fd.detector.smearing import Resolution, measured_events
from nd2fd.forward.nodes import NodeGrid
from nd2fd.physics.density import DensityGrid
from nd2fd.physics.oscillation_parameters import NUFIT_6_0
from nd2fd.statistics.far_analysis import FarAnalysis
from nd2fd.statistics.far_density import FarDetector
from nd2fd.statistics.fits import fit_members
from nd2fd.systematics.members import Assumptions

SETUP = toy.SETUP


FLUX, OSCILLATION = toy.inputs()


GRID = DensityGrid(SETUP, 100, 24, 24, 2)


RANGES = ((0.3, 0.7), (2.0e-3, 2.9e-3))


RESOLUTION = Resolution(0.05, 0.03)


TRUE_POINT = (4 * 0.47 * 0.53, 2.513e-3 - 7.49e-5)


SIZES = {"muon_energy_scale": 0.02}


N_EVENTS, N_REPLICAS = 1500, 60


SECTIONS = {
    "setup": {
        "target": "Ar40",
        "lepton": "muon",
        "helicity": "neutrino",
        "energy_max": 10.0,
        "x_max": 1.0,
    },
    "grid": {"n_energy": 100, "n_v1": 24, "n_v2": 24, "subsamples": 2},
    "oscillation": {
        "baseline": 1300.0,
        "matter_density": 2.848,
        "electron_fraction": 0.5,
        **vars(NUFIT_6_0),
    },
    "smearing": {"energy_resolution": 0.05, "angle_resolution": np.rad2deg(0.03)},
    "sin2_theta23": RANGES[0],
    "dm2_32": RANGES[1],
    "octant": "upper",
}


def identity(e_lepton, cos_theta):
    return e_lepton, cos_theta


def nothing(*_):
    pass


@pytest.fixture(scope="module")
@cache
def truth():
    return closure_truth(
        toy.structure_functions, FLUX, OSCILLATION, GRID, NodeGrid.for_setup(SETUP, 48, 48)
    )


@pytest.fixture(scope="module")
@cache
def response():
    return tabulated_response(GRID, RESOLUTION)


@pytest.fixture(scope="module", params=["exact", "smeared"])
def seen(request, response):
    """The analysis, and its events."""
    rng = np.random.default_rng(11)
    sample = closure_events(toy.structure_functions, FLUX, OSCILLATION, SETUP, N_EVENTS, rng)
    survival = toy.EXPERIMENT.survival_scan(GRID.energy)
    if request.param == "exact":
        return FarAnalysis(FarDetector.exact(GRID), survival, *RANGES, "lower"), sample
    detector = FarDetector(GRID, RESOLUTION, response.acceptance.ravel())
    measured = measured_events(sample, RESOLUTION, SETUP, rng)
    return FarAnalysis(detector, survival, *RANGES, "lower"), measured


def fit(analysis, truth, events, assumptions, parameters=None):
    of_members = list(assumptions)
    n = len(of_members)
    parameters = parameters or {"flux": np.zeros((n, 3))}
    return fit_members(
        analysis,
        cross_section_models(truth, n),
        Assumptions(of_members, parameters),
        list(range(n)),
        events,
        N_REPLICAS,
        np.random.default_rng(5),
        nothing,
    )
