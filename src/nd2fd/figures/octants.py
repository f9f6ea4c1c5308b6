"""The octants of θ23."""

from typing import Any

import matplotlib.pyplot as plt
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from nd2fd.figures.contours import MILLI, Contours, draw_contours, legend_handles, load_contours
from nd2fd.figures.style import ACCENT, COLUMN
from nd2fd.io.job import Job
from nd2fd.statistics.ensemble import better_octant

_EITHER = "0.85"
"""Grey of the distributions in either octant."""


def draw(contours: Contours, reference: str, true_point: tuple[float, float]) -> Figure:
    """Contours in sin²θ23, best fits in either octant, and distributions of the better one.

    Distributions are those of the first members.

    Parameters
    ----------
    contours
        All ensembles shown.
    reference
        The one with the known cross section, whose distribution in either octant stands behind.
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
    in_octants = contours.fits[reference].octant_sin2_theta23[0]
    low, high = axes.main.get_xlim()
    low, high = min(low, in_octants.min()), max(high, in_octants.max())
    axes.main.set_xlim(low, high)
    for octant in in_octants.T:
        axes.top.hist(octant, bins=50, range=(low, high), color=_EITHER)
    for name, curve in contours.curves.items():
        histogram: dict[str, Any] = {
            "histtype": "step",
            "color": curve.color,
            "ls": curve.line,
        }
        fits = contours.fits[name]
        theta, mass = (
            better_octant(values[0], fits.octant_log_likelihood[0])
            for values in (fits.octant_sin2_theta23, fits.octant_dm2_32)
        )
        axes.top.hist(theta, bins=50, range=(low, high), **histogram)
        axes.right.hist(mass * MILLI, bins=40, orientation="horizontal", **histogram)
    # Maximal mixing, between the octants.
    for panel in (axes.main, axes.top):
        panel.axvline(0.5, color="0.6", lw=0.6, zorder=0)
    axes.top.axvline(true_point[0], color=ACCENT, lw=0.8, ls=":")
    bottom, top = axes.main.get_ylim()
    # Room for the legend below the contours; with two curves it is 0.55 of the height.
    room = 0.55 * 1.3 ** (len(contours.curves) - 2)
    axes.main.set_ylim(bottom - room * (top - bottom), top)
    axes.main.legend(
        handles=[*legend_handles(contours.curves), Patch(color=_EITHER, label="in either octant")],
        loc="lower left",
        title="1$\\sigma$ and 2$\\sigma$",
    )
    return figure


def from_job(job: Job) -> Figure:
    """Of all ensembles shown."""
    return draw(load_contours(job), job.params.reference, job.params.true_point)
