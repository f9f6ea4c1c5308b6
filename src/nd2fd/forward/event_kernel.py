"""Cross sections at observed events and in cells, for the far-detector likelihood.

A learned cross section can dip below zero where the near detector says nothing; there it is
clamped to zero, in the events' kernel and in the totals alike (arXiv:2412.16303).
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from nd2fd.forward.nodes import NodeGrid
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


def cell_cross_sections_on_nodes(
    nodes: NodeGrid, structure_functions: Array, grid: DensityGrid, *, clamp: bool
) -> Iterator[Array]:
    """Cross sections in each cell, of many at once: they share kinematics and interpolation.

    Parameters
    ----------
    nodes, structure_functions
        (W1', W2', W3'), or (W1, …, W5), of each cross section on the nodes, shape
        (m, n_functions, n_xi, n_tau).
    grid
        Where to evaluate.
    clamp
        Whether a cross section is taken as zero where it is negative.

    Yields
    ------
    ndarray, shape (m, n_cells)
        [1e-38 cm² per nucleon], for each energy of the grid.
    """
    m, n_functions = structure_functions.shape[:2]
    by_node = structure_functions.reshape(m, n_functions, nodes.n_nodes).transpose(2, 1, 0)
    columns = np.ascontiguousarray(by_node).reshape(nodes.n_nodes, -1)
    for p in physical_points(grid, five=n_functions == 5):
        at_points = nodes.interpolation_matrix(p.bjorken_x, p.Q2) @ columns
        weighted = at_points.reshape(-1, n_functions, m) * p.factors.T[:, :, None]
        cross_sections = weighted.sum(axis=1)
        if clamp:
            np.maximum(cross_sections, 0.0, out=cross_sections)
        in_cells = np.zeros((grid.n_v1 * grid.n_v2, m))
        if p.cell.size > 0:
            first = np.flatnonzero(np.diff(p.cell, prepend=-1))
            in_cells[p.cell[first]] = np.add.reduceat(cross_sections, first)
        # In this layout the order in which a sum adds does not depend on m.
        yield np.ascontiguousarray(in_cells.T)


def total_cross_section_map(nodes: NodeGrid, grid: DensityGrid) -> Array:
    """σ(E_ν) [1e-38 cm²] as a linear map of node values, shape (n_energy, 3, n_nodes)."""
    return np.stack(
        [p.factors @ nodes.interpolation_matrix(p.bjorken_x, p.Q2) for p in physical_points(grid)]
    )
