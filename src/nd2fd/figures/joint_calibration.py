"""Coverage and width of joint fits, beside those of ensembles and of the known cross section."""

from collections.abc import Sequence
from math import erf, sqrt
from typing import Any, NamedTuple

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from nd2fd.figures.calibration import MASS
from nd2fd.figures.data import describe
from nd2fd.figures.style import ACCENT, LEARNED, NEUTRAL, PAGE, SECOND, TRUTH, counted
from nd2fd.io.job import Job
from nd2fd.io.schemas.coverage import Coverage
from nd2fd.io.schemas.fits import Intervals
from nd2fd.io.schemas.joint import JointCoverage
from nd2fd.statistics.coverage import wilson_interval
from nd2fd.statistics.ensemble import N_SIGMAS

Array = NDArray[np.float64]

_REGION_LABELS = ("2-D region", "mixing", MASS)

_REGIONS = ("2-D region", "mixing", "dm2_32")
"""In the table of data."""

_ROW = 0.36
"""Height of a row [inch]."""

_APART = 0.1
"""Of the points of 1σ and 2σ from the middle of a row, in rows."""


class TestedEnsemble(NamedTuple):
    """An ensemble, the rule that joins its members, and what that gives with the data.

    `unit` is a joint fit, smeared alike, whose σ_stat widths are given in; None if there is none.
    """

    label: str
    known: bool
    coverage: Coverage
    intervals: Intervals
    unit: JointCoverage | None


class TestedFit(NamedTuple):
    """A joint fit, and what the known cross section beside it is called."""

    label: str
    known_label: str
    coverage: JointCoverage


class _Row(NamedTuple):
    """One way to make regions.

    coverage : fraction of regions that hold the truth, shape (n_sigma, n_region)
    calibrated : the same with thresholds of toys, if there are any
    half_width : half of the 1σ interval of Δm²32 in σ_stat, of each experiment or of the data
        alone, shape (n,)
    pull : (best fit - truth) / error of Δm²32, shape (n_experiments,)
    """

    label: str
    color: str
    coverage: Array
    calibrated: Array | None
    half_width: Array | None
    pull: Array

    @property
    def n_experiments(self) -> int:
        return self.pull.size


def _row_of_ensemble(ensemble: TestedEnsemble) -> _Row:
    coverage, (low, high) = ensemble.coverage, ensemble.intervals.interval_dm2_32[0]
    half_width = None
    if ensemble.unit is not None:
        half_width = np.array([0.5 * (high - low) / _sigma_stat(ensemble.unit)])
    pull = (coverage.best_dm2_32 - coverage.true_dm2_32) / coverage.sigma_dm2_32
    color = TRUTH if ensemble.known else SECOND
    return _Row(ensemble.label, color, coverage.coverage, None, half_width, pull)


def _rows_of_fit(fit: TestedFit) -> list[_Row]:
    """With the learned cross section, and with the known one."""
    coverage, rows = fit.coverage, []
    for which, (label, color) in enumerate(((fit.label, LEARNED), (fit.known_label, ACCENT))):
        half_width = coverage.half_width_dm2_32[:, which]
        pull = (coverage.best_dm2_32[:, which] - coverage.true_dm2_32) / half_width
        in_units = half_width / _sigma_stat(coverage)
        calibrated = None if coverage.calibrated is None else coverage.calibrated[which]
        rows.append(_Row(label, color, coverage.coverage[which], calibrated, in_units, pull))
    return rows


def _sigma_stat(coverage: JointCoverage) -> float:
    """Half of the 1σ interval of Δm²32 with the known cross section [eV²], mean of all."""
    return float(coverage.half_width_dm2_32[:, 1].mean())


def draw(ensembles: Sequence[TestedEnsemble], fits: Sequence[TestedFit]) -> Figure:
    """A row for each way to make regions, in columns what it is tested for."""
    methods = [_row_of_ensemble(ensemble) for ensemble in ensembles]
    for fit in fits:
        methods += _rows_of_fit(fit)
    n_rows = len(methods)
    figure, axes = plt.subplots(
        1,
        len(_REGION_LABELS) + 2,
        figsize=(PAGE, 1.2 + _ROW * n_rows),
        sharey=True,
        width_ratios=[1, 1, 1, 0.9, 1.1],
    )
    *regions, width, pulls = axes
    every = [c for method in methods for c in (method.coverage, method.calibrated) if c is not None]
    lowest = 100 * min(coverage.min() for coverage in every)
    for region, (axis, label) in enumerate(zip(regions, _REGION_LABELS, strict=True)):
        _draw_coverage(axis, methods, region)
        axis.set(title=label, xlabel="coverage (%)", xlim=(min(lowest, 68) - 8, 104))
        describe(axis, f"coverage, {_REGIONS[region]}", "coverage (%)", "")
    _draw_widths(width, methods)
    width.set(title=MASS, xlabel=r"half-width ($\sigma_\mathrm{stat}$)")
    _draw_pulls(pulls, methods)
    pulls.set(title=MASS, xlabel="pull")
    describe(width, "half-width of dm2_32", "half-width (sigma_stat)", "")
    describe(pulls, "pulls of dm2_32", "pull", "")
    labels = [
        f"{method.label}\n({counted(method.n_experiments, 'experiment')})" for method in methods
    ]
    regions[0].set(ylim=(n_rows - 0.5, -0.6), yticks=range(n_rows), yticklabels=labels)
    for axis in axes:
        axis.tick_params(axis="y", which="both", left=False, right=False)
    black: dict[str, Any] = {"color": TRUTH, "marker": "o", "ms": 4}
    handles = [
        Line2D([], [], mfc="white", label=r"1$\sigma$", ls="", **black),
        Line2D([], [], label=r"2$\sigma$", ls="", **black),
        Line2D([], [], color=NEUTRAL, ls="--", lw=0.8, label="nominal"),
    ]
    if any(method.calibrated is not None for method in methods):
        squares = {**black, "marker": "s", "ls": ""}
        handles.insert(2, Line2D([], [], mfc="0.7", label="Feldman–Cousins", **squares))
    figure.legend(handles=handles, loc="outside upper center", ncols=len(handles))
    return figure


