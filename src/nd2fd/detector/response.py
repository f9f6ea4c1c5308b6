r"""The muon's resolution as a matrix: of cell contents, and of densities at measured events.

The response factorises in (E, θ), not in (v1, v2). A fine lattice of bins
(`nd2fd.detector.lattice`) leads from the one to the other. With the share Q of each bin that lies
in each cell, the area dv1 dv2 of the overlap, W, and the probabilities K_E and K_θ to go from bin
to bin, the response is

    S = Qᵀ (K_E ⊗ K_θ) W diag(1 / W's column sums)

for events spread evenly over the reachable part (a b ≥ m²) of their true cell.
"""

from collections.abc import Callable
from math import ceil, log1p, sqrt

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.special import ndtr

from nd2fd.detector.lattice import (
    STRIPS_PER_BLOCK,
    Lattice,
    Move,
    area_density,
    fine_lattice,
    overlaps,
)
from nd2fd.detector.smearing import Resolution
from nd2fd.io.schemas.inputs import Response
from nd2fd.physics.density import DensityGrid, midpoints
from nd2fd.physics.kinematics import check_reachable, lepton_from_density_variables

Array = NDArray[np.float64]
IntArray = NDArray[np.int64]

_REACH = 5.0
"""Gaussians end at this many standard deviations and are normalised again; 6e-7 lie beyond."""

_NEGLIGIBLE = 1e-7
"""Smaller entries of a response matrix are dropped and their columns rescaled."""

_MEASURED_PER_BLOCK = 512
"""Measured events whose bins are collected at once."""


def response_matrix(
    grid: DensityGrid,
    resolution: Resolution,
    true_grid: DensityGrid | None = None,
    measured_at: Move | None = None,
) -> sp.csr_array:
    """Probability S[c', c] that an event of true cell c is measured in cell c'.

    Events are taken to be spread evenly over the reachable part of their cell. One minus a column's
    sum is the probability to be lost. Cells without a reachable part hold no events; they are
    mapped to themselves. The matrix is the identity if nothing is smeared.

    Parameters
    ----------
    grid
        Cells in (v1, v2), flat and v1-major, and the setup; its other fields are not used.
    resolution
        Of the muon. One that is positive but below a sixteenth of a cell is made a little coarser
        by the lattice.
    true_grid
        The true cells, where they are not the measured ones: smaller cells come closer to events
        that are spread as nature does. Then events of unreachable true cells are lost.
    measured_at
        Where leptons are measured in the end, from where a resolution has left them.

    Returns
    -------
    csr_array, shape (n_cells, n_true_cells)
    """
    n_cells = grid.n_v1 * grid.n_v2
    if resolution.is_ideal and true_grid is None:
        return sp.eye_array(n_cells, format="csr")
    lattice = fine_lattice(grid, resolution)
    shares, content = overlaps(grid, lattice)
    if measured_at is not None:
        shares = overlaps(grid, lattice, measured_at)[0]
    if true_grid is not None:
        content = overlaps(true_grid, lattice)[1]
    energy_kernel = _energy_kernel(lattice, resolution.energy)
    angle_kernel = _angle_kernel(lattice, resolution.angle)
    unit = sp.eye_array(lattice.n_angle, format="csr")
    response = sp.csr_array((n_cells, content.shape[1]))
    for start in range(0, lattice.n_energy, STRIPS_PER_BLOCK):
        kernel = energy_kernel[start : start + STRIPS_PER_BLOCK]
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
    response = _without_negligible(response)
    if true_grid is not None:
        return response
    empty = np.flatnonzero(content.sum(axis=0) == 0.0)
    return sp.csr_array(
        response + sp.csr_array((np.ones(empty.size), (empty, empty)), shape=response.shape)
    )


def tabulated_response(grid: DensityGrid, resolution: Resolution) -> Response:
    """`response_matrix` as an artifact."""
    response = response_matrix(grid, resolution)
    return Response(
        v1=grid.v1,
        v2=grid.v2,
        indptr=response.indptr.astype(np.int64),
        indices=response.indices.astype(np.int64),
        data=response.data,
        acceptance=response.sum(axis=0).reshape(grid.n_v1, grid.n_v2),
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
    check_reachable(v1, v2, grid.setup)
    lattice = fine_lattice(grid, resolution)
    content = overlaps(grid, lattice)[1]
    blocks = [sp.csr_array((0, content.shape[1]))]
    for start in range(0, v1.size, _MEASURED_PER_BLOCK):
        block = slice(start, start + _MEASURED_PER_BLOCK)
        e_lepton, cos_theta = lepton_from_density_variables(v1[block], v2[block], grid.setup)
        theta = np.arccos(np.clip(cos_theta, -1.0, 1.0))
        strip, from_strip = _seen_from_energy(lattice, np.log(e_lepton), resolution.energy)
        angle_bin, from_angle = _seen_from_angle(lattice, theta, resolution.angle)
        weight = from_strip[:, :, None] * from_angle[:, None, :]
        weight /= area_density(e_lepton, theta, grid.setup)[:, None, None]
        column = strip[:, :, None] * lattice.n_angle + angle_bin[:, None, :]
        n_events, n_bins = len(weight), weight[0].size
        seen = sp.csr_array(
            (weight.ravel(), column.ravel(), np.arange(0, n_events * n_bins + 1, n_bins)),
            shape=(n_events, lattice.n_energy * lattice.n_angle),
        )
        blocks.append(seen @ content)
    return sp.csr_array(sp.vstack(blocks, format="csr"))


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


def _bins_down_and_up(lattice: Lattice, resolution: float) -> tuple[int, int]:
    """How many bins in ln E a measured energy can lie below and above the true one."""
    step, reach = lattice.step_energy, _REACH * resolution
    up = ceil(log1p(reach) / step) + 1
    down = ceil(-log1p(-reach) / step) + 1 if reach < 1.0 else lattice.n_energy
    return min(down, lattice.n_energy), min(up, lattice.n_energy)


def _energy_kernel(lattice: Lattice, resolution: float) -> sp.csr_array:
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


def _angle_kernel(lattice: Lattice, resolution: float) -> sp.csr_array:
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
    lattice: Lattice, log_energy: Array, resolution: float
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


def _seen_from_angle(lattice: Lattice, theta: Array, resolution: float) -> tuple[IntArray, Array]:
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
