"""Event densities at the detectors, true and learned."""

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from nd2fd.figures.maps import draw_comparison
from nd2fd.figures.style import PAGE, V2_LABEL, v1_label
from nd2fd.io.job import Job
from nd2fd.io.schemas.learned import Predictions
from nd2fd.io.schemas.truth import Truth
from nd2fd.physics.setup import Setup


def draw(truth: Truth, prediction: Predictions, setup: Setup) -> Figure:
    """Truth, first learned member and their difference, one row per detector.

    `setup` says where events can happen.
    """
    rows = [("Near detector", truth.near, prediction.near[0])]
    if truth.far is not None and prediction.far is not None:
        rows.append(("Far detector", truth.far, prediction.far[0]))
    figure, axes = plt.subplots(
        len(rows),
        3,
        figsize=(PAGE, 0.9 + 1.75 * len(rows)),
        sharex=True,
        sharey=True,
        squeeze=False,
    )
    for row, (detector, true, learned) in zip(axes, rows, strict=True):
        draw_comparison(figure, row, detector, truth.v1, truth.v2, true, learned, setup)
        row[0].set_ylabel(f"{detector}\n{V2_LABEL}")
    for axis, title in zip(axes[0], ("Truth", "Learned", "Learned $-$ truth"), strict=True):
        axis.set_title(title)
    for axis in axes[-1]:
        axis.set_xlabel(v1_label(truth.x_max.item()))
    axes[0, 0].set(xlim=(0, 1), ylim=(0, 1), xticks=[0, 0.5, 1], xticklabels=["0", "0.5", "1"])
    return figure


def from_job(job: Job) -> Figure:
    """Of one batch of members."""
    return draw(
        job.load("truth", Truth),
        job.load("prediction", Predictions),
        Setup.from_config(job.params.setup),
    )
