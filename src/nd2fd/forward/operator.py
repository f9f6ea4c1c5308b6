"""The event density as a linear map of the structure functions on the nodes.

Everything between the node values w and the density is fixed once the kinematics are:

    n(v1, v2) = Σ_E Φ(E) Σ_i C_i(E, v1, v2) · interp(W_i')(x, Q²) = A(Φ) w.

The quadrature points and their kinematic factors do not depend on the flux. A flux, an oscillation
hypothesis or a flux draw only reweights them: A(Φ) = Σ_E Φ(E) B_E.
"""

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from nd2fd.forward.nodes import NodeGrid, stencil_weights
from nd2fd.physics.density import DensityGrid, PhysicalPoints, physical_points

Array = NDArray[np.float64]
IntArray = NDArray[np.int64]

_BLOCK_ENTRIES = 1 << 20
"""Size of the dense (rows, nodes) block in which duplicates are summed; stays near the caches."""


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
    def build(cls, grid: DensityGrid, nodes: NodeGrid) -> "ForwardOperator":
        """Collect the quadrature points of all neutrino energies."""
        slices = list(physical_points(grid))
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
        (n_v1 n_v2, 3 n_nodes).
        """
        return _assemble(
            self.nodes,
            self.points.cell,
            self.grid.n_v1 * self.grid.n_v2,
            self.points,
            flux[self.energy_index],
        )

    def point_matrix(self) -> sp.csr_array:
        """The map to every quadrature point separately; shape (n_points, 3 n_nodes).

        Row p gives the cross section [1e-38 cm² per nucleon] at point p times the area it stands
        for: with one subsample per cell, the three-dimensional cross section itself.
        """
        interpolation = self.nodes.interpolation_matrix(self.points.bjorken_x, self.points.Q2)
        blocks = [sp.diags_array(factor) @ interpolation for factor in self.points.factors]
        return sp.csr_array(sp.hstack(blocks, format="csr"))


def _assemble(
    nodes: NodeGrid, row: IntArray, n_rows: int, points: PhysicalPoints, weight: Array
) -> sp.csr_array:
    """Sum weight · factors · interpolation weights of all points of a row; (n_rows, 3 n_nodes).

    Duplicates are summed in dense blocks of rows: several times faster than sorting (row, column)
    pairs, since a row's points share most of their nodes.
    """
    order = np.argsort(row, kind="stable")
    rows_per_block = max(1, _BLOCK_ENTRIES // nodes.n_nodes)
    starts = range(0, n_rows, rows_per_block)
    bounds = np.searchsorted(row[order], [*starts, n_rows])
    offsets = nodes.stencil_offsets
    blocks = []
    for start, low, high in zip(starts, bounds[:-1], bounds[1:], strict=True):
        chosen = order[low:high]
        rows_here = min(rows_per_block, n_rows - start)
        first_xi, weights_xi, first_tau, weights_tau = nodes.stencil(
            points.bjorken_x[chosen], points.Q2[chosen]
        )
        corner = (row[chosen] - start) * nodes.n_nodes + first_xi * nodes.n_tau + first_tau
        index = (corner[:, None] + offsets).ravel()
        interpolation = stencil_weights(weights_xi, weights_tau)
        dense = [
            np.bincount(
                index,
                (interpolation * (factor[chosen] * weight[chosen])[:, None]).ravel(),
                rows_here * nodes.n_nodes,
            ).reshape(rows_here, -1)
            for factor in points.factors
        ]
        blocks.append(sp.csr_array(np.hstack(dense)))
    return sp.csr_array(sp.vstack(blocks, format="csr"))
