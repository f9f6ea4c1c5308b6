"""The event density as a linear map of the structure functions on the nodes.

Everything between the node values w and the density is fixed once the kinematics are:

    n(v1, v2) = Σ_E Φ(E) Σ_i C_i(E, v1, v2) · interp(W_i')(x, Q²) = A(Φ) w.

The quadrature points and their kinematic factors do not depend on the flux. A flux, an oscillation
hypothesis or a flux draw only reweights them: A(Φ) = Σ_E Φ(E) B_E.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, overload

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from nd2fd.forward.nodes import NodeGrid, stencil_weights
from nd2fd.physics.density import DensityGrid, Parts, PhysicalPoints, physical_points

Array = NDArray[np.float64]
IntArray = NDArray[np.int64]

_BLOCK_ROWS = 64
"""Cells whose rows are made together: few enough to stay near the caches."""

_FLUXES_AT_ONCE = 11
"""What is made together is in memory twice until it is joined."""


@dataclass(frozen=True)
class ForwardOperator:
    """Linear maps from node values w, flat over (structure function, ξ, τ), to event densities.

    grid, nodes
        Where densities and structure functions live.
    points
        All physical quadrature points, sorted by cell.
    energy_index
        Index into `grid.energy` of each point, shape (n_points,).
    """

    grid: DensityGrid
    nodes: NodeGrid
    points: PhysicalPoints
    energy_index: IntArray

    @classmethod
    def build(
        cls, grid: DensityGrid, nodes: NodeGrid, parts: Parts | None = None, *, five: bool = False
    ) -> "ForwardOperator":
        """Collect the quadrature points of all neutrino energies; `parts` are the grid's own.

        With `five` node values are those of (W1, …, W5), which all leptons share.
        """
        slices = list(physical_points(grid, parts, five=five))
        energy_index = np.repeat(np.arange(grid.n_energy), [s.cell.size for s in slices])
        cell = np.concatenate([s.cell for s in slices])
        order = np.argsort(cell, kind="stable")
        points = PhysicalPoints(
            cell[order],
            np.concatenate([s.bjorken_x for s in slices])[order],
            np.concatenate([s.Q2 for s in slices])[order],
            np.concatenate([s.factors for s in slices], axis=1)[:, order],
        )
        return cls(grid, nodes, points, energy_index[order])

    def event_matrix(self, flux: Array) -> sp.csr_array:
        """A(Φ) for a flux at `grid.energy`, shape (n_energy,).

        A(Φ) w is the flux-weighted cross section [1e-38 cm² per nucleon] in each cell; shape
        (n_v1 n_v2, n_functions n_nodes).
        """
        (matrix,) = self.event_matrices(flux[None])
        return matrix

    def event_matrices(self, fluxes: Array) -> list[sp.csr_array]:
        """A(Φ) of several fluxes (n_fluxes, n_energy), which share the work on the points."""
        matrices = []
        for first in range(0, len(fluxes), _FLUXES_AT_ONCE):
            matrices += self._some_event_matrices(fluxes[first : first + _FLUXES_AT_ONCE])
        return matrices

    def _some_event_matrices(self, fluxes: Array) -> list[sp.csr_array]:
        n_cells = self.grid.n_v1 * self.grid.n_v2
        starts = range(0, n_cells, _BLOCK_ROWS)
        bounds = np.searchsorted(self.points.cell, [*starts, n_cells])
        lit = np.any(fluxes != 0.0, axis=0)[self.energy_index]
        blocks = [
            self._rows(start, low + np.flatnonzero(lit[low:high]), fluxes)
            for start, low, high in zip(starts, bounds[:-1], bounds[1:], strict=True)
        ]
        columns = np.concatenate([block.columns for block in blocks])
        sizes = np.concatenate([block.row_sizes for block in blocks])
        # 32 bits, as the columns: else both would be copied to 64 bits for every flux.
        starts_of_rows = np.append(0, np.cumsum(sizes)).astype(np.int32)
        matrices = []
        for _ in fluxes:
            # What is joined is no longer needed block by block: memory is what limits a batch.
            values = np.concatenate([block.values.popleft() for block in blocks])
            matrix = sp.csr_array(
                (values, columns, starts_of_rows),
                shape=(n_cells, len(self.points.factors) * self.nodes.n_nodes),
            )
            if not values.all():
                matrix = matrix.copy()
                matrix.eliminate_zeros()
            matrices.append(matrix)
        return matrices

    def _rows(self, start: int, chosen: IntArray, fluxes: Array) -> "_Rows":
        """Rows of A(Φ) from cell `start` on, whose points are `chosen`, for each flux.

        The sum over the points of a row is one sparse product for all fluxes and structure
        functions; its rows are the pairs of a cell and a node that occur.
        """
        n_rows = min(_BLOCK_ROWS, self.grid.n_v1 * self.grid.n_v2 - start)
        n_nodes, points = self.nodes.n_nodes, self.points
        n_functions = len(points.factors)
        first_xi, weights_xi, first_tau, weights_tau = self.nodes.stencil(
            points.bjorken_x[chosen], points.Q2[chosen]
        )
        corner = (points.cell[chosen] - start) * n_nodes + first_xi * self.nodes.n_tau + first_tau
        pair = (corner[:, None] + self.nodes.stencil_offsets).ravel()
        occurs = np.zeros(n_rows * n_nodes, dtype=np.bool_)
        occurs[pair] = True
        cell, node = np.divmod(np.flatnonzero(occurs).astype(np.int32), n_nodes)
        number = np.cumsum(occurs, dtype=np.int32) - 1
        interpolation = sp.csc_array(
            (
                stencil_weights(weights_xi, weights_tau).ravel(),
                number[pair],
                np.arange(0, pair.size + 1, 16, dtype=np.int32),
            ),
            shape=(cell.size, corner.size),
        )
        weighted = points.factors[:, chosen][:, None] * fluxes[:, self.energy_index[chosen]]
        sums = interpolation @ weighted.reshape(n_functions * len(fluxes), corner.size).T
        # By cell, then by structure function, then by node.
        order = np.argsort(np.tile(cell, n_functions), kind="stable")
        columns = (node + n_nodes * np.arange(n_functions, dtype=np.int32)[:, None]).ravel()
        by_flux = sums.T.reshape(n_functions, len(fluxes), cell.size).transpose(1, 0, 2)
        return _Rows(
            columns[order],
            n_functions * np.bincount(cell, minlength=n_rows),
            deque(of_flux.ravel()[order] for of_flux in by_flux),
        )

    def point_matrix(self) -> sp.csr_array:
        """The map to every quadrature point separately; shape (n_points, 3 n_nodes).

        Row p gives the cross section [1e-38 cm² per nucleon] at point p times the area it stands
        for: with one subsample per cell, the three-dimensional cross section itself.
        """
        interpolation = self.nodes.interpolation_matrix(self.points.bjorken_x, self.points.Q2)
        blocks = [sp.diags_array(factor) @ interpolation for factor in self.points.factors]
        return sp.csr_array(sp.hstack(blocks, format="csr"))


def weighted_sum(matrices: Sequence[sp.csr_array], weights: Array) -> sp.csr_array:
    """Σ_k a_k A_k, with weights of shape (n_matrices,): the event matrix of that sum of fluxes."""
    first = matrices[0]
    if not all(
        np.array_equal(m.indptr, first.indptr) and np.array_equal(m.indices, first.indices)
        for m in matrices
    ):
        return sp.csr_array(sum(w * m for w, m in zip(weights, matrices, strict=True)))
    data = weights[0] * first.data
    for weight, matrix in zip(weights[1:], matrices[1:], strict=True):
        data += weight * matrix.data
    return sp.csr_array((data, first.indices, first.indptr), shape=first.shape)


class SumsOfFluxes(Sequence[sp.csr_array]):
    """Event matrices of sums of fluxes, each made when it is asked for: a hundred fill a memory.

    Parameters
    ----------
    matrices
        Of the fluxes.
    weights
        Of the fluxes in each sum, shape (n_sums, n_matrices).
    """

    def __init__(self, matrices: Sequence[sp.csr_array], weights: Array) -> None:
        self._matrices = matrices
        self._weights = weights

    def __len__(self) -> int:
        return len(self._weights)

    @overload
    def __getitem__(self, index: int) -> sp.csr_array: ...

    @overload
    def __getitem__(self, index: slice) -> "SumsOfFluxes": ...

    def __getitem__(self, index: int | slice) -> "sp.csr_array | SumsOfFluxes":
        if isinstance(index, slice):
            return SumsOfFluxes(self._matrices, self._weights[index])
        return weighted_sum(self._matrices, self._weights[index])


class _Rows(NamedTuple):
    """Some rows of the event matrices of m fluxes.

    columns : of the entries, row by row, shape (n_entries,)
    row_sizes : number of entries in each row, shape (n_rows,)
    values : of each flux, shape (n_entries,) each
    """

    columns: NDArray[np.int32]
    row_sizes: IntArray
    values: deque[Array]
