"""Training and test loss."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from nd2fd.figures.data import describe
from nd2fd.figures.style import ACCENT, LEARNED, PAGE, counted
from nd2fd.io.job import Job
from nd2fd.io.schemas.learned import Networks


def draw(networks: Mapping[str, Networks], near_events: Mapping[str, int]) -> Figure:
    """Losses against evaluations, one panel per ensemble, two in a row.

    Parameters
    ----------
    networks
        All members, by ensemble; without a truth they have no test loss.
    near_events
        Number of ND events that each ensemble trains on; 0 for the Asimov density.
    """
    n_columns = min(2, len(networks))
    n_rows = -(-len(networks) // n_columns)
    figure, grid = plt.subplots(
        n_rows, n_columns, figsize=(PAGE, 0.4 + 2.5 * n_rows), squeeze=False
    )
    for empty in grid.flat[len(networks) :]:
        empty.remove()
    for axis, (name, members) in zip(grid.flat, networks.items(), strict=False):
        n_members, n_evaluations = members.loss.shape
        evaluation = np.arange(n_evaluations) + 1
        for index in range(n_members):
            axis.plot(evaluation, members.loss[index], color=LEARNED, lw=0.7, gid="training")
            if members.test_step is not None and members.test_loss is not None:
                test = (members.test_step + 1, members.test_loss[index])
                axis.plot(*test, color=ACCENT, lw=0.7, ls=":", gid="test")
        best = members.best_step
        axis.plot(
            best + 1,
            members.loss[np.arange(n_members), best],
            marker="o",
            ms=2.5,
            ls="",
            color=LEARNED,
            gid="weights kept",
        )
        n_events = near_events[name]
        title = f"{n_events / 1e6:g} M ND events" if n_events else "Asimov ND density"
        axis.set_title(f"{title}, {counted(n_members, 'member')}")
        describe(axis, name, "evaluation", "loss")
        axis.set(xlabel="evaluation of loss and gradient", xlim=(0, None), yscale="log")
    for row in grid:
        row[0].set_ylabel("loss")
    handles = [
        Line2D([], [], color=LEARNED, lw=1, label="training"),
        Line2D([], [], color=ACCENT, lw=1, ls=":", label="test, 3-D cross section"),
        Line2D([], [], color=LEARNED, marker="o", ms=2.5, ls="", label="weights kept"),
    ]
    if all(members.test_loss is None for members in networks.values()):
        del handles[1]
    figure.legend(
        handles=handles,
        loc="outside upper center",
        ncols=3,
    )
    return figure


def from_job(job: Job) -> Figure:
    """Of the ensembles in the parameter `near_events`."""
    near_events = job.params.near_events
    return draw(
        {name: job.load_joined(f"{name}_networks", Networks) for name in near_events}, near_events
    )
