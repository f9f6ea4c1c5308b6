"""Oscillation parameters with the known and with learned cross sections."""

from typing import Any

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from nd2fd.figures.contours import (
    MILLI,
    Contours,
    draw_contours,
    legend_handles,
    load_contours,
)
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
        histogram: dict[str, Any] = {
            "bins": 40,
            "density": True,
            "histtype": "step",
            "color": curve.color,
            "ls": curve.line,
        }
        fits = contours.fits[name]
        axes.top.hist(fits.sin2_2theta23[0], **histogram)
        axes.right.hist(fits.dm2_32[0] * MILLI, orientation="horizontal", **histogram)
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
