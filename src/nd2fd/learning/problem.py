"""The learning problem on the nodes: predicted density, and its distance from the data.

    L = ∫ dv1 dv2 (p_model - p_ND)²,    p_model = A(Φ) w / ∫ dv1 dv2 A(Φ) w

Deterministic and full-batch: the same function at every evaluation, so that quasi-Newton works as
well as the Adam of arXiv:2412.16303.
"""

import warnings
from typing import Any

import numpy as np
import scipy.sparse as sp
import torch
from numpy.typing import NDArray
from torch import Tensor

from nd2fd.learning.network import N_STRUCTURE_FUNCTIONS

Array = NDArray[np.float64]


class _SparseProduct(torch.autograd.Function):
    """A w for a constant sparse A; its derivative is the product with Aᵀ, stored ready-made."""

    @staticmethod
    def forward(ctx: Any, matrix: Tensor, transposed: Tensor, vector: Tensor) -> Tensor:
        ctx.save_for_backward(transposed)
        return matrix @ vector

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[None, None, Tensor]:
        (transposed,) = ctx.saved_tensors
        return None, None, transposed @ gradients[0]


def _torch_csr(matrix: sp.csr_array, dtype: torch.dtype, device: str) -> Tensor:
    with warnings.catch_warnings():
        # PyTorch calls the format beta; products with it are all that is used here, and tested.
        warnings.filterwarnings("ignore", message="Sparse CSR tensor support is in beta")
        return torch.sparse_csr_tensor(
            torch.from_numpy(matrix.indptr),
            torch.from_numpy(matrix.indices),
            torch.from_numpy(matrix.data).to(dtype),
            size=matrix.shape,
            device=device,
            check_invariants=True,
        )


class DensityProblem:
    """Learn node values w from a density; only cells and nodes that events can reach are kept.

    Parameters
    ----------
    event_matrix
        A(Φ), shape (n_cells, 3 n_nodes).
    density
        Density per dv1 dv2 of unit integral, flat, shape (n_cells,).
    cell_area
        dv1 dv2 of a cell.
    dtype, device
        Of all tensors.

    Attributes
    ----------
    reachable_nodes
        Flat node of each row of the network's outputs, shape (n_reachable,).
    """

    def __init__(
        self,
        event_matrix: sp.csr_array,
        density: Array,
        cell_area: float,
        dtype: torch.dtype,
        device: str,
    ) -> None:
        n_nodes = event_matrix.shape[1] // N_STRUCTURE_FUNCTIONS
        self.reachable_nodes = np.unique(event_matrix.indices % n_nodes)
        rows = np.flatnonzero(np.diff(event_matrix.indptr))
        parts = [
            sp.csr_array(event_matrix[rows][:, first + self.reachable_nodes])
            for first in range(0, event_matrix.shape[1], n_nodes)
        ]
        self._parts = [_torch_csr(part, dtype, device) for part in parts]
        compact = sp.csr_array(sp.hstack(parts, format="csr"))
        self._matrix = _torch_csr(compact, dtype, device)
        self._transposed = _torch_csr(sp.csr_array(compact.T), dtype, device)
        self._density = torch.tensor(density[rows], dtype=dtype, device=device)
        self._cell_area = cell_area
        # Cells that no event can reach cost the same whatever the model is.
        unreachable = np.delete(density, rows)
        self._constant = float(unreachable @ unreachable) * cell_area

    def density(self, outputs: Tensor) -> Tensor:
        """A(Φ) w per dv1 dv2, not normalised, for network outputs w of shape (n_reachable, 3)."""
        events: Tensor = _SparseProduct.apply(  # type: ignore[no-untyped-call]
            self._matrix, self._transposed, outputs.T.reshape(-1)
        )
        return events / self._cell_area

    def loss(self, density: Tensor) -> Tensor:
        """L of a predicted density of any normalisation."""
        return self.squared_distance(density / (density.sum() * self._cell_area))

    def squared_distance(self, density: Tensor) -> Tensor:
        """∫ dv1 dv2 (density - p_ND)², the density taken as it is."""
        return (density - self._density).square().sum() * self._cell_area + self._constant

    def solve_last_layer(self, features: Tensor, ridge: float) -> Tensor:
        """Linear coefficients c of the structure functions W_i' = features · c_i, exactly.

        Minimises `squared_distance` + ridge · (mean squared norm of a column) · |c|².

        Parameters
        ----------
        features
            Values on the reachable nodes, shape (n_reachable, n_features).
        ridge
            Relative size of the regulariser: keeps the nearly degenerate system solvable.

        Returns
        -------
        Tensor
            Coefficients, shape (3, n_features).
        """
        design = torch.cat([part @ features for part in self._parts], dim=1) / self._cell_area
        normal = design.T @ design
        normal.diagonal().add_(ridge * normal.diagonal().mean())
        factor = torch.linalg.cholesky(normal)
        solution = torch.cholesky_solve((design.T @ self._density)[:, None], factor)
        return solution.reshape(N_STRUCTURE_FUNCTIONS, -1)
