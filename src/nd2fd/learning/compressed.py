"""Compressed densities as PyTorch multiplies by them, of many members."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import scipy.linalg as sl
import scipy.sparse as sp
import torch
from numpy.typing import NDArray
from torch import Tensor

from nd2fd.learning.compression import TestFunctions

Array = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass(frozen=True)
class CompressedDensities:
    """Distances of all members in r independent numbers of unit error each.

    functions
        The test functions T.
    factors
        Of the cells' own errors, as `TestFunctions.factor`, one per member.
    parts
        Lᵀ in units of the errors, shape (n_members, n_functions, n_reachable, r).
    targets
        y in units of the errors, shape (n_members, r).
    """

    functions: TestFunctions
    factors: Sequence[Array]
    parts: Tensor
    targets: Tensor

    @classmethod
    def of(
        cls,
        functions: TestFunctions,
        event_matrices: Sequence[sp.csr_array],
        columns: IntArray,
        densities: Array,
        variances: Array,
        cell_area: float,
    ) -> "CompressedDensities":
        """Of cells with independent errors.

        Parameters
        ----------
        functions
            The test functions.
        event_matrices
            A(Φ): one for all members, or one each.
        columns
            Of the event matrices that outputs are multiplied by, shape (n_functions, n_reachable).
        densities, variances
            p_ND, and squares of the errors, shape (n_members, n_cells).
        cell_area
            dv1 dv2 of a cell.
        """
        factors = [functions.factor(of_member) for of_member in variances]
        projections = [functions.project(matrix)[columns.ravel()] for matrix in event_matrices]
        parts, targets = [], []
        for member, (factor, density) in enumerate(zip(factors, densities, strict=True)):
            projection = projections[member if len(projections) > 1 else 0]
            projection = projection.astype(np.float64)
            part = sl.solve_triangular(factor * cell_area, projection.T, lower=True).T
            # Copies: how MKL sums depends on the alignment, and NumPy's depends on the process.
            parts.append(torch.tensor(part).reshape(*columns.shape, -1))
            projected = functions.measured.T @ density
            targets.append(torch.tensor(sl.solve_triangular(factor, projected, lower=True)))
        return cls(functions, factors, torch.stack(parts), torch.stack(targets))

    def to(self, device: str, dtype: torch.dtype) -> "CompressedDensities":
        """The same numbers elsewhere, or in another precision."""
        return replace(
            self, parts=self.parts.to(device, dtype), targets=self.targets.to(device, dtype)
        )

    def with_common_errors(self, errors: Array) -> "CompressedDensities":
        """With more errors, B of shape (n_members, n_cells, n_errors), which cells share.

        In units of the cells' own errors the covariance is 1 + E Eᵀ; with E = U s Vᵀ its inverse
        root 1 - U (1 - 1/√(1 + s²)) Uᵀ makes errors independent again.
        """
        shared = np.stack(
            [
                sl.solve_triangular(factor, self.functions.measured.T @ of_member, lower=True)
                for factor, of_member in zip(self.factors, errors, strict=True)
            ]
        )
        u, s, _ = np.linalg.svd(shared, full_matrices=False)
        directions = torch.tensor(u).to(self.parts)
        less = torch.tensor(u * (1.0 - 1.0 / np.sqrt(1.0 + s**2))[:, None, :]).to(self.parts)
        along = self.parts @ directions[:, None]
        parts = torch.baddbmm(
            self.parts.flatten(0, 1),
            along.flatten(0, 1),
            less.mT.repeat_interleave(self.parts.shape[1], dim=0),
            alpha=-1.0,
        )
        seen = self.targets[:, None] @ directions
        targets = self.targets - (seen @ less.mT)[:, 0]
        return replace(self, parts=parts.reshape(self.parts.shape), targets=targets)

    def residuals(self, outputs: Tensor) -> Tensor:
        """Prediction less data, shape (n_members, r).

        `outputs` have shape (n_members, n_reachable, n_functions).
        """
        columns, flat = outputs.mT.flatten(1), self.parts.flatten(1, 2)
        if len(outputs) == 1:
            # Products with a vector take a third of the time of those with a single row.
            return (columns[0] @ flat[0])[None] - self.targets
        return (columns[:, None] @ flat)[:, 0] - self.targets

    def design(self, features: Tensor) -> Tensor:
        """What each feature makes as each structure function, (n_members, n_functions n, r).

        `features` have shape (n_members, n_reachable, n).
        """
        return (features.mT[:, None] @ self.parts).flatten(1, 2)
