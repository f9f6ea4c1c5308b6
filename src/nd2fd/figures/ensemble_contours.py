"""Regions of ensembles, with the intervals of either parameter."""

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from nd2fd.figures.contours import Contours, draw_ensembles, load_contours
from nd2fd.figures.style import COLUMN
from nd2fd.io.job import Job


def draw(contours: Contours, true_point: tuple[float, float] | None) -> Figure:
    """A figure of one column: regions at 1σ and 2σ, best fits, and the parameters' intervals.

    `true_point` is sin²2θ23 and Δm²32 [eV²] at which the data were made; None: not known.
    """
    figure = plt.figure(figsize=(COLUMN, 3.5 + 0.2 * len(contours.curves)))
    draw_ensembles(figure.add_gridspec()[0], contours, true_point)
    return figure


def from_job(job: Job) -> Figure:
    """Of all ensembles shown."""
    return draw(load_contours(job), job.params.true_point)
