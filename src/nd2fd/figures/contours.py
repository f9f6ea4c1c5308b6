"""What the figures of regions in (sin²2θ23, Δm²32) or (sin²θ23, Δm²32) share."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.gridspec import SubplotSpec
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from nd2fd.figures.data import describe
from nd2fd.figures.style import ACCENT, FURTHER, LEARNED, NEUTRAL, SECOND, TRUTH
from nd2fd.io.job import Job
from nd2fd.io.schemas.fits import Fits, Intervals

Array = NDArray[np.float64]

MILLI = 1e3
"""Δm² is drawn in 1e-3 eV²."""

MASS = "dm2_32 (1e-3 eV2)"
"""In the table of data."""

ANGLES = {
    "sin2_2theta23": (r"$\sin^2 2\theta_{23}$", 1.0),
    "sin2_theta23": (r"$\sin^2\theta_{23}$", None),
}
"""Label of a mixing parameter, and its physical limit if fits reach that."""

_LOOKS: dict[str, list[tuple[str, Any]]] = {
    "reference": [(TRUTH, "--")],
    "known": [(NEUTRAL, ":")],
    "other": [
        (LEARNED, "-"),
        (SECOND, "-."),
        *((color, (0, (5, 1, 1, 1, 1, 1))) for color in FURTHER),
    ],
}
"""Colours and lines of the roles in `nd2fd.figures.roles`, in the order they are taken."""


class Curve(NamedTuple):
    """How an ensemble is drawn."""

    label: str
    color: str
    line: Any
    marker: str = "."


class Region(NamedTuple):
    """Regions of an ensemble in a plane of a mixing parameter and Δm²32 [eV²].

    mixing, mass : the axes, shapes (n_mixing,) and (n_mass,)
    margin : how far a point is inside, 0 on the border, shape (n_sigma, n_mixing, n_mass)
    best : best fits, shape (n, 2)
    """

    mixing: Array
    mass: Array
    margin: Array
    best: Array


class Contours(NamedTuple):
    """What a figure of contours shows of each ensemble, in the order of drawing."""

    curves: Mapping[str, Curve]
    intervals: Mapping[str, Intervals]
    fits: Mapping[str, Fits]

    @property
    def regions(self) -> dict[str, Region]:
        """In the plane of sin²2θ23, which does not tell the octants apart."""
        return {
            name: Region(
                shown.sin2_2theta23,
                shown.dm2_32,
                shown.margin,
                np.stack([fits.best_sin2_2theta23, fits.best_dm2_32], axis=1),
            )
            for name, shown, fits in self._each()
        }

    @property
    def octant_regions(self) -> dict[str, Region]:
        """In the plane of sin²θ23, with a best fit in either octant."""
        return {name: octant_region(shown, fits) for name, shown, fits in self._each()}

    def _each(self) -> Iterator[tuple[str, Intervals, Fits]]:
        return ((name, self.intervals[name], self.fits[name]) for name in self.curves)


def octant_region(intervals: Intervals, fits: Fits) -> Region:
    """Regions of an ensemble in the plane of sin²θ23, with a best fit in either octant."""
    best = [fits.best_octant_sin2_theta23.ravel(), fits.best_octant_dm2_32.ravel()]
    return Region(
        intervals.sin2_theta23, intervals.dm2_32, intervals.octant_margin, np.stack(best, axis=1)
    )


class JointAxes(NamedTuple):
    """The plane of both parameters, and a panel for each of them."""

    main: Axes
    top: Axes
    right: Axes


def curves_of(shown: Mapping[str, Mapping[str, Any]]) -> dict[str, Curve]:
    """How ensembles are drawn; `shown` has role, label and size of each (`figures.roles`)."""
    looks = {role: iter(choices) for role, choices in _LOOKS.items()}
    curves = {}
    # Networks take their colours first; a known cross section whose members differ, what is left.
    for name in sorted(shown, key=lambda name: shown[name]["role"] == "varied"):
        role = shown[name]["role"]
        choices = "other" if role in ("learned", "varied") else role
        color, line = next(looks[choices], _LOOKS[choices][-1])
        marker = "." if choices == "other" else "+"
        if role == "learned" and shown[name]["size"] == 1:
            marker = "x"
        curves[name] = Curve(shown[name]["label"], color, line, marker)
    return {name: curves[name] for name in shown}


def load_contours(job: Job) -> Contours:
    """Inputs `NAME_intervals` and `NAME_fits` of the ensembles in the parameter `shown`."""
    curves = curves_of(job.params.shown)
    return Contours(
        curves,
        {name: job.load(f"{name}_intervals", Intervals) for name in curves},
        {name: job.load_joined(f"{name}_fits", Fits) for name in curves},
    )


def draw_contours(
    cell: SubplotSpec,
    curves: Mapping[str, Curve],
    regions: Mapping[str, Region],
    true_point: tuple[float, float] | None,
    *,
    side: float,
    angle: str = "sin2_2theta23",
    panel: str = "regions",
) -> JointAxes:
    """Regions at 1σ and 2σ with the members' best fits; the panels beside are left empty.

    Parameters
    ----------
    cell
        Where in the figure.
    curves, regions
        The ensembles, in the order of drawing.
    true_point
        Mixing parameter and Δm²32 [eV²] at which the data were made; None: not known.
    side
        Size of the panels beside, relative to the plane.
    angle
        The mixing parameter, a key of `ANGLES`.
    panel
        What the plane is called in the table of data.
    """
    cells = cell.subgridspec(2, 2, width_ratios=[1, side], height_ratios=[side, 1])
    (top, corner), (main, right) = cells.subplots(sharex="col", sharey="row", squeeze=False)
    corner.remove()
    shown = [] if true_point is None else [np.array([true_point])]
    for name, curve in curves.items():
        region = regions[name]
        for n_sigma, (margin, width) in enumerate(zip(region.margin, (1.2, 0.7), strict=True), 1):
            inside = margin >= 0
            # Regions of scattered members may be empty, which is no curve.
            if not inside.any():
                continue
            drawn = main.contour(
                region.mixing,
                region.mass * MILLI,
                margin.T,
                levels=[0.0],
                colors=curve.color,
                linestyles=[curve.line],
                linewidths=width,
            )
            drawn.set_gid(f"{curve.label}, {n_sigma} sigma")
            in_mixing, in_mass = np.nonzero(inside)
            shown.append(np.stack([region.mixing[in_mixing], region.mass[in_mass]], axis=1))
        shown.append(region.best)
        main.plot(
            region.best[:, 0],
            region.best[:, 1] * MILLI,
            marker=curve.marker,
            ms=2.5 if curve.marker == "." else 6,
            color=curve.color,
            ls="",
            gid=f"{curve.label}, best fits",
        )
    if true_point is not None:
        star: dict[str, Any] = {"marker": "*", "color": ACCENT, "ls": "", "ms": 7}
        main.plot(true_point[0], true_point[1] * MILLI, gid="true value", **star)

    points = np.concatenate(shown) * (1.0, MILLI)
    low, high = points.min(axis=0), points.max(axis=0)
    margin = 0.1 * (high - low)
    label, limit = ANGLES[angle]
    main.set_xlim(low[0] - margin[0], high[0] + margin[0] if limit is None else limit)
    main.set_ylim(low[1] - margin[1], high[1] + margin[1])
    main.set(xlabel=label, ylabel=r"$\Delta m^2_{32}$ ($10^{-3}\,\mathrm{eV}^2$)")
    describe(main, panel, angle, MASS)
    top.tick_params(which="both", labelbottom=False, labelleft=False, left=False, right=False)
    right.tick_params(which="both", labelbottom=False, labelleft=False, bottom=False, top=False)
    return JointAxes(main, top, right)


def draw_ensembles(
    cell: SubplotSpec, contours: Contours, true_point: tuple[float, float] | None
) -> JointAxes:
    """`draw_contours` with the intervals of either parameter beside them, and a legend on top."""
    curves = contours.curves
    # A legend wider than the plane would push the panels apart if it belonged to one of them.
    rows = cell.subgridspec(2, 1, height_ratios=[0.001, 1], hspace=0)
    axes = draw_contours(rows[1], curves, contours.regions, true_point, side=0.2)
    for position, (name, curve) in enumerate(curves.items()):
        intervals = contours.intervals[name]
        for level, width in ((1, 0.7), (0, 2.8)):
            mixing = intervals.interval_sin2_2theta23[level]
            mass = intervals.interval_dm2_32[level] * MILLI
            bar: dict[str, Any] = {"color": curve.color, "lw": width, "solid_capstyle": "butt"}
            bar["gid"] = f"{curve.label}, {level + 1} sigma"
            axes.top.plot(mixing, [-position, -position], **bar)
            axes.right.plot([position, position], mass, **bar)
    describe(axes.top, "intervals of sin2_2theta23", "sin2_2theta23", "")
    describe(axes.right, "intervals of dm2_32", "", MASS)
    axes.top.set_ylim(0.4 - len(curves), 0.6)
    axes.right.set_xlim(-0.6, len(curves) - 0.4)
    legend = axes.main.figure.add_subplot(rows[0], xticks=[], yticks=[])
    legend.set_axis_off()
    legend.legend(
        handles=legend_handles(curves, star=true_point is not None),
        loc="lower left",
        borderaxespad=0.2,
        title=r"1$\sigma$ (thick), 2$\sigma$ (thin), best fits (points)",
        alignment="left",
    )
    return axes


def legend_handles(curves: Mapping[str, Curve], *, star: bool = True) -> list[Line2D]:
    """Entries of a legend: the ensembles and, where it is known, the true point."""
    handles = [
        Line2D([], [], color=c.color, ls=c.line, marker=c.marker, ms=6, label=c.label)
        for c in curves.values()
    ]
    if star:
        handles.append(Line2D([], [], color=ACCENT, marker="*", ls="", ms=7, label="true value"))
    return handles
