"""A lattice of measured leptons in (ln E, θ), on which log-likelihoods are tabulated.

In these variables a density of events is as smooth as cross section and resolution make it, and the
borders θ = 0 and π are borders of the lattice. Where a lepton cannot be measured, beyond the unit
square in (v1, v2), or is far from what is possible, the nearest point stands for it: hardly any
events are there.
"""

from dataclasses import dataclass
from math import ceil, log, pi

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

from nd2fd.detector.lattice import area_density, cell_in_lepton_variables
from nd2fd.detector.smearing import Resolution
from nd2fd.forward.nodes import catmull_rom, stencil_weights
from nd2fd.physics.density import DensityGrid, midpoints
from nd2fd.physics.kinematics import (
    density_variables_from_lepton,
    kinematics,
    lepton_from_density_variables,
)
from nd2fd.physics.setup import Setup

Array = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

_REACH = 4.0
"""Standard deviations beyond what is possible in which events are expected."""

_STEPS_PER_CELL = 2
_STEPS_PER_SIGMA = 2
"""Steps of the lattice per cell of the grid (at E_max / 4), or per standard deviation of the
resolution where that makes fewer of them."""


@dataclass(frozen=True)
class LeptonLattice:
    """Points (v1, v2), shape (n_points,), and where they are on the lattice.

    area
        dv1 dv2 that each point stands for, shape (n_points,).
    index
        Point at, or nearest to, each place of the lattice, shape (n_energy, n_angle).
    log_low, step_energy, step_angle
        Lower end in ln E, and distances of neighbours.
    """

    setup: Setup
    v1: Array
    v2: Array
    area: Array
    index: IntArray
    log_low: float
    step_energy: float
    step_angle: float

    @classmethod
    def build(cls, grid: DensityGrid, resolution: Resolution) -> "LeptonLattice":
        """For leptons of the cells' setup, measured with a resolution."""
        setup = grid.setup
        cells = cell_in_lepton_variables(grid)
        widths = [
            max(cell / _STEPS_PER_CELL, sigma / _STEPS_PER_SIGMA)
            for cell, sigma in zip(cells, (resolution.energy, resolution.angle), strict=True)
        ]
        log_low, log_high = log(setup.lepton_mass), log(setup.energy_max + 0.5 * setup.a_max)
        n_energy, n_angle = ceil((log_high - log_low) / widths[0]), ceil(pi / widths[1])
        step_energy, step_angle = (log_high - log_low) / n_energy, pi / n_angle
        e_lepton = np.exp(log_low + midpoints(n_energy, log_high - log_low))[:, None]
        theta = midpoints(n_angle, pi)
        v1, v2 = density_variables_from_lepton(e_lepton, np.cos(theta), setup)
        seen = (v1 < 1.0) & (v2 < 1.0) & (v1 * v2 >= setup.smallest_product)
        seen &= _likely(e_lepton, theta, resolution, setup)
        nearest = distance_transform_edt(~seen, return_distances=False, return_indices=True)
        number = np.cumsum(seen.ravel()).reshape(seen.shape) - 1
        area = area_density(e_lepton, theta, setup) * (step_energy * step_angle)
        return cls(
            setup,
            v1[seen],
            v2[seen],
            area[seen],
            number[tuple(nearest)],
            log_low,
            step_energy,
            step_angle,
        )

    def every(self, stride: int) -> IntArray:
        """Points at every so many places in either direction."""
        return np.unique(self.index[::stride, ::stride])

    def interpolation(self, v1: Array, v2: Array) -> sp.csr_array:
        """Matrix from values at the points to bicubic ones at events, (n_events, n_points).

        `v1` and `v2` of measured events have shape (n_events,).
        """
        e_lepton, cos_theta = lepton_from_density_variables(v1, v2, self.setup)
        theta = np.arccos(np.clip(cos_theta, -1.0, 1.0))
        n_energy, n_angle = self.index.shape
        log_energy = np.log(np.maximum(e_lepton, self.setup.lepton_mass)) - self.log_low
        row, in_energy = catmull_rom(
            np.clip(log_energy / self.step_energy - 0.5, 0.0, n_energy - 1), n_energy
        )
        # Densities are even in θ: the neighbours beyond 0 and π are those before them.
        position = theta / self.step_angle - 0.5
        first = np.floor(position).astype(np.int64)
        _, in_angle = catmull_rom(4.0 + position - first, 9)
        columns = (first[:, None] + np.arange(-1, 3)) % (2 * n_angle)
        columns = np.minimum(columns, 2 * n_angle - 1 - columns)
        points = self.index[(row[:, None] + np.arange(4))[:, :, None], columns[:, None, :]]
        weights = stencil_weights(in_energy, in_angle)
        ends = np.arange(0, weights.size + 1, 16)
        return sp.csr_array((weights.ravel(), points.ravel(), ends), shape=(v1.size, self.v1.size))


def _likely(e_lepton: Array, theta: Array, resolution: Resolution, setup: Setup) -> BoolArray:
    """Whether leptons of E_ν ≤ E_max are measured there but by more than `_REACH` deviations."""
    least = np.maximum(e_lepton / (1.0 + _REACH * resolution.energy), setup.lepton_mass)
    nearest = np.maximum(theta - _REACH * resolution.angle, 0.0)
    v1, v2 = density_variables_from_lepton(least, np.cos(nearest), setup)
    # Rounding may take a lepton in the beam direction across a b = m².
    return kinematics(np.array(setup.energy_max), v1 * (1 + 1e-9), v2, setup).physical
