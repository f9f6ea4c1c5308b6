"""Figure 8: oscillation parameters with the true and with a learned cross section."""

from collections.abc import Mapping
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from nd2fd.figures.style import ACCENT, COLUMN, LEARNED, TRUTH

Array = NDArray[np.float64]

_MILLI = 1e3
"""Δm² is drawn in 1e-3 eV²."""


def draw(
    intervals: Mapping[str, Mapping[str, Array]],
    fits: Mapping[str, Mapping[str, Array]],
    true_point: tuple[float, float],
) -> Figure:
    """Contours at 1σ and 2σ, with the bootstrap distributions of each parameter beside them.

    Parameters
    ----------
    intervals, fits
        Artifacts `intervals` and `fit` of ensembles with one member, as `truth` and `learned`.
    true_point
        sin²2θ23 and Δm²32 [eV²] at which the data were made.
    """
    figure = plt.figure(figsize=(COLUMN, 3.5))
    cells = figure.add_gridspec(2, 2, width_ratios=[3, 1], height_ratios=[1, 3])
    main = figure.add_subplot(cells[1, 0])
    top = figure.add_subplot(cells[0, 0], sharex=main)
    right = figure.add_subplot(cells[1, 1], sharey=main)
    styles = {"truth": (TRUTH, "--"), "learned": (LEARNED, "-")}
    for name, (color, line) in styles.items():
        region, fit = intervals[name], fits[name]
        mixing, mass = region["sin2_2theta23"], region["dm2_32"] * _MILLI
        for level in range(region["n_sigma"].size):
            main.contour(
                mixing,
                mass,
                region["mask"][level].T.astype(float),
                levels=[0.5],
                colors=color,
                linestyles=line,
                linewidths=1.2 if level == 0 else 0.8,
            )
        main.plot(
            fit["best_sin2_2theta23"],
            fit["best_dm2_32"] * _MILLI,
            marker="+" if name == "truth" else "x",
            color=color,
            ls="",
        )
        histogram: dict[str, Any] = {
            "bins": 40,
            "density": True,
            "histtype": "step",
            "color": color,
            "ls": line,
        }
        top.hist(fit["sin2_2theta23"][0], **histogram)
        right.hist(fit["dm2_32"][0] * _MILLI, orientation="horizontal", **histogram)
    main.plot(true_point[0], true_point[1] * _MILLI, marker="*", color=ACCENT, ls="", ms=7)

    outer = np.logical_or(*(intervals[name]["mask"][-1] for name in styles))
    in_mixing, in_mass = outer.any(axis=1), outer.any(axis=0)
    low, high = mixing[in_mixing].min(), mixing[in_mixing].max()
    main.set_xlim(low - 0.1 * (high - low), 1.0)
    low, high = mass[in_mass].min(), mass[in_mass].max()
    # Room for the legend below the contours.
    main.set_ylim(low - 0.45 * (high - low), high + 0.1 * (high - low))
    main.set(
        xlabel=r"$\sin^2 2\theta_{23}$", ylabel=r"$\Delta m^2_{32}$ ($10^{-3}\,\mathrm{eV}^2$)"
    )
    for axis in (top, right):
        axis.tick_params(labelbottom=False, labelleft=False, left=False, right=False)
    top.tick_params(which="both", left=False, right=False)
    right.tick_params(which="both", bottom=False, top=False)
    handles = [
        Line2D([], [], color=TRUTH, ls="--", label="true $\\sigma$"),
        Line2D([], [], color=LEARNED, label="learned $\\sigma$"),
        Line2D([], [], color=ACCENT, marker="*", ls="", label="true value"),
    ]
    main.legend(handles=handles, loc="lower left", title="1$\\sigma$ and 2$\\sigma$")
    return figure
