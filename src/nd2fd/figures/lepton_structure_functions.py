"""The five structure functions that all leptons share, bare and weighted, with error bands."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from nd2fd.figures.data import describe
from nd2fd.figures.lepton_shared import COLOURS, load_fits
from nd2fd.figures.style import PAGE, TRUTH
from nd2fd.forward.nodes import NodeGrid
from nd2fd.io.job import Job
from nd2fd.io.schemas.leptons import LeptonFit

Array = NDArray[np.float64]

_Q2 = (0.3, 2.0)
"""At which structure functions are drawn [GeV²]."""


def draw(fits: Mapping[str, LeptonFit]) -> Figure:
    """Rows: at two Q², bare; then weighted with what a node counts in the first near sample."""
    n = max(fit.structure_functions.shape[1] for fit in fits.values())
    figure, axes = plt.subplots(3, n, figsize=(PAGE, 4.9), sharex=True, squeeze=False)
    for i in range(n):
        axes[0, i].set_title(f"$W_{i + 1}$")
        axes[-1, i].set_xlabel("$x$")
        for row, Q2 in enumerate(_Q2):
            _bare(axes[row, i], fits, i, Q2)
            describe(axes[row, i], f"W{i + 1}, Q2 = {Q2:g} GeV2", "x", "W (largest true W2)")
        _weighted(axes[2, i], fits, i)
        describe(axes[2, i], f"W{i + 1}, weighted", "x", "share of near events")
    for row, Q2 in enumerate(_Q2):
        axes[row, 0].set_ylabel(f"$Q^2 = {Q2:g}$ GeV$^2$")
    axes[2, 0].set_ylabel("share of ND events")
    lines, labels = axes[0, 0].get_legend_handles_labels()
    truth = Line2D([], [], color=TRUTH, lw=0.8, ls=":", label="truth")
    handles = [*lines, truth]
    figure.legend(handles=handles, loc="outside upper center", ncols=len(labels) + 1)
    return figure


def _bare(panel: Axes, fits: Mapping[str, LeptonFit], i: int, Q2: float) -> None:
    highest, shown = 0.0, np.inf
    for (label, fit), color in zip(fits.items(), COLOURS, strict=False):
        if i >= fit.structure_functions.shape[1]:
            continue
        nodes = NodeGrid.of(fit)
        x = np.linspace(0.02, 0.95, 120)
        mean, error, true = (
            nodes.interpolate(values[0], x, np.full_like(x, Q2))[i] / _unit(fit)
            for values in (
                fit.structure_functions,
                fit.structure_function_errors,
                fit.true_structure_functions,
            )
        )
        panel.plot(x, mean, color=color, lw=1.0, label=label)
        panel.fill_between(
            x, mean - error, mean + error, color=color, alpha=0.25, lw=0, gid=f"{label}, error"
        )
        panel.plot(x, true, color=TRUTH, lw=0.8, ls=":", gid="truth")
        highest = max(highest, 1.6 * float(np.abs(true).max()))
        # What is not told apart is anywhere: the scale is that of what is known best.
        shown = min(shown, float(np.abs(mean).max()))
    highest = max(highest, shown)
    panel.set_ylim(-0.5 * highest, highest)
    panel.axhline(0.0, color="0.7", lw=0.4, zorder=0)


def _weighted(panel: Axes, fits: Mapping[str, LeptonFit], i: int) -> None:
    for (label, fit), color in zip(fits.items(), COLOURS, strict=False):
        if i >= fit.structure_functions.shape[1]:
            continue
        x = fit.x_max * fit.xi**2
        density = fit.weights[0, 0, i] / (fit.weights[0, 0] * fit.true_structure_functions[0]).sum()
        for values, drawn, line, name in (
            (fit.true_structure_functions, TRUTH, ":", f"{label}, truth"),
            (fit.structure_functions, color, "-", label),
        ):
            share = (density * values[0, i]).sum(axis=1)
            panel.plot(x, share, color=drawn, ls=line, lw=1.0, gid=name)


def _unit(fit: LeptonFit) -> float:
    """Largest true W2 at the first Q²: bare functions have no unit of their own."""
    nodes = NodeGrid.of(fit)
    x = np.linspace(0.02, 0.95, 120)
    true = nodes.interpolate(fit.true_structure_functions[0], x, np.full_like(x, _Q2[0]))
    return float(true[1].max())


def from_job(job: Job) -> Figure:
    """Of all analyses."""
    return draw(load_fits(job))
