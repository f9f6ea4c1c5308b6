"""Draw docs/images/architecture.png: the rooms of the code, by floor, and which needs which.

    python tools/draw_architecture.py

A room is a folder or a module of src/nd2fd, or the workflow. Arrows are read from the syntax trees:
imports anywhere in a file, and modules that a string names as registries do ("nd2fd.module:name").
Ends with an error, and draws nothing, if an arrow goes up in `ORDER` or rooms need one another in a
circle.
"""

import ast
import json
import re
import sys
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

Arrows = dict[str, set[str]]
"""Rooms that each room needs."""

ROOT = Path(__file__).resolve().parents[1]
PICTURE = Path("docs/images/architecture.png")

ORDER = (
    ("data", "io", "streams"),
    ("physics",),
    ("beam",),
    ("detector", "events", "forward"),
    ("cross_sections", "measurements"),
    ("systematics",),
    ("learning",),
    ("leptons", "statistics"),
    ("api", "config"),
    ("plan",),
    ("figures",),
    ("report",),
    ("workflow",),
)
"""From bottom to top: a room needs rooms below it only, none of its own row."""

COLOURS = {
    "#f2f2f2": ("data", "io", "streams"),
    "#cfe6f5": (
        "physics",
        "beam",
        "detector",
        "events",
        "forward",
        "cross_sections",
        "measurements",
        "leptons",
    ),
    "#d5efe4": ("systematics", "learning", "statistics"),
    "#fbe3c8": ("api", "config", "plan"),
    "#f7d6d0": ("figures", "report", "workflow"),
}
"""Rooms by colour."""

_WIDTH, _STEP = 7.0, 0.76
"""Width of the picture, and height of a floor [inch]."""

_BOX, _SLOT = (1.24, 0.34), 0.2
"""Width and height of a room's box, and what an arrow needs to pass between boxes [inch]."""

_SWEEPS = 12

_GREY = "#777777"

_ARROW: dict[str, Any] = {
    "arrowstyle": "-|>,head_width=0.16,head_length=0.32",
    "color": _GREY,
    "linewidth": 0.0,
    "shrinkA": 0,
    "shrinkB": 0,
}


def arrows(root: Path) -> Arrows:
    """Which rooms each room of a checkout needs.

    Raises
    ------
    SystemExit
        `ORDER` and the rooms that there are differ.
    """
    package, workflow = root / "src" / "nd2fd", root / "workflow"
    files = [(path.relative_to(package).parts[0], path) for path in package.rglob("*.py")]
    files += [("workflow", path) for path in workflow.rglob("*") if path.suffix in (".py", ".smk")]
    found: Arrows = {}
    for name, path in sorted(files):
        room = name.removesuffix(".py")
        if room != "__init__":
            needed = set(_needed(path.read_text(encoding="utf-8"), path.suffix))
            found.setdefault(room, set()).update(needed - {room, "__version__"})
    expected = {room for row in ORDER for room in row}
    if unknown := expected ^ (
        found.keys() | {room for needed in found.values() for room in needed}
    ):
        raise SystemExit(f"ORDER in {Path(__file__).name} and the code differ: {sorted(unknown)}")
    return found


def _needed(source: str, suffix: str) -> Iterator[str]:
    """Rooms that a file names."""
    if suffix == ".smk":  # Snakemake's own language: imports at the beginning of a line are Python
        source = "\n".join(
            re.findall(r"^(?:import|from nd2fd)(?:.*\([^)]*\)|.*)$", source, re.MULTILINE)
        )
    for node in ast.walk(ast.parse(source)):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            names = re.findall(r"^nd2fd\.[\w.]+(?=:\w+$|$)", node.value)
        for name in names:
            package, _, rest = name.partition(".")
            if package == "nd2fd" and rest:
                yield rest.split(".")[0]


def faults(found: Mapping[str, set[str]]) -> list[str]:
    """Arrows that go up or stay in their row, and circles, in words."""
    row = {room: number for number, rooms in enumerate(ORDER) for room in rooms}
    words = [
        f"{room} needs {other}, which is not below it"
        for room, needed in sorted(found.items())
        for other in sorted(needed)
        if row[other] >= row[room]
    ]
    try:
        TopologicalSorter(found).prepare()
    except CycleError as error:
        words.append("circle: " + " → ".join(reversed(error.args[1])))
    return words


def without_implied(found: Mapping[str, set[str]]) -> Arrows:
    """The arrows that do not follow from others."""
    return {
        room: {o for o in needed if not any(o in _all_below(found, via) for via in needed - {o})}
        for room, needed in found.items()
    }


def _all_below(found: Mapping[str, set[str]], room: str) -> set[str]:
    below = set(found[room])
    for other in found[room]:
        below |= _all_below(found, other)
    return below


