r"""Finite resolution of the muon's energy and angle: of events, of cell contents, of densities.

A muon of true energy E and angle θ is measured at

    E' = E (1 + r x),   θ' = |θ + σ y|,   x, y ~ N(0, 1) independent,

mirrored at π as it is at 0; the azimuth plays no role. An event with E' not above the muon mass,
or with (v1', v2') outside the unit square, is lost.

The response factorises in (E, θ), not in (v1, v2). A fine lattice of bins, equal in ln E and in θ,
leads from the one to the other. (Along a quantity that is measured exactly it is one of points:
bins across the borders of cells would smear it.) With the share Q of each bin that lies in each
cell, the area dv1 dv2 of the overlap, W, and the probabilities K_E and K_θ to go from bin to bin,
the response is

    S = Qᵀ (K_E ⊗ K_θ) W diag(1 / W's column sums)

for events spread evenly over the reachable part (a b ≥ m²) of their true cell. The lattice covers
the reachable region and nothing else, so that its edge at θ = 0 costs no accuracy.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import ceil, isfinite, log, log1p, pi, radians, sqrt

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.special import ndtr

from nd2fd.physics.constants import MUON_MASS, NUCLEON_MASS
from nd2fd.physics.density import DensityGrid, midpoints
from nd2fd.physics.kinematics import density_variables_from_muon, muon_from_density_variables

Array = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

_REACH = 5.0
"""Gaussians end at this many standard deviations and are normalised again; 6e-7 lie beyond."""

_BINS_PER_SIGMA = 4
_BINS_PER_CELL = (3, 16)
"""Lattice bins per standard deviation; per cell at E_max / 4, at least and at most."""

_POINTS_PER_CELL = (32, 16)
"""Points per such cell in ln E, in θ, along a quantity that is measured exactly."""

_SUBBINS = (4, 4)
"""Parts of a bin, in ln E and in θ, that are assigned to cells one by one."""

_NEGLIGIBLE = 1e-7
"""Smaller entries of a response matrix are dropped and their columns rescaled."""

_STRIPS_PER_BLOCK = 32
"""Energy bins multiplied out at once; keeps the intermediate matrices small."""

_EVENTS_PER_BLOCK = 1 << 13
"""Events smeared at once; their temporaries stay in the cache."""

_MEASURED_PER_BLOCK = 512
"""Measured events whose bins are collected at once."""


@dataclass(frozen=True)
class Resolution:
    """Gaussian resolution of the muon; zero means measured exactly.

    energy
        r = σ_E / E_l.
    angle
        σ_θ [radians].

    Raises ValueError if one of them is negative or not finite.
    """

    energy: float = 0.04
    angle: float = pi / 180.0

    def __post_init__(self) -> None:
        for name, value in (("energy", self.energy), ("angle", self.angle)):
            if not (isfinite(value) and value >= 0.0):
                raise ValueError(
                    f"{name} resolution is {value}; it must be finite and not negative"
                )

    @classmethod
    def from_config(cls, section: Mapping[str, float]) -> "Resolution":
        """From the configuration section `smearing`, where the angle is in degrees."""
        return cls(section["energy_resolution"], radians(section["angle_resolution"]))

    @property
    def is_ideal(self) -> bool:
        """Whether nothing is smeared."""
        return self.energy == 0.0 and self.angle == 0.0


def smear_events(
    v1: Array, v2: Array, resolution: Resolution, energy_max: float, rng: np.random.Generator
) -> tuple[Array, Array, BoolArray]:
    """Measured density variables of events with true ones (v1, v2).

    Parameters
    ----------
    v1, v2
        Shape (n_events,), reachable points of the unit square.
    resolution
        Where it is zero, that quantity comes out as it went in; where both are, v1 and v2 do.
    energy_max
        E_max [GeV] in the definition of v2.
    rng
        Source of randomness: the result does not depend on anything else, but does depend on how
        a sample is divided into calls.

    Returns
    -------
    v1', v2', accepted
        Each of shape (n_events,). Values of events that are not accepted mean nothing.

    Raises
    ------
    ValueError
        An event lies outside the unit square or has a b < m².
    """
    _check_reachable(v1, v2, energy_max)
    measured_v1, measured_v2 = v1.copy(), v2.copy()
    accepted = np.ones(v1.size, dtype=np.bool_)
    if resolution.is_ideal:
        return measured_v1, measured_v2, accepted
    for start in range(0, v1.size, _EVENTS_PER_BLOCK):
        block = slice(start, start + _EVENTS_PER_BLOCK)
        e_lepton, cos_theta = muon_from_density_variables(v1[block], v2[block], energy_max)
        if resolution.energy > 0.0:
            e_lepton *= 1.0 + resolution.energy * rng.standard_normal(e_lepton.size)
        if resolution.angle > 0.0:
            theta = np.arccos(np.clip(cos_theta, -1.0, 1.0))
            # The cosine is even and periodic: it mirrors θ at 0 and at π by itself.
            cos_theta = np.cos(theta + resolution.angle * rng.standard_normal(theta.size))
        has_momentum = e_lepton > MUON_MASS
        np.maximum(e_lepton, MUON_MASS, out=e_lepton)
        new_v1, new_v2 = density_variables_from_muon(e_lepton, cos_theta, energy_max)
        measured_v1[block], measured_v2[block] = new_v1, new_v2
        accepted[block] = has_momentum & (new_v1 < 1.0) & (new_v2 < 1.0)
    return measured_v1, measured_v2, accepted


def response_matrix(grid: DensityGrid, resolution: Resolution) -> sp.csr_array:
    """Probability S[c', c] that an event of true cell c is measured in cell c'.

    Events are taken to be spread evenly over the reachable part of their cell. One minus a column's
    sum is the probability to be lost. Cells without a reachable part hold no events; they are
    mapped to themselves. The matrix is the identity if nothing is smeared.

    Parameters
    ----------
    grid
        Cells in (v1, v2), flat and v1-major, and E_max; its other fields are not used.
    resolution
        Of the muon. One that is positive but below a sixteenth of a cell is made a little coarser
        by the lattice.

    Returns
    -------
    csr_array, shape (n_cells, n_cells)
    """
    n_cells = grid.n_v1 * grid.n_v2
    if resolution.is_ideal:
        return sp.eye_array(n_cells, format="csr")
    lattice = _lattice(grid, resolution)
    shares, content = _overlaps(grid, lattice)
    energy_kernel = _energy_kernel(lattice, resolution.energy)
    angle_kernel = _angle_kernel(lattice, resolution.angle)
    unit = sp.eye_array(lattice.n_angle, format="csr")
    response = sp.csr_array((n_cells, n_cells))
    for start in range(0, lattice.n_energy, _STRIPS_PER_BLOCK):
        kernel = energy_kernel[start : start + _STRIPS_PER_BLOCK]
        n_strips = kernel.shape[0]
        low, high = kernel.indices.min(), kernel.indices.max() + 1
        energy_smeared = (
            sp.kron(kernel[:, low:high], unit, format="csr")
            @ content[low * lattice.n_angle : high * lattice.n_angle]
        )
        rows = slice(start * lattice.n_angle, (start + n_strips) * lattice.n_angle)
        collecting = sp.csr_array(shares[rows].T) @ sp.kron(
            sp.eye_array(n_strips), angle_kernel, format="csr"
        )
        response = response + collecting @ energy_smeared
    empty = np.flatnonzero(content.sum(axis=0) == 0.0)
    response = _without_negligible(response)
    return sp.csr_array(
        response + sp.csr_array((np.ones(empty.size), (empty, empty)), shape=response.shape)
    )


def event_response(v1: Array, v2: Array, grid: DensityGrid, resolution: Resolution) -> sp.csr_array:
    """Density of measured events at (v1', v2') per unit of content of each true cell.

    R[k, c] n_c summed over c is the density p(v') per dv1' dv2' of an event k, if n_c is the
    content (events, probability or cross section) of true cell c, spread evenly over the reachable
    part of the cell as in `response_matrix`. The integral of p over a cell is (S n) there. Towards
    θ' = 0 the density grows like 1/θ', since dv1 dv2 / (dE dθ) vanishes there; an event's factor is
    common to all n.

    Parameters
    ----------
    v1, v2
        Measured density variables, shape (n_events,), reachable points of the unit square.
    grid, resolution
        As for `response_matrix`. Along a quantity that is measured exactly the density has
        the steps of the cells' contents, rounded to the points of the lattice.

    Returns
    -------
    csr_array, shape (n_events, n_cells)

    Raises
    ------
    ValueError
        Nothing is smeared (the density is then known better than by cells), or an event lies
        outside the unit square or has a b < m².
    """
    if resolution.is_ideal:
        raise ValueError(
            "both resolutions are 0; an unsmeared density is to be evaluated at the events directly"
        )
    _check_reachable(v1, v2, grid.energy_max)
    lattice = _lattice(grid, resolution)
    content = _overlaps(grid, lattice)[1]
    blocks = [sp.csr_array((0, content.shape[1]))]
    for start in range(0, v1.size, _MEASURED_PER_BLOCK):
        block = slice(start, start + _MEASURED_PER_BLOCK)
        e_lepton, cos_theta = muon_from_density_variables(v1[block], v2[block], grid.energy_max)
        theta = np.arccos(np.clip(cos_theta, -1.0, 1.0))
        strip, from_strip = _seen_from_energy(lattice, np.log(e_lepton), resolution.energy)
        angle_bin, from_angle = _seen_from_angle(lattice, theta, resolution.angle)
        weight = from_strip[:, :, None] * from_angle[:, None, :]
        weight /= _area_density(e_lepton, theta, grid.energy_max)[:, None, None]
        column = strip[:, :, None] * lattice.n_angle + angle_bin[:, None, :]
        n_events, n_bins = len(weight), weight[0].size
        seen = sp.csr_array(
            (weight.ravel(), column.ravel(), np.arange(0, n_events * n_bins + 1, n_bins)),
            shape=(n_events, lattice.n_energy * lattice.n_angle),
        )
        blocks.append(seen @ content)
    return sp.csr_array(sp.vstack(blocks, format="csr"))


def _smallest_product(energy_max: float) -> float:
    """v1 v2 where a b = m²; less cannot be reached."""
    return MUON_MASS / sqrt(2.0 * NUCLEON_MASS * energy_max)


def _check_reachable(v1: Array, v2: Array, energy_max: float) -> None:
    # Rounding may take a muon in the beam direction across a b = m².
    threshold = (1.0 - 1e-9) * _smallest_product(energy_max)
    good = (v1 >= 0.0) & (v1 <= 1.0) & (v2 >= 0.0) & (v2 <= 1.0) & (v1 * v2 >= threshold)
    if not good.all():
        k = int(np.argmin(good))
        raise ValueError(
            f"event {k} has (v1, v2) = ({v1[k]}, {v2[k]}); events must lie in the unit square "
            f"with v1 v2 >= {threshold:.6g}, where a b reaches the muon mass squared"
        )


@dataclass(frozen=True)
class _Lattice:
    """Bins equal in ln E from the muon mass to the corner of the unit square, and in θ from 0 to π.

    Bins are flat, energy-major. They are points along a quantity without smearing.
    """

    n_energy: int
    n_angle: int
    energy_smeared: bool
    angle_smeared: bool
    log_high: float

    @property
    def log_low(self) -> float:
        return log(MUON_MASS)

    @property
    def step_energy(self) -> float:
        return (self.log_high - self.log_low) / self.n_energy

    @property
    def step_angle(self) -> float:
        return pi / self.n_angle


def _lattice(grid: DensityGrid, resolution: Resolution) -> _Lattice:
    """A lattice finer than the resolution and than the cells, but not without end."""

    def n_bins(extent: float, cell: float, sigma: float, n_points: int) -> int:
        coarse, fine = (cell / n for n in _BINS_PER_CELL)
        smeared = min(coarse, max(sigma / _BINS_PER_SIGMA, fine))
        return ceil(extent / (smeared if sigma > 0.0 else cell / n_points))

    log_high = log(grid.energy_max + 0.5 * NUCLEON_MASS)
    n = max(grid.n_v1, grid.n_v2)
    # v2 ~ √E, and v1 ~ θ √(E / 2M) for small angles, which change fastest.
    cell_energy, cell_angle = 2.0 / n, sqrt(8.0 * NUCLEON_MASS / grid.energy_max) / n
    points_energy, points_angle = _POINTS_PER_CELL
    return _Lattice(
        n_bins(log_high - log(MUON_MASS), cell_energy, resolution.energy, points_energy),
        n_bins(pi, cell_angle, resolution.angle, points_angle),
        resolution.energy > 0.0,
        resolution.angle > 0.0,
        log_high,
    )


def _area_density(e_lepton: Array, theta: Array, energy_max: float) -> Array:
    """The Jacobian dv1 dv2 / (d ln E dθ), from da db = 2 p_T p dE dθ / p and a b = m² + p_T²."""
    transverse = np.sqrt(np.maximum(e_lepton**2 - MUON_MASS**2, 0.0)) * np.sin(theta)
    scale = sqrt(8.0 * NUCLEON_MASS * energy_max)
    return e_lepton * transverse / (np.sqrt(MUON_MASS**2 + transverse**2) * scale)


def _overlaps(grid: DensityGrid, lattice: _Lattice) -> tuple[sp.csr_array, sp.csr_array]:
    """Share of each bin in each cell, and share of each cell's reachable area in each bin.

    Both have shape (n_bins, n_cells). A row of the first sums to one, less what lies outside the
    unit square; a column of the second to one, or to zero if the cell has no reachable part.
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
    reachable = corner / grid.n_v2 > _smallest_product(grid.energy_max)
    blocks: tuple[list[sp.csr_array], list[sp.csr_array]] = ([], [])
    step = lattice.step_energy / parts_energy
    for start in range(0, lattice.n_energy, _STRIPS_PER_BLOCK):
        n_strips = min(_STRIPS_PER_BLOCK, lattice.n_energy - start)
        first = lattice.log_low + start * lattice.step_energy
        n_energy = n_strips * parts_energy
        edges = np.exp(first + step * np.arange(n_energy + 1))[:, None]
        energy = np.exp(first + step * (np.arange(n_energy) + 0.5))[:, None]
        # At a fixed angle v1 grows with the energy, but where it is far below one.
        n_used = int(
            (density_variables_from_muon(edges[0], cos_edges, grid.energy_max)[0] < 1).sum()
        )
        used = slice(min(n_used, n_angle))
        cell_1, cell_2 = (
            _overlap_along_axis(
                0.5 * (along_angle[:, 1:] + along_angle[:, :-1]),
                np.diff(along_energy, axis=0) * lattice.energy_smeared,
                np.diff(along_angle) * lattice.angle_smeared,
                n,
            )
            for along_energy, along_angle, n in zip(
                density_variables_from_muon(edges, cos_theta[used], grid.energy_max),
                density_variables_from_muon(energy, cos_edges[: used.stop + 1], grid.energy_max),
                (grid.n_v1, grid.n_v2),
                strict=True,
            )
        )
        area = _area_density(energy, theta[used], grid.energy_max)
        row = (np.arange(n_energy) // parts_energy)[:, None] * lattice.n_angle + angle_bin[used]
        found = []
        for i, share_1 in cell_1:
            for j, share_2 in cell_2:
                share = share_1 * share_2
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


def _sharpened(sigma: float, step: float, n_ends: int) -> float:
    """The width that becomes `sigma` when positions are replaced by bins at one end or at both.

    To go to a bin, and to a random point in it, adds twice the variance step² / 12. Far below the
    step there is nothing to take away from, nor does it matter: the bins are much finer than cells.
    """
    return sqrt(sigma**2 - n_ends * step**2 / 6.0) if sigma > step else sigma


def _cumulative(standardised: Array) -> Array:
    """Distribution function of the Gaussian cut off at `_REACH`."""
    beyond = ndtr(-_REACH)
    return np.clip((ndtr(standardised) - beyond) / (1.0 - 2.0 * beyond), 0.0, 1.0)


def _move_probabilities(
    down: int, up: int, step: float, standardised: Callable[[Array], Array]
) -> Array:
    """Probability to move by -down … up bins from a random point of a bin."""
    edges = (np.arange(-down, up + 2) - 0.5) * step
    inside = (midpoints(256) - 0.5) * step
    return np.diff(_cumulative(standardised(edges[:, None] - inside)).mean(axis=1))


def _bins_down_and_up(lattice: _Lattice, resolution: float) -> tuple[int, int]:
    """How many bins in ln E a measured energy can lie below and above the true one."""
    step, reach = lattice.step_energy, _REACH * resolution
    up = ceil(log1p(reach) / step) + 1
    down = ceil(-log1p(-reach) / step) + 1 if reach < 1.0 else lattice.n_energy
    return min(down, lattice.n_energy), min(up, lattice.n_energy)


def _energy_kernel(lattice: _Lattice, resolution: float) -> sp.csr_array:
    """Probability from one energy bin (column) to another; shape (n_energy, n_energy)."""
    n = lattice.n_energy
    if resolution == 0.0:
        return sp.eye_array(n, format="csr")
    width = _sharpened(resolution, lattice.step_energy, 2)
    down, up = _bins_down_and_up(lattice, resolution)
    moves = _move_probabilities(
        down, up, lattice.step_energy, lambda shift: np.expm1(shift) / width
    )
    true = np.repeat(np.arange(n), moves.size)
    measured = true + np.tile(np.arange(-down, up + 1), n)
    kept = (measured >= 0) & (measured < n)
    values = np.tile(moves, n)[kept]
    return sp.csr_array((values, (measured[kept], true[kept])), shape=(n, n))


def _angle_kernel(lattice: _Lattice, resolution: float) -> sp.csr_array:
    """Probability from one angle bin (column) to another; shape (n_angle, n_angle)."""
    n, step = lattice.n_angle, lattice.step_angle
    if resolution == 0.0:
        return sp.eye_array(n, format="csr")
    width = _sharpened(resolution, step, 2)
    reach = ceil(_REACH * resolution / step) + 1
    moves = _move_probabilities(reach, reach, step, lambda shift: shift / width)
    true = np.repeat(np.arange(n), moves.size)
    measured = _mirrored(true + np.tile(np.arange(-reach, reach + 1), n), n)
    return sp.csr_array((np.tile(moves, n), (measured, true)), shape=(n, n))


def _mirrored(angle_bin: IntArray, n: int) -> IntArray:
    """Index among n bins of (0, π) after mirroring at 0 and π."""
    folded = angle_bin % (2 * n)
    return np.minimum(folded, 2 * n - 1 - folded)


def _seen_from_energy(
    lattice: _Lattice, log_energy: Array, resolution: float
) -> tuple[IntArray, Array]:
    """True bins and their density at measured ln E' per d ln E'; each (n_events, n_near)."""
    step = lattice.step_energy
    own = np.floor((log_energy - lattice.log_low) / step).astype(np.int64)[:, None]
    if resolution == 0.0:
        return np.clip(own, 0, lattice.n_energy - 1), np.full(own.shape, 1.0 / step)
    down, up = _bins_down_and_up(lattice, resolution)
    strip = own + np.arange(-up, down + 1)
    lower = lattice.log_low + strip * step - log_energy[:, None]
    width = _sharpened(resolution, step, 1)
    # N(E'; E, rE) d ln E = φ(u) du / E' with u = (E'/E - 1) / r.
    weight = _cumulative(np.expm1(-lower) / width) - _cumulative(np.expm1(-lower - step) / width)
    weight[(strip < 0) | (strip >= lattice.n_energy)] = 0.0
    return np.clip(strip, 0, lattice.n_energy - 1), weight / step


def _seen_from_angle(lattice: _Lattice, theta: Array, resolution: float) -> tuple[IntArray, Array]:
    """True bins and their density at measured θ' per dθ'; each (n_events, n_near)."""
    step = lattice.step_angle
    own = np.floor(theta / step).astype(np.int64)[:, None]
    if resolution == 0.0:
        return np.clip(own, 0, lattice.n_angle - 1), np.full(own.shape, 1.0 / step)
    reach = ceil(_REACH * resolution / step) + 1
    angle_bin = own + np.arange(-reach, reach + 1)
    width = _sharpened(resolution, step, 1)
    lower = angle_bin * step - theta[:, None]
    weight = _cumulative((lower + step) / width) - _cumulative(lower / width)
    return _mirrored(angle_bin, lattice.n_angle), weight / step


def _without_negligible(response: sp.csr_array) -> sp.csr_array:
    """Drop entries below `_NEGLIGIBLE` and rescale the columns to the sums they had."""
    before = response.sum(axis=0)
    response.data[response.data < _NEGLIGIBLE] = 0.0
    response.eliminate_zeros()
    after = response.sum(axis=0)
    scale = np.divide(before, after, out=np.zeros_like(before), where=after > 0.0)
    return sp.csr_array(response @ sp.diags_array(scale))
