"""Cross sections at observed events and in cells, for the far-detector likelihood.

A learned cross section can dip below zero where the near detector says nothing; there it is
clamped to zero, in the events' kernel and in the totals alike (arXiv:2412.16303).
"""

import numpy as np
from numpy.typing import NDArray

from nd2fd.physics.density import DensityGrid, cross_section_factors, physical_points
from nd2fd.physics.setup import Setup
from nd2fd.physics.structure_functions import StructureFunctions

Array = NDArray[np.float64]

_EVENTS_PER_BLOCK = 512


def event_cross_sections(
    structure_functions: StructureFunctions,
    energy: Array,
    v1: Array,
    v2: Array,
    setup: Setup,
) -> Array:
    """σ(E_ν, v_k) = max(0, d²σ/dv1 dv2) [1e-38 cm² per nucleon] for events k.

    `energy` [GeV] has shape (n_energy,), `v1` and `v2` (n_events,); returns (n_events, n_energy).
    """
    result = np.zeros((v1.size, energy.size))
    for start in range(0, v1.size, _EVENTS_PER_BLOCK):
        block = slice(start, start + _EVENTS_PER_BLOCK)
        x, Q2, factors, physical = cross_section_factors(
            energy, v1[block, None], v2[block, None], setup
        )
        values = np.einsum(
            "ip,ip->p", factors[:, physical], structure_functions(x[physical], Q2[physical])
        )
        result[block][physical] = np.maximum(values, 0.0)
    return result


def cell_cross_sections(structure_functions: StructureFunctions, grid: DensityGrid) -> Array:
    """Clamped cross section in each cell [1e-38 cm² per nucleon], shape (n_energy, n_cells)."""
    n_cells = grid.n_v1 * grid.n_v2
    return np.stack(
        [
            np.bincount(
                p.cell,
                np.maximum(
                    np.einsum("ip,ip->p", p.factors, structure_functions(p.bjorken_x, p.Q2)), 0.0
                ),
                n_cells,
            )
            for p in physical_points(grid)
        ]
    )
