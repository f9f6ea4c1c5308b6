"""Regions of joint fits, beside those of an ensemble and of the known cross section."""

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from nd2fd.figures.contours import (
    MASS,
    MILLI,
    Curve,
    JointAxes,
    Region,
    draw_contours,
    legend_handles,
    octant_region,
)
from nd2fd.figures.data import describe
from nd2fd.figures.style import ACCENT, COLUMN, LEARNED, NEUTRAL, PAGE, SECOND, TRUTH
from nd2fd.io.job import Job
from nd2fd.io.schemas.fits import Fits, Intervals
from nd2fd.io.schemas.joint import JointFit, JointToys
from nd2fd.statistics.feldman_cousins import thresholds_at
from nd2fd.statistics.profile_regions import FOR_ONE, FOR_TWO, REGIONS

Array = NDArray[np.float64]

_HIGHEST = 7.0
"""Profiles are drawn up to this Δ(−2 ln L)."""

_KNOWN, _LEARNED, _CALIBRATED = (
    Curve("known cross section", TRUTH, "--", "+"),
    Curve("joint fit", LEARNED, "-", "x"),
    Curve("joint fit, Feldman–Cousins", ACCENT, ":", ""),
)


class Ensemble(NamedTuple):
    """An ensemble that is shown beside a joint fit."""

    label: str
    intervals: Intervals
    fits: Fits


class Shown(NamedTuple):
    """A joint fit, the toys of its thresholds, and the ensemble beside it, if there are any."""

    fit: JointFit
    toys: JointToys | None
    ensemble: Ensemble | None


