"""The octants of θ23."""

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
from nd2fd.figures.style import ACCENT, COLUMN
from nd2fd.io.job import Job
from nd2fd.statistics.ensemble import octant_weights


def draw(contours: Contours, true_point: tuple[float, float]) -> Figure:
    """Contours in sin²θ23, best fits in either octant, and distributions of the replicas.

    Distributions are those of the first members; either octant counts as much as the data say.

    Parameters
    ----------
    contours
        All ensembles shown.
    true_point
        sin²θ23 and Δm²32 [eV²] at which the data were made.
    """
    figure = plt.figure(figsize=(COLUMN, 3.7))
    axes = draw_contours(
        figure.add_gridspec()[0],
        contours.curves,
        contours.octant_regions,
        true_point,
        side=1 / 3,
        angle="sin2_theta23",
    )
    shown = [contours.fits[name].octant_sin2_theta23[0] for name in contours.curves]
    low, high = axes.main.get_xlim()
    low, high = min(low, *(s.min() for s in shown)), max(high, *(s.max() for s in shown))
    axes.main.set_xlim(low, high)
    for name, curve in contours.curves.items():
        look: dict[str, Any] = {"color": curve.color, "ls": curve.line, "gid": curve.label}
        fits = contours.fits[name]
        (weights,) = octant_weights(
            fits.best_octant_log_likelihood[:1], fits.octant_sin2_theta23[:1]
        )
        theta, mass = fits.octant_sin2_theta23[0], fits.octant_dm2_32[0]
        of_theta, of_mass = (
            np.histogram(values.ravel(), bins, span, weights=weights.ravel())
            for values, bins, span in ((theta, 50, (low, high)), (mass * MILLI, 40, None))
        )
        axes.top.stairs(*of_theta, **look)
        axes.right.stairs(*of_mass, orientation="horizontal", **look)
    describe(axes.top, "replicas, sin2_theta23", "sin2_theta23", "weight")
    describe(axes.right, "replicas, dm2_32", "weight", MASS)
    # Maximal mixing, between the octants.
    for panel in (axes.main, axes.top):
        panel.axvline(0.5, color="0.6", lw=0.6, zorder=0)
    axes.top.axvline(true_point[0], color=ACCENT, lw=0.8, ls=":")
    bottom, top = axes.main.get_ylim()
    # Room for the legend below the contours; with two curves it is 0.55 of the height.
    room = 0.55 * 1.3 ** (len(contours.curves) - 2)
    axes.main.set_ylim(bottom - room * (top - bottom), top)
    axes.main.legend(
        handles=legend_handles(contours.curves),
        loc="lower left",
        title="1$\\sigma$ and 2$\\sigma$",
    )
    return figure


def from_job(job: Job) -> Figure:
    """Of all ensembles shown."""
    return draw(load_contours(job), job.params.true_point)
