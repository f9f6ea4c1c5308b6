"""Oscillation parameters with the known and with learned cross sections."""

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from nd2fd.figures.contours import (
    MASS,
    MILLI,
    Contours,
    draw_contours,
    legend_handles,
    load_contours,
)
from nd2fd.figures.data import describe
from nd2fd.figures.style import COLUMN
from nd2fd.io.job import Job


def draw(contours: Contours, true_point: tuple[float, float]) -> Figure:
    """Contours at 1σ and 2σ, with the bootstrap distributions of each parameter beside them.

    The distributions are those of the first members; `true_point` is sin²2θ23 and Δm²32 [eV²] at
    which the data were made.
    """
    figure = plt.figure(figsize=(COLUMN, 3.5))
    axes = draw_contours(
        figure.add_gridspec()[0], contours.curves, contours.regions, true_point, side=1 / 3
    )
    for name, curve in contours.curves.items():
        look: dict[str, Any] = {"color": curve.color, "ls": curve.line, "gid": curve.label}
        fits = contours.fits[name]
        mixing, mass = fits.sin2_2theta23[0], fits.dm2_32[0] * MILLI
        axes.top.stairs(*np.histogram(mixing, 40, density=True), **look)
        masses = np.histogram(mass, 40, density=True)
        axes.right.stairs(*masses, orientation="horizontal", **look)
    describe(axes.top, "replicas, sin2_2theta23", "sin2_2theta23", "density")
    describe(axes.right, "replicas, dm2_32", "density of dm2_32 (1e3/eV2)", MASS)
    low, high = axes.main.get_ylim()
    # Room for the legend below the contours; with two curves it is 0.35 of the height.
    room = 0.35 * 1.3 ** (len(contours.curves) - 2)
    axes.main.set_ylim(low - room * (high - low), high)
    axes.main.legend(
        handles=legend_handles(contours.curves), loc="lower left", title="1$\\sigma$ and 2$\\sigma$"
    )
    return figure


def from_job(job: Job) -> Figure:
    """Of all ensembles shown."""
    return draw(load_contours(job), job.params.true_point)
