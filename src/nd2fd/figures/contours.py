"""What the figures of regions in (sin²2θ23, Δm²32) or (sin²θ23, Δm²32) share."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.gridspec import SubplotSpec
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from nd2fd.figures.style import ACCENT, COLUMN

Array = NDArray[np.float64]
Artifacts = Mapping[str, Mapping[str, Array]]
"""Arrays of artifacts of one kind, by ensemble."""

MILLI = 1e3
"""Δm² is drawn in 1e-3 eV²."""

ANGLES = {
    "sin2_2theta23": (r"$\sin^2 2\theta_{23}$", 1.0),
    "sin2_theta23": (r"$\sin^2\theta_{23}$", None),
}
"""Label of a mixing parameter, and its physical limit if fits reach that."""


class Curve(NamedTuple):
    """How an ensemble is drawn."""

    label: str
    color: str
    line: str
    marker: str = "."


class JointAxes(NamedTuple):
    """The plane of both parameters, and a panel for each of them."""

    main: Axes
    top: Axes
    right: Axes


def draw_contours(
    cell: SubplotSpec,
    curves: Mapping[str, Curve],
    intervals: Artifacts,
    fits: Artifacts,
    true_point: tuple[float, float],
    *,
    side: float,
    angle: str = "sin2_2theta23",
) -> JointAxes:
    """Regions at 1σ and 2σ with the members' best fits; the panels beside are left empty.

    Parameters
    ----------
    cell
        Where in the figure.
    curves
        The ensembles, in the order of drawing.
    intervals, fits
        Artifacts `intervals` and `fit` of these ensembles.
    true_point
        Mixing parameter and Δm²32 [eV²] at which the data were made.
    side
        Size of the panels beside, relative to the plane.
    angle
        The mixing parameter: a key of `ANGLES`, of the intervals and, with `best_`, of the fits.
    """
    cells = cell.subgridspec(2, 2, width_ratios=[1, side], height_ratios=[side, 1])
    (top, corner), (main, right) = cells.subplots(sharex="col", sharey="row", squeeze=False)
    corner.remove()
    shown = [np.array([true_point])]
    for name, curve in curves.items():
        region, fit = intervals[name], fits[name]
        mixing, mass = region[angle], region["dm2_32"]
        for mask, width in zip(region["mask"], (1.2, 0.7), strict=True):
            # Regions of scattered members may be empty, which is no curve.
            if not mask.any():
                continue
            main.contour(
                mixing,
                mass * MILLI,
                mask.T.astype(float),
                levels=[0.5],
                colors=curve.color,
                linestyles=curve.line,
                linewidths=width,
            )
            in_mixing, in_mass = np.nonzero(mask)
            shown.append(np.stack([mixing[in_mixing], mass[in_mass]], axis=1))
        best = np.stack([fit[f"best_{angle}"], fit["best_dm2_32"]], axis=1)
        shown.append(best)
        main.plot(
            best[:, 0],
            best[:, 1] * MILLI,
            marker=curve.marker,
            ms=2.5 if curve.marker == "." else 6,
            color=curve.color,
            ls="",
        )
    main.plot(true_point[0], true_point[1] * MILLI, marker="*", color=ACCENT, ls="", ms=7)

    points = np.concatenate(shown) * (1.0, MILLI)
    low, high = points.min(axis=0), points.max(axis=0)
    margin = 0.1 * (high - low)
    label, limit = ANGLES[angle]
    main.set_xlim(low[0] - margin[0], high[0] + margin[0] if limit is None else limit)
    main.set_ylim(low[1] - margin[1], high[1] + margin[1])
    main.set(xlabel=label, ylabel=r"$\Delta m^2_{32}$ ($10^{-3}\,\mathrm{eV}^2$)")
    top.tick_params(which="both", labelbottom=False, labelleft=False, left=False, right=False)
    right.tick_params(which="both", labelbottom=False, labelleft=False, bottom=False, top=False)
    return JointAxes(main, top, right)


def draw_ensembles(
    cell: SubplotSpec,
    curves: Mapping[str, Curve],
    intervals: Artifacts,
    fits: Artifacts,
    true_point: tuple[float, float],
) -> None:
    """`draw_contours` with the intervals of either parameter beside them, and a legend on top."""
    axes = draw_contours(cell, curves, intervals, fits, true_point, side=0.2)
    for position, (name, curve) in enumerate(curves.items()):
        for level, width in ((1, 0.7), (0, 2.8)):
            mixing = intervals[name]["interval_sin2_2theta23"][level]
            mass = intervals[name]["interval_dm2_32"][level] * MILLI
            bar: dict[str, Any] = {"color": curve.color, "lw": width, "solid_capstyle": "butt"}
            axes.top.plot(mixing, [-position, -position], **bar)
            axes.right.plot([position, position], mass, **bar)
    axes.top.set_ylim(0.4 - len(curves), 0.6)
    axes.right.set_xlim(-0.6, len(curves) - 0.4)
    axes.top.legend(
        handles=legend_handles(curves),
        loc="lower left",
        bbox_to_anchor=(0.0, 1.0),
        borderaxespad=0.2,
        title=r"1$\sigma$ (thick), 2$\sigma$ (thin), best fits (points)",
        alignment="left",
    )


def draw_column(
    curves: Mapping[str, Curve],
    intervals: Artifacts,
    fits: Artifacts,
    true_point: tuple[float, float],
) -> Figure:
    """A figure of one column: regions at 1σ and 2σ, best fits, and the parameters' intervals.

    Parameters
    ----------
    curves
        How each ensemble is drawn.
    intervals, fits
        Artifacts `intervals` and `fit` of these ensembles.
    true_point
        sin²2θ23 and Δm²32 [eV²] at which the data were made.
    """
    figure = plt.figure(figsize=(COLUMN, 4.1))
    draw_ensembles(figure.add_gridspec()[0], curves, intervals, fits, true_point)
    return figure


def legend_handles(curves: Mapping[str, Curve]) -> list[Line2D]:
    """Entries of a legend: the ensembles and the true point."""
    return [
        *(
            Line2D([], [], color=c.color, ls=c.line, marker=c.marker, ms=6, label=c.label)
            for c in curves.values()
        ),
        Line2D([], [], color=ACCENT, marker="*", ls="", ms=7, label="true value"),
    ]
