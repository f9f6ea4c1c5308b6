"""The learning problem on the nodes: predicted densities, and their distance from the data.

    L = ∫ dv1 dv2 u (p_model - p_ND)²,    p_model = A(Φ) w / ∫ dv1 dv2 A(Φ) w

with weights u(v1, v2): one in arXiv:2412.16303, the inverse variance of one event per cell where
there is a histogram of N events (`nd2fd.learning.weights`), so that N L is a χ². Errors that the
cells share, such as those of the flux, make the inverse covariance of the weights: what they
explain costs only what they cost.

Deterministic and full-batch: the same function at every evaluation, so that quasi-Newton works as
well as the Adam of arXiv:2412.16303. All members of a job are evaluated together; each has its own
data, and its own event matrix where the fluxes differ.

The best last layer of a network may be asked of a few combinations of the cells instead of all
(`nd2fd.learning.compression`). The loss is that of all cells in any case.
"""

import copy
import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
import scipy.sparse as sp
import torch
from numpy.typing import NDArray
from torch import Tensor

from nd2fd.forward.nodes import NodeGrid, reachable_nodes
from nd2fd.learning.compressed import CompressedDensities
from nd2fd.learning.compression import TestFunctions, node_columns
from nd2fd.learning.event_maps import ConstantMatrix, EventMap
from nd2fd.learning.start import ERROR, Start, field_precision

Array = NDArray[np.float64]


