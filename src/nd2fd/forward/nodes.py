"""The node grid in (x, Q²) on which structure functions live, and its bicubic interpolation.

Nodes are equally spaced in ξ = √(x/x_max) and τ = log(1 + Q²/q0) / log(1 + Q²_max/q0): fine where
the density of events is, and down to x = Q² = 0. Between nodes the structure functions are
Catmull-Rom splines: 4 × 4 weights that are known once the kinematics are.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from nd2fd.physics.setup import Setup
from nd2fd.physics.structure_functions import Q2_SCALE

Array = NDArray[np.float64]
IntArray = NDArray[np.int64]

_SMALLEST_Q2 = 1e-9
"""Stands for Q² = 0 on the first row of nodes, where m²/Q² times F2 has a finite limit."""

_SMALLEST_X = 1e-5
"""Stands for x = 0, where sea quarks diverge; no event with a muon of E_ν ≤ 50 GeV has less."""


def catmull_rom(position: Array, n_nodes: int) -> tuple[IntArray, Array]:
    """Cubic interpolation weights on nodes 0, 1, …, n_nodes - 1.

    In the first and last interval the missing neighbour is the quadratic extrapolation
    w₋₁ = 3w₀ - 3w₁ + w₂, folded into the weights, so that quadratics are exact everywhere.

    Parameters
    ----------
    position
        Where to interpolate, in units of the node spacing, shape (n,); in [0, n_nodes - 1].
    n_nodes
        Number of nodes, at least 4.

    Returns
    -------
    first, weights
        First node of each stencil, shape (n,), and weights of the nodes first … first + 3,
        shape (n, 4); each row of weights sums to one.
    """
    cell = np.clip(np.floor(position).astype(np.int64), 0, n_nodes - 2)
    t = position - cell
    weights = np.empty((position.size, 4))
    weights[:, 0] = t * (-0.5 + t * (1.0 - 0.5 * t))
    weights[:, 1] = 1.0 + t * t * (-2.5 + 1.5 * t)
    weights[:, 2] = t * (0.5 + t * (2.0 - 1.5 * t))
    weights[:, 3] = t * t * (-0.5 + 0.5 * t)
    extrapolation = np.array([3.0, -3.0, 1.0])
    low = cell == 0
    ghost = weights[low, :1]
    weights[low] = np.hstack([weights[low, 1:] + ghost * extrapolation, np.zeros_like(ghost)])
    high = cell == n_nodes - 2
    ghost = weights[high, 3:]
    weights[high] = np.hstack(
        [np.zeros_like(ghost), weights[high, :3] + ghost * extrapolation[::-1]]
    )
    return np.clip(cell - 1, 0, n_nodes - 4), weights


def stencil_weights(weights_xi: Array, weights_tau: Array) -> Array:
    """Tensor products of the one-dimensional weights (n, 4), shape (n, 16)."""
    return (weights_xi[:, :, None] * weights_tau[:, None, :]).reshape(-1, 16)


class OnNodes(Protocol):
    """An artifact with arrays on nodes."""

    @property
    def xi(self) -> Array:
        """Node positions in ξ."""

    @property
    def tau(self) -> Array:
        """Node positions in τ."""

    @property
    def x_max(self) -> Array:
        """Bjorken x at ξ = 1, a scalar."""

    @property
    def Q2_max(self) -> Array:
        """Q² [GeV²] at τ = 1, a scalar."""

    @property
    def Q2_scale(self) -> Array | None:
        """q0 [GeV²], a scalar; None: `Q2_SCALE`."""


@dataclass(frozen=True)
class NodeGrid:
    """Nodes in (ξ, τ); functions on them are arrays (…, n_xi, n_tau), flat index ξ-major.

    x_max, Q2_max
        Bjorken x at ξ = 1, and Q² [GeV²] at τ = 1.
    Q2_scale
        q0 [GeV²] of τ.
    """

    n_xi: int
    n_tau: int
    x_max: float
    Q2_max: float
    Q2_scale: float = Q2_SCALE

    @classmethod
    def for_setup(
        cls, setup: Setup, n_xi: int, n_tau: int, Q2_scale: float = Q2_SCALE
    ) -> "NodeGrid":
        """Nodes for all x and Q² that events can have."""
        return cls(n_xi, n_tau, setup.x_max, setup.Q2_max, Q2_scale)

    @classmethod
    def of(cls, artifact: "OnNodes") -> "NodeGrid":
        """The nodes on which the arrays of an artifact are."""
        scale = artifact.Q2_scale
        return cls(
            artifact.xi.size,
            artifact.tau.size,
            artifact.x_max.item(),
            artifact.Q2_max.item(),
            Q2_SCALE if scale is None else scale.item(),
        )

    @property
    def stored(self) -> dict[str, Any]:
        """As artifacts have them, by dataset; `of` reads them again."""
        scale = None if self.Q2_scale == Q2_SCALE else np.array(self.Q2_scale)
        return {
            "xi": self.xi,
            "tau": self.tau,
            "x_max": np.array(self.x_max),
            "Q2_max": np.array(self.Q2_max),
            "Q2_scale": scale,
        }

    def xi_of_x(self, bjorken_x: Array) -> Array:
        """ξ = √(x/x_max)."""
        return np.sqrt(bjorken_x / self.x_max)

    def tau_of_Q2(self, Q2: Array) -> Array:
        """τ = log(1 + Q²/q0) / log(1 + Q²_max/q0), Q² in GeV²."""
        return np.log1p(Q2 / self.Q2_scale) / np.log1p(self.Q2_max / self.Q2_scale)

    def Q2_of_tau(self, tau: Array) -> Array:
        """Q² [GeV²] at τ; the inverse of `tau_of_Q2`."""
        return self.Q2_scale * np.expm1(tau * np.log1p(self.Q2_max / self.Q2_scale))

    @property
    def xi(self) -> Array:
        """Node positions in ξ, shape (n_xi,)."""
        return np.linspace(0.0, 1.0, self.n_xi)

    @property
    def tau(self) -> Array:
        """Node positions in τ, shape (n_tau,)."""
        return np.linspace(0.0, 1.0, self.n_tau)

    @property
    def n_nodes(self) -> int:
        """Number of nodes."""
        return self.n_xi * self.n_tau

    def x_and_Q2(self) -> tuple[Array, Array]:
        """Bjorken x and Q² [GeV²] of the nodes, each of shape (n_xi, n_tau); both positive."""
        x, Q2 = np.meshgrid(self.x_max * self.xi**2, self.Q2_of_tau(self.tau), indexing="ij")
        return np.maximum(x, _SMALLEST_X), np.maximum(Q2, _SMALLEST_Q2)

    def stencil(self, bjorken_x: Array, Q2: Array) -> tuple[IntArray, Array, IntArray, Array]:
        """First node and four weights along ξ, then along τ, for points of shape (n,)."""
        first_xi, weights_xi = catmull_rom(self.xi_of_x(bjorken_x) * (self.n_xi - 1), self.n_xi)
        first_tau, weights_tau = catmull_rom(self.tau_of_Q2(Q2) * (self.n_tau - 1), self.n_tau)
        return first_xi, weights_xi, first_tau, weights_tau

    def interpolate(self, values: Array, bjorken_x: Array, Q2: Array) -> Array:
        """Interpolate node values (k, n_xi, n_tau) to points (n,): shape (k, n)."""
        matrix = self.interpolation_matrix(bjorken_x, Q2)
        return np.ascontiguousarray((matrix @ values.reshape(len(values), -1).T).T)

    def interpolation_matrix(self, bjorken_x: Array, Q2: Array) -> sp.csr_array:
        """The matrix that interpolates node values, flat (n_nodes,), to points: (n, n_nodes)."""
        first_xi, weights_xi, first_tau, weights_tau = self.stencil(bjorken_x, Q2)
        columns = (first_xi * self.n_tau + first_tau)[:, None] + self.stencil_offsets
        weights = stencil_weights(weights_xi, weights_tau)
        rows = np.arange(0, weights.size + 1, 16)
        return sp.csr_array(
            (weights.ravel(), columns.ravel(), rows), shape=(bjorken_x.size, self.n_nodes)
        )

    @property
    def stencil_offsets(self) -> IntArray:
        """Flat distance of the 16 nodes of a stencil from the first one, shape (16,)."""
        return (np.arange(4)[:, None] * self.n_tau + np.arange(4)).ravel()

    def second_derivatives(self) -> sp.csr_array:
        """D with |D w|² = ∫ dξ dτ (w_ξξ² + 2 w_ξτ² + w_ττ²) for node values w, flat (n_nodes,).

        What bending a thin plate costs (Duchon, RAIRO Anal. Numér. 10 (1976) 5), by differences of
        neighbours; shape (n_derivatives, n_nodes).
        """
        sizes = (self.n_xi, self.n_tau)
        values = [sp.eye_array(n, format="csr") for n in sizes]
        slopes = [(v[1:] - v[:-1]) * (n - 1) for v, n in zip(values, sizes, strict=True)]
        bends = [(s[1:] - s[:-1]) * (n - 1) for s, n in zip(slopes, sizes, strict=True)]
        derivatives = [
            sp.kron(bends[0], values[1]),
            np.sqrt(2.0) * sp.kron(slopes[0], slopes[1]),
            sp.kron(values[0], bends[1]),
        ]
        area = 1.0 / ((self.n_xi - 1) * (self.n_tau - 1))
        return sp.csr_array(sp.vstack(derivatives) * np.sqrt(area))

    def second_derivatives_within(self, nodes: IntArray) -> sp.csr_array:
        """Rows of `second_derivatives` between the given flat nodes; (n_derivatives, n_given)."""
        everywhere = self.second_derivatives()
        within = sp.csr_array(everywhere[:, nodes])
        whole = np.diff(within.indptr) == np.diff(everywhere.indptr)
        return sp.csr_array(within[whole])


def reachable_nodes(event_matrices: Sequence[sp.csr_array], nodes: NodeGrid) -> IntArray:
    """Flat nodes that events of any of the matrices can reach, ascending."""
    reached = np.zeros(nodes.n_nodes, dtype=np.bool_)
    for matrix in event_matrices:
        reached[matrix.indices % nodes.n_nodes] = True
    return np.flatnonzero(reached)
