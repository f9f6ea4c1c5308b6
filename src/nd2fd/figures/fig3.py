"""Figure 3: one-dimensional marginals at both detectors."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from nd2fd.figures.style import LEARNED, PAGE, TRUTH

Array = NDArray[np.float64]

_VARIABLES = {
    "energy": (r"$E_\nu$ (GeV)", r"$p(E_\nu)$ (GeV$^{-1}$)", (0, 8)),
    "e_lepton": (r"$E_\ell$ (GeV)", r"$p(E_\ell)$ (GeV$^{-1}$)", (0, 6)),
    "cos_theta": (r"$\cos\theta$", r"$p(\cos\theta)$", (-1, 1)),
    "v1": (r"$v_1$", r"$p(v_1)$", (0, 1)),
    "v2": (r"$v_2$", r"$p(v_2)$", (0, 1)),
}


def draw(truth: Mapping[str, Array], members: Mapping[str, Array]) -> Figure:
    """Truth (dashed) and members; below each panel the members' deviation from the truth."""
    figure = plt.figure(figsize=(PAGE, 5.4))
    rows = figure.add_gridspec(4, len(_VARIABLES), height_ratios=[2, 1, 2, 1])
    for top, detector in ((0, "near"), (2, "far")):
        for column, (name, (label, density_label, limits)) in enumerate(_VARIABLES.items()):
            main = figure.add_subplot(rows[top, column])
            deviation = figure.add_subplot(rows[top + 1, column], sharex=main)
            values, true = truth[name], truth[f"{detector}_{name}"][0]
            populated = true > 0.01 * true.max()
            largest = 0.0
            for learned in members[f"{detector}_{name}"]:
                percent = 100.0 * (learned / true - 1.0)[populated]
                largest = max(largest, np.abs(percent).max())
                main.plot(values, learned, color=LEARNED)
                deviation.plot(values[populated], percent, color=LEARNED, lw=0.6)
            main.plot(values, true, color=TRUTH, ls="--")
            main.set(ylabel=density_label, ylim=(0, None), xlim=limits)
            main.tick_params(labelbottom=False)
            deviation.axhline(0.0, color=TRUTH, ls="--", lw=0.8)
            deviation.set(xlabel=label, ylim=(-1.3 * largest, 1.3 * largest))
            if column == 0:
                main.set_title(f"{detector} detector".capitalize(), loc="left")
                deviation.set_ylabel("deviation (%)")
    handles = [
        Line2D([], [], color=TRUTH, ls="--", label="truth"),
        Line2D([], [], color=LEARNED, label=f"learned, {members['member'].size} members"),
    ]
    figure.legend(handles=handles, loc="outside upper right", ncols=2)
    return figure
