"""A fine lattice of bins in the lepton's energy and angle, and its overlap with cells in (v1, v2).

Bins are equal in ln E from the lepton mass to the corner of the unit square, and in θ from 0 to π:
the lattice covers the reachable region and nothing else, so that its edge at θ = 0 costs no
accuracy. Along a quantity that is measured exactly it is one of points: bins across the borders of
cells would smear it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil, log, pi, sqrt

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from nd2fd.detector.smearing import Resolution
from nd2fd.physics.density import DensityGrid, midpoints
from nd2fd.physics.kinematics import density_variables_from_lepton
from nd2fd.physics.setup import Setup

Array = NDArray[np.float64]
IntArray = NDArray[np.int64]

_BINS_PER_SIGMA = 4
_BINS_PER_CELL = (3, 16)
"""Lattice bins per standard deviation; per cell at E_max / 4, at least and at most."""

_POINTS_PER_CELL = (32, 16)
"""Points per such cell in ln E, in θ, along a quantity that is measured exactly."""

_SUBBINS = (4, 4)
"""Parts of a bin, in ln E and in θ, that are assigned to cells one by one."""

STRIPS_PER_BLOCK = 32
"""Energy bins handled at once; keeps the intermediate matrices small."""


@dataclass(frozen=True)
class Lattice:
    """Numbers of bins, flat and energy-major, whether they are bins or points, edges in ln E."""

    n_energy: int
    n_angle: int
    energy_smeared: bool
    angle_smeared: bool
    log_low: float
    log_high: float

    @property
    def step_energy(self) -> float:
        """Width of a bin in ln E."""
        return (self.log_high - self.log_low) / self.n_energy

    @property
    def step_angle(self) -> float:
        """Width of a bin in θ."""
        return pi / self.n_angle


def fine_lattice(grid: DensityGrid, resolution: Resolution) -> Lattice:
    """A lattice finer than the resolution and than the cells, but not without end."""

    def n_bins(extent: float, cell: float, sigma: float, n_points: int) -> int:
        coarse, fine = (cell / n for n in _BINS_PER_CELL)
        smeared = min(coarse, max(sigma / _BINS_PER_SIGMA, fine))
        return ceil(extent / (smeared if sigma > 0.0 else cell / n_points))

    setup = grid.setup
    log_low, log_high = log(setup.lepton_mass), log(setup.energy_max + 0.5 * setup.a_max)
    cell_energy, cell_angle = cell_in_lepton_variables(grid)
    points_energy, points_angle = _POINTS_PER_CELL
    return Lattice(
        n_bins(log_high - log_low, cell_energy, resolution.energy, points_energy),
        n_bins(pi, cell_angle, resolution.angle, points_angle),
        resolution.energy > 0.0,
        resolution.angle > 0.0,
        log_low,
        log_high,
    )


def cell_in_lepton_variables(grid: DensityGrid) -> tuple[float, float]:
    """How large a cell is in ln E and in θ at E_max / 4, where it is small."""
    n = max(grid.n_v1, grid.n_v2)
    # v2 ~ √E, and v1 ~ θ √(E / 2M) for small angles, which change fastest.
    return 2.0 / n, sqrt(8.0 * grid.setup.a_max / grid.setup.energy_max) / n


def area_density(e_lepton: Array, theta: Array, setup: Setup) -> Array:
    """The Jacobian dv1 dv2 / (d ln E dθ), from da db = 2 p_T p dE dθ / p and a b = m² + p_T²."""
    m2 = setup.lepton_mass**2
    transverse = np.sqrt(np.maximum(e_lepton**2 - m2, 0.0)) * np.sin(theta)
    scale = sqrt(8.0 * setup.a_max * setup.energy_max)
    return e_lepton * transverse / (np.sqrt(m2 + transverse**2) * scale)


Move = Callable[[Array, Array], tuple[Array, Array]]
"""Energy [GeV] and cosine of the angle of a lepton → others; arguments broadcast."""


def overlaps(
    grid: DensityGrid, lattice: Lattice, move: Move | None = None
) -> tuple[sp.csr_array, sp.csr_array]:
    """Share of each bin in each cell, and share of each cell's reachable area in each bin.

    With `move`, bins are where it takes them, and the second means nothing.
    Both have shape (n_bins, n_cells). A row of the first sums to one, less what lies outside the
    unit square and what is moved to energies below the lepton's mass, which is lost; a column of
    the second to one, or to zero if the cell has no reachable part.
    """
    parts_energy = _SUBBINS[0] if lattice.energy_smeared else 1
    parts_angle = _SUBBINS[1] if lattice.angle_smeared else 1
    n_angle = lattice.n_angle * parts_angle
    theta_edges = np.linspace(0.0, pi, n_angle + 1)
    theta = midpoints(n_angle, pi)
    cos_edges, cos_theta = np.cos(theta_edges), np.cos(theta)
    angle_bin = np.arange(n_angle) // parts_angle
    shape = (lattice.n_energy * lattice.n_angle, grid.n_v1 * grid.n_v2)
    # The largest a b in a cell is that of its upper corner.
    corner = np.outer(np.arange(1, grid.n_v1 + 1) / grid.n_v1, np.arange(1, grid.n_v2 + 1))
    reachable = corner / grid.n_v2 > grid.setup.smallest_product
    blocks: tuple[list[sp.csr_array], list[sp.csr_array]] = ([], [])

    def variables(e_lepton: Array, cosine: Array) -> tuple[Array, Array]:
        if move is not None:
            e_lepton, cosine = move(e_lepton, cosine)
            e_lepton = np.maximum(e_lepton, grid.setup.lepton_mass)
        return density_variables_from_lepton(e_lepton, cosine, grid.setup)

    step = lattice.step_energy / parts_energy
    for start in range(0, lattice.n_energy, STRIPS_PER_BLOCK):
        n_strips = min(STRIPS_PER_BLOCK, lattice.n_energy - start)
        first = lattice.log_low + start * lattice.step_energy
        n_energy = n_strips * parts_energy
        edges = np.exp(first + step * np.arange(n_energy + 1))[:, None]
        energy = np.exp(first + step * (np.arange(n_energy) + 0.5))[:, None]
        # At a fixed angle v1 grows with the energy, but where it is far below one.
        n_used = int((variables(edges[0], cos_edges)[0] < 1).sum())
        used = slice(min(n_used, n_angle))
        cell_1, cell_2 = (
            _overlap_along_axis(
                0.5 * (along_angle[:, 1:] + along_angle[:, :-1]),
                np.diff(along_energy, axis=0) * lattice.energy_smeared,
                np.diff(along_angle) * lattice.angle_smeared,
                n,
            )
            for along_energy, along_angle, n in zip(
                variables(edges, cos_theta[used]),
                variables(energy, cos_edges[: used.stop + 1]),
                (grid.n_v1, grid.n_v2),
                strict=True,
            )
        )
        area = area_density(energy, theta[used], grid.setup)
        possible = np.ones_like(area)
        if move is not None:
            moved = np.broadcast_to(
                move(edges, cos_theta[used])[0], (n_energy + 1, theta[used].size)
            )
            above = np.maximum(moved - grid.setup.lepton_mass, 0.0)
            possible = np.diff(above, axis=0) / np.diff(moved, axis=0)
        row = (np.arange(n_energy) // parts_energy)[:, None] * lattice.n_angle + angle_bin[used]
        found = []
        for i, share_1 in cell_1:
            for j, share_2 in cell_2:
                share = share_1 * share_2 * possible
                kept = (share > 0.0) & (i < grid.n_v1) & (j < grid.n_v2)
                kept[kept] &= reachable[i[kept], j[kept]]
                cell = i[kept] * grid.n_v2 + j[kept]
                found.append((row[kept], cell, share[kept], share[kept] * area[kept]))
        rows, cells, *values = (np.concatenate(part) for part in zip(*found, strict=True))
        for matrices, value in zip(blocks, values, strict=True):
            matrices.append(
                sp.csr_array((value, (rows, cells)), shape=(n_strips * lattice.n_angle, shape[1]))
            )
    shares, areas = (sp.csr_array(sp.vstack(matrices, format="csr")) for matrices in blocks)
    total = areas.sum(axis=0)
    scale = np.divide(1.0, total, out=np.zeros_like(total), where=total > 0.0)
    return shares / (parts_energy * parts_angle), sp.csr_array(areas @ sp.diags_array(scale))


def _overlap_along_axis(
    centre: Array, along_energy: Array, along_angle: Array, n: int
) -> tuple[tuple[IntArray, Array], tuple[IntArray, Array]]:
    """The two cells, of n in [0, 1], that a small bin covers in one variable, and its shares.

    The variable is linear within the bin and changes by `along_energy` and `along_angle` across it:
    it is distributed as a trapezoid.
    """
    a = np.maximum(np.abs(along_energy) * n, 1e-5)
    b = np.maximum(np.abs(along_angle) * n, 1e-5)
    lowest = centre * n - 0.5 * (a + b)
    first = np.floor(lowest)
    to_edge = first + 1.0 - lowest
    share = np.zeros_like(centre)
    for sign, shift in ((1.0, 0.0), (-1.0, a), (-1.0, b), (1.0, a + b)):
        share += sign * np.maximum(to_edge - shift, 0.0) ** 2
    share = np.clip(share / (2.0 * a * b), 0.0, 1.0)
    index = first.astype(np.int64)
    return (index, share), (index + 1, 1.0 - share)
