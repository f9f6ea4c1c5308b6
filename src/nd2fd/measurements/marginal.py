"""What an energy-resolved measurement says of the lepton alone, and what it says beyond that."""

from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nd2fd.measurements.bins import Bins
from nd2fd.measurements.covariance import chi_squared
from nd2fd.measurements.forward import flux_in_bins

Array = NDArray[np.float64]


class Marginal(NamedTuple):
    """The energy-integrated part of a measurement.

    matrix : T, that makes it of the values, shape (n_marginal, n_bins)
    bins : its bins
    """

    matrix: Array
    bins: Bins


def marginal(bins: Bins, flux_edges: Array, flux: Array) -> Marginal | None:
    """Averages over all ranges of E_ν, in the finest bins that all ranges share.

    Rows of bins, with the same range of the second variable, are merged in the first one. None
    where there is only one range of E_ν, or ranges have different rows.
    """
    ranges, of_bin = bins.slices
    if len(ranges) < 2:
        return None
    weight = flux_in_bins(flux_edges, flux, bins)
    neutrinos = [weight[of_bin == k][0] for k in range(len(ranges))]
    rows, first, second = [], [], []
    for row in np.unique(bins.second, axis=0):
        in_row = np.all(bins.second == row, axis=1)
        shared: set[float] | None = None
        for k in range(len(ranges)):
            edges = set(bins.first[in_row & (of_bin == k)].ravel().tolist())
            shared = edges if shared is None else shared & edges
        ascending = sorted(shared or ())
        if len(ascending) < 2:
            return None
        for low, high in pairwise(ascending):
            inside = in_row & (bins.first[:, 0] >= low) & (bins.first[:, 1] <= high)
            width = np.where(inside, bins.first[:, 1] - bins.first[:, 0], 0.0)
            rows.append(width * weight / ((high - low) * sum(neutrinos)))
            first.append([low, high])
            second.append(row)
    whole = np.broadcast_to([ranges.min(), ranges.max()], (len(rows), 2))
    return Marginal(
        np.array(rows), Bins(bins.variables, np.array(first), np.array(second), np.array(whole))
    )


class Conditional(NamedTuple):
    """Values given their marginal.

    gain : B with E[values | T values] = prediction + B (T values - T prediction)
    remainder : 1 - B T, that takes the marginal out of a prediction
    covariance : of the values given their marginal, of the data alone, (n_bins, n_bins)
    complement : orthonormal rows that the marginal leaves free, in units of the bins' errors,
        (n_bins - n_marginal, n_bins)
    """

    gain: Array
    remainder: Array
    covariance: Array
    complement: Array

    def chi_squared(self, residual: Array, covariance: Array) -> tuple[float, int]:
        """χ² of what the marginal leaves free, and its degrees of freedom."""
        Q = self.complement
        return chi_squared(Q @ residual, Q @ covariance @ Q.T)


def conditional(covariance: Array, matrix: Array) -> Conditional:
    """Of Gaussian data with this covariance, given T of them, `matrix` (n_marginal, n_bins)."""
    shared = covariance @ matrix.T
    gain = np.asarray(np.linalg.solve(matrix @ shared, shared.T).T, dtype=np.float64)
    error = np.sqrt(np.diag(covariance))
    complement = np.linalg.svd(matrix * error)[2][len(matrix) :] / error
    remainder = np.eye(len(covariance)) - gain @ matrix
    return Conditional(gain, remainder, remainder @ covariance @ remainder.T, complement)
