"""One-dimensional marginals at the detectors."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from nd2fd.figures.data import describe
from nd2fd.figures.style import LEARNED, PAGE, TRUTH, counted
from nd2fd.figures.thresholds import POPULATED
from nd2fd.io.job import Job
from nd2fd.io.schemas.learned import Marginals
from nd2fd.physics.setup import Setup

_VARIABLES = {
    "energy": (r"$E_\nu$ (GeV)", r"$p(E_\nu)$ (GeV$^{-1}$)"),
    "e_lepton": (r"$E_\ell$ (GeV)", r"$p(E_\ell)$ (GeV$^{-1}$)"),
    "cos_theta": (r"$\cos\theta$", r"$p(\cos\theta)$"),
    "v1": (r"$v_1$", r"$p(v_1)$"),
    "v2": (r"$v_2$", r"$p(v_2)$"),
}

_NAMES = {
    "energy": ("E_nu (GeV)", "p(E_nu) (1/GeV)"),
    "e_lepton": ("E_lepton (GeV)", "p(E_lepton) (1/GeV)"),
    "cos_theta": ("cos_theta", "p(cos_theta)"),
    "v1": ("v1", "p(v1)"),
    "v2": ("v2", "p(v2)"),
}
"""In the table of data."""


def draw(truth: Marginals, members: Marginals, energy_max: float) -> Figure:
    """Truth (dashed) and members; below each panel the members' deviation from the truth.

    `energy_max` is E_max [GeV].
    """
    detectors = ["near"] if truth.far_v1 is None else ["near", "far"]
    figure = plt.figure(figsize=(PAGE, 0.4 + 2.5 * len(detectors)))
    rows = figure.add_gridspec(
        2 * len(detectors), len(_VARIABLES), height_ratios=[2, 1] * len(detectors)
    )
    energies = (0.0, energy_max)
    limits = {"energy": energies, "e_lepton": energies, "cos_theta": (-1.0, 1.0)}
    for index, detector in enumerate(detectors):
        for column, (name, (label, density_label)) in enumerate(_VARIABLES.items()):
            main = figure.add_subplot(rows[2 * index, column])
            deviation = figure.add_subplot(rows[2 * index + 1, column], sharex=main)
            values, true = getattr(truth, name), getattr(truth, f"{detector}_{name}")[0]
            populated = true > POPULATED * true.max()
            largest = 0.0
            for learned in getattr(members, f"{detector}_{name}"):
                percent = 100.0 * (learned[populated] / true[populated] - 1.0)
                largest = max(largest, np.abs(percent).max())
                main.plot(values, learned, color=LEARNED, gid="learned")
                deviation.plot(values[populated], percent, color=LEARNED, lw=0.6, gid="learned")
            main.plot(values, true, color=TRUTH, ls="--", gid="truth")
            variable, density = _NAMES[name]
            describe(main, f"{detector}: {name}", variable, density)
            describe(deviation, f"{detector}: {name}, deviation", variable, "deviation (%)")
            main.set(ylabel=density_label, ylim=(0, None), xlim=limits.get(name, (0.0, 1.0)))
            main.tick_params(labelbottom=False)
            deviation.axhline(0.0, color=TRUTH, ls="--", lw=0.8)
            deviation.set(xlabel=label, ylim=(-1.3 * largest, 1.3 * largest))
            if column == 0:
                main.set_title(f"{detector} detector".capitalize(), loc="left")
                deviation.set_ylabel("deviation (%)")
    handles = [
        Line2D([], [], color=TRUTH, ls="--", label="truth"),
        Line2D([], [], color=LEARNED, label=f"learned, {counted(members.member.size, 'member')}"),
    ]
    figure.legend(handles=handles, loc="outside upper right", ncols=2)
    return figure


def from_job(job: Job) -> Figure:
    """Of all members of an ensemble."""
    return draw(
        job.load_joined("truth", Marginals),
        job.load_joined("members", Marginals),
        Setup.from_config(job.params.setup).energy_max,
    )
