r"""Which directions of the near detector's posterior matter to the oscillation parameters.

In coordinates y of unit posterior errors, x = x̂ + U y, the far-detector density moves by K y, in
units of its statistical errors, and by G with θ. What is known of θ is Gᵀ (1 + K Kᵀ)⁻¹ G, of which
all is in the Krylov space Kᵀ G, (Kᵀ K) Kᵀ G, … (Golub & Van Loan, Matrix Computations, 10.1): a few
directions suffice, and all others, orthogonal to them, change nothing about θ.
"""

import numpy as np
import scipy.linalg as sl
from numpy.typing import NDArray

from nd2fd.learning.spline_design import SplineDesign
from nd2fd.learning.spline_posterior import SplinePosterior

Array = NDArray[np.float64]

_FLOOR = 0.01
"""Density, in units of its average, below which cells no longer count more."""

_SLOPES_PER_LEVEL = (5, 2)
"""Of which derivatives by θ a level of the Krylov space is made: first and second ones, then first
ones. Errors of θ are those of all directions to 3e-4 (docs/studies/joint-fit.md)."""


def directions(
    design: SplineDesign, slopes: SplineDesign, posterior: SplinePosterior, n_events: int
) -> Array:
    """Orthonormal directions y that matter, shape (n_parameters, n_directions).

    Parameters
    ----------
    design
        Of the far detector at a reference θ, with the flux modes.
    slopes
        The same with derivatives by θ, first and second, in place of the modes.
    posterior
        Of the near detector.
    n_events
        Number of far-detector events.
    """
    maps, of_theta = weighted_changes(design, slopes, posterior, n_events)
    whitened = posterior.whitened(maps)
    block = whitened.T @ of_theta
    found = np.empty((len(block), 0))
    for n_slopes in _SLOPES_PER_LEVEL:
        block = block[:, :n_slopes]
        new, sizes, _ = np.linalg.svd(block - found @ (found.T @ block), full_matrices=False)
        # Derivatives need not be independent.
        found = np.concatenate([found, new[:, sizes > 1e-9 * sizes[0]]], axis=1)
        block = whitened.T @ (whitened @ block)
    return found


def weighted_changes(
    design: SplineDesign, slopes: SplineDesign, posterior: SplinePosterior, n_events: int
) -> tuple[Array, Array]:
    """Changes of the density per unit of x and of θ, in units of the errors of `n_events`.

    Shapes (n_cells, n_parameters) and (n_cells, n_slopes).
    """
    coefficients = posterior.mean[: design.nominal.shape[1]]
    events = design.nominal @ coefficients
    total = events.sum()
    density = events / total
    by_x = np.concatenate([design.nominal, design.changes(coefficients)], axis=1) / total
    by_theta = slopes.changes(coefficients) / total
    errors = np.sqrt(np.maximum(density, _FLOOR / density.size) / n_events)[:, None]
    maps, of_theta = (
        (change - density[:, None] * change.sum(axis=0)) / errors for change in (by_x, by_theta)
    )
    return maps, of_theta


def theta_errors(whitened: Array, of_theta: Array) -> Array:
    """Covariance of θ with pulls in all directions of `whitened` (n_cells, n), in linear theory."""
    inner = np.eye(whitened.shape[1]) + whitened.T @ whitened
    left = whitened.T @ of_theta
    information = of_theta.T @ of_theta - left.T @ np.linalg.solve(inner, left)
    covariance: Array = sl.inv(information)
    return covariance