def unit_norm(
    event_matrix: sp.csr_array,
    response: sp.csr_array | None,
    weights: Array,
    cell_area: float,
    n_functions: int,
) -> float:
    """Unit of the penalties: weighted squared norm of the density of W_i' = 1, averaged over i.

    Parameters are those of `DensityProblem`, for one member, and the number of structure functions.
    """
    ones = np.kron(np.eye(n_functions), np.ones((event_matrix.shape[1] // n_functions, 1)))
    constant = event_matrix @ ones
    if response is not None:
        constant = response @ constant
    return float(np.square(constant).sum(axis=1) @ weights / (cell_area * n_functions))


class DensityProblem:
    """Learn node values w from densities; only cells and nodes that events can reach are kept.

    Parameters
    ----------
    event_matrices
        A(Φ), shape (n_cells, n_functions n_nodes): one for all members, or one each. With five
        functions cells may be those of several samples, which are normalised together.
    densities
        Densities per dv1 dv2 of unit integral, shape (n_members, n_cells).
    weights
        Weights u of the cells, shape (n_members, n_cells).
    response
        S, shape (n_cells, n_cells), for measured densities S A(Φ) w; None: measured exactly. It is
        not multiplied out: S A has several times as many entries as S and A together.
    cell_area
        dv1 dv2 of a cell.
    nodes
        The node grid.
    dtype, device
        Of all tensors.
    common_errors
        Changes b_k of the densities by errors that all cells share, independent of each other, of
        one standard deviation each, in units in which u is the inverse variance of a cell's own
        error times dv1 dv2; shape (n_members, n_cells, n_errors). None: there are none.
    test_functions
        Combinations of cells that `solve_last_layer` and `distance` look at. None: at all cells.
    start
        Structure functions from which the penalty counts; None: from zero, and only their bends.

    Attributes
    ----------
    n_functions
        Structure functions: 3 of one lepton, 5 of all.
    reachable_nodes
        Flat node of each row of the networks' outputs, shape (n_reachable,).

    Raises
    ------
    ValueError
        If there is neither one event matrix nor one for each member.
    """

    def __init__(
        self,
        event_matrices: Sequence[sp.csr_array],
        densities: Array,
        weights: Array,
        response: sp.csr_array | None,
        cell_area: float,
        nodes: NodeGrid,
        dtype: torch.dtype,
        device: str,
        common_errors: Array | None = None,
        test_functions: TestFunctions | None = None,
        start: Start | None = None,
    ) -> None:
        if len(event_matrices) not in (1, len(densities)):
            raise ValueError(
                f"{len(event_matrices)} event matrices for {len(densities)} members; there must be "
                "one for all or one each"
            )
        self.n_functions = event_matrices[0].shape[1] // nodes.n_nodes
        self.reachable_nodes = reachable_nodes(event_matrices, nodes)
        true_rows = np.unique(
            np.concatenate([np.flatnonzero(np.diff(m.indptr)) for m in event_matrices])
        )
        if response is None:
            rows, self._response = true_rows, None
        else:
            reached = sp.csr_array(response[:, true_rows])
            rows = np.flatnonzero(np.diff(reached.indptr))
            self._response = ConstantMatrix(sp.csr_array(reached[rows]), dtype, device)
        self._maps = [
            EventMap(
                [
                    sp.csr_array(matrix[true_rows][:, first + self.reachable_nodes])
                    for first in nodes.n_nodes * np.arange(self.n_functions)
                ],
                dtype,
                device,
            )
            for matrix in event_matrices
        ]
        bends = nodes.second_derivatives_within(self.reachable_nodes)
        penalty = sp.csr_array(bends.T @ bends)
        if start is not None:
            area = 1.0 / ((nodes.n_xi - 1) * (nodes.n_tau - 1))
            squares = sp.csr_array(area * sp.eye_array(self.reachable_nodes.size))
            penalty = field_precision(penalty, squares)
        self._curvature = ConstantMatrix(penalty, dtype, device)
        self._weights = torch.tensor(weights[:, rows], dtype=dtype, device=device)
        self._cell_area = cell_area
        self._densities = torch.tensor(densities[:, rows], dtype=dtype, device=device)
        # Cells that no event can reach cost the same whatever the model is.
        unreachable = np.delete(weights * np.square(densities), rows, axis=1).sum(axis=1)
        self._constants = torch.tensor(unreachable * cell_area, dtype=dtype, device=device)
        units = [
            unit_norm(matrix, response, u, cell_area, self.n_functions)
            for matrix, u in zip(itertools.cycle(event_matrices), weights, strict=False)
        ]
        self._unit_norms = torch.tensor(units, dtype=dtype, device=device)
        self._penalty_units, self._start = self._unit_norms, None
        if start is not None:
            values = start.values.reshape(self.n_functions, -1)[:, self.reachable_nodes]
            outputs = torch.tensor(values.T, dtype=dtype, device=device).repeat(len(units), 1, 1)
            scales = 1.0 / self.total(self.densities(outputs))
            self._start = scales[:, None, None] * outputs
            sigma = ERROR * start.root_mean_square(self.reachable_nodes)
            self._penalty_units = (scales * sigma) ** -2
        self._rows = rows
        self._explained: Tensor | None = None
        self._compressed: CompressedDensities | None = None
        if test_functions is not None:
            columns = node_columns(self.reachable_nodes, nodes, self.n_functions)
            self._compressed = CompressedDensities.of(
                test_functions,
                event_matrices,
                columns,
                densities,
                1.0 / (weights * cell_area),
                cell_area,
            ).to(device, dtype)
        if common_errors is not None:
            self._add_common_errors(common_errors)

    def with_common_errors(self, common_errors: Array) -> "DensityProblem":
        """The same problem, of which none were known before, with errors that cells share."""
        problem = copy.copy(self)
        problem._add_common_errors(common_errors)
        return problem

    def _add_common_errors(self, common_errors: Array) -> None:
        errors = torch.tensor(common_errors[:, self._rows]).to(self._weights)
        weighted = self._weights[:, :, None] * errors
        # Woodbury: U - U B (1 + Bᵀ U B)⁻¹ Bᵀ U, with U = u dv1 dv2, as U - E Eᵀ dv1 dv2.
        inner = errors.mT @ weighted * self._cell_area
        inner.diagonal(dim1=1, dim2=2).add_(1.0)
        factor = torch.linalg.cholesky(inner)
        half = torch.linalg.solve_triangular(factor, weighted.mT, upper=False)
        self._explained = half.mT * self._cell_area**0.5
        if self._compressed is not None:
            self._compressed = self._compressed.with_common_errors(common_errors)

    def densities(self, outputs: Tensor) -> Tensor:
        """A(Φ) w per dv1 dv2, not normalised: (n_members, n_rows) from outputs as `EventMap`."""
        return self._each(EventMap.events, outputs)[:, :, 0] / self._cell_area

    def loss(self, densities: Tensor) -> Tensor:
        """L of predicted densities of any normalisation, shape (n_members,)."""
        return self.squared_distance(densities / self.total(densities)[:, None])

    def total(self, densities: Tensor) -> Tensor:
        """∫ dv1 dv2 of densities, shape (n_members,)."""
        return densities.sum(dim=1) * self._cell_area

    def squared_distance(self, densities: Tensor) -> Tensor:
        """∫ dv1 dv2 u (density - p_ND)², the densities taken as they are, shape (n_members,).

        With common errors: min over z of ∫ dv1 dv2 u (density + Σ_k z_k b_k - p_ND)² + Σ_k z_k².
        """
        difference = (densities - self._densities)[:, :, None]
        distance = (difference * self._weighted(difference)).sum(dim=(1, 2)) * self._cell_area
        return distance + self._constants

    def distance_and_loss(self, outputs: Tensor) -> tuple[Tensor, Tensor]:
        """`squared_distance` of outputs as they are, and `loss` without gradient; (n_members,).

        Where there are test functions the distance is that of what they see, which is less by a
        constant; the loss is that of all cells.
        """
        if self._compressed is None:
            densities = self.densities(outputs)
            return self.squared_distance(densities), self.loss(densities.detach())
        distance = self._compressed.residuals(outputs).square().sum(dim=1)
        return distance, self.loss(self.densities(outputs.detach()))

    def _weighted(self, columns: Tensor) -> Tensor:
        """Inverse covariance times columns (n_members, n_rows, n), per dv1 dv2."""
        own = self._weights[:, :, None] * columns
        if self._explained is None:
            return own
        return own - self._explained @ (self._explained.mT @ columns)

    def solve_last_layer(self, features: Tensor, ridge: float, smoothness: float) -> Tensor:
        """Linear coefficients c of the structure functions W_i' = features · c_i, exactly.

        Minimises the distance + ridge · `norm` + smoothness · `curvature`.

        Parameters
        ----------
        features
            Values on the reachable nodes, shape (n_members, n_reachable, n_features).
        ridge, smoothness
            Sizes of the penalties.

        Returns
        -------
        Tensor
            Coefficients, shape (n_members, n_functions, n_features); not finite where there is no
            solution.
        """
        normal, right = self._normal_equations(features)
        unit = self._unit_norms[:, None, None]
        penalty = torch.zeros_like(normal[:, : features.shape[2], : features.shape[2]])
        if smoothness > 0.0:
            strength = smoothness * self._penalty_units[:, None, None]
            penalty += strength * (features.mT @ self._bent(features))
            if self._start is not None:
                pulled = strength * (features.mT @ self._bent(self._start))
                right += pulled.mT.reshape(right.shape)
        penalty.diagonal(dim1=1, dim2=2).add_(ridge * unit[:, 0])
        for first in range(0, normal.shape[1], features.shape[2]):
            own = slice(first, first + features.shape[2])
            normal[:, own, own] += penalty
        # The variant that raises nothing: one failing member must not stop the others.
        factor, failed = torch.linalg.cholesky_ex(normal)
        solution = torch.cholesky_solve(right, factor)[:, :, 0]
        solution = torch.where(failed[:, None] > 0, torch.nan, solution)
        return solution.reshape(len(features), self.n_functions, -1)

    def _normal_equations(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Matrix (n_members, m, m) and right side (n_members, m, 1), m of all; no penalties."""
        if self._compressed is not None:
            design = self._compressed.design(features)
            return design @ design.mT, design @ self._compressed.targets[:, :, None]
        design = self._each(EventMap.design, features) / self._cell_area
        weighted = self._weighted(design) * self._cell_area
        return weighted.mT @ design, weighted.mT @ self._densities[:, :, None]

    def norm(self, coefficients: Tensor) -> Tensor:
        """|c|² in units of the densities, shape (n_members,).

        The unit is the weighted squared norm of the density of W_i' = 1, averaged over i.
        """
        return self._unit_norms * coefficients.square().sum(dim=(1, 2))

    def curvature(self, outputs: Tensor) -> Tensor:
        """Σ_i ∫ dξ dτ (W_i',ξξ² + 2 W_i',ξτ² + W_i',ττ²) in the unit of `norm`, (n_members,).

        Over the reachable nodes; outputs as those of `densities`. Where W is
        multiplied by a factor, this is by its square.

        With a start: χ² of what the outputs differ from it by (`nd2fd.learning.start`).
        """
        if self._start is not None:
            outputs = outputs - self._start
        return self._penalty_units * (outputs * self._bent(outputs)).sum(dim=(1, 2))

    def _bent(self, values: Tensor) -> Tensor:
        """DᵀD values, with the second derivatives D, for values (n_members, n_nodes, n)."""
        n_members, n_nodes, n_columns = values.shape
        columns = self._curvature @ values.transpose(0, 1).reshape(n_nodes, -1)
        return columns.reshape(-1, n_members, n_columns).transpose(0, 1)

    def _each(self, product: Any, values: Tensor) -> Tensor:
        """A product with the one event matrix, or with each member's own, as it is measured.

        `values` has one entry per member along its first dimension; returns shape
        (n_members, n_rows, n_columns).
        """
        if len(self._maps) == 1:
            true: Tensor = product(self._maps[0], values)
        else:
            true = torch.cat(
                [product(m, v[None]) for m, v in zip(self._maps, values, strict=True)], dim=0
            )
        if self._response is None:
            return true
        n_members, n_true, n_columns = true.shape
        measured = self._response @ true.transpose(0, 1).reshape(n_true, -1)
        return measured.reshape(-1, n_members, n_columns).transpose(0, 1)
