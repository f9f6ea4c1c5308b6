"""Figure 2: event densities at both detectors, true and learned."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from nd2fd.figures.style import PAGE, V1_LABEL, V2_LABEL
from nd2fd.physics.density import total_variation

Array = NDArray[np.float64]

_DETECTORS = {"near": "Near detector", "far": "Far detector"}


def draw(truth: Mapping[str, Array], prediction: Mapping[str, Array]) -> Figure:
    """Truth, first learned member and their difference, from `truth` and `prediction` artifacts."""
    figure, axes = plt.subplots(2, 3, figsize=(PAGE, 4.4), sharex=True, sharey=True)
    for row, (key, detector) in zip(axes, _DETECTORS.items(), strict=True):
        true, learned = truth[key], prediction[key][0]
        peak = true.max()
        difference = 100.0 * (learned - true) / peak
        limit = np.abs(difference).max()
        for axis, density in zip(row[:2], (true, learned), strict=True):
            image = axis.pcolormesh(
                truth["v1"],
                truth["v2"],
                np.ma.masked_less_equal(density, 1e-4 * peak).T,
                vmin=0.0,
                vmax=peak,
                rasterized=True,
            )
        figure.colorbar(image, ax=row[1], label=r"$p(v_1, v_2)$", pad=0.02)
        image = row[2].pcolormesh(
            truth["v1"],
            truth["v2"],
            np.ma.masked_where(true <= 1e-4 * peak, difference).T,
            cmap="RdBu_r",
            vmin=-limit,
            vmax=limit,
            rasterized=True,
        )
        figure.colorbar(image, ax=row[2], label="% of the peak density", pad=0.02)
        row[2].text(
            0.96,
            0.95,
            f"total variation\n{100 * total_variation(learned, true):.2g} %",
            transform=row[2].transAxes,
            ha="right",
            va="top",
        )
        row[0].set_ylabel(f"{detector}\n{V2_LABEL}")
    for axis, title in zip(axes[0], ("Truth", "Learned", "Learned $-$ truth"), strict=True):
        axis.set_title(title)
    for axis in axes[1]:
        axis.set_xlabel(V1_LABEL)
    axes[0, 0].set(xlim=(0, 1), ylim=(0, 1), xticks=[0, 0.5, 1], xticklabels=["0", "0.5", "1"])
    return figure
