"""Densities of electron events at both detectors: true, learned, and their difference."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from nd2fd.figures.maps import draw_comparison
from nd2fd.figures.style import PAGE, V2_LABEL, v1_label
from nd2fd.io.job import Job
from nd2fd.io.schemas.leptons import LeptonFit
from nd2fd.physics.density import midpoints
from nd2fd.physics.setup import Setup

Array = NDArray[np.float64]


def draw(fit: LeptonFit, setup: Setup, rows: list[tuple[str, bool, int]]) -> Figure:
    """A row for each sample: its name, whether it is of the far detector, and its place there."""
    figure, axes = plt.subplots(
        len(rows),
        3,
        figsize=(PAGE, 0.9 + 1.75 * len(rows)),
        sharex=True,
        sharey=True,
        squeeze=False,
    )
    for row, (name, far, k) in zip(axes, rows, strict=True):
        true, learned = (
            (fit.far_true[k], fit.far_learned[k])
            if far
            else (fit.near_true[k], fit.near_learned[k])
        )
        v = midpoints(len(true))
        draw_comparison(figure, row, name, v, v, _density(true), _density(learned), setup)
        row[0].set_ylabel(f"{name}\n{V2_LABEL}")
    for axis, title in zip(axes[0], ("Truth", "Learned", "Learned $-$ truth"), strict=True):
        axis.set_title(title)
    for axis in axes[-1]:
        axis.set_xlabel(v1_label(setup.x_max))
    axes[0, 0].set(xlim=(0, 1), ylim=(0, 1), xticks=[0, 0.5, 1], xticklabels=["0", "0.5", "1"])
    return figure


def _density(shares: Array) -> Array:
    """Of unit integral."""
    return np.asarray(shares / shares.sum() * shares.size)


def from_job(job: Job) -> Figure:
    """Of the first analysis with electrons."""
    p = job.params
    fit = job.load(f"{p.analysis}_lepton_fit", LeptonFit)
    return draw(fit, Setup.from_config(p.setup), [tuple(row) for row in p.rows])