def draw(fits: Mapping[str, Shown], true_point: tuple[float, float] | None) -> Figure:
    """For each fit, by its title, regions of all methods and the profiles of either parameter.

    Of an ensemble, which has no likelihood, intervals are drawn at the heights where profiles are
    read off. `true_point` is sin²θ23 and Δm²32 [eV²] at which the data were made; None: not known.
    """
    n_columns = min(len(fits), 2)
    n_rows = -(-len(fits) // n_columns)
    size = (PAGE if n_columns > 1 else COLUMN, 0.5 + 3.7 * n_rows)
    figure = plt.figure(figsize=size)
    cells = figure.add_gridspec(n_rows, n_columns)
    everywhere: dict[str, Curve] = {}
    for place, (title, (fit, toys, ensemble)) in enumerate(fits.items()):
        curves, regions = {"learned": _LEARNED}, {"learned": _region(fit, 0)}
        if _has_known(fit):
            curves, regions = (
                {"known": _KNOWN, **curves},
                {"known": _region(fit, 1), **regions},
            )
        if ensemble is not None:
            curves = {"ensemble": Curve(ensemble.label, SECOND, "-."), **curves}
            regions["ensemble"] = octant_region(ensemble.intervals, ensemble.fits)
        if toys is not None:
            curves["calibrated"] = _CALIBRATED
            regions["calibrated"] = _calibrated_region(fit, toys)
        looks: dict[str, Any] = {"side": 0.4, "angle": "sin2_theta23", "panel": title}
        axes = draw_contours(cells[place], curves, regions, true_point, **looks)
        label = "-2 Delta ln L"
        describe(axes.top, f"{title}: profile of sin2_theta23", "sin2_theta23", label)
        describe(axes.right, f"{title}: profile of dm2_32", label, MASS)
        _draw_profiles(axes, fit, None if ensemble is None else ensemble.intervals)
        if toys is not None:
            _draw_thresholds(axes, fit, toys)
        axes.top.set_title(title)
        everywhere |= {curve.label: curve for curve in curves.values()}
    figure.legend(
        handles=legend_handles(everywhere, star=true_point is not None),
        loc="outside upper center",
        ncols=2 if n_columns == 1 else 4,
        title=r"1$\sigma$ (thick) and 2$\sigma$ (thin)",
    )
    return figure


def _has_known(fit: JointFit) -> bool:
    return len(fit.delta) > 1


def _region(fit: JointFit, which: int) -> Region:
    """Regions with the learned (0) or the known (1) cross section."""
    margin = np.array(FOR_TWO)[:, None, None] - fit.delta[which]
    best = np.array([[fit.best_sin2_theta23[which], fit.best_dm2_32[which]]])
    return Region(fit.sin2_theta23, fit.dm2_32, margin, best)


def _calibrated_region(fit: JointFit, toys: JointToys) -> Region:
    """Regions with the learned cross section and thresholds of toys."""
    thresholds = thresholds_at(toys, fit.sin2_theta23)[:, 0, REGIONS.index("both"), :, None]
    return Region(fit.sin2_theta23, fit.dm2_32, thresholds - fit.delta[0], np.empty((0, 2)))


def _draw_thresholds(axes: JointAxes, fit: JointFit, toys: JointToys) -> None:
    """Heights at which intervals are read off, after Feldman and Cousins."""
    look: dict[str, Any] = {"color": _CALIBRATED.color, "ls": _CALIBRATED.line, "lw": 1.0}
    thresholds = thresholds_at(toys, fit.sin2_theta23)[:, 0, REGIONS.index("sin2_theta23")]
    at_best = thresholds_at(toys, fit.best_sin2_theta23[:1])[:, 0, REGIONS.index("dm2_32"), 0]
    for level, heights in enumerate(thresholds):
        name = f"{_CALIBRATED.label}, {level + 1} sigma"
        axes.top.plot(fit.sin2_theta23, heights, gid=name, **look)
        axes.right.axvline(at_best[level], **look)


def _draw_profiles(axes: JointAxes, fit: JointFit, intervals: Intervals | None) -> None:
    """Profiles above and beside the plane, lines at 1 and 4, and intervals of an ensemble there."""
    for which, curve in ((1, _KNOWN), (0, _LEARNED))[0 if _has_known(fit) else 1 :]:
        look: dict[str, Any] = {"color": curve.color, "ls": curve.line, "gid": curve.label}
        axes.top.plot(fit.sin2_theta23, fit.profile_sin2_theta23[which], **look)
        axes.right.plot(fit.profile_dm2_32[which], fit.dm2_32 * MILLI, **look)
    for level, height in enumerate(FOR_ONE):
        line: dict[str, Any] = {"color": NEUTRAL, "lw": 0.6, "zorder": 0}
        axes.top.axhline(height, **line)
        axes.right.axvline(height, **line)
        if intervals is None:
            continue
        bar: dict[str, Any] = {"color": SECOND, "lw": 2.0, "solid_capstyle": "butt"}
        bar["gid"] = f"ensemble, {level + 1} sigma"
        for edges in intervals.interval_sin2_theta23[level]:
            axes.top.plot(edges, [height, height], **bar)
        mass = intervals.interval_dm2_32[level] * MILLI
        axes.right.plot([height, height], mass, **bar)
    label = r"$-2\Delta\ln L$"
    axes.top.set(ylim=(0.0, _HIGHEST), yticks=FOR_ONE, ylabel=label)
    axes.right.set(xlim=(0.0, _HIGHEST), xticks=FOR_ONE, xlabel=label)
    _show_ticks(axes.top, "left")
    _show_ticks(axes.right, "bottom")
    for panel in (axes.main, axes.top):
        # Maximal mixing, between the octants.
        panel.axvline(0.5, color="0.6", lw=0.6, ls=":", zorder=0)


def _show_ticks(panel: Axes, side: Literal["left", "bottom"]) -> None:
    shown: Any = {side: True, f"label{side}": True}
    panel.tick_params(which="major", **shown)
    panel.minorticks_off()


def from_job(job: Job) -> Figure:
    """Of all joint fits, each with the ensemble that it is compared with."""
    fits = {}
    for name, described in job.params.fits.items():
        beside, ensemble = described["compared_with"], None
        if beside is not None:
            ensemble = Ensemble(
                described["ensemble_label"],
                job.load(f"{beside}_intervals", Intervals),
                job.load_joined(f"{beside}_fits", Fits),
            )
        toys = job.load(f"{name}_toys", JointToys) if described["toys"] else None
        fits[described["label"]] = Shown(job.load(f"{name}_joint", JointFit), toys, ensemble)
    return draw(fits, job.params.true_point)
