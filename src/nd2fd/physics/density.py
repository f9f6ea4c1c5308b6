"""Event densities in (v1, v2) by direct evaluation of the cross section, streamed over E_ν.

This is the reference that the linear operator of `nd2fd.forward` is tested against, and it makes
the toy truth. A density is a cell average, since histograms of events are cell averages too: every
cell of the (v1, v2) grid has `subsamples`² parts, each evaluated at its centroid. Where forward
leptons (cosθ = 1) bound the physical region the density ends abruptly; parts that this boundary
cuts count with their physical share only. Without that the 187 cells it cuts on a 96 × 96 grid held
95 % of the quadrature's error.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nd2fd.physics.constants import GEV_M2_TO_CM2
from nd2fd.physics.cross_section import (
    density_variable_prefactor,
    kinematic_coefficients,
    mass_suppressed_coefficients,
)
from nd2fd.physics.kinematics import kinematics
from nd2fd.physics.setup import Setup
from nd2fd.physics.structure_functions import StructureFunctions

Array = NDArray[np.float64]
IntArray = NDArray[np.int64]

CROSS_SECTION_UNIT = GEV_M2_TO_CM2 / 1e-38
"""One GeV⁻² in units of 1e-38 cm², in which all cross sections are kept."""


def midpoints(n: int, upper: float = 1.0) -> Array:
    """Centres of n equal cells of [0, upper], shape (n,)."""
    return (np.arange(n, dtype=np.float64) + 0.5) * (upper / n)


@dataclass(frozen=True)
class DensityGrid:
    """Cells in E_ν ∈ (0, E_max) and (v1, v2) ∈ (0, 1)²; cells of (v1, v2) are flat, v1-major."""

    setup: Setup
    n_energy: int
    n_v1: int
    n_v2: int
    subsamples: int

    @classmethod
    def from_config(cls, setup: Mapping[str, Any], grid: Mapping[str, Any]) -> "DensityGrid":
        """From the configuration sections `setup` and `grid`."""
        return cls(Setup.from_config(setup), **grid)

    @property
    def energy(self) -> Array:
        """Neutrino energies [GeV], shape (n_energy,)."""
        return midpoints(self.n_energy, self.setup.energy_max)

    @property
    def v1(self) -> Array:
        """Cell centres in v1, shape (n_v1,)."""
        return midpoints(self.n_v1)

    @property
    def v2(self) -> Array:
        """Cell centres in v2, shape (n_v2,)."""
        return midpoints(self.n_v2)

    @property
    def cell_area(self) -> float:
        """dv1 dv2 of one cell."""
        return 1.0 / (self.n_v1 * self.n_v2)


class PhysicalPoints(NamedTuple):
    """Physical quadrature points at one neutrino energy.

    cell : flat (v1, v2) cell of each point, shape (n,), ascending
    bjorken_x, Q2 : shape (n,), Q² in GeV²
    factors : shape (3, n): d²σ/dv1 dv2 [1e-38 cm² per nucleon] is Σ_i factors_i W_i', already
        multiplied by the area dv1 dv2 that the point stands for; or (5, n), of W1, …, W5
    """

    cell: IntArray
    bjorken_x: Array
    Q2: Array
    factors: Array


def cross_section_factors(
    energy: Array, v1: Array, v2: Array, setup: Setup, *, five: bool = False
) -> tuple[Array, Array, Array, NDArray[np.bool_]]:
    """x, Q² [GeV²], factors of (W1', W2', W3') in d²σ/dv1 dv2 [1e-38 cm²], and physical mask.

    Inputs broadcast to a shape; the factors have shape (3, *shape) and vanish outside the
    physical region, where x and Q² are replaced by 1 so that they can be evaluated safely. With
    `five` they are those of (W1, …, W5), shape (5, *shape).
    """
    point = kinematics(energy, v1, v2, setup)
    physical = point.physical
    x = np.where(physical, point.bjorken_x, 1.0)
    Q2 = np.where(physical, point.Q2, 1.0)
    y = np.where(physical, point.inelasticity, 1.0)
    prefactor = density_variable_prefactor(v1, v2, Q2, y, setup)
    factors = kinematic_coefficients(energy, Q2, y, setup) * (prefactor * CROSS_SECTION_UNIT)
    if five:
        suppressed = mass_suppressed_coefficients(Q2, y, setup) * (prefactor * CROSS_SECTION_UNIT)
        factors = np.concatenate([factors, suppressed])
    return x, Q2, np.where(physical, factors, 0.0), physical


class Parts(NamedTuple):
    """Parts of cells: flat cell, ascending, a point, and area dv1 dv2; shape (n_parts,) each."""

    cell: IntArray
    v1: Array
    v2: Array
    area: Array


def reachable_parts(grid: DensityGrid) -> Parts:
    """Parts of the grid's cells that leptons can reach, whatever the neutrino energy.

    Their points are the centroids. Reachable is a b ≥ m², or v1 v2 ≥ m / √(2 M x_max E_max): that
    makes hyperbola-shaped cuts, with integrals in closed form.
    """
    s = grid.subsamples
    product = grid.setup.smallest_product
    low1, low2 = np.meshgrid(
        np.arange(grid.n_v1 * s) / (grid.n_v1 * s),
        np.arange(grid.n_v2 * s) / (grid.n_v2 * s),
        indexing="ij",
    )
    cell = (np.arange(grid.n_v1 * s) // s)[:, None] * grid.n_v2 + np.arange(grid.n_v2 * s) // s
    order = np.argsort(cell, axis=None, kind="stable")
    low1, low2, cell = low1.ravel()[order], low2.ravel()[order], cell.ravel()[order]
    high1, high2 = low1 + 1.0 / (grid.n_v1 * s), low2 + 1.0 / (grid.n_v2 * s)
    inside = high1 * high2 > product
    low1, low2, high1, high2 = (v[inside] for v in (low1, low2, high1, high2))
    cell = cell[inside]
    # The hyperbola enters a part at v1 = left, on top, and leaves it at v1 = right, below.
    left = np.maximum(low1, product / high2)
    right = np.divide(product, low2, out=np.full_like(low2, np.inf), where=low2 > 0.0)
    right = np.clip(right, left, high1)
    under_cut, beyond = right - left, high1 - right
    area = high2 * under_cut - product * np.log(right / left) + (high2 - low2) * beyond
    moment1 = (
        high2 * under_cut * (right + left) / 2
        - product * under_cut
        + (high2 - low2) * beyond * (high1 + right) / 2
    )
    moment2 = (high2**2 * under_cut + product**2 * (1.0 / right - 1.0 / left)) / 2 + (
        high2**2 - low2**2
    ) / 2 * beyond
    kept = area > 0.0
    return Parts(cell[kept], (moment1 / area)[kept], (moment2 / area)[kept], area[kept])


def physical_points(
    grid: DensityGrid, parts: Parts | None = None, *, five: bool = False
) -> Iterator[PhysicalPoints]:
    """The quadrature points of each neutrino energy of the grid, in order; of its own parts."""
    cell, v1, v2, area = parts or reachable_parts(grid)
    for energy in grid.energy:
        inside = kinematics(energy, v1, v2, grid.setup).physical
        x, Q2, factors, _ = cross_section_factors(
            energy, v1[inside], v2[inside], grid.setup, five=five
        )
        yield PhysicalPoints(cell[inside], x, Q2, factors * area[inside])


def event_densities(
    grid: DensityGrid, structure_functions: StructureFunctions, fluxes: Array
) -> tuple[Array, Array]:
    """Normalised event densities for several fluxes, and the total cross section.

    Parameters
    ----------
    grid
        Where to evaluate; memory does not grow with `grid.n_energy`.
    structure_functions
        (W1', W2', W3')(x, Q²).
    fluxes
        Flux at `grid.energy`, any normalisation, shape (n_flux, n_energy).

    Returns
    -------
    densities, sigma_total
        Density per dv1 dv2 with ∫ dv1 dv2 = 1, shape (n_flux, n_v1, n_v2), and σ(E_ν)
        [1e-38 cm² per nucleon], shape (n_energy,).
    """
    n_cells = grid.n_v1 * grid.n_v2
    events = np.zeros((len(fluxes), n_cells))
    sigma_total = np.zeros(grid.n_energy)
    for j, points in enumerate(physical_points(grid)):
        weight = np.einsum(
            "ip,ip->p", points.factors, structure_functions(points.bjorken_x, points.Q2)
        )
        cross_section = np.bincount(points.cell, weight, n_cells)
        sigma_total[j] = cross_section.sum()
        events += fluxes[:, j, None] * cross_section
    densities = events / (events.sum(axis=1, keepdims=True) * grid.cell_area)
    return densities.reshape(-1, grid.n_v1, grid.n_v2), sigma_total


def total_variation(first: Array, second: Array) -> float:
    """½ ∫ |p - q| of two densities on the same cells, each scaled to unit sum."""
    return float(0.5 * np.abs(first / first.sum() - second / second.sum()).sum())
