"""What the figures of densities in (v1, v2) share."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.figure import Figure
from matplotlib.path import Path
from numpy.typing import NDArray

from nd2fd.figures.data import describe
from nd2fd.figures.style import NEUTRAL, PAGE, V2_LABEL
from nd2fd.figures.style import v1_label as label_of_v1
from nd2fd.io.schemas.learned import Slices
from nd2fd.physics.density import total_variation
from nd2fd.physics.kinematics import outline
from nd2fd.physics.setup import Setup

Array = NDArray[np.float64]


def draw_density(axis: Axes, v1: Array, v2: Array, density: Array, peak: float) -> QuadMesh:
    """A density (n_v1, n_v2) on a scale from zero to `peak`."""
    return axis.pcolormesh(v1, v2, density.T, vmin=0.0, vmax=peak, rasterized=True)


def draw_difference(
    axis: Axes, v1: Array, v2: Array, learned: Array, true: Array, limit: float | None = None
) -> QuadMesh:
    """Learned minus true density in % of the peak of the truth.

    `limit` is the end of the scale in %; without it the largest difference is.
    """
    difference = 100.0 * (learned - true) / true.max()
    if limit is None:
        limit = np.abs(difference).max()
    return axis.pcolormesh(
        v1, v2, difference.T, cmap="RdBu_r", vmin=-limit, vmax=limit, rasterized=True
    )


def _describe(row: Sequence[Axes], panel: str, density: str) -> None:
    """For the table of data: truth, learned density and their difference."""
    names = ("truth", density), ("learned", density), ("difference", "difference (% of the peak)")
    for axis, (series, quantity) in zip(row, names, strict=True):
        (image,) = axis.collections
        image.set_gid(series)
        describe(axis, panel, "v1", "v2", quantity)


def _keep_possible(axis: Axes, energy: float, setup: Setup) -> None:
    """Cut an axis' only map where no event can happen up to E_ν [GeV], and draw the border.

    Cells of a grid would end in steps.
    """
    border = outline(energy, setup)
    (image,) = axis.collections
    if border.size == 0:
        return
    image.set_clip_path(Path(border), axis.transData)
    axis.fill(*border.T, fill=False, ec=NEUTRAL, lw=0.4)


def draw_comparison(
    figure: Figure,
    row: Sequence[Axes],
    panel: str,
    v1: Array,
    v2: Array,
    true: Array,
    learned: Array,
    setup: Setup,
    variation: str = "total variation\n",
) -> None:
    """Truth, learned density and their difference, in three panels.

    `panel` is what they are called in the table of data; `variation` stands before the total
    variation; `setup` says where events can happen.
    """
    peak = true.max()
    for axis, density in zip(row[:2], (true, learned), strict=True):
        image = draw_density(axis, v1, v2, density, peak)
    figure.colorbar(image, ax=row[1], label=r"$p(v_1, v_2)$", pad=0.02)
    image = draw_difference(row[2], v1, v2, learned, true)
    figure.colorbar(image, ax=row[2], label="% of the peak density", pad=0.02)
    _describe(row, panel, "p(v1, v2)")
    _write_total_variation(row[2], variation, learned, true)
    for axis in row:
        _keep_possible(axis, setup.energy_max, setup)


class Compared(NamedTuple):
    """Densities (n_v1, n_v2) of a sample, true and learned."""

    name: str
    v1: Array
    v2: Array
    true: Array
    learned: Array


def draw_comparisons(rows: Sequence[Compared], setup: Setup) -> Figure:
    """A figure of `draw_comparison`, a row for each sample."""
    figure, axes = plt.subplots(
        len(rows),
        3,
        figsize=(PAGE, 0.9 + 1.75 * len(rows)),
        sharex=True,
        sharey=True,
        squeeze=False,
    )
    for row, compared in zip(axes, rows, strict=True):
        draw_comparison(figure, row, *compared, setup)
        row[0].set_ylabel(f"{compared.name}\n{V2_LABEL}")
    for axis, title in zip(axes[0], ("Truth", "Learned", "Learned $-$ truth"), strict=True):
        axis.set_title(title)
    for axis in axes[-1]:
        axis.set_xlabel(label_of_v1(setup.x_max))
    axes[0, 0].set(xlim=(0, 1), ylim=(0, 1), xticks=[0, 0.5, 1], xticklabels=["0", "0.5", "1"])
    return figure


def _write_total_variation(axis: Axes, name: str, learned: Array, true: Array, **text: Any) -> None:
    """`name` and the total variation, in the upper right corner, where no density is."""
    value = f"{name}{100 * total_variation(learned, true):.2g} %"
    axis.text(0.96, 0.95, value, transform=axis.transAxes, ha="right", va="top", **text)


def label_comparison(
    row: Sequence[Axes], titles: Sequence[str], v1_label: str, v2_label: str
) -> None:
    """Titles, limits and labels of a row that stands alone and shares its axes."""
    for axis, title in zip(row, titles, strict=True):
        axis.set_title(title)
        axis.set_xlabel(v1_label)
    row[0].set(xlim=(0, 1), ylim=(0, 1), xticks=[0, 0.5, 1], xticklabels=["0", "0.5", "1"])
    row[0].set_ylabel(v2_label)


def draw_slices(
    figure: Figure,
    rows: NDArray[np.object_],
    truth: Slices,
    learned: Slices,
    name: str,
    setup: Setup,
) -> None:
    """Densities at fixed E_ν: truth, first learned member and difference, energies side by side.

    Parameters
    ----------
    figure, rows
        The figure, and its axes of shape (3, n_energy).
    truth, learned
        The densities.
    name
        Of what is learned.
    setup
        Says where events can happen.
    """
    v1, v2 = truth.v1, truth.v2
    true, of_member = truth.density[0], learned.density[0]
    peaks = true.max(axis=(1, 2))
    # No colour stands for more than one density: the scale holds all of what was learned.
    top = max(1.0, np.max(of_member.max(axis=(1, 2)) / peaks))
    limit = 100.0 * np.max(np.abs(of_member - true).max(axis=(1, 2)) / peaks)
    for column, energy, p, q, peak in zip(
        rows.T, truth.energy, true, of_member, peaks, strict=True
    ):
        for axis, density in zip(column[:2], (p, q), strict=True):
            shown = draw_density(axis, v1, v2, density / peak, top)
        difference = draw_difference(column[2], v1, v2, q, p, limit)
        _describe(column, f"{name}, E_nu = {energy:g} GeV", "density (peak of the truth)")
        column[0].set_title(rf"$E_\nu = {energy:g}$ GeV")
        _write_total_variation(column[2], "TV ", q, p, fontsize=8)
        column[2].set_xlabel("$v_1$")
        for axis in column:
            _keep_possible(axis, energy, setup)
    for axis, label in zip(rows[:, 0], ("Truth", name, f"{name} $-$ truth"), strict=True):
        axis.set_ylabel(f"{label}\n$v_2$")
    ticks = {"xticks": [0, 0.5, 1], "xticklabels": ["0", "0.5", "1"]}
    rows[0, 0].set(xlim=(0, 1), ylim=(0, 1), yticks=[0, 0.5, 1], **ticks)
    figure.colorbar(shown, ax=rows[:2], label="density (peak of the truth = 1)", pad=0.01)
    figure.colorbar(difference, ax=rows[2], label="% of the peak", pad=0.01)
