"""Covariance matrices of published data: refusals, and data in units of their errors."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_SYMMETRIC: Final = 1e-6
_NEGATIVE: Final = 1e-6
"""Smallest eigenvalue of the correlation matrix, as a fraction of the largest: less is no rounding
of a published table."""

_ROUNDING: Final = 1e-13
"""Directions with a smaller variance, as a fraction of the largest, are rounding of doubles."""

_SAME_ERROR: Final = 0.02
"""By how much an error that stands beside the value may differ from the covariance's."""


def check_covariance(covariance: Array, n_bins: int) -> None:
    """Raise ValueError unless it is a covariance matrix of `n_bins` values.

    That is a square of the right size, finite, symmetric, with positive variances and no negative
    eigenvalue beyond rounding.
    """
    if covariance.shape != (n_bins, n_bins):
        size = " × ".join(map(str, covariance.shape))
        raise ValueError(f"covariance is {size}; there are {n_bins} bins: it must be {n_bins} × "
                         f"{n_bins}")  # fmt: skip
    if not np.isfinite(covariance).all():
        i, j = np.argwhere(~np.isfinite(covariance))[0]
        raise ValueError(f"covariance of bins {i} and {j} is {covariance[i, j]}")
    variance = np.diag(covariance)
    if variance.min() <= 0.0:
        k = int(np.argmin(variance))
        raise ValueError(f"covariance: the variance of bin {k} is {variance[k]:g}; it must be "
                         "positive")  # fmt: skip
    scale = np.sqrt(np.outer(variance, variance))
    difference = np.abs(covariance - covariance.T) / scale
    if difference.max() > _SYMMETRIC:
        i, j = np.unravel_index(np.argmax(difference), difference.shape)
        raise ValueError(
            f"covariance is not symmetric: {covariance[i, j]:g} of bins {i} and {j}, "
            f"{covariance[j, i]:g} of bins {j} and {i}"
        )
    eigenvalues, vectors = np.linalg.eigh(covariance / scale)
    if eigenvalues[0] < -_NEGATIVE * eigenvalues[-1]:
        k = int(np.argmax(np.abs(vectors[:, 0])))
        raise ValueError(
            f"covariance is not positive definite: its correlation matrix has the eigenvalue "
            f"{eigenvalues[0]:.3g}, mostly of bin {k}"
        )


def check_order(covariance: Array, errors: Array) -> None:
    """Raise ValueError if errors (n_bins,) that stand beside the values are not the covariance's.

    Bins of the two tables are then in different orders, or units.
    """
    ratio = np.sqrt(np.diag(covariance)) / errors
    bad = ~(np.abs(ratio - 1.0) < _SAME_ERROR)
    if bad.any():
        k = int(np.argmax(bad))
        raise ValueError(
            f"bin {k} has the error {errors[k]:.4g}, but {errors[k] * ratio[k]:.4g} in the "
            f"covariance ({bad.sum()} of {bad.size} bins differ): the two must have the same order "
            "of bins and the same unit"
        )


def whitening(covariance: Array) -> Array:
    """L with L V Lᵀ = 1, shape (n_directions, n_bins).

    Directions whose variance is rounding error are left out: they hold no measurement.
    """
    error = np.sqrt(np.diag(covariance))
    eigenvalues, vectors = np.linalg.eigh(covariance / np.outer(error, error))
    kept = eigenvalues > _ROUNDING * eigenvalues[-1]
    return np.asarray((vectors[:, kept] / np.sqrt(eigenvalues[kept])).T / error)


def chi_squared(residual: Array, covariance: Array) -> tuple[float, int]:
    """χ² of residuals, and its number of degrees of freedom."""
    white = whitening(covariance) @ residual
    return float(white @ white), white.size
