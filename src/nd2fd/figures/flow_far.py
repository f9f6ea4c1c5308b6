"""The normalising flow fails at the far detector and at fixed neutrino energy."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from nd2fd.figures.data import describe
from nd2fd.figures.maps import draw_comparison, draw_slices, label_comparison
from nd2fd.figures.style import LEARNED, PAGE, SECOND, TRUTH
from nd2fd.io.job import Job
from nd2fd.io.schemas.learned import Predictions, Slices
from nd2fd.io.schemas.truth import Truth
from nd2fd.physics.setup import Setup

_LOW_ENERGY = 0.1
"""In E_max: below, σ/E_ν of flows, which know no threshold, does not set the scale."""


def draw(
    truth: Truth,
    flow_predictions: Predictions,
    predictions: Predictions,
    true_slices: Slices,
    flow_slices: Slices,
    setup: Setup,
) -> Figure:
    """FD densities, total cross section and slices at fixed E_ν of truth and flow.

    Parameters
    ----------
    truth
        True densities and cross section.
    flow_predictions, predictions
        Of all flows and of all members with structure functions.
    true_slices, flow_slices
        Cross sections at fixed energies; the first flow is shown.
    setup
        Says where events can happen.
    """
    assert truth.far is not None
    assert flow_predictions.far is not None
    figure = plt.figure(figsize=(PAGE, 6.3))
    halves = figure.add_gridspec(2, 1, height_ratios=[1, 2.3])
    upper = halves[0].subgridspec(1, 2, width_ratios=[3, 1.1])
    (maps,) = upper[0].subgridspec(1, 3).subplots(sharex=True, sharey=True, squeeze=False)
    given = (truth.v1, truth.v2, truth.far, flow_predictions.far[0], setup, "TV ")
    draw_comparison(figure, maps, "Flow, far detector", *given)
    label_comparison(maps, ("Truth, FD", "Flow, FD", "Flow $-$ truth"), "$v_1$", "$v_2$")

    total = figure.add_subplot(upper[1])
    energy = truth.energy
    for sigma in flow_predictions.sigma_total:
        total.plot(energy, sigma / energy, color=SECOND, lw=0.8, gid="flows")
    for sigma in predictions.sigma_total:
        total.plot(energy, sigma / energy, color=LEARNED, lw=0.8, gid="structure functions")
    true = truth.sigma_total / np.average(truth.sigma_total, weights=truth.near_flux)
    total.plot(energy, true / energy, color=TRUTH, ls="--", gid="truth")
    describe(total, "total cross section", "E_nu (GeV)", "sigma/E_nu (1/GeV, normalised)")
    shown = energy > _LOW_ENERGY * (energy[0] + energy[-1])
    top = max((sigma / energy)[shown].max() for sigma in flow_predictions.sigma_total)
    total.set(
        xlabel=r"$E_\nu$ (GeV)",
        ylabel=r"$\sigma(E_\nu)/E_\nu$ (GeV$^{-1}$)",
        xlim=(0, energy[-1]),
        ylim=(0, 1.7 * top),
    )
    handles = [
        Line2D([], [], color=color, ls=line, label=label)
        for label, color, line in (
            ("truth", TRUTH, "--"),
            ("flows", SECOND, "-"),
            ("structure functions", LEARNED, "-"),
        )
    ]
    total.legend(handles=handles, loc="upper right", handlelength=1.4, fontsize=7)

    cells = halves[1].subgridspec(3, true_slices.energy.size)
    rows = cells.subplots(sharex=True, sharey=True, squeeze=False)
    draw_slices(figure, rows, true_slices, flow_slices, "Flow", setup)
    return figure


def from_job(job: Job) -> Figure:
    """Of all flows and all networks; densities of one batch of flows."""
    return draw(
        job.load("truth", Truth),
        job.load_joined("flow_predictions", Predictions),
        job.load_joined("predictions", Predictions),
        job.load("true_slices", Slices),
        job.load("flow_slices", Slices),
        Setup.from_config(job.params.setup),
    )
