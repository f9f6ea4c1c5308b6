r"""What the samples tell of θ in linear theory, and along which pulls the near detector matters.

Contents p of the far-detector cells, N events in all, move by G with θ and by K y with structure
functions x̂ + U y, both in units of √(p/N). What is known of θ is

    Gᵀ (1 + K Kᵀ)⁻¹ G + prior,

of which all is in the Krylov space Kᵀ G, (Kᵀ K) Kᵀ G, …: a few directions y suffice.
"""

from typing import NamedTuple

import numpy as np
import scipy.linalg as sl
from numpy.typing import NDArray

from nd2fd.learning.spline_posterior import SplinePosterior
from nd2fd.leptons.parameters import UNITS, Parameters

Array = NDArray[np.float64]

_SMALLEST_SHARE = 1e-9
"""Of the events: cells with less are empty."""


class Changes(NamedTuple):
    """In units of the errors of the cells' contents.

    of_theta : G in `UNITS`, shape (n_cells, 4)
    of_pulls : K, shape (n_cells, n); no columns with a known cross section
    """

    of_theta: Array
    of_pulls: Array


def scaled_changes(events: Array, changes: Array, n_events: float) -> Array:
    """Changes (n, n_cells) of expected events, of which only shares count; shape (n_cells, n)."""
    total = events.sum()
    share = events / total
    filled = share > _SMALLEST_SHARE
    relative = (changes - share * changes.sum(axis=1, keepdims=True)) / total
    return np.asarray((relative[:, filled] / np.sqrt(share[filled] / n_events)).T)


def information(changes: Changes) -> Array:
    """Of θ, in `UNITS`, with all pulls profiled; shape (4, 4)."""
    of_theta, of_pulls = changes
    mixed = of_pulls.T @ of_theta
    inner = np.eye(of_pulls.shape[1]) + of_pulls.T @ of_pulls
    found: Array = of_theta.T @ of_theta
    return found - mixed.T @ sl.solve(inner, mixed, assume_a="pos")


def errors(changes: Changes, parameters: Parameters) -> Array:
    """Standard deviations of θ, 0 of fixed ones; shape (4,)."""
    moving = parameters.moving
    known = information(changes) + np.diag(parameters.precision * UNITS**2)
    covariance = np.linalg.inv(known[np.ix_(moving, moving)])
    result = np.zeros(moving.size)
    result[moving] = np.sqrt(np.diag(covariance))
    return result * UNITS


def directions(of_coefficients: Array, of_theta: Array, posterior: SplinePosterior) -> Array:
    """Orthonormal directions y that matter, shape (n_parameters, n_directions).

    Parameters
    ----------
    of_coefficients
        `scaled_changes` of the coefficients, shape (n_cells, n_parameters).
    of_theta
        Of what is to be told apart: first four columns the derivatives by θ, for which there is a
        second level of the Krylov space; then differences of other θ.
    posterior
        Of the near detector.
    """
    whitened = posterior.whitened(of_coefficients)
    block = whitened.T @ of_theta
    found = np.empty((len(block), 0))
    for n_columns in (block.shape[1], 4):
        block = block[:, :n_columns]
        new, sizes, _ = np.linalg.svd(block - found @ (found.T @ block), full_matrices=False)
        found = np.concatenate([found, new[:, sizes > 1e-9 * sizes[0]]], axis=1)
        block = whitened.T @ (whitened @ block)
    return found
