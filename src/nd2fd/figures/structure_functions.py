"""Structure functions, bare and weighted by near-detector kinematics."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from nd2fd.figures.data import describe
from nd2fd.figures.style import ACCENT, LEARNED, NEUTRAL, PAGE, SECOND, TRUTH
from nd2fd.figures.thresholds import UNCONSTRAINED
from nd2fd.forward.nodes import NodeGrid
from nd2fd.io.job import Job
from nd2fd.io.schemas.learned import Networks
from nd2fd.io.schemas.truth import NodeWeights, Truth

Array = NDArray[np.float64]

Q2_SHOWN = (0.015, 0.05, 0.15)
"""In units of the largest Q²; the nearest nodes are shown."""

X_TICKS = (0.0, 0.05, 0.2, 0.5, 1.0)
"""In units of the largest x."""

COLORS = (LEARNED, SECOND, ACCENT)


def draw(truth: Truth | None, members: Networks, weights: NodeWeights) -> Figure:
    """W_i' against x at fixed Q², and below the same times the weights in the ND density.

    All members are shown, with the same ND event rate. Where no truth is known, their mean says
    where there are events.
    """
    near = weights.near
    rate = np.einsum("ixt,mixt->m", near, members.structure_functions)
    learned = members.structure_functions / rate[:, None, None, None]
    true = None if truth is None else truth.structure_functions
    expected = learned.mean(axis=0) if true is None else true
    events = np.einsum("ixt,ixt->xt", near, expected)
    constrained = events > UNCONSTRAINED * events.max()
    nodes = NodeGrid.of(weights)
    x = nodes.x_max * weights.xi**2
    spacing = np.diff(weights.xi)[0] * np.diff(weights.tau)[0]
    Q2 = nodes.Q2_of_tau(weights.tau)
    columns = [int(np.abs(Q2 - share * nodes.Q2_max).argmin()) for share in Q2_SHOWN]
    ticks = nodes.x_max * np.array(X_TICKS)

    figure, (bare, weighted) = plt.subplots(2, 3, figsize=(PAGE, 4.4), sharex=True, sharey="row")
    for i, (upper, lower) in enumerate(zip(bare, weighted, strict=True)):
        for column, color in zip(columns, COLORS, strict=True):
            at = f"Q2 = {Q2[column]:.3g} GeV2"
            inside = np.where(constrained[:, column], 1.0, np.nan)
            for member in learned[:, i, :, column]:
                upper.plot(x, member, color=color, lw=0.5, ls=":", gid=f"learned, everywhere, {at}")
                upper.plot(x, member * inside, color=color, lw=0.8, gid=f"learned, {at}")
                weighted_member = member * near[i, :, column] / spacing
                lower.plot(x, weighted_member, color=color, lw=0.8, gid=f"learned, {at}")
            if true is not None:
                of_truth = true[i, :, column]
                look = {"color": TRUTH, "ls": "--", "gid": f"truth, {at}"}
                upper.plot(x, of_truth, lw=0.9, **look)
                lower.plot(x, of_truth * near[i, :, column] / spacing, lw=0.9, **look)
        upper.set_title(f"$W_{i + 1}'$")
        describe(upper, f"W{i + 1}'", "x", "W'(x, Q2)")
        describe(lower, f"W{i + 1}', weighted", "x", "near events per d sqrt(x) d tau")
        lower.text(
            0.96,
            0.95,
            "\n".join(
                f"{name} events: {100 * _share(at_detector * expected, i):.1f} %"
                for name, at_detector in (("ND", weights.near), ("FD", weights.far))
                if at_detector is not None
            ),
            transform=lower.transAxes,
            ha="right",
            va="top",
            fontsize=8,
        )
        lower.axhline(0.0, color=NEUTRAL, lw=0.5, zorder=0)
        lower.set_xlabel("$x$")
        lower.set_xscale("function", functions=(_root, np.square))
        lower.set(xlim=(0, ticks[-1]), xticks=ticks, xticklabels=[f"{tick:g}" for tick in ticks])
        lower.minorticks_off()
    shown = expected[:, :, columns][:, constrained[:, columns]]
    bare[0].set_ylim(min(0.0, 1.4 * shown.min()), 1.4 * shown.max())
    # Room for the text.
    low, high = weighted[0].get_ylim()
    weighted[0].set_ylim(low, 1.3 * high)
    bare[0].set_ylabel("$W_i'(x, Q^2)$")
    weighted[0].set_ylabel(r"ND events per d$\sqrt{x}\,$d$\tau$")
    handles = (
        [Line2D([], [], color=TRUTH, ls="--", lw=0.9, label="truth")] if truth is not None else []
    )
    handles += [
        Line2D([], [], color=color, label=rf"learned, $Q^2 = {Q2[column]:.2g}$ GeV$^2$")
        for column, color in zip(columns, COLORS, strict=True)
    ]
    handles.append(Line2D([], [], color="0.3", ls=":", label="almost no ND events"))
    figure.legend(handles=handles, loc="outside upper center", ncols=5, columnspacing=1.2)
    return figure


def _share(events: Array, i: int) -> float:
    return float(events[i].sum() / events.sum())


def _root(x: Array) -> Array:
    """√x; axes have margins below zero while they are set up."""
    return np.sqrt(np.maximum(x, 0.0))


def from_job(job: Job) -> Figure:
    """Of all members of an ensemble."""
    return draw(
        job.load_optional("truth", Truth),
        job.load_joined("members", Networks),
        job.load("weights", NodeWeights),
    )
