"""Densities of electron events at both detectors: true, learned, and their difference."""

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from nd2fd.figures.maps import Compared, draw_comparisons
from nd2fd.io.job import Job
from nd2fd.io.schemas.leptons import LeptonFit
from nd2fd.physics.density import midpoints
from nd2fd.physics.setup import Setup

Array = NDArray[np.float64]


def draw(fit: LeptonFit, setup: Setup, rows: list[tuple[str, bool, int]]) -> Figure:
    """A row for each sample: its name, whether it is of the far detector, and its place there."""
    compared = []
    for name, far, k in rows:
        of_detector = (fit.far_true, fit.far_learned) if far else (fit.near_true, fit.near_learned)
        true, learned = (_density(values[k]) for values in of_detector)
        v = midpoints(len(true))
        compared.append(Compared(name, v, v, true, learned))
    return draw_comparisons(compared, setup)


def _density(shares: Array) -> Array:
    """Of unit integral."""
    return np.asarray(shares / shares.sum() * shares.size)


def from_job(job: Job) -> Figure:
    """Of the first analysis with electrons."""
    p = job.params
    fit = job.load(f"{p.analysis}_lepton_fit", LeptonFit)
    return draw(fit, Setup.from_config(p.setup), [tuple(row) for row in p.rows])
