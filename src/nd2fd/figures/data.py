"""What a figure shows as a table: the arrays that are drawn, with the names of their quantities.

Rows are points: of a curve in their order, of steps, error bars and bands one at each x, of a map
one in each cell. Columns are `panel`, `series` (what is drawn), `curve` (1, 2, … of a series in a
panel: members, or the pieces of a contour) and one for each quantity, with its unit, empty where a
panel has another. Lines right across a panel, outlines and text are not data.
"""

import csv
import io
from collections import defaultdict
from collections.abc import Iterator
from itertools import repeat
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.collections import Collection, PathCollection, PolyCollection, QuadMesh
from matplotlib.container import ErrorbarContainer
from matplotlib.contour import ContourSet
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import StepPatch
from numpy.typing import NDArray

Array = NDArray[np.float64]
Columns = dict[str, Array]

_DIGITS = "{:.7g}".format


class _Panel(NamedTuple):
    name: str
    x: str
    y: str
    z: str


_PANELS: WeakKeyDictionary[Axes, _Panel] = WeakKeyDictionary()


def describe(axes: Axes, panel: str, x: str, y: str, z: str = "") -> None:
    """Say what a panel and its quantities are called: `E_nu (GeV)`.

    Panels with one name are one in the table. z is the quantity of a map; a quantity without a
    name, as the place of a row, is left out. What is drawn is called by its `gid`, or else by its
    label in the legend.
    """
    _PANELS[axes] = _Panel(panel, x, y, z)


def as_csv(figure: Figure) -> str:
    """The table of a figure.

    Raises
    ------
    ValueError
        If a panel has data and was not described, or what is drawn there has no name.
    TypeError
        If something is drawn that this module does not know how to read.
    """
    blocks = list(_blocks(figure))
    quantities = dict.fromkeys(name for _, _, _, columns in blocks for name in columns)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["panel", "series", "curve", *quantities])
    for panel, series, curve, columns in blocks:
        kept = np.all([np.isfinite(values) for values in columns.values()], axis=0)
        cells = [
            map(_DIGITS, columns[name][kept].tolist()) if name in columns else repeat("")
            for name in quantities
        ]
        of_all = (repeat(value, int(kept.sum())) for value in (panel, series, curve))
        writer.writerows(zip(*of_all, *cells, strict=False))
    return text.getvalue()


def _blocks(figure: Figure) -> Iterator[tuple[str, str, int, Columns]]:
    """Panel, series, number of the curve, and columns of all that is drawn."""
    curves: dict[Any, int] = defaultdict(int)
    for axes in figure.axes:
        if axes.get_label() == "<colorbar>":
            continue
        for artist, pieces in _drawn(axes):
            if axes not in _PANELS:
                raise ValueError(f"{artist} is in a panel that `describe` was not called for")
            panel = _PANELS[axes]
            series = str(artist.get_gid() or artist.get_label())
            if series.startswith("_"):
                raise ValueError(f"{artist} in panel {panel.name!r} has neither gid nor label")
            for piece in pieces:
                columns = {
                    _edge(getattr(panel, axis), edge): values
                    for (axis, edge), values in piece.items()
                    if getattr(panel, axis)
                }
                place = (panel.name, series, *columns)
                curves[place] += 1
                yield panel.name, series, curves[place], columns


def _edge(quantity: str, edge: str) -> str:
    """`E_nu low (GeV)` of `E_nu (GeV)` and `low`."""
    name, bracket, unit = quantity.partition(" (")
    return f"{name} {edge}{bracket}{unit}" if edge else quantity


Piece = dict[tuple[str, str], Array]
"""Values by axis, `x`, `y` or `z`, and edge, `low`, `high` or none."""


def _drawn(axes: Axes) -> Iterator[tuple[Artist, list[Piece]]]:
    """All that is drawn in the coordinates of the data, with its values."""
    bars = [bar for bar in axes.containers if isinstance(bar, ErrorbarContainer)]
    parts = {part for bar in bars for part in _parts(bar)}
    for artist in axes.get_children():
        if artist in parts or artist.get_transform() is not axes.transData:
            continue
        if isinstance(artist, Line2D):
            yield artist, [_curve(np.asarray(artist.get_xydata()))]
        elif isinstance(artist, StepPatch):
            yield artist, [_steps(artist)]
        elif isinstance(artist, Collection):
            yield artist, _collection(artist)
    for bar in bars:
        yield bar.lines[0], [_error_bars(bar)]


def _parts(bar: ErrorbarContainer) -> tuple[Artist, ...]:
    line, caps, segments = bar.lines
    return line, *caps, *segments


def _curve(points: Array) -> Piece:
    x, y = points.astype(np.float64).T
    return {("x", ""): x, ("y", ""): y}


def _steps(artist: StepPatch) -> Piece:
    values, edges, _ = artist.get_data()
    across, along = ("x", "y") if artist.orientation == "vertical" else ("y", "x")
    return {(across, "low"): edges[:-1], (across, "high"): edges[1:], (along, ""): values}


def _error_bars(bar: ErrorbarContainer) -> Piece:
    line, _, segments = bar.lines
    piece = _curve(np.asarray(line.get_xydata()))
    drawn = [axis for axis, has in (("x", bar.has_xerr), ("y", bar.has_yerr)) if has]
    for axis, collection in zip(drawn, segments, strict=True):
        ends = np.array(collection.get_segments())[:, :, "xy".index(axis)]
        piece |= {(axis, "low"): ends.min(axis=1), (axis, "high"): ends.max(axis=1)}
    return piece


def _collection(artist: Artist) -> list[Piece]:
    if isinstance(artist, QuadMesh):
        corners = np.asarray(artist.get_coordinates(), dtype=np.float64)
        ends = (slice(None, -1), slice(1, None))
        x, y = np.mean([corners[i, j] for i in ends for j in ends], axis=0).reshape(-1, 2).T
        values = np.ma.filled(np.ma.asarray(artist.get_array(), dtype=np.float64), np.nan)
        return [{("x", ""): x, ("y", ""): y, ("z", ""): values.ravel()}]
    if isinstance(artist, ContourSet):
        return [_curve(piece) for level in artist.allsegs for piece in level]
    if isinstance(artist, PathCollection):
        return [_curve(np.asarray(artist.get_offsets()))]
    if isinstance(artist, PolyCollection):
        return [_band(np.asarray(path.vertices)) for path in artist.get_paths()]
    raise TypeError(f"what {artist} shows cannot be written: add it to nd2fd.figures.data")


def _band(outline: Array) -> Piece:
    """Of `fill_between`: along its first edge, back along the other, and one point at each end."""
    n = (len(outline) - 3) // 2
    first, second = outline[1 : n + 1], outline[n + 2 : 2 * n + 2][::-1]
    return {("x", ""): first[:, 0], ("y", "low"): first[:, 1], ("y", "high"): second[:, 1]}
