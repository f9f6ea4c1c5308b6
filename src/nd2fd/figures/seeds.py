"""Different initial weights of the network."""

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from nd2fd.figures.contours import Contours, draw_ensembles, load_contours
from nd2fd.figures.data import describe
from nd2fd.figures.style import PAGE
from nd2fd.io.job import Job


def draw(contours: Contours, reference: str, true_point: tuple[float, float]) -> Figure:
    """Regions, and the best fits enlarged: distances from the one with the known cross section.

    Parameters
    ----------
    contours
        All ensembles shown.
    reference
        The one with the known cross section.
    true_point
        sin²2θ23 and Δm²32 [eV²] at which the data were made.
    """
    figure = plt.figure(figsize=(PAGE, 3.6))
    halves = figure.add_gridspec(1, 2, width_ratios=[1.15, 1])
    draw_ensembles(halves[0], contours, true_point)

    enlarged = figure.add_subplot(halves[1])
    known = contours.fits[reference]
    largest = 0.0
    for name, curve in contours.curves.items():
        fits = contours.fits[name]
        distances = (
            (fits.best_sin2_2theta23 - known.best_sin2_2theta23) / known.sin2_2theta23.std(),
            (fits.best_dm2_32 - known.best_dm2_32) / known.dm2_32.std(),
        )
        look: dict[str, Any] = {
            "marker": curve.marker,
            "color": curve.color,
            "ls": "",
            "gid": curve.label,
        }
        enlarged.plot(*distances, ms=7, **look)
        largest = max(largest, np.abs(distances).max())
    names = (f"distance in {name} (sigma_stat)" for name in ("sin2_2theta23", "dm2_32"))
    describe(enlarged, "best fits", *names)
    limits = -1.3 * largest, 1.3 * largest
    enlarged.set(
        xlim=limits,
        ylim=limits,
        aspect="equal",
        title="Best fits, relative to the statistical error",
        xlabel=r"distance in $\sin^2 2\theta_{23}$ ($\sigma_\mathrm{stat}$)",
        ylabel=r"distance in $\Delta m^2_{32}$ ($\sigma_\mathrm{stat}$)",
    )
    return figure


def from_job(job: Job) -> Figure:
    """Of all ensembles shown."""
    return draw(load_contours(job), job.params.reference, job.params.true_point)
