"""Figure 4: cross section at fixed neutrino energies, true and learned."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from nd2fd.figures.maps import draw_slices
from nd2fd.figures.style import PAGE

Array = NDArray[np.float64]


def draw(truth: Mapping[str, Array], learned: Mapping[str, Array]) -> Figure:
    """Truth, first learned member and their difference, from `slices` artifacts."""
    n_energy = truth["energy"].size
    figure, rows = plt.subplots(
        3, n_energy, figsize=(PAGE, 4.2), sharex=True, sharey=True, squeeze=False
    )
    draw_slices(figure, rows, truth, learned, "Learned")
    return figure
