"""Normalising flow as the cross section: a baseline without the structure functions.

Everything that `nd2fd.learning.training` knows of the cross section but its kinematic support is
given up: d²σ/dv1 dv2 as a function of (E_ν, v1, v2) is the density f of a three-dimensional flow,
restricted to the physical region. The flux Φ is known and enters as it does in nature,

    n(v1, v2) = s ∫ dE_ν Φ(E_ν) f(E_ν, v1, v2) 1[physical],

so a flow that fits the near detector (ND) predicts any other flux. But the ND sees the integral
alone: for every muon the distribution over E_ν is free, and only the smoothness of the flow
chooses among all that fit the ND equally well.

The flow is a neural spline flow (Durkan et al., arXiv:1906.04032), whose splines map the box
(0, E_max) × (0, 1)² to itself and whose base is the uniform density there. Its networks are those
of the library zuko; `nd2fd.cross_sections.flow_density` evaluates them.
"""

import math
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.utils import parameters_to_vector, vector_to_parameters

from nd2fd.cross_sections.flow_density import log_density
from nd2fd.io.extras import extra
from nd2fd.physics.density import DensityGrid, reachable_parts
from nd2fd.physics.kinematics import kinematics
from nd2fd.physics.setup import Setup

zuko = extra("zuko", "flow")

Array = NDArray[np.float64]

_BOUND = math.sqrt(3.0)
"""The box is (-√3, √3)³ for the networks: the base then has unit variance."""
_POINTS_PER_BLOCK = 1 << 13


@dataclass(frozen=True)
class FlowSettings:
    """The flow and its training.

    transforms, bins
        Autoregressive spline transformations, in alternating order of the variables, and pieces of
        each spline.
    hidden_layers, width
        Of the network that gives the pieces of a transformation.
    steps, learning_rate
        Of Adam; the largest rate.
    cells
        (v1, v2) cells in a step.
    energy_stride
        A step takes every so many-th energy of the grid, from a random first one on.
    """

    transforms: int
    bins: int
    hidden_layers: int
    width: int
    steps: int
    learning_rate: float
    cells: int
    energy_stride: int


class CrossSectionFlow(nn.Module):
    """A cross section without structure functions; call it for its logarithm.

    Parameters
    ----------
    settings
        Of the flow; those of its training do not matter.
    energy_max
        E_max [GeV] of the box.
    """

    def __init__(self, settings: FlowSettings, energy_max: float) -> None:
        super().__init__()
        self.energy_max = energy_max
        self.flow = zuko.flows.MAF(
            features=3,
            transforms=settings.transforms,
            hidden_features=[settings.width] * settings.hidden_layers,
            univariate=partial(zuko.transforms.MonotonicRQSTransform, bound=_BOUND),
            shapes=[(settings.bins,), (settings.bins,), (settings.bins - 1,)],
        )
        self.log_scale = nn.Parameter(torch.zeros(()))

    def forward(self, box: Tensor) -> Tensor:
        """ln(s f) at (E_ν/E_max, v1, v2) of shape (n, 3), ignoring the support; shape (n,)."""
        log_f = log_density(self.flow.transform.transforms, _BOUND, box)
        return log_f - math.log(self.energy_max) + self.log_scale


def flat_weights(flow: CrossSectionFlow) -> Array:
    """All parameters, ln s first and then in the order of PyTorch, shape (n_weights,)."""
    return parameters_to_vector(flow.parameters()).detach().double().numpy()


def flow_from_weights(
    settings: FlowSettings, weights: Array, energy_max: float
) -> CrossSectionFlow:
    """The flow with these parameters, in double precision.

    Raises
    ------
    ValueError
        The number of weights is not that of the settings.
    """
    flow = CrossSectionFlow(settings, energy_max).double()
    n_weights = sum(p.numel() for p in flow.parameters())
    if weights.shape != (n_weights,):
        raise ValueError(
            f"weights of the flow have shape {weights.shape}; {settings} has ({n_weights},)"
        )
    vector_to_parameters(torch.tensor(weights), flow.parameters())
    return flow


