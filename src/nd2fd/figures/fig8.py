"""Figure 8: oscillation parameters with the true and with a learned cross section."""

from typing import Any

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from nd2fd.figures.contours import MILLI, Artifacts, Curve, draw_contours, legend_handles
from nd2fd.figures.style import COLUMN, LEARNED, TRUTH

CURVES = {
    "truth": Curve(r"true $\sigma$", TRUTH, "--", "+"),
    "nominal": Curve(r"learned $\sigma$", LEARNED, "-", "x"),
}


def draw(intervals: Artifacts, fits: Artifacts, true_point: tuple[float, float]) -> Figure:
    """Contours at 1σ and 2σ, with the bootstrap distributions of each parameter beside them.

    Parameters
    ----------
    intervals, fits
        Artifacts `intervals` and `fit` of the ensembles in `CURVES`.
    true_point
        sin²2θ23 and Δm²32 [eV²] at which the data were made.
    """
    figure = plt.figure(figsize=(COLUMN, 3.5))
    axes = draw_contours(figure.add_gridspec()[0], CURVES, intervals, fits, true_point, side=1 / 3)
    for name, curve in CURVES.items():
        histogram: dict[str, Any] = {
            "bins": 40,
            "density": True,
            "histtype": "step",
            "color": curve.color,
            "ls": curve.line,
        }
        axes.top.hist(fits[name]["sin2_2theta23"][0], **histogram)
        axes.right.hist(fits[name]["dm2_32"][0] * MILLI, orientation="horizontal", **histogram)
    low, high = axes.main.get_ylim()
    # Room for the legend below the contours.
    axes.main.set_ylim(low - 0.35 * (high - low), high)
    axes.main.legend(
        handles=legend_handles(CURVES), loc="lower left", title="1$\\sigma$ and 2$\\sigma$"
    )
    return figure
