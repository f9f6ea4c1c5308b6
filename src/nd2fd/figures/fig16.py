"""Figure 16: different initial weights of the network."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from nd2fd.figures.contours import Artifacts, Curve, draw_ensembles
from nd2fd.figures.style import LEARNED, PAGE, TRUTH

Array = NDArray[np.float64]


def draw(intervals: Artifacts, fits: Artifacts, true_point: tuple[float, float]) -> Figure:
    """Regions, and the best fits enlarged: distances from the one with the true cross section.

    Parameters
    ----------
    intervals, fits
        Artifacts `intervals` and `fit` of the ensembles `truth` and `seeds`.
    true_point
        sin²2θ23 and Δm²32 [eV²] at which the data were made.
    """
    n_seeds = fits["seeds"]["member"].size
    curves = {
        "truth": Curve("true cross section", TRUTH, "--", "+"),
        "seeds": Curve(f"learned, {n_seeds} network seeds", LEARNED, "-"),
    }
    figure = plt.figure(figsize=(PAGE, 3.6))
    halves = figure.add_gridspec(1, 2, width_ratios=[1.15, 1])
    draw_ensembles(halves[0], curves, intervals, fits, true_point)

    enlarged = figure.add_subplot(halves[1])
    distances = [
        (fits["seeds"][f"best_{name}"] - fits["truth"][f"best_{name}"]) / fits["truth"][name].std()
        for name in ("sin2_2theta23", "dm2_32")
    ]
    for curve, points in zip(curves.values(), ([0.0, 0.0], distances), strict=True):
        enlarged.plot(*points, marker=curve.marker, color=curve.color, ls="", ms=7)
    largest = 1.3 * np.abs(distances).max()
    enlarged.set(
        xlim=(-largest, largest),
        ylim=(-largest, largest),
        aspect="equal",
        title="Best fits, relative to the statistical error",
        xlabel=r"distance in $\sin^2 2\theta_{23}$ ($\sigma_\mathrm{stat}$)",
        ylabel=r"distance in $\Delta m^2_{32}$ ($\sigma_\mathrm{stat}$)",
    )
    return figure
