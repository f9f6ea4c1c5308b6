"""Event matrices as PyTorch multiplies by them: constant, sparse, with gradients."""

import warnings
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import scipy.sparse as sp
import torch
from torch import Tensor


class _SparseProduct(torch.autograd.Function):
    """A w for a constant sparse A; its derivative is the product with Aᵀ, stored ready-made."""

    @staticmethod
    def forward(ctx: Any, matrix: Tensor, transposed: Tensor, columns: Tensor) -> Tensor:
        ctx.save_for_backward(transposed)
        return matrix @ columns

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[None, None, Tensor]:
        (transposed,) = ctx.saved_tensors
        return None, None, transposed @ gradients[0]


class ConstantMatrix:
    """A constant sparse matrix, with its transposed where there is a gradient."""

    def __init__(self, matrix: sp.csr_array, dtype: torch.dtype, device: str) -> None:
        self.matrix = _torch_csr(matrix, dtype, device)
        self._original = matrix

    @cached_property
    def _transposed(self) -> Tensor:
        return _torch_csr(
            sp.csr_array(self._original.T), self.matrix.dtype, str(self.matrix.device)
        )

    def __matmul__(self, columns: Tensor) -> Tensor:
        if not columns.requires_grad:
            return self.matrix @ columns
        product: Tensor = _SparseProduct.apply(  # type: ignore[no-untyped-call]
            self.matrix, self._transposed, columns
        )
        return product


class EventMap:
    """One event matrix, whole and by structure function, as its products need it."""

    def __init__(self, parts: Sequence[sp.csr_array], dtype: torch.dtype, device: str) -> None:
        whole = sp.csr_array(sp.hstack(parts, format="csr"))
        self._whole = ConstantMatrix(whole, dtype, device)
        self._of_functions = parts

    @cached_property
    def _parts(self) -> list[Tensor]:
        matrix = self._whole.matrix
        return [_torch_csr(part, matrix.dtype, str(matrix.device)) for part in self._of_functions]

    def events(self, outputs: Tensor) -> Tensor:
        """A w for outputs (n_members, n_nodes, n_functions): (n_members, n_cells, 1)."""
        if len(outputs) == 1:
            # Products with a vector take a third of the time of those with a single column.
            return (self._whole @ outputs[0].mT.flatten())[None, :, None]
        return (self._whole @ outputs.mT.flatten(start_dim=1).mT).mT[:, :, None]

    def design(self, features: Tensor) -> Tensor:
        """A_i · features, side by side for all i: (n_members, n_cells, n_functions n_features)."""
        n_members, n_nodes, n_features = features.shape
        columns = features.transpose(0, 1).reshape(n_nodes, -1)
        products = [
            (part @ columns).reshape(-1, n_members, n_features).transpose(0, 1)
            for part in self._parts
        ]
        return torch.cat(products, dim=2)


def _torch_csr(matrix: sp.csr_array, dtype: torch.dtype, device: str) -> Tensor:
    matrix = matrix.sorted_indices()
    with warnings.catch_warnings():
        # PyTorch calls the format beta; products with it are all that is used here, and tested.
        warnings.filterwarnings("ignore", message="Sparse CSR tensor support is in beta")
        return torch.sparse_csr_tensor(
            # Copies: how MKL sums depends on the alignment, and NumPy's depends on the process.
            torch.tensor(matrix.indptr),
            torch.tensor(matrix.indices),
            torch.tensor(matrix.data, dtype=dtype),
            size=matrix.shape,
            device=device,
            check_invariants=True,
        )