@dataclass(frozen=True)
class FlowCells:
    """The plane of (v1, v2) as a flow is integrated over it.

    The flow is evaluated at one point of a cell only, since it costs much more than the kinematics.
    The kinematic limits, where the cross section is cut off, are resolved by the share of a cell
    that is physical at each energy.

    energy : E_ν/E_max, shape (n_energy,)
    v : (v1, v2) of the centroid of what muons can reach of each cell, (n_cells, 2)
    share : physical share of the area of each cell, (n_energy, n_cells)
    """

    energy: Tensor
    v: Tensor
    share: Tensor

    @classmethod
    def of_grid(cls, grid: DensityGrid, dtype: torch.dtype) -> "FlowCells":
        """Cells of (v1, v2) of a grid at its energies."""
        cell, v1, v2, area = reachable_parts(grid)
        n_cells = grid.n_v1 * grid.n_v2
        sums = np.stack([np.bincount(cell, area * v, n_cells) for v in (1.0, v1, v2)])
        # Cells out of reach have no share at any energy, and need no centroid.
        v = (sums[1:] / np.where(sums[0] > 0.0, sums[0], 1.0)).T
        areas = [
            np.bincount(cell, area * kinematics(energy, v1, v2, grid.setup).physical, n_cells)
            for energy in grid.energy
        ]
        return cls(
            torch.from_numpy(grid.energy / grid.setup.energy_max).to(dtype),
            torch.from_numpy(v).to(dtype),
            torch.from_numpy(np.stack(areas) / grid.cell_area).to(dtype),
        )

    def cross_section(self, flow: CrossSectionFlow, energies: Tensor, cells: Tensor) -> Tensor:
        """Averages over cells of d²σ/dv1 dv2 for some indices: (len(energies), len(cells))."""
        share = self.share[energies[:, None], cells]
        j, k = share.nonzero(as_tuple=True)
        box = torch.cat([self.energy[energies[j], None], self.v[cells[k]]], dim=1)
        return torch.zeros_like(share).index_put((j, k), flow(box).exp() * share[j, k])


def cell_cross_sections_of_flow(flow: CrossSectionFlow, grid: DensityGrid) -> Array:
    """Cross section in each cell, shape (n_energy, n_cells), integrated as in the training.

    For a flow in double precision; summed over the cells it is σ(E_ν), with flux average one.
    """
    plane = FlowCells.of_grid(grid, torch.float64)
    cells = torch.arange(grid.n_v1 * grid.n_v2)
    with torch.no_grad():
        rows = [plane.cross_section(flow, torch.tensor([j]), cells) for j in range(grid.n_energy)]
    return torch.cat(rows).numpy() * grid.cell_area


def cross_section_on_points(
    flow: CrossSectionFlow, energy: Array, v1: Array, v2: Array, setup: Setup
) -> Array:
    """d²σ/dv1 dv2 with flux average one; zero where it is not physical.

    Parameters
    ----------
    flow
        In double precision.
    energy, v1, v2
        E_ν [GeV] in (0, E_max) and density variables, broadcast against each other.
    setup
        For the kinematic limits.

    Raises
    ------
    ValueError
        An energy is outside the box.
    """
    energy, v1, v2 = np.broadcast_arrays(energy, v1, v2)
    outside = ~((energy > 0.0) & (energy < flow.energy_max))
    if outside.any():
        raise ValueError(
            f"energy {energy[outside][0]} GeV is not between 0 and {flow.energy_max} GeV, "
            "where the flow is defined"
        )
    physical = kinematics(energy, v1, v2, setup).physical
    box = np.stack([energy[physical] / flow.energy_max, v1[physical], v2[physical]], axis=1)
    with torch.no_grad():
        blocks = torch.split(torch.from_numpy(box), _POINTS_PER_BLOCK)
        values = torch.cat([flow(block).exp() for block in blocks])
    result = np.zeros(energy.shape)
    result[physical] = values.numpy()
    return result
