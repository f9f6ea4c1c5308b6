"""The normalising flow fits the near detector."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from nd2fd.figures.data import describe
from nd2fd.figures.maps import draw_comparison, label_comparison
from nd2fd.figures.style import LEARNED, PAGE, SECOND, V2_LABEL, v1_label
from nd2fd.io.job import Job
from nd2fd.io.schemas.learned import Flows, Networks, Predictions
from nd2fd.io.schemas.truth import Truth
from nd2fd.physics.setup import Setup

_RUNNING_MEAN = 20
"""Steps over which the flow's loss is averaged: each is an estimate from a few cells."""


def draw(
    truth: Truth, prediction: Predictions, flows: Flows, members: Networks, setup: Setup
) -> Figure:
    """ND densities of truth and flow, and the losses of flows and structure functions.

    Parameters
    ----------
    truth
        The true ND density.
    prediction
        Of the flows; the first one is shown.
    flows, members
        All flows, and all networks for structure functions, trained on the same ND density.
    setup
        Says where events can happen.
    """
    figure = plt.figure(figsize=(PAGE, 3.9))
    halves = figure.add_gridspec(2, 1, height_ratios=[1.25, 1])
    (maps,) = halves[0].subgridspec(1, 3).subplots(sharex=True, sharey=True, squeeze=False)
    given = (truth.v1, truth.v2, truth.near, prediction.near[0], setup)
    draw_comparison(figure, maps, "Flow, near detector", *given)
    titles = ("Truth, ND", "Flow, ND", "Flow $-$ truth")
    label_comparison(maps, titles, v1_label(truth.x_max.item()), V2_LABEL)

    ((of_flow, of_members),) = halves[1].subgridspec(1, 2).subplots(sharey=True, squeeze=False)
    kernel = np.ones(_RUNNING_MEAN) / _RUNNING_MEAN
    for index, loss in enumerate(flows.loss):
        smooth = np.convolve(loss, kernel, mode="valid")
        step = np.arange(smooth.size) + 0.5 * (_RUNNING_MEAN + 1)
        label = f"flow, running mean of {_RUNNING_MEAN} steps" if index == 0 else None
        of_flow.plot(step, smooth, color=SECOND, lw=0.8, label=label, gid="flow, running mean")
    of_flow.plot(
        np.full(len(flows.loss), flows.loss.shape[1]),
        flows.final_loss,
        marker="o",
        ms=3,
        ls="",
        color=SECOND,
        clip_on=False,
        zorder=3,
        label="flow, final loss",
    )
    for index, loss in enumerate(members.loss):
        label = "structure functions" if index == 0 else None
        look = {"color": LEARNED, "lw": 0.8, "label": label, "gid": "structure functions"}
        of_members.plot(np.arange(loss.size) + 1, loss, **look)
    of_flow.set(xlabel="step", ylabel=r"$\int (p - p_\mathrm{ND})^2\,\mathrm{d}v_1\mathrm{d}v_2$")
    of_members.set(xlabel="evaluation of loss and gradient")
    describe(of_flow, "loss of flows", "step", "loss")
    describe(of_members, "loss of structure functions", "evaluation", "loss")
    for axis in (of_flow, of_members):
        axis.set(xscale="log", yscale="log")
        axis.legend(loc="lower left")
    return figure


def from_job(job: Job) -> Figure:
    """Of all flows and all networks; the densities of one batch of flows."""
    return draw(
        job.load("truth", Truth),
        job.load("prediction", Predictions),
        job.load_joined("flows", Flows),
        job.load_joined("members", Networks),
        Setup.from_config(job.params.setup),
    )
