"""Finite near-detector statistics."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from nd2fd.figures.contours import Contours, draw_ensembles, load_contours
from nd2fd.figures.data import describe
from nd2fd.figures.style import PAGE
from nd2fd.figures.thresholds import FEWEST_EVENTS
from nd2fd.io.job import Job
from nd2fd.io.schemas.learned import Predictions
from nd2fd.io.schemas.near import NearData
from nd2fd.io.schemas.truth import Truth

_PULL_SHOWN = 3.0


def draw(
    contours: Contours,
    true_point: tuple[float, float],
    truth: Truth,
    near: Mapping[str, NearData],
    predictions: Mapping[str, Predictions],
) -> Figure:
    """Regions for numbers of ND events, and what a network makes of a histogram's noise.

    Parameters
    ----------
    contours
        The ensembles with ND events and the one with the known cross section.
    true_point
        sin²2θ23 and Δm²32 [eV²] at which the data were made.
    truth
        The true ND density.
    near, predictions
        Of the ensembles with ND events; the first member is shown.
    """
    figure = plt.figure(figsize=(PAGE, 3.7 + 1.5 * max(0, len(near) - 2)))
    halves = figure.add_gridspec(1, 2)
    draw_ensembles(halves[0], contours, true_point)

    maps = halves[1].subgridspec(len(near), 2).subplots(sharex=True, sharey=True, squeeze=False)
    for row, (name, data) in zip(maps, near.items(), strict=True):
        expected = data.n_events * truth.near / truth.near.size
        true = np.ma.masked_where(expected < FEWEST_EVENTS, truth.near)
        shown = {"histogram": data.density[0], "learned": predictions[name].near[0]}
        for axis, (what, density) in zip(row, shown.items(), strict=True):
            image = axis.pcolormesh(
                truth.v1,
                truth.v2,
                ((density / true - 1.0) * np.sqrt(expected)).T,
                cmap="RdBu_r",
                vmin=-_PULL_SHOWN,
                vmax=_PULL_SHOWN,
                rasterized=True,
            )
            image.set_gid(what)
            describe(axis, f"{data.n_events / 1e6:g} M events", "v1", "v2", "difference (errors)")
        row[0].set_ylabel(f"{data.n_events / 1e6:g} M events\n$v_2$")
    for axis, title in zip(maps[0], ("Histogram", "Learned"), strict=True):
        axis.set_title(title)
    for axis in maps[-1]:
        axis.set_xlabel("$v_1$")
    maps[0, 0].set(xlim=(0, 1), ylim=(0, 1), xticks=[0, 0.5, 1], xticklabels=["0", "0.5", "1"])
    figure.colorbar(
        image, ax=maps, label="difference from truth (Poisson errors of a cell)", extend="both"
    )
    return figure


def from_job(job: Job) -> Figure:
    """Of all ensembles shown; those in the parameter `sampled` have ND events."""
    sampled = job.params.sampled
    return draw(
        load_contours(job),
        job.params.true_point,
        job.load("densities", Truth),
        {name: job.load(f"{name}_near", NearData) for name in sampled},
        {name: job.load(f"{name}_prediction", Predictions) for name in sampled},
    )
