"""The analysis, as a diagram."""

import textwrap
from collections.abc import Sequence
from typing import NamedTuple

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from nd2fd.figures.style import ACCENT, LEARNED, PAGE, SECOND, TRUTH, survival
from nd2fd.io.job import Job
from nd2fd.physics.setup import Setup

_HEIGHT = 3.5
_PAD = 0.06


class Box(NamedTuple):
    """A box of the diagram: centre and size [inch], text, and colour by what it stands for."""

    x: float
    y: float
    width: float
    height: float
    text: str
    color: str


DATA, KNOWN, NETWORK, RESULT = ACCENT, "0.35", LEARNED, SECOND

ARROWS = (
    ("network", "near"),
    ("near", "loss"),
    ("near_data", "loss"),
    ("known", "near"),
    ("known", "far"),
    ("network", "frozen"),
    ("frozen", "far"),
    ("oscillation", "far"),
    ("far", "fit"),
    ("far_data", "fit"),
    ("fit", "member"),
    ("member", "ensemble"),
)


def boxes(antineutrino: bool) -> dict[str, Box]:
    """The boxes by name, for neutrinos or antineutrinos."""
    return {
        "network": Box(0.85, 2.8, 1.35, 0.6, "neural network\n$W_i'(x, Q^2)$", NETWORK),
        "near": Box(
            2.8,
            2.8,
            1.8,
            0.6,
            "ND prediction $p(v_1, v_2)$\n"
            r"$\propto\sum_{E_\nu}\,\Phi_\mathrm{ND}\,\sum_i C_i\,W_i'$",
            NETWORK,
        ),
        "loss": Box(4.7, 2.8, 1.3, 0.6, "loss\n" r"$\int (p - p_\mathrm{ND})^2$", NETWORK),
        "near_data": Box(6.25, 2.8, 1.1, 0.6, "ND data\n" r"$p_\mathrm{ND}(v_1, v_2)$", DATA),
        "known": Box(
            2.8, 2.03, 1.8, 0.5, "flux $\\Phi(E_\\nu)$ and kinematics\n$C_i(E_\\nu, x, Q^2)$", KNOWN
        ),
        "frozen": Box(0.85, 1.26, 1.35, 0.6, "cross section,\nfrozen", NETWORK),
        "far": Box(
            2.8,
            1.26,
            1.8,
            0.6,
            "FD prediction $p(v_1, v_2\\,|\\,\\theta)$\n"
            r"$\propto\sum_{E_\nu}\,\Phi_\mathrm{FD} P(\theta)\,\sum_i C_i\,W_i'$",
            NETWORK,
        ),
        "fit": Box(4.7, 1.26, 1.3, 0.6, "unbinned fit of $\\theta$,\nbootstrap", RESULT),
        "far_data": Box(6.25, 1.26, 1.1, 0.6, "FD data\nevents $(v_1, v_2)$", DATA),
        "oscillation": Box(
            2.8,
            0.4,
            1.8,
            0.5,
            f"oscillation\n$P({survival(antineutrino)};\\,E_\\nu, \\theta)$",
            KNOWN,
        ),
        "member": Box(4.7, 0.4, 1.3, 0.5, "region of\neach member", RESULT),
        "ensemble": Box(6.25, 0.4, 1.1, 0.5, "region of\nthe ensemble", RESULT),
    }


def draw(antineutrino: bool, varied: Sequence[str]) -> Figure:
    """From ND data, flux and kinematics to the learned cross section, and on to the FD.

    `varied` is what members differ in, in words.
    """
    box_of = boxes(antineutrino)
    figure = plt.figure(figsize=(PAGE, _HEIGHT))
    axis = figure.add_subplot(aspect="equal")
    axis.set(xlim=(0, PAGE), ylim=(0, _HEIGHT), xticks=[], yticks=[])
    axis.minorticks_off()
    axis.set_axis_off()
    for box in box_of.values():
        axis.add_patch(
            FancyBboxPatch(
                (box.x - box.width / 2 + _PAD, box.y - box.height / 2 + _PAD),
                box.width - 2 * _PAD,
                box.height - 2 * _PAD,
                boxstyle=f"round,pad={_PAD}",
                facecolor=(*to_rgb(box.color), 0.1),
                edgecolor=box.color,
                lw=0.9,
            )
        )
        axis.text(box.x, box.y, box.text, ha="center", va="center", fontsize=8)
    for start, end in ARROWS:
        _connect(axis, box_of[start], box_of[end])
    _return_arrow(axis, box_of["loss"], box_of["network"])
    frozen = box_of["frozen"]
    axis.text(frozen.x + 0.06, 2.03, "after training", va="center", fontsize=8)
    axis.text(
        frozen.x,
        0.4,
        "\n".join(["members differ in", *textwrap.wrap(", ".join(varied), 30)]) if varied else "",
        ha="center",
        va="center",
        fontsize=8,
        style="italic",
    )
    return figure


def _connect(axis: Axes, start: Box, end: Box) -> None:
    """A straight arrow between the facing edges of two boxes in one row or one column."""
    if start.y == end.y:
        side = 1 if end.x > start.x else -1
        tail = start.x + side * start.width / 2, start.y
        head = end.x - side * end.width / 2, end.y
    else:
        side = 1 if end.y > start.y else -1
        tail = start.x, start.y + side * start.height / 2
        head = end.x, end.y - side * end.height / 2
    _arrow(axis, tail, head)


def _return_arrow(axis: Axes, start: Box, end: Box) -> None:
    """Training: from the top of one box over the others to the top of another."""
    level = start.y + start.height / 2 + 0.22
    axis.plot(
        [start.x, start.x, end.x],
        [start.y + start.height / 2, level, level],
        color=TRUTH,
        lw=0.9,
        solid_capstyle="butt",
    )
    _arrow(axis, (end.x, level), (end.x, end.y + end.height / 2))
    axis.text((start.x + end.x) / 2, level + 0.04, "training", ha="center", va="bottom", fontsize=8)


def _arrow(axis: Axes, tail: tuple[float, float], head: tuple[float, float]) -> None:
    axis.add_patch(
        FancyArrowPatch(
            tail,
            head,
            arrowstyle="-|>",
            mutation_scale=8,
            shrinkA=0,
            shrinkB=0,
            color=TRUTH,
            lw=0.9,
        )
    )


def from_job(job: Job) -> Figure:
    """It needs no inputs."""
    return draw(Setup.from_config(job.params.setup).antineutrino, job.params.varied)
