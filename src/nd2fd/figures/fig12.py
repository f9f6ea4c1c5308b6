"""Figure 12: finite near-detector statistics."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from nd2fd.figures.contours import Artifacts, Curve, draw_ensembles
from nd2fd.figures.style import LEARNED, PAGE, SECOND, TRUTH

Array = NDArray[np.float64]

LEARNED_STYLES = {"nd30m": (LEARNED, "-"), "nd3m": (SECOND, "-.")}

FEWEST_EVENTS = 5.0
"""Cells where fewer events are expected are left white: their errors are not Gaussian."""

_PULL_SHOWN = 3.0


def draw(
    intervals: Artifacts,
    fits: Artifacts,
    true_point: tuple[float, float],
    truth: Mapping[str, Array],
    near: Artifacts,
    predictions: Artifacts,
) -> Figure:
    """Regions for two numbers of ND events, and what a network makes of a histogram's noise.

    Parameters
    ----------
    intervals, fits
        Artifacts `intervals` and `fit` of the ensembles `truth`, `nd30m` and `nd3m`.
    true_point
        sin²2θ23 and Δm²32 [eV²] at which the data were made.
    truth
        Artifact `truth`.
    near, predictions
        Artifacts `near` and `prediction` of `nd30m` and `nd3m`; the first member is shown.
    """
    figure = plt.figure(figsize=(PAGE, 3.7))
    halves = figure.add_gridspec(1, 2)
    curves = {"truth": Curve("true cross section", TRUTH, "--", "+")}
    for name, (color, line) in LEARNED_STYLES.items():
        curves[name] = Curve(_events(near[name]) + " ND events", color, line)
    draw_ensembles(halves[0], curves, intervals, fits, true_point)

    maps = halves[1].subgridspec(2, 2).subplots(sharex=True, sharey=True, squeeze=False)
    for row, name in zip(maps, LEARNED_STYLES, strict=True):
        expected = near[name]["n_events"] * truth["near"] / truth["near"].size
        true = np.ma.masked_where(expected < FEWEST_EVENTS, truth["near"])
        for axis, density in zip(
            row, (near[name]["density"][0], predictions[name]["near"][0]), strict=True
        ):
            image = axis.pcolormesh(
                truth["v1"],
                truth["v2"],
                ((density / true - 1.0) * np.sqrt(expected)).T,
                cmap="RdBu_r",
                vmin=-_PULL_SHOWN,
                vmax=_PULL_SHOWN,
                rasterized=True,
            )
        row[0].set_ylabel(f"{_events(near[name])} events\n$v_2$")
    for axis, title in zip(maps[0], ("Histogram", "Learned"), strict=True):
        axis.set_title(title)
    for axis in maps[1]:
        axis.set_xlabel("$v_1$")
    maps[0, 0].set(xlim=(0, 1), ylim=(0, 1), xticks=[0, 0.5, 1], xticklabels=["0", "0.5", "1"])
    figure.colorbar(
        image, ax=maps, label="difference from truth (Poisson errors of a cell)", extend="both"
    )
    return figure


def _events(near: Mapping[str, Array]) -> str:
    """Number of ND events, in millions."""
    return f"{near['n_events'] / 1e6:g} M"
