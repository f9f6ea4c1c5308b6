"""Event densities as linear maps of the coefficients of splines.

    n_c = Σ_m (X_cm + Σ_k z_k X_kcm + Σ_k z_k² X_kkcm) c_m

for the cells c that events can reach, with the flux Φ and its modes s_k: X is A(Φ) of the splines,
X_k is A(Φ s_k), measured by the detector. Densities are linear in modes of the flux; in other
parameters, which come after them, they are not, and X_kk is half a second derivative.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from nd2fd.forward.operator import ForwardOperator
from nd2fd.forward.splines import SplineBasis

Array = NDArray[np.float64]
IntArray = NDArray[np.int64]
Floats = NDArray[Any]
"""In double or single precision."""


@dataclass(frozen=True)
class SplineDesign:
    """Densities in cells from coefficients, flat (structure function, spline).

    cells
        Flat cells, shape (n_cells,).
    nominal
        X, shape (n_cells, n_coefficients).
    modes
        X_k, shape (n_modes, n_cells, n_coefficients); in single precision where that is how they
        were made.
    bends
        X_kk of the last of the modes, shape (n_bent, n_cells, n_coefficients); None: all linear.
    """

    cells: IntArray
    nominal: Array
    modes: Floats
    bends: Array | None = None

    @classmethod
    def build(
        cls,
        operator: ForwardOperator,
        fluxes: Array,
        basis: SplineBasis,
        response: sp.csr_array | None,
    ) -> "SplineDesign":
        """From fluxes in the energy cells of the operator, Φ first, then Φ s_k.

        `fluxes` have shape (1 + n_modes, n_energy), and are normalised to a sum of one of the
        first; `response` is S, shape (n_measured, n_cells), or None: measured exactly.
        """
        nominal, *modes = operator.event_matrices(fluxes / fluxes[0].sum())
        designs = [spline_map(nominal, basis, response)]
        # Changes are small: single precision, in a third of the time, is as good.
        single = None if response is None else response.astype(np.float32)
        for mode in modes:
            change = spline_map(mode.astype(np.float32), basis, single)
            designs.append(change.astype(np.float64))
        cells = np.flatnonzero(np.any(designs[0] != 0.0, axis=1))
        reached = [design[cells] for design in designs]
        shape = (0, *reached[0].shape)
        return cls(cells, reached[0], np.stack(reached[1:]) if reached[1:] else np.empty(shape))

    def changes(self, coefficients: Array) -> Array:
        """∂n/∂z of coefficients (n_coefficients,) at z = 0, shape (n_cells, n_modes)."""
        changes = self.modes @ coefficients.astype(self.modes.dtype)
        return changes.T.astype(np.float64)

    def about(self, bent: Array) -> "SplineDesign":
        """Linear in what the last modes, (n_bent,), are more than these values."""
        assert self.bends is not None
        modes, n_linear = self.modes.copy(), len(self.modes) - len(bent)
        modes[n_linear:] += 2.0 * bent[:, None, None] * self.bends
        # Half of that change is in the value already.
        nominal = self.nominal + np.tensordot(bent, modes[n_linear:], 1)
        nominal -= np.tensordot(bent**2, self.bends, 1)
        return SplineDesign(self.cells, nominal, modes)


def spline_map(
    matrix: sp.csr_array, basis: SplineBasis, response: sp.csr_array | None = None
) -> Array:
    """Map of node values, (n_cells, n_nodes of all functions), and response, of coefficients.

    In the precision of the map.
    """
    n_nodes, splines = basis.nodes.n_nodes, basis.matrix.astype(matrix.dtype)
    of_functions = [
        matrix[:, first : first + n_nodes] @ splines for first in range(0, matrix.shape[1], n_nodes)
    ]
    design = np.concatenate(of_functions, axis=1)
    return design if response is None else np.asarray(response @ design)
