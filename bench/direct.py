"""The learning problem in three dimensions, as arXiv:2412.16303 solves it.

The network is evaluated at every physical quadrature point (E_ν, v1, v2), and the gradient goes
through the quadrature. The loss is that of `nd2fd.learning.problem`, without the interpolation
between nodes: the reference that the linear operator is tested and timed against.
"""

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from nd2fd.forward.nodes import NodeGrid
from nd2fd.physics.density import DensityGrid, physical_points

Array = NDArray[np.float64]
Network = Callable[[Tensor], Tensor]
"""(W1', W2', W3') of shape (n, 3) from the scaled inputs (2ξ - 1, 2τ - 1) of shape (n, 2)."""


class DirectProblem:
    """Distance of a network's density from the data, without nodes.

    Parameters
    ----------
    grid
        Cells and quadrature points.
    nodes
        Defines ξ and τ.
    flux
        Flux at `grid.energy`, any normalisation, shape (n_energy,).
    density
        Density per dv1 dv2 of unit integral, flat, shape (n_cells,).
    dtype, device
        Of all tensors.
    batch_size
        Most points in one evaluation of the network. With fewer than all, a step holds the
        activations of one batch only and evaluates the network twice.
    """

    def __init__(
        self,
        grid: DensityGrid,
        nodes: NodeGrid,
        flux: Array,
        density: Array,
        dtype: torch.dtype,
        device: str,
        batch_size: int | None = None,
    ) -> None:
        slices = list(physical_points(grid))
        xi = nodes.xi_of_x(np.concatenate([s.bjorken_x for s in slices]))
        tau = nodes.tau_of_Q2(np.concatenate([s.Q2 for s in slices]))
        weights = np.concatenate([s.factors.T * phi for s, phi in zip(slices, flux, strict=True)])
        cell = np.concatenate([s.cell for s in slices])
        inputs = np.stack([2.0 * xi - 1.0, 2.0 * tau - 1.0], axis=1)
        starts = range(0, cell.size, batch_size or cell.size)
        self._batches = [
            (
                torch.from_numpy(inputs[batch]).to(device, dtype),
                torch.from_numpy(weights[batch]).to(device, dtype),
                torch.from_numpy(cell[batch]).to(device),
            )
            for batch in (slice(start, start + starts.step) for start in starts)
        ]
        self._density = torch.from_numpy(density).to(device, dtype)
        self._cell_area = grid.cell_area

    def density(self, network: Network) -> Tensor:
        """Flux-weighted cross section per dv1 dv2, not normalised, shape (n_cells,)."""
        events = torch.zeros_like(self._density)
        for inputs, weights, cell in self._batches:
            if len(self._batches) == 1:
                outputs = network(inputs)
            else:
                outputs = checkpoint(network, inputs, use_reentrant=False)
            events = events.index_add(0, cell, (outputs * weights).sum(dim=1))
        return events / self._cell_area

    def loss(self, network: Network) -> Tensor:
        """∫ dv1 dv2 (p_model - p_ND)², p_model the network's density scaled to unit integral."""
        density = self.density(network)
        normalised = density / (density.sum() * self._cell_area)
        return (normalised - self._density).square().sum() * self._cell_area
