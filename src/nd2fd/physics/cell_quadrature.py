"""Points and weights for integrals over cells of (v1, v2), those cut by cosθ = 1 as exactly.

Forward leptons lie on the hyperbola v1 v2 = c. Densities end there abruptly, those of measured
events, smooth in the lepton's angle, like 1 / √(v1 v2 - c). Panels in v1 end where it enters or
leaves a cell; at each v1, cells are integrated in t with v2 = c / v1 + t², in which such densities
are smooth.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nd2fd.physics.setup import Setup

Array = NDArray[np.float64]
IntArray = NDArray[np.int64]


class CellPoints(NamedTuple):
    """Points of a quadrature, each array of shape (n,).

    cell : flat cell, v1-major
    v1, v2 : the point
    above : v2 - c / v1 > 0, known without cancellation
    area : dv1 dv2 that the point stands for
    """

    cell: IntArray
    v1: Array
    v2: Array
    above: Array
    area: Array


def gauss_legendre(n_points: int) -> tuple[Array, Array]:
    """Nodes and weights on (0, 1), each of shape (n_points,)."""
    nodes, weights = np.polynomial.legendre.leggauss(n_points)
    return 0.5 * (1.0 + nodes), 0.5 * weights


def cell_points(setup: Setup, n_v1: int, n_v2: int, order: int) -> CellPoints:
    """Points in the reachable parts of n_v1 × n_v2 cells of the unit square.

    Parameters
    ----------
    setup
        Says what is reachable.
    n_v1, n_v2
        Number of cells.
    order
        Points along v1 in each panel, and along v2 in each cell.
    """
    c = setup.smallest_product
    node, weight = gauss_legendre(order)
    crossings = c * n_v2 / np.arange(1, n_v2 + 1)
    edges = np.concatenate([np.arange(n_v1 + 1) / n_v1, crossings])
    edges = np.unique(edges[(edges >= c) & (edges <= 1.0)])
    width = np.diff(edges)[:, None]
    # The content of a cell grows like a root where the hyperbola enters it: none in this variable.
    v1 = edges[:-1, None] + width * node**2 * (3.0 - 2.0 * node)
    along_v1 = width * 6.0 * node * (1.0 - node) * weight
    row = np.minimum(0.5 * (edges[:-1] + edges[1:]) * n_v1, n_v1 - 1).astype(np.int64)
    limit = c / v1.ravel()[:, None]
    t = np.sqrt(np.maximum(np.arange(n_v2 + 1) / n_v2 - limit, 0.0))
    low, step = t[:, :-1, None], np.diff(t, axis=1)[..., None]
    at = low + step * node
    area = along_v1.reshape(-1, 1, 1) * (2.0 * at * step * weight)
    cell = np.repeat(row, order)[:, None] * n_v2 + np.arange(n_v2)
    kept = area > 0.0
    above = (at**2)[kept]
    v1_kept = np.broadcast_to(v1.reshape(-1, 1, 1), at.shape)[kept]
    cells = np.broadcast_to(cell[..., None], at.shape)[kept]
    return CellPoints(cells, v1_kept, c / v1_kept + above, above, area[kept])
