r"""Density of measured leptons, continuous, from that of the true ones.

With the density p of true leptons per dE dθ, that of measured ones is

    p'(E', θ') = ∫ dE dθ p(E, θ) N(E'; E, r E) [N(θ'; θ, σ) + N(-θ'; θ, σ) + N(2π - θ'; θ, σ)]

(`nd2fd.detector.smearing`): one integral after the other, as matrices on a lattice in (u, θ) with
E = m cosh u. p' is smooth in u and θ, and splines give it between the points of the lattice. What
is lost is left out: the lattice begins at E' = m, and (v1, v2) outside the unit square are not
asked for.

This is what nature does; `nd2fd.detector.response` is what the analysis thinks of it, for events
spread evenly in the cells.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import acosh, ceil, pi, sqrt

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.interpolate import RectBivariateSpline

from nd2fd.detector.smearing import Resolution
from nd2fd.physics.cell_quadrature import cell_points, gauss_legendre
from nd2fd.physics.density import DensityGrid
from nd2fd.physics.kinematics import density_variables_from_lepton
from nd2fd.physics.setup import Setup

Array = NDArray[np.float64]
Density = Callable[[Array, Array], Array]

_REACH = 7.0
"""Standard deviations at which Gaussians end; 3e-12 lie beyond."""

_FINE = 0.25
"""Resolutions below this share of a cell are replaced by three points."""

_ROWS_PER_BLOCK = 64


@dataclass(frozen=True)
class Fineness:
    """Of the lattice.

    panel : width of a panel of true positions in standard deviations of the resolution
    points : of Gauss's rule in each panel
    measured : steps of the lattice of measured positions per standard deviation
    exact : such steps per cell along a quantity that is measured (nearly) exactly
    """

    panel: float = 1.2
    points: int = 4
    measured: float = 3.0
    exact: float = 8.0


@dataclass(frozen=True)
class _Axis:
    """One quantity: its true positions, lattice of measured ones, and the matrix between them.

    The matrix, shape (n_measured, n_true), takes the density at the true positions to that at the
    measured ones.
    """

    true: Array
    measured: Array
    matrix: sp.csr_array


def measured_density(
    density: Density, resolution: Resolution, grid: DensityGrid, fineness: Fineness | None = None
) -> Density:
    """Density of measured leptons.

    Parameters
    ----------
    density
        Of true leptons per dv1 dv2, of (v1, v2) of shape (n,).
    resolution
        Of the lepton. One finer than a quarter of a cell is replaced by three points with the same
        moments up to the fifth.
    grid
        Cells in (v1, v2), which decide about the lattice where the resolution does not; and the
        setup. Its other fields are not used.
    fineness
        Of the lattice.

    Returns
    -------
    function of E' [GeV] ≥ m and θ', shape (n,)
        Density per dE' dθ', shape (n,). Its integral is that of `density` less what is lost.
    """
    setup = grid.setup

    def per_lepton(e_lepton: Array, theta: Array) -> Array:
        v1, v2 = density_variables_from_lepton(e_lepton, np.cos(theta), setup)
        found = np.zeros(v1.shape)
        inside = (v1 < 1.0) & (v2 < 1.0)
        transverse = np.sqrt(e_lepton**2 - setup.lepton_mass**2) * np.sin(theta)
        v1, v2 = v1[inside], v2[inside]
        found[inside] = density(v1, v2) * _area_ratio(v1, v2, transverse[inside], setup)
        return found

    if resolution.is_ideal:
        return per_lepton
    fineness = fineness or Fineness()
    energy = _energy_axis(grid, resolution.energy, fineness)
    angle = _angle_axis(grid, resolution.angle, fineness)
    smeared = np.zeros((energy.measured.size, angle.measured.size))
    of_angle = sp.csr_array(angle.matrix.T)
    for start in range(0, energy.true.size, _ROWS_PER_BLOCK):
        rows = slice(start, start + _ROWS_PER_BLOCK)
        e_lepton = setup.lepton_mass * np.cosh(energy.true[rows])
        true = per_lepton(*np.broadcast_arrays(e_lepton[:, None], angle.true))
        smeared += sp.csr_array(energy.matrix[:, rows]) @ (true @ of_angle)
    spline = RectBivariateSpline(energy.measured, angle.measured, smeared, kx=5, ky=5)

    def per_measured_lepton(e_lepton: Array, theta: Array) -> Array:
        u = np.arccosh(e_lepton / setup.lepton_mass)
        return np.asarray(np.maximum(spline.ev(u, theta), 0.0))

    return per_measured_lepton


def cell_contents(measured: Density, grid: DensityGrid, order: int = 6) -> Array:
    """Integral of a density over each cell of (v1, v2).

    Parameters
    ----------
    measured
        As `measured_density` returns it.
    grid
        The cells, and the setup; its other fields are not used.
    order
        Of the quadrature (`cell_points`).

    Returns
    -------
    array, shape (n_v1, n_v2)
    """
    setup = grid.setup
    points = cell_points(setup, grid.n_v1, grid.n_v2, order)
    # p_T² = a b - m², of which v1 v2 - c is known without cancellation.
    beyond = points.above * points.v1 * (points.v1 * points.v2 + setup.smallest_product)
    transverse = np.sqrt(beyond * setup.a_max * setup.b_max)
    longitudinal = 0.5 * (setup.b_max * points.v2**2 - setup.a_max * points.v1**2)
    e_lepton = np.sqrt(transverse**2 + longitudinal**2 + setup.lepton_mass**2)
    theta = np.arctan2(transverse, longitudinal)
    values = measured(e_lepton, theta) * points.area
    values /= _area_ratio(points.v1, points.v2, transverse, setup)
    contents = np.bincount(points.cell, values, grid.n_v1 * grid.n_v2)
    return np.asarray(contents, dtype=np.float64).reshape(grid.n_v1, grid.n_v2)


def _area_ratio(v1: Array, v2: Array, transverse: Array, setup: Setup) -> Array:
    """dv1 dv2 / (dE dθ) at a transverse momentum [GeV]; da db = 2 p_T dE dθ."""
    return transverse / (2.0 * setup.a_max * setup.b_max * v1 * v2)


def _energy_axis(grid: DensityGrid, r: float, fineness: Fineness) -> _Axis:
    """Positions are u; densities per dE."""
    setup = grid.setup
    m = setup.lepton_mass
    end = acosh(setup.energy_max / m)
    end_measured = acosh((setup.energy_max + 0.5 * setup.a_max) / m)
    # v2 ~ √E: near v2 = 1 a cell is as wide in ln E.
    cell = 2.0 / grid.n_v2
    if r > _FINE * cell:
        true, width = _positions(end, fineness.panel * r, fineness.points)
        measured = _lattice(end_measured, r / fineness.measured)
        e_true, e_measured = m * np.cosh(true), m * np.cosh(measured)
        sigma = r * e_true
        matrix = _gaussian(e_measured[:, None], e_true, sigma) * (width * m * np.sinh(true))
        return _Axis(true, measured, sp.csr_array(matrix))
    measured = _lattice(end_measured, cell / fineness.exact)
    shift, weight = _few_points(r)
    e_true = (m * np.cosh(measured) / (1.0 + shift[:, None])) / m
    weight = np.where(e_true >= 1.0, (weight / (1.0 + shift))[:, None], 0.0)
    return _Axis(np.arccosh(np.maximum(e_true, 1.0)).ravel(), measured, _side_by_side(weight))


def _angle_axis(grid: DensityGrid, sigma: float, fineness: Fineness) -> _Axis:
    """Positions are θ; densities per dθ."""
    setup = grid.setup
    # v1 ~ θ √(E / 2M) for small angles.
    cell = sqrt(8.0 * setup.a_max / setup.energy_max) / grid.n_v1
    if sigma > _FINE * cell:
        # True densities turn over at θ = m / E.
        finest = max(2.0 * setup.lepton_mass / setup.energy_max, 0.5 * cell)
        true, width = _positions(pi, min(fineness.panel * sigma, finest), fineness.points)
        measured = _lattice(pi, sigma / fineness.measured)
        images = (measured, -measured, 2.0 * pi - measured)
        matrix = np.sum([_gaussian(i[:, None], true, sigma) for i in images], axis=0) * width
        return _Axis(true, measured, sp.csr_array(matrix))
    measured = _lattice(pi, cell / fineness.exact)
    shift, weight = _few_points(sigma)
    true = pi - np.abs(pi - np.abs(measured - shift[:, None]))
    weights = np.broadcast_to(weight[:, None], true.shape)
    return _Axis(true.ravel(), measured, _side_by_side(weights))


def _gaussian(measured: Array, true: Array, sigma: Array | float) -> Array:
    """N(measured; true, sigma), zero beyond `_REACH`."""
    distance = (measured - true) / sigma
    density = np.exp(-0.5 * distance**2) / (sqrt(2.0 * pi) * sigma)
    return np.where(np.abs(distance) < _REACH, density, 0.0)


def _few_points(sigma: float) -> tuple[Array, Array]:
    """Points and weights that stand for a Gaussian narrower than what it smears."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(3 if sigma > 0.0 else 1)
    return sigma * nodes, weights / weights.sum()


def _side_by_side(weights: Array) -> sp.csr_array:
    """Diagonal matrices next to each other; `weights` has shape (n_points, n_measured)."""
    return sp.csr_array(sp.hstack([sp.diags_array(w) for w in weights]))


def _positions(extent: float, width: float, points: int) -> tuple[Array, Array]:
    """Nodes and weights of a composite rule on (0, extent) in panels not wider than `width`."""
    n_panels = ceil(extent / width)
    node, weight = gauss_legendre(points)
    step = extent / n_panels
    nodes = step * (np.arange(n_panels)[:, None] + node)
    return nodes.ravel(), np.tile(step * weight, n_panels)


def _lattice(extent: float, step: float) -> Array:
    return np.linspace(0.0, extent, max(ceil(extent / step), 8) + 1)