def floors(found: Mapping[str, set[str]]) -> list[list[str]]:
    """Rooms by floor, bottom to top: each as low as what it needs allows."""
    height: dict[str, int] = {}
    for room in TopologicalSorter(found).static_order():
        height[room] = 1 + max((height[other] for other in found[room]), default=-1)
    in_order = [room for rooms in ORDER for room in rooms]
    return [[r for r in in_order if height[r] == h] for h in range(max(height.values()) + 1)]


def _paths(found: Mapping[str, set[str]], levels: list[list[str]]) -> list[list[str]]:
    """Arrows as the places they pass, from top to bottom: one on each floor, between the rooms."""
    floor = {room: number for number, rooms in enumerate(levels) for room in rooms}
    return [
        [
            room,
            *(f"{room} to {other}, {n}" for n in range(floor[room] - 1, floor[other], -1)),
            other,
        ]
        for room, needed in sorted(without_implied(found).items())
        for other in sorted(needed)
    ]


def places(found: Mapping[str, set[str]]) -> tuple[dict[str, float], list[list[str]]]:
    """Horizontal places [inch] of rooms and of what arrows pass, and the paths of the arrows.

    Each is moved, floor by floor, to where what it is connected with is on average.
    """
    levels = floors(found)
    paths = _paths(found, levels)
    for path in paths:
        last = next(n for n, rooms in enumerate(levels) if path[-1] in rooms)
        for above, passed in enumerate(reversed(path[1:-1]), start=1):
            levels[last + above].append(passed)
    steps = [step for path in paths for step in pairwise(path)]
    x: dict[str, float] = {}
    for sweep in range(_SWEEPS):
        for names in levels if sweep % 2 else reversed(levels):
            wanted = {}
            for name in names:
                ends = [b if a == name else a for a, b in steps if name in (a, b)]
                known = [x[end] for end in ends if end in x]
                wanted[name] = sum(known) / len(known) if known else _WIDTH / 2
            names.sort(key=lambda name: (wanted[name], name))
            widths = [_SLOT if " to " in name else _BOX[0] + _SLOT for name in names]
            gap = (_WIDTH - sum(widths)) / (len(names) + 1)
            edge = gap
            for name, width in zip(names, widths, strict=True):
                x[name] = edge + width / 2
                edge += width + gap
    return x, paths


def draw(found: Mapping[str, set[str]]) -> Figure:
    """The picture, with the arrows that do not follow from others."""
    levels = floors(found)
    height = _STEP * len(levels)
    figure = Figure(figsize=(_WIDTH, height))
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    axes.set(xlim=(0.0, _WIDTH), ylim=(-_STEP / 2, height - _STEP / 2))
    axes.set_axis_off()
    x, paths = places(found)
    floor = {room: number for number, rooms in enumerate(levels) for room in rooms}
    for path in paths:
        # Straight down through each floor, from the first box's lower edge to the last one's upper.
        points = []
        for below, name in enumerate(path):
            y = _STEP * (floor[path[0]] - below)
            points += [(x[name], y + _BOX[1] / 2), (x[name], y - _BOX[1] / 2)]
        points = points[1:-1]
        points[0] = _moved(points[0], points[1])
        points[-1] = _moved(points[-1], points[-2])
        axes.plot(*zip(*points, strict=True), color=_GREY, linewidth=0.9, zorder=1)
        axes.annotate("", points[-1], points[-2], arrowprops=_ARROW, zorder=1)
    for room, number in floor.items():
        corner = (x[room] - _BOX[0] / 2, _STEP * number - _BOX[1] / 2)
        colour = next(colour for colour, rooms in COLOURS.items() if room in rooms)
        style: dict[str, Any] = {"facecolor": colour, "edgecolor": "#555555", "linewidth": 0.8}
        box = FancyBboxPatch(corner, *_BOX, "round,pad=0,rounding_size=0.08", zorder=2, **style)
        axes.add_patch(box)
        y = _STEP * number - 0.01
        axes.text(x[room], y, room, ha="center", va="center", fontsize=10, zorder=3)
    return figure


def _moved(point: tuple[float, float], towards: tuple[float, float]) -> tuple[float, float]:
    """A point on a box's edge, moved towards another point's side."""
    shift = 0.25 * (towards[0] - point[0])
    return point[0] + max(-0.4 * _BOX[0], min(0.4 * _BOX[0], shift)), point[1]


def as_text(found: Mapping[str, set[str]]) -> str:
    """The arrows that are drawn; stands in the picture, so that a test sees whether it is old."""
    drawn = without_implied(found)
    return json.dumps({room: sorted(drawn[room]) for room in sorted(drawn)})


def main() -> None:
    """Check the arrows and draw them."""
    found = arrows(ROOT)
    if words := faults(found):
        sys.exit("\n".join(words))
    mpl.rcdefaults()
    picture = ROOT / PICTURE
    draw(found).savefig(picture, dpi=150, metadata={"Software": None, "Comment": as_text(found)})
    print(f"wrote {picture}, {picture.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
