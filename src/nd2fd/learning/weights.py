"""Errors of the cells of near-detector histograms."""

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

Array = NDArray[np.float64]
IntArray = NDArray[np.int64]

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


def fractions(
    counts: Array | IntArray, cells: IntArray, squares: Array | None = None
) -> tuple[Array, Array]:
    """Shares of events in flat cells, and their variances, of counts in all (n_v1, n_v2).

    Of weighted events the counts sum to the effective number, and `squares` are the sums of the
    squares of the weights, in any unit.
    """
    n_events = counts.sum()
    histogram = counts / n_events
    expected = histogram if squares is None else squares / squares.sum()
    variance = smoothed(expected[None] * counts.size)[0] / (counts.size * n_events)
    return histogram.ravel()[cells], variance.ravel()[cells]
