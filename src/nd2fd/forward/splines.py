"""Structure functions as tensor-product cubic B-splines in (ξ, τ).

Coarser than the nodes, on which they are evaluated: what everything else takes are node values. The
coefficients are those of all splines that events can reach, equally spaced in ξ and τ.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import BSpline

from nd2fd.forward.nodes import NodeGrid

Array = NDArray[np.float64]
IntArray = NDArray[np.int64]

_DEGREE = 3

_SMALLEST_VALUE = 1e-3
"""Splines that are nowhere larger at a node that events can reach are left out."""


@dataclass(frozen=True)
class SplineBasis:
    """Splines on the nodes.

    nodes
        Where they are evaluated.
    matrix
        Values at the nodes, shape (n_nodes, n_splines).
    bends
        ∫ dξ dτ (f_ξξ g_ξξ + 2 f_ξτ g_ξτ + f_ττ g_ττ) of two splines f and g over the nodes that
        events can reach, shape (n_splines, n_splines).
    """

    nodes: NodeGrid
    matrix: Array
    bends: Array

    @classmethod
    def build(cls, nodes: NodeGrid, n_intervals: int, reachable: IntArray) -> "SplineBasis":
        """Splines on `n_intervals` equal intervals of either variable.

        `reachable` are the flat nodes that events can reach.
        """
        of_axes = [_splines(n_intervals, axis) for axis in (nodes.xi, nodes.tau)]
        every = np.kron(*of_axes)
        used = np.abs(every[reachable]).max(axis=0) > _SMALLEST_VALUE
        matrix = np.asarray(every[:, used], dtype=np.float64)
        derivatives = nodes.second_derivatives_within(reachable) @ matrix[reachable]
        return cls(nodes, matrix, derivatives.T @ derivatives)

    @property
    def n_splines(self) -> int:
        """Number of splines of one structure function."""
        return self.matrix.shape[1]

    def on_nodes(self, coefficients: Array) -> Array:
        """Node values (…, n_functions, n_xi, n_tau) of coefficients (…, n_functions, n_splines)."""
        values = coefficients @ self.matrix.T
        return values.reshape(*coefficients.shape[:-1], self.nodes.n_xi, self.nodes.n_tau)


def _splines(n_intervals: int, positions: Array) -> Array:
    knots = np.linspace(0.0, 1.0, n_intervals + 1)
    ends = np.zeros(_DEGREE)
    return BSpline.design_matrix(
        positions, np.concatenate([ends, knots, ends + 1.0]), _DEGREE
    ).toarray()
