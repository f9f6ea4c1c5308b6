"""Figure 6: training and test loss."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from nd2fd.figures.style import ACCENT, LEARNED, PAGE

Array = NDArray[np.float64]


def draw(exact: Mapping[str, Array], sampled: Mapping[str, Array], n_events: int) -> Figure:
    """Losses against evaluations: members trained on the exact density and on sampled events.

    Parameters
    ----------
    exact, sampled
        Artifacts `member` of both.
    n_events
        Number of sampled ND events.
    """
    figure, (left, right) = plt.subplots(1, 2, figsize=(PAGE, 2.9))
    for axis, members, title in (
        (left, exact, "exact ND density"),
        (right, sampled, f"{n_events / 1e6:g} M ND events"),
    ):
        n_members, n_evaluations = members["loss"].shape
        evaluation = np.arange(n_evaluations) + 1
        for index in range(n_members):
            axis.plot(evaluation, members["loss"][index], color=LEARNED, lw=0.7)
            axis.plot(
                members["test_step"] + 1, members["test_loss"][index], color=ACCENT, lw=0.7, ls=":"
            )
        best = members["best_step"]
        axis.plot(
            best + 1,
            members["loss"][np.arange(n_members), best],
            marker="o",
            ms=2.5,
            ls="",
            color=LEARNED,
        )
        axis.set_title(f"{title}, {n_members} members")
        axis.set(xlabel="evaluation of loss and gradient", xlim=(0, None), yscale="log")
    left.set_ylabel("loss")
    figure.legend(
        handles=[
            Line2D([], [], color=LEARNED, lw=1, label="training"),
            Line2D([], [], color=ACCENT, lw=1, ls=":", label="test, 3-D cross section"),
            Line2D([], [], color=LEARNED, marker="o", ms=2.5, ls="", label="weights kept"),
        ],
        loc="outside upper center",
        ncols=3,
    )
    return figure
