"""What was learned of one nucleus as a start for another of which there are few events.

Nuclei differ little. What is expected of the structure functions of one are those of another, up to
a factor, with an error that is a Gaussian field of (ξ, τ), of the same standard deviation σ
everywhere and for each of them, and with a correlation length ℓ of 0.1. With

    χ²(f) = (ℓ² ∫ |f''|² + ℓ⁻² ∫ f²) / (8 σ²),    ∫ over ξ and τ, bends f'' of a thin plate,

a difference f has the spectrum 8 σ² / (ℓ² k⁴ + ℓ⁻²), and far from edges the variance
∫ d²k / (2π)² of it: σ². For networks σ is 3 % of the root mean square of the structure functions,
for splines 1, 3 or 10 %, whichever has the largest marginal likelihood (docs/studies/transfer.md).
"""

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from nd2fd.forward.nodes import NodeGrid
from nd2fd.io.schemas.learned import Networks, Splines

Array = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]
Matrix = TypeVar("Matrix", Array, sp.csr_array)

ERROR, LENGTH = 0.03, 0.1
"""σ in units of the root mean square, and ℓ."""

WIDTHS = (0.01, 0.03, 0.1)
"""Of which splines choose σ."""

_REACH = 0.99
"""Share of the largest Q² that a start must reach: masses per nucleon differ by less than 1 %."""


@dataclass(frozen=True)
class Start:
    """Structure functions to start from.

    values
        On the nodes, of any size, shape (n_functions, n_xi, n_tau).
    layer_sizes, weights
        Units per layer and parameters, (n_weights,), of the network that they are; None of splines.
    widths
        Of which splines choose σ, in units of the root mean square of the values.
    """

    values: Array
    layer_sizes: list[int] | None = None
    weights: Array | None = None
    widths: tuple[float, ...] = WIDTHS

    @classmethod
    def of(cls, learned: Networks | Splines, nodes: NodeGrid) -> "Start":
        """From the first member of a file, whatever its nodes are.

        Raises
        ------
        ValueError
            If they do not reach as far in x or Q² as `nodes`.
        """
        own = NodeGrid.of(learned)
        if own.x_max < nodes.x_max or own.Q2_max < _REACH * nodes.Q2_max:
            raise ValueError(
                f"start reaches x = {own.x_max:g} and Q2 = {own.Q2_max:.6g} GeV2; it must reach "
                f"those of the setup, {nodes.x_max:g} and {nodes.Q2_max:.6g} GeV2"
            )
        # Not those of `x_and_Q2`, which are nowhere zero.
        x, Q2 = nodes.x_max * nodes.xi**2, np.minimum(nodes.Q2_of_tau(nodes.tau), own.Q2_max)
        points = (v.ravel() for v in np.meshgrid(x, Q2, indexing="ij"))
        values = own.interpolate(learned.structure_functions[0], *points)
        values = values.reshape(-1, nodes.n_xi, nodes.n_tau)
        if isinstance(learned, Splines):
            return cls(values)
        return cls(values, learned.layer_sizes.tolist(), learned.weights[0])

    def root_mean_square(self, nodes: IntArray | BoolArray) -> float:
        """Of the values at these flat nodes, those that events reach."""
        reached = self.values.reshape(len(self.values), -1)[:, nodes]
        return float(np.sqrt(np.square(reached).mean()))

    def events(self, matrix: sp.csr_array, response: sp.csr_array | None) -> Array:
        """Share of events that are expected in each cell, from A(Φ) and S; shape (n_cells,).

        Errors of few counts are those of these.
        """
        true = matrix @ self.values.ravel()
        events = np.maximum(true if response is None else response @ true, 0.0)
        return np.asarray(events / events.sum())

    def weights_of(self, layer_sizes: list[int]) -> Array:
        """Parameters of the start's network; ValueError if it has not these layers."""
        if self.weights is None or self.layer_sizes != layer_sizes:
            raise ValueError(
                f"the network of start has layers of {self.layer_sizes} units; section training "
                f"makes {layer_sizes}"
            )
        return self.weights


def field_precision(bends: Matrix, squares: Matrix) -> Matrix:
    """σ² times the precision of the field, of the matrices of ∫ f'' g'' and ∫ f g."""
    return (LENGTH**2 * bends + squares / LENGTH**2) / 8.0
