"""Calibration, from pseudo-experiments."""

from collections.abc import Mapping
from math import erf, sqrt

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from nd2fd.figures.contours import Curve, curves_of
from nd2fd.figures.data import describe
from nd2fd.figures.style import NEUTRAL, PAGE, counted
from nd2fd.io.job import Job
from nd2fd.io.schemas.coverage import Coverage
from nd2fd.statistics.coverage import at_physical_limit, wilson_interval

Array = NDArray[np.float64]

MIXING, MASS = r"$\sin^2 2\theta_{23}$", r"$\Delta m^2_{32}$"
REGION_LABELS = ("2-D region", MIXING, MASS)

_MARKERS = ("o", "s", "^", "D", "v")
_SPACING = 0.3
"""Between the points of two ensembles."""

_PULL_LIMIT = 4.0
_BIN_WIDTH = 0.5


def draw(coverage: Mapping[str, Coverage], curves: Mapping[str, Curve]) -> Figure:
    """How often regions hold the truth, and pulls of the best fits.

    `curves` says how ensembles are drawn, the keys of `coverage`.
    """
    figure, (left, *pulls) = plt.subplots(1, 3, figsize=(PAGE, 3.0), width_ratios=[1.1, 1, 1])
    _draw_coverage(left, coverage, curves)
    for axis, name, label in zip(pulls, ("sin2_2theta23", "dm2_32"), (MIXING, MASS), strict=True):
        _draw_pulls(axis, coverage, curves, name)
        axis.set(xlabel=f"(best fit $-$ truth) / error, {label}", ylabel="density")
    handles, labels = left.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=2)
    return figure


def _draw_coverage(
    axis: Axes, coverage: Mapping[str, Coverage], curves: Mapping[str, Curve]
) -> None:
    """Coverage of the regions, with binomial errors, and the nominal values."""
    place = np.arange(len(REGION_LABELS))
    spacing = min(_SPACING, 0.6 / len(coverage))
    for index, (name, data) in enumerate(coverage.items()):
        offset = spacing * (index - 0.5 * (len(coverage) - 1))
        color = curves[name].color
        experiments = counted(int(data.n_experiments), "pseudo-experiment")
        for level, measured in enumerate(data.coverage):
            axis.errorbar(
                place + offset,
                100 * measured,
                100 * np.abs(wilson_interval(measured, int(data.n_experiments)) - measured),
                color=color,
                marker=_MARKERS[index % len(_MARKERS)],
                ms=4,
                ls="",
                mfc=color if level else "white",
                label=f"{curves[name].label}: {experiments}" if level else None,
                gid=f"{curves[name].label}, {data.n_sigma[level]:g} sigma",
            )
    for n_sigma in next(iter(coverage.values())).n_sigma:
        nominal = 100 * erf(n_sigma / sqrt(2))
        axis.axhline(nominal, color=NEUTRAL, ls="--", lw=0.8, zorder=0)
        axis.annotate(
            rf"{n_sigma:g}$\sigma$", (2.5, nominal), (3, 0), textcoords="offset points", va="center"
        )
    axis.set(xlim=(-0.5, 2.5), xticks=place, xticklabels=REGION_LABELS, ylabel="coverage (%)")
    axis.tick_params(axis="x", which="both", length=0)
    axis.tick_params(axis="y", which="both", right=False)
    axis.set_title("open: 1$\\sigma$, filled: 2$\\sigma$")
    regions = "place: 0 is 2-D, 1 sin2_2theta23, 2 dm2_32"
    describe(axis, "coverage", regions, "coverage (%)")


def _draw_pulls(
    axis: Axes, coverage: Mapping[str, Coverage], curves: Mapping[str, Curve], parameter: str
) -> None:
    """Best fits of all pseudo-experiments; values beyond the axis are in its last bins.

    Of the first ensemble, those at the physical limit are filled.
    """
    bins = np.arange(-_PULL_LIMIT, _PULL_LIMIT + _BIN_WIDTH, _BIN_WIDTH)
    for row, (name, data) in enumerate(coverage.items()):
        color = curves[name].color
        best = getattr(data, f"best_{parameter}")
        pulls = (best - getattr(data, f"true_{parameter}")) / getattr(data, f"sigma_{parameter}")
        within = pulls.clip(-_PULL_LIMIT, _PULL_LIMIT)
        norm = pulls.size * _BIN_WIDTH
        axis.stairs(np.histogram(within, bins)[0] / norm, bins, color=color, gid=curves[name].label)
        if parameter == "sin2_2theta23" and row == 0:
            at_limit = within[at_physical_limit(best)]
            axis.stairs(
                np.histogram(at_limit, bins)[0] / norm,
                bins,
                fill=True,
                color=NEUTRAL,
                alpha=0.6,
                zorder=0,
                label=f"{MIXING} = 1",
                gid=f"{curves[name].label}, at the physical limit",
            )
        axis.text(
            0.04,
            0.96 - 0.15 * row,
            rf"mean ${pulls.mean():.2f}$" + f"\nstd. ${pulls.std():.2f}$",
            transform=axis.transAxes,
            color=color,
            va="top",
            fontsize=7,
        )
    z = np.linspace(-_PULL_LIMIT, _PULL_LIMIT, 201)
    gaussian = np.exp(-0.5 * z**2) / sqrt(2 * np.pi)
    axis.plot(z, gaussian, color=NEUTRAL, ls="--", lw=0.8, label="unit Gaussian")
    axis.legend(loc="upper right", handlelength=1.0)
    describe(axis, f"pulls of {parameter}", "pull", "density")
    # Room for the text.
    axis.set(xlim=(-_PULL_LIMIT, _PULL_LIMIT), ylim=(0, 1.3 * axis.get_ylim()[1]))


def from_job(job: Job) -> Figure:
    """Of all ensembles with pseudo-experiments."""
    curves = curves_of(job.params.shown)
    return draw({name: job.load(f"{name}_coverage", Coverage) for name in curves}, curves)
