"""Figure 5: total cross section against neutrino energy, true and learned."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from nd2fd.figures.style import COLUMN, LEARNED, NEUTRAL, TRUTH

Array = NDArray[np.float64]


def draw(truth: Mapping[str, Array], predictions: Mapping[str, Array]) -> Figure:
    """σ(E_ν)/E_ν scaled to a near-detector flux average of one, and its ratio to the truth."""
    energy, flux = truth["energy"], truth["near_flux"]
    true = truth["sigma_total"] / np.average(truth["sigma_total"], weights=flux)
    figure, (main, ratio) = plt.subplots(
        2, 1, figsize=(COLUMN, 3.6), sharex=True, height_ratios=[2.2, 1]
    )
    shape = flux / flux.max()
    main.fill_between(
        energy, 0.0, 0.55 * shape, color=NEUTRAL, alpha=0.35, lw=0, label="ND flux (a.u.)"
    )
    learned = predictions["sigma_total"]
    for index, sigma in enumerate(learned):
        label = f"learned, {len(learned)} members" if index == 0 else None
        main.plot(energy, sigma / energy, color=LEARNED, lw=0.8, label=label)
        ratio.plot(energy, sigma / true, color=LEARNED, lw=0.6)
    main.plot(energy, true / energy, color=TRUTH, ls="--", label="truth")
    main.set(ylabel=r"$\sigma(E_\nu)/E_\nu$  (normalised, GeV$^{-1}$)", ylim=(0, None))
    main.legend(loc="lower right")
    ratio.axhline(1.0, color=TRUTH, ls="--", lw=0.8)
    ratio.set(xlabel=r"$E_\nu$ (GeV)", ylabel="learned / truth", xlim=(0, energy[-1]))
    # Where there are almost no events nothing is learned: the scale is that of the other energies.
    events = flux * true
    constrained = events > 0.02 * events.max()
    spread = np.abs(learned / true - 1)[:, constrained].max()
    ratio.set_ylim(1 - 1.6 * spread, 1 + 1.6 * spread)
    return figure
