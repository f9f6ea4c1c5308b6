"""Figure 2: event densities at both detectors, true and learned."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from nd2fd.figures.maps import draw_comparison
from nd2fd.figures.style import PAGE, V1_LABEL, V2_LABEL

Array = NDArray[np.float64]

_DETECTORS = {"near": "Near detector", "far": "Far detector"}


def draw(truth: Mapping[str, Array], prediction: Mapping[str, Array]) -> Figure:
    """Truth, first learned member and their difference, from `truth` and `prediction` artifacts."""
    figure, axes = plt.subplots(2, 3, figsize=(PAGE, 4.4), sharex=True, sharey=True)
    for row, (key, detector) in zip(axes, _DETECTORS.items(), strict=True):
        draw_comparison(figure, row, truth["v1"], truth["v2"], truth[key], prediction[key][0])
        row[0].set_ylabel(f"{detector}\n{V2_LABEL}")
    for axis, title in zip(axes[0], ("Truth", "Learned", "Learned $-$ truth"), strict=True):
        axis.set_title(title)
    for axis in axes[1]:
        axis.set_xlabel(V1_LABEL)
    axes[0, 0].set(xlim=(0, 1), ylim=(0, 1), xticks=[0, 0.5, 1], xticklabels=["0", "0.5", "1"])
    return figure
