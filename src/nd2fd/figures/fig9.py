"""Figure 9: the octants of θ23."""

from typing import Any

import matplotlib.pyplot as plt
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from nd2fd.figures.contours import MILLI, Artifacts, draw_contours, legend_handles
from nd2fd.figures.fig8 import CURVES
from nd2fd.figures.style import ACCENT, COLUMN
from nd2fd.statistics.ensemble import better_octant

_EITHER = "0.85"
"""Grey of the distributions in either octant."""


def draw(intervals: Artifacts, fits: Artifacts, true_point: tuple[float, float]) -> Figure:
    """Contours in sin²θ23, best fits in either octant, and distributions of the better one.

    Behind the latter stands the distribution in either octant with the known cross section.

    Parameters
    ----------
    intervals, fits
        Artifacts `intervals` and `fit` of the ensembles in `fig8.CURVES`.
    true_point
        sin²θ23 and Δm²32 [eV²] at which the data were made.
    """
    figure = plt.figure(figsize=(COLUMN, 3.7))
    regions = {name: {**intervals[name], "mask": intervals[name]["octant_mask"]} for name in CURVES}
    estimates = {
        name: {
            "best_sin2_theta23": fits[name]["best_octant_sin2_theta23"].ravel(),
            "best_dm2_32": fits[name]["best_octant_dm2_32"].ravel(),
        }
        for name in CURVES
    }
    axes = draw_contours(
        figure.add_gridspec()[0],
        CURVES,
        regions,
        estimates,
        true_point,
        side=1 / 3,
        angle="sin2_theta23",
    )
    replicas = {
        name: [
            better_octant(fits[name][key][0], fits[name]["octant_log_likelihood"][0])
            for key in ("octant_sin2_theta23", "octant_dm2_32")
        ]
        for name in CURVES
    }
    in_octants = fits["truth"]["octant_sin2_theta23"][0]
    low, high = axes.main.get_xlim()
    low, high = min(low, in_octants.min()), max(high, in_octants.max())
    axes.main.set_xlim(low, high)
    for octant in in_octants.T:
        axes.top.hist(octant, bins=50, range=(low, high), color=_EITHER)
    for name, curve in CURVES.items():
        histogram: dict[str, Any] = {
            "histtype": "step",
            "color": curve.color,
            "ls": curve.line,
        }
        theta, mass = replicas[name]
        axes.top.hist(theta, bins=50, range=(low, high), **histogram)
        axes.right.hist(mass * MILLI, bins=40, orientation="horizontal", **histogram)
    # Maximal mixing, between the octants.
    for panel in (axes.main, axes.top):
        panel.axvline(0.5, color="0.6", lw=0.6, zorder=0)
    axes.top.axvline(true_point[0], color=ACCENT, lw=0.8, ls=":")
    bottom, top = axes.main.get_ylim()
    # Room for the legend below the contours.
    axes.main.set_ylim(bottom - 0.55 * (top - bottom), top)
    axes.main.legend(
        handles=[*legend_handles(CURVES), Patch(color=_EITHER, label="in either octant")],
        loc="lower left",
        title="1$\\sigma$ and 2$\\sigma$",
    )
    return figure
