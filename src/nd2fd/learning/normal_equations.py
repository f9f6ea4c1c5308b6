"""Normal equations of a histogram that is linear in coefficients and in modes.

With the columns X of the coefficients and X_k of the modes, and the data d, all in units of the
cells' own errors, χ² = |d - X c - Σ_k z_k X_k|² + |z|²; a prior on the coefficients is Ω ⊗ bends.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import scipy.linalg as sl
from numpy.typing import NDArray

from nd2fd.learning.spline_design import SplineDesign

Array = NDArray[np.float64]


class Equations(NamedTuple):
    """Normal equations without a prior: Fisher information, right side, and χ² of x = 0."""

    information: Array
    right: Array
    constant: float


@dataclass(frozen=True)
class Weighted:
    """Design and data in units of the cells' own errors; what the coefficients need, made once."""

    columns: Array
    data: Array
    information: Array

    @classmethod
    def of(cls, design: SplineDesign, histogram: Array, variance: Array) -> "Weighted":
        """From fractions of the events in cells and their variances, (n_cells,) each."""
        columns = design.nominal / np.sqrt(variance)[:, None]
        return cls(columns, histogram / np.sqrt(variance), columns.T @ columns)

    def equations(self, changes: Array, origin: Array | float = 0.0) -> Equations:
        """With changes of the data by modes, in the same units, shape (n_cells, n_modes).

        The modes are counted from an origin (n_modes,), their prior is not.
        """
        mixed = self.columns.T @ changes
        of_modes = changes.T @ changes + np.eye(changes.shape[1])
        information = np.block([[self.information, mixed], [mixed.T, of_modes]])
        right = np.concatenate([self.columns.T @ self.data, changes.T @ self.data - origin])
        return Equations(
            information, right, float(self.data @ self.data + np.sum(np.square(origin)))
        )


def solve(equations: Equations, prior: Array, bends: Array) -> tuple[Array, Array]:
    """Mean (n_parameters,) with a prior, and the lower triangular root of the precision."""
    precision = equations.information.copy()
    n_coefficients = len(prior) * len(bends)
    precision[:n_coefficients, :n_coefficients] += np.kron(prior, bends)
    factor: Array = sl.cholesky(precision, lower=True, overwrite_a=True)
    return sl.cho_solve((factor, True), equations.right), factor


def prior_trace(factor: Array, prior: Array, bends: Array) -> float:
    """tr C Q of the posterior covariance C and the prior's precision Q = Ω ⊗ bends."""
    n_functions, n_splines = len(prior), len(bends)
    n_coefficients = n_functions * n_splines
    # Its lower triangle, zeros above it; all of the inverse is three times the work.
    covariance, _ = sl.lapack.dpotri(factor, lower=1)
    lower = covariance[:n_coefficients, :n_coefficients]
    blocks = lower.reshape(n_functions, n_splines, n_functions, n_splines)
    every = np.einsum("imjn,ij,mn->", blocks, prior, bends, optimize=True)
    diagonal = np.diag(lower) @ np.kron(np.diag(prior), np.diag(bends))
    return float(2.0 * every - diagonal)
