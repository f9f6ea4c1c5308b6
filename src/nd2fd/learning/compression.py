"""A near-detector density in few numbers: all that it says about smooth structure functions.

The measured density is S A(Φ) w. It averages the node values w over neutrino energies, and over
true cells where there is smearing, so that smooth w make it move in few directions: those whose
size, with w drawn from the prior, is not below the noise. With r test functions T over the cells

    y = Tᵀ p_ND,    L = Tᵀ S A(Φ),    C = Tᵀ (C_stat + B Bᵀ) T,

(y - L w)ᵀ C⁻¹ (y - L w) is the χ² of y. Whatever the test functions, it is unbiased: they only
decide how much of the data is not looked at, and are the same for all members (Tegmark, Taylor &
Heavens, Astrophys. J. 480 (1997) 22).
"""

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import scipy.linalg as sl
import scipy.sparse as sp
import scipy.sparse.linalg as sla
from numpy.typing import NDArray

from nd2fd.forward.nodes import NodeGrid, reachable_nodes

Array = NDArray[np.float64]
IntArray = NDArray[np.int64]
Single = NDArray[np.float32]
Numbers = TypeVar("Numbers", Array, Single)

_LARGEST_RANK = 600
"""Test functions of smeared densities: of the next one the prior of
`training.smoothness_with_flux_errors` expects a tenth of the noise of 30 million events
(docs/studies/numerics.md)."""

_OVERSAMPLING = 1.2
"""Random structure functions per test function (Halko, Martinsson & Tropp, SIAM Rev. 53 (2011)
217)."""

_SMALLEST_SQUARE = 1e-14
"""Squared size, in units of the largest, below which a direction is rounding error."""

_FLATNESS = 1e-3
"""Strength of the prior on the values themselves, in units of that on second derivatives."""

_FLOOR = 0.01
"""Density, in units of its average, below which cells no longer count more, as in the weights of
histograms."""


@dataclass(frozen=True)
class TestFunctions:
    """Test functions T of measured densities, for all members of all batches.

    measured
        T, shape (n_cells, r).
    true
        Sᵀ T, shape (n_cells, r): of densities before smearing. As all products with it in single
        precision, which takes half the time, and where L is off by 3e-4 of an error of 30 million
        events at most.
    """

    __test__ = False  # no test class of pytest

    measured: Array
    true: Single

    @classmethod
    def for_flux(
        cls, event_matrix: sp.csr_array, response: sp.csr_array | None, nodes: NodeGrid
    ) -> "TestFunctions":
        """The largest directions of densities whose structure functions are drawn from the prior.

        Parameters
        ----------
        event_matrix
            A(Φ) of a flux near those of all members, shape (n_cells, n_functions n_nodes).
        response
            S, shape (n_cells, n_cells); None: no smearing.
        nodes
            The node grid.
        """
        reachable = reachable_nodes([event_matrix], nodes)
        n_functions = event_matrix.shape[1] // nodes.n_nodes
        columns = node_columns(reachable, nodes, n_functions).ravel()
        flat: Array = _measured(event_matrix @ np.ones(event_matrix.shape[1]), response)
        rank = min(_LARGEST_RANK, columns.size, int((flat > 0.0).sum()))
        drawn = _smooth_functions(nodes, reachable, n_functions, int(_OVERSAMPLING * rank))
        single = event_matrix[:, columns].astype(np.float32)
        smeared = None if response is None else response.astype(np.float32)
        weighted = _measured(single @ drawn.astype(np.float32), smeared).astype(np.float64)
        # Noise of a cell where all structure functions are one: W decides by no more than a factor.
        root = np.divide(
            1.0, np.sqrt(flat / flat.mean() + _FLOOR), out=np.zeros(flat.size), where=flat > 0.0
        )
        weighted *= root[:, None]
        values, directions = np.linalg.eigh(weighted.T @ weighted)
        kept = np.flatnonzero(values > _SMALLEST_SQUARE * values[-1])[-rank:]
        measured = weighted @ (directions[:, kept] / np.sqrt(values[kept]))
        measured *= root[:, None]
        single = measured.astype(np.float32)
        return cls(measured, single if smeared is None else smeared.T @ single)

    def project(self, event_matrix: sp.csr_array) -> Single:
        """Lᵀ, the transposed of L = Tᵀ S A(Φ), shape (n_functions n_nodes, r)."""
        return np.asarray(event_matrix.astype(np.float32).T @ self.true)

    def factor(self, variances: Array) -> Array:
        """Cholesky factor of Tᵀ C T, shape (r, r), for independent errors of the cells.

        `variances`, shape (n_cells,), are their squares.
        """
        scaled = self.measured * np.sqrt(variances)[:, None]
        return np.asarray(sl.cholesky(scaled.T @ scaled, lower=True))


def node_columns(chosen: IntArray, nodes: NodeGrid, n_functions: int) -> IntArray:
    """Columns of event matrices that stand for flat nodes, (n_functions, n_chosen)."""
    return nodes.n_nodes * np.arange(n_functions)[:, None] + chosen


def _stiffness(bends: sp.csr_array) -> sp.csc_array:
    """DᵀD, and a little on the values themselves: D does not see linear functions."""
    return sp.csc_array(bends.T @ bends + _FLATNESS * sp.eye_array(bends.shape[1]))


def _measured(densities: Numbers, response: sp.csr_array | None) -> Numbers:
    return densities if response is None else response @ densities


def _smooth_functions(nodes: NodeGrid, reachable: IntArray, n_functions: int, n: int) -> Array:
    """Random structure functions on reachable nodes, shape (n_functions n_reachable, n).

    Normal, with the inverse covariance `_stiffness`. Always the same ones.
    """
    rng = np.random.default_rng(0)
    bends = nodes.second_derivatives_within(reachable)
    n_bends, n_nodes = bends.shape
    factor = sla.splu(_stiffness(bends))

    def draw() -> Array:
        # K⁻¹ Dᵀ ξ with K = DᵀD has the covariance K⁻¹.
        noise = bends.T @ rng.normal(size=(n_bends, n))
        noise += np.sqrt(_FLATNESS) * rng.normal(size=(n_nodes, n))
        return np.asarray(factor.solve(noise))

    return np.vstack([draw() for _ in range(n_functions)])
