"""Figure 15: the uncertainty of the flux shape, with the true and with learned cross sections."""

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from nd2fd.figures.contours import Artifacts, Curve, draw_ensembles
from nd2fd.figures.style import COLUMN, LEARNED, SECOND, TRUTH

CURVES = {
    "truth": Curve("true flux, true cross section", TRUTH, "--", "+"),
    "flux_truth": Curve("drawn fluxes, true cross section", SECOND, "-."),
    "flux": Curve("drawn fluxes, learned cross sections", LEARNED, "-"),
}


def draw(intervals: Artifacts, fits: Artifacts, true_point: tuple[float, float]) -> Figure:
    """Regions at 1σ and 2σ, the members' best fits, and the intervals of each parameter.

    Parameters
    ----------
    intervals, fits
        Artifacts `intervals` and `fit` of the ensembles in `CURVES`.
    true_point
        sin²2θ23 and Δm²32 [eV²] at which the data were made.
    """
    figure = plt.figure(figsize=(COLUMN, 4.1))
    draw_ensembles(figure.add_gridspec()[0], CURVES, intervals, fits, true_point)
    return figure
