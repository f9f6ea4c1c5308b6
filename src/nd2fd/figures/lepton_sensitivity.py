"""Sensitivity to CP violation and to the mass ordering against the true δ_CP."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from nd2fd.figures.data import describe
from nd2fd.figures.lepton_shared import known_and_learned, load_fits
from nd2fd.figures.style import PAGE
from nd2fd.io.job import Job
from nd2fd.io.schemas.leptons import LeptonFit


def draw(fits: Mapping[str, LeptonFit]) -> Figure:
    """√Δ(−2 ln L) of expected data."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(PAGE, 2.8))
    for fit, k, color, label in known_and_learned(fits):
        phases = fit.true_delta_cp / np.pi
        left.plot(phases, fit.cp_violation[k], color=color, lw=1.0, label=label)
        right.plot(phases, fit.ordering[k], color=color, lw=1.0, gid=label)
    for panel, what in ((left, "CP violation"), (right, "mass ordering")):
        panel.set(xlabel=r"true $\delta_\mathrm{CP}/\pi$", title=what, xlim=(0.0, 2.0))
        panel.set_ylim(0.0, None)
        describe(panel, what, "delta_cp (pi)", "sqrt(-2 Delta ln L)")
    left.set_ylabel(r"$\sqrt{\Delta(-2\ln L)}$")
    left.legend(fontsize=6)
    return figure


def from_job(job: Job) -> Figure:
    """Of all analyses."""
    return draw(load_fits(job))