def _draw_coverage(axis: Axes, methods: Sequence[_Row], region: int) -> None:
    """Coverage of a region at 1σ and 2σ with Wilson's errors, and the nominal values."""
    for row, method in enumerate(methods):
        # Beside each other where both are 100 %; with thresholds of toys below.
        shown = [("o", 0.0, method.coverage)]
        if method.calibrated is not None:
            shown = [("o", -_APART, method.coverage), ("s", 2 * _APART, method.calibrated)]
        for marker, below, coverage in shown:
            what = "" if marker == "o" else ", Feldman-Cousins"
            for level, measured in enumerate(coverage[:, region]):
                edges = wilson_interval(measured, method.n_experiments)
                axis.errorbar(
                    100 * measured,
                    row + below + _APART * (2 * level - 1),
                    xerr=100 * np.abs(edges - measured)[:, None],
                    color=method.color,
                    marker=marker,
                    ms=4,
                    mfc=method.color if level else "white",
                    gid=f"{method.label}{what}, {N_SIGMAS[level]:g} sigma",
                )
    for n_sigma in N_SIGMAS:
        axis.axvline(100 * erf(n_sigma / sqrt(2)), color=NEUTRAL, ls="--", lw=0.8, zorder=0)


def _draw_widths(axis: Axes, methods: Sequence[_Row]) -> None:
    """Half-widths, mean and standard deviation; those of the data alone as a diamond."""
    for row, method in enumerate(methods):
        if method.half_width is None:
            continue
        of_data = method.half_width.size == 1
        axis.errorbar(
            method.half_width.mean(),
            row,
            xerr=None if of_data else method.half_width.std(),
            color=method.color,
            marker="D" if of_data else "o",
            ms=4,
            gid=f"{method.label}, {'of the data' if of_data else 'mean and standard deviation'}",
        )
    axis.axvline(1.0, color=NEUTRAL, ls="--", lw=0.8, zorder=0)
    axis.set_xlim(0.0, 1.1 * axis.get_xlim()[1])


def _draw_pulls(axis: Axes, methods: Sequence[_Row]) -> None:
    """Mean of the pulls with its error (thick), and their standard deviation (thin)."""
    for row, method in enumerate(methods):
        mean, spread = method.pull.mean(), method.pull.std()
        bar: dict[str, Any] = {"color": method.color, "solid_capstyle": "butt"}
        error = spread / sqrt(method.pull.size)
        for what, half, width in (
            ("standard deviation", spread, 0.8),
            ("error of the mean", error, 4.0),
        ):
            bar["gid"] = f"{method.label}, {what}"
            axis.plot([mean - half, mean + half], [row, row], lw=width, **bar)
        axis.plot(mean, row, marker="o", ms=4, color=method.color, gid=f"{method.label}, mean")
        axis.annotate(
            rf"mean ${mean:.2f}$, std. ${spread:.2f}$",
            (0.5, row - 0.3),
            xycoords=("axes fraction", "data"),
            ha="center",
            va="center",
            fontsize=6,
            color=method.color,
            bbox={"color": "white", "pad": 0.5},
        )
    for value in (-1.0, 0.0, 1.0):
        axis.axvline(value, color=NEUTRAL, ls="--", lw=0.8, zorder=0)
    end = 1.1 * np.abs(axis.get_xlim()).max()
    axis.set_xlim(-end, end)


def from_job(job: Job) -> Figure:
    """Of all ensembles with pseudo-experiments, and of all joint fits with some."""
    coverage = {n: job.load(f"{n}_joint_coverage", JointCoverage) for n in job.params.joint}
    ensembles = [
        TestedEnsemble(
            shown["label"],
            shown["known"],
            job.load(f"{name}_coverage", Coverage),
            job.load(f"{name}_intervals", Intervals),
            coverage.get(shown["sigma_stat"]),
        )
        for name, shown in job.params.ensembles.items()
    ]
    fits = [
        TestedFit(**labels, coverage=coverage[name]) for name, labels in job.params.joint.items()
    ]
    return draw(ensembles, fits)
