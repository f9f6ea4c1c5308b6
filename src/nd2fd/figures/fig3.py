"""Figure 3: one-dimensional marginals at both detectors."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
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


def draw(truth: Mapping[str, Array], members: Sequence[Mapping[str, Array]]) -> Figure:
    """Truth (dashed) and members; below each panel the ratio of the members to the truth."""
    figure = plt.figure(figsize=(PAGE, 5.4))
    rows = figure.add_gridspec(4, len(_VARIABLES), height_ratios=[2, 1, 2, 1])
    for top, detector in ((0, "near"), (2, "far")):
        for column, (name, (label, density_label, limits)) in enumerate(_VARIABLES.items()):
            main = figure.add_subplot(rows[top, column])
            ratio = figure.add_subplot(rows[top + 1, column], sharex=main)
            values, true = truth[name], truth[f"{detector}_{name}"]
            populated = true > 0.01 * true.max()
            for index, member in enumerate(members):
                learned = member[f"{detector}_{name}"]
                first = column == 0 and top == 0 and index == 0
                main.plot(values, learned, color=LEARNED, label="learned" if first else None)
                ratio.plot(values[populated], (learned / true)[populated], color=LEARNED, lw=0.6)
            main.plot(values, true, color=TRUTH, ls="--", label="truth" if index == 0 else None)
            ratio.axhline(1.0, color=TRUTH, ls="--", lw=0.8)
            main.set(ylabel=density_label, ylim=(0, None), xlim=limits)
            main.tick_params(labelbottom=False)
            ratio.set_xlabel(label)
            spread = max(
                np.abs(m[f"{detector}_{name}"] / true - 1)[populated].max() for m in members
            )
            ratio.set_ylim(1 - 1.3 * spread, 1 + 1.3 * spread)
            ratio.ticklabel_format(axis="y", useOffset=False)
            if column == 0:
                main.legend(title=f"{detector} detector".capitalize(), loc="upper right")
                ratio.set_ylabel("ratio")
    return figure
