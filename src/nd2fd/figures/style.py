"""Colours, widths and saving, shared by all figures. The rest is in the workflow's style file."""

from collections.abc import Iterable
from io import BytesIO
from pathlib import Path
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_pdf import FigureCanvasPdf
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from nd2fd.figures.data import as_csv
from nd2fd.io.atomic import write_atomically

COLUMN = 3.39
"""Width of one column [inch]."""

PAGE = 7.0
"""Width of two columns [inch]."""

# Okabe & Ito, distinguishable with any colour vision.
TRUTH = "#000000"
LEARNED = "#0072B2"
ACCENT = "#D55E00"
SECOND = "#009E73"
NEUTRAL = "#999999"
FURTHER = ("#CC79A7", "#E69F00", "#56B4E9")
"""Of a third curve, a fourth, …"""

_NOTE_ROOM = 0.08
"""Height of the note [inch]."""

V2_LABEL = r"$v_2 = \sqrt{(E_\ell + p\cos\theta)/2E_{\max}}$"


def v1_label(x_max: float) -> str:
    """Of v1 with its definition."""
    scale = "M" if x_max == 1.0 else rf"{x_max:g}M"
    return rf"$v_1 = \sqrt{{(E_\ell - p\cos\theta)/{scale}}}$"


def counted(number: int, noun: str) -> str:
    """1 member, 2 members."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def survival(antineutrino: bool) -> str:
    """ν_μ → ν_μ, or that of antineutrinos, without the dollars of mathematics."""
    neutrino = r"\bar{\nu}_\mu" if antineutrino else r"\nu_\mu"
    return rf"{neutrino}\rightarrow{neutrino}"


def use_style(style_file: str) -> None:
    """Draw without a display, in the given style upon matplotlib's own defaults, not the user's."""
    mpl.use("Agg")
    mpl.rcdefaults()
    plt.style.use(style_file)


def save(figure: Figure, paths: Iterable[str], note: str) -> None:
    """Write a figure, or the table of its data, under each of the paths by their suffix.

    Equal figures give equal bytes. `note` stands small in the lower right corner, below all axes.
    """
    if note and isinstance(engine := figure.get_layout_engine(), ConstrainedLayoutEngine):
        room = _NOTE_ROOM / figure.get_figheight()
        engine.set(rect=(0.0, room, 1.0, 1.0 - room))
    _fix_layout(figure)
    if note:
        figure.text(0.998, 0.002, note, ha="right", va="bottom", fontsize=5, color=NEUTRAL)
    for path in map(Path, paths):
        if path.suffix == ".csv":
            write_atomically(path, as_csv(figure).encode())
            continue
        content = BytesIO()
        figure.set_dpi(mpl.rcParams["savefig.dpi"])  # a PDF file leaves it at its own 72
        # Not by `savefig`: it draws everything once more beforehand, for a layout that is done.
        canvas: Any  # without types
        if path.suffix == ".pdf":
            canvas = FigureCanvasPdf(figure)
            canvas.print_pdf(content, metadata={"CreationDate": None})
        else:
            canvas = FigureCanvasAgg(figure)
            canvas.print_png(content, metadata={"Software": None})
        write_atomically(path, content.getvalue())
    plt.close(figure)


def _fix_layout(figure: Figure) -> None:
    """Lay a figure out once, and forget the last digits of where its axes are.

    The solver of the constrained layout orders its equations by memory addresses, so that its
    rounding errors are not reproducible.
    """
    engine = figure.get_layout_engine()
    if engine is not None:
        engine.execute(figure)
        figure.set_layout_engine("none")
    for axis in figure.axes:
        axis.set_position(np.round(axis.get_position(original=True).bounds, 9).tolist())
