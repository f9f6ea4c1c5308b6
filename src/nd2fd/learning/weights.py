"""Errors of the cells of near-detector histograms."""

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

Array = NDArray[np.float64]

_WEIGHT_SMOOTHING = 1.0
"""Width in cells of the Gaussian that smooths a histogram before it is turned into weights."""

_WEIGHT_FLOOR = 0.01
"""Density, in units of its average over the unit square, below which weights no longer grow."""


def poisson_weights(densities: Array) -> Array:
    """Weights u = 1/p of the cells of histograms of events.

    One event in a cell has the variance p / dv1 dv2, so that N ∫ dv1 dv2 u (difference)² is the χ²
    of N events. The observed counts themselves would favour cells that fluctuated down: p is the
    smoothed histogram, and below 1 % of the average density the weights stay constant. Cells with
    fewer events than that count less than one unit of χ².

    `densities` per dv1 dv2, of unit integral, have shape (n_members, n_v1, n_v2), as the weights.
    """
    return 1.0 / smoothed(densities)


def smoothed(densities: Array) -> Array:
    """Expected densities of histograms, to take errors from, shape (n_members, n_v1, n_v2).

    Smoothed over a cell; what is below 1 % of the average hardly counts.
    """
    width = (0.0, _WEIGHT_SMOOTHING, _WEIGHT_SMOOTHING)
    return np.asarray(gaussian_filter(densities, width, mode="nearest")) + _WEIGHT_FLOOR
