"""Closure test: how far the learned three-dimensional cross section is from the truth."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from nd2fd.forward.nodes import NodeGrid
from nd2fd.forward.operator import ForwardOperator
from nd2fd.physics.density import DensityGrid

Array = NDArray[np.float64]

_MAX_ENERGIES = 24
"""Energies of the test: enough for a smooth integral, few enough to be evaluated 100 times."""


def closure_loss(
    grid: DensityGrid, nodes: NodeGrid, true_structure_functions: Array
) -> Callable[[Array], float]:
    """Test loss ∫ dE dv1 dv2 (s_model - s_truth)² of cross sections s of unit integral.

    The near detector sees only the flux-weighted integral over E_ν of the cross section; this
    compares the cross section itself.

    Parameters
    ----------
    grid, nodes
        As in the training; the test takes one point per cell and fewer energies.
    true_structure_functions
        (W1', W2', W3') on the nodes, shape (3, n_xi, n_tau).

    Returns
    -------
    callable
        Of flat node values (3 n_nodes,).
    """
    test_grid = replace(grid, n_energy=min(grid.n_energy, _MAX_ENERGIES), subsamples=1)
    matrix = ForwardOperator.build(test_grid, nodes).point_matrix()
    point_volume = test_grid.cell_area * test_grid.setup.energy_max / test_grid.n_energy

    def density(node_values: Array) -> Array:
        cross_section = matrix @ node_values
        return cross_section / (cross_section.sum() * point_volume)

    truth = density(true_structure_functions.ravel())

    def loss(node_values: Array) -> float:
        return float(np.square(density(node_values) - truth).sum() * point_volume)

    return loss
