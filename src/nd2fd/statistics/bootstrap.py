"""Bootstrap of the far-detector sample, with a maximum-likelihood fit of every replica at once.

The parameters are θ = (sin²θ23, Δm²32). The likelihood is nearly symmetric about maximal mixing, so
each replica is fitted once with sin²θ23 ≤ 0.5 and once with sin²θ23 ≥ 0.5. A fit takes the maxima
on a grid, which all replicas share, and climbs from there by Newton steps, both on the polynomials
of `nd2fd.statistics.likelihood_table`.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nd2fd.statistics.likelihood import Array
from nd2fd.statistics.likelihood_table import LikelihoodTable
from nd2fd.statistics.octants import OCTANTS, Octant, sin2_2theta
from nd2fd.statistics.polynomials import Polynomials

START_SPACING = np.array([0.005, 2e-5])
"""Largest distance of the points in sin²θ23 and Δm²32 [eV²] from whose maxima the fits start.

With it, none of 20,000 fits (1,500 or 6,200 events, true sin²θ23 of 0.47 to 0.51) missed a higher
maximum that points five times closer lead to.
"""

GAIN_TOLERANCE = 1e-10
"""A fit ends when the next step would add less log-likelihood: 1.4e-5 standard deviations away."""

MAX_STEPS = 50
STEPS_ACROSS = 4
"""A fit may take so many steps, and so many times those that lead across the whole range."""

SMALLEST_DAMPING = 1e-8
"""Where steps of this part of their size do not rise, rounding hides what is left to gain."""

CHUNK_ELEMENTS = 2**20
"""Largest (replica, θ) array handled in one piece: 8 MiB."""


@dataclass(frozen=True)
class ReplicaFits:
    """Maximum-likelihood estimates of the replicas.

    Parameters
    ----------
    sin2_theta23, dm2_32, log_likelihood
        Best fits with sin²θ23 ≤ 0.5 and with sin²θ23 ≥ 0.5, Δm²32 in eV², each of shape
        (n_replicas, 2): one octant per column.
    at_boundary
        Whether a fit lies on an edge of either parameter's range, in the same shape. Maximal mixing
        is none.
    """

    sin2_theta23: Array
    dm2_32: Array
    log_likelihood: Array
    at_boundary: NDArray[np.bool_]

    def estimates(self, octant: Octant) -> Array:
        """Sin²2θ23 and Δm²32 [eV²] if the octant is known, shape (n_replicas, 2).

        The mirror solution in the other octant has another sin²2θ23: the better octant of each
        replica would mix the two.
        """
        column = OCTANTS.index(octant)
        mixing = sin2_2theta(self.sin2_theta23[:, column])
        return np.stack([mixing, self.dm2_32[:, column]], axis=1)

    def ends_at_boundary(self, octant: Octant) -> NDArray[np.bool_]:
        """Whether the fit in an octant lies on an edge, shape (n_replicas,)."""
        return self.at_boundary[:, OCTANTS.index(octant)]


def bootstrap_counts(n_events: int, n_replicas: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """How often each replica holds each event when events are drawn with replacement.

    Each replica has as many events as the sample. The first replicas do not depend on how many
    follow. Returns shape (n_replicas, n_events).
    """
    counts = np.empty((n_replicas, n_events), dtype=np.int64)
    draw_counts(counts, rng)
    return counts


def draw_counts(counts: NDArray[np.number], rng: np.random.Generator) -> None:
    """The same in an array (n_replicas, n_events) of any type, which is overwritten."""
    n_events = counts.shape[1]
    for of_replica in counts:
        of_replica[:] = np.bincount(rng.integers(n_events, size=n_events), minlength=n_events)


def fit_replicas(counts: NDArray[np.number], table: LikelihoodTable) -> ReplicaFits:
    """Maximise the likelihood of every replica, octant by octant.

    Parameters
    ----------
    counts
        How often each replica holds each event, shape (n_replicas, n_events); ones for the sample
        itself. Numbers in double precision are not copied.
    table
        The likelihood of the events, over the ranges of the fit.

    Raises
    ------
    ValueError
        `counts` and `table` are not of the same events.
    RuntimeError
        A fit does not converge.
    """
    if counts.ndim != 2 or counts.shape[1] != len(table.loadings):
        raise ValueError(
            f"counts has shape {counts.shape}; it must be (n_replicas, {len(table.loadings)})"
        )
    # Transposed, this product takes about a quarter less time.
    weights = (table.loadings.T @ np.asarray(counts, dtype=np.float64).T).T
    # The first polynomial is constant, and so large that its rounding would hide the last gains.
    bounds, coefficients = table.polynomials.bounds, table.polynomials.coefficients
    polynomials = Polynomials(bounds, coefficients[1:])
    fits = [fit_octant(weights[:, 1:], polynomials, octant) for octant in OCTANTS]
    theta = np.stack([fit.theta for fit in fits], axis=1)
    value = np.stack([weights[:, 0] + fit.value for fit in fits], axis=1)
    return ReplicaFits(
        sin2_theta23=theta[:, :, 0],
        dm2_32=theta[:, :, 1],
        log_likelihood=value,
        at_boundary=(theta[:, :, np.newaxis] == bounds).any(axis=(2, 3)),
    )


class OctantFits(NamedTuple):
    """Maxima of n functions within an octant.

    theta : sin²θ23 and Δm²32 [eV²] of the highest maximum, shape (n, 2)
    value : its height, shape (n,)
    runner_up : height of the next one elsewhere, -∞ if there is none, shape (n,)
    """

    theta: Array
    value: Array
    runner_up: Array


def fit_octant(weights: Array, polynomials: Polynomials, octant: Octant) -> OctantFits:
    """Maximise Σ_r w_r f_r within an octant of sin²θ23 and the polynomials' bounds.

    Parameters
    ----------
    weights
        w, shape (n, n_polynomials), of n functions.
    polynomials, octant
        f_r, and where to look.

    Raises
    ------
    RuntimeError
        A search does not converge.
    """
    bounds = octant_bounds(polynomials.bounds, octant)
    axes = [
        np.linspace(low, high, n + 1)
        for low, high, n in zip(*bounds, _intervals(bounds), strict=True)
    ]
    bases = [polynomials.basis(i, axes[i], order=0)[:, 0] for i in (0, 1)]
    functions = bases[0].T @ polynomials.coefficients @ bases[1]
    chunk = max(1, CHUNK_ELEMENTS // math.prod(functions.shape[1:]))
    max_step = largest_step(bounds)
    theta, value = np.empty((len(weights), 2)), np.empty(len(weights))
    runner_up = np.full(len(weights), -np.inf)
    for first in range(0, len(weights), chunk):
        part = slice(first, first + chunk)
        on_grid = np.tensordot(weights[part], functions, axes=1)
        replica, start = _starts(on_grid, *axes)
        tops, heights = climb(
            partial(expand, polynomials=polynomials),
            np.tensordot(weights[part], polynomials.coefficients, axes=1)[replica],
            start,
            bounds=bounds,
            max_step=max_step,
        )
        # The highest maximum of each replica: the last one in ascending order of value.
        order = np.lexsort((heights, replica))
        highest = order[np.flatnonzero(np.diff(replica[order], append=len(weights)))]
        theta[part], value[part] = tops[highest], heights[highest]
        elsewhere = (np.abs(tops - tops[highest][replica]) > max_step / 2).any(axis=1)
        np.maximum.at(runner_up[part], replica[elsewhere], heights[elsewhere])
    return OctantFits(theta, value, runner_up)


def octant_bounds(bounds: Array, octant: Octant) -> Array:
    """The part of bounds, shape (2, 2), that is in an octant."""
    (s_low, m_low), (s_high, m_high) = bounds
    low, high = (s_low, 0.5) if octant == "lower" else (0.5, s_high)
    return np.array([[low, m_low], [high, m_high]])


def _intervals(bounds: Array) -> NDArray[np.int64]:
    return np.maximum(2, np.ceil(np.diff(bounds, axis=0)[0] / START_SPACING)).astype(int)


def largest_step(bounds: Array) -> Array:
    """Steps of the grid of starts within bounds (2, 2), the longest of a search: shape (2,)."""
    return np.asarray(np.diff(bounds, axis=0)[0] / _intervals(bounds))


def _starts(on_grid: Array, s_axis: Array, m_axis: Array) -> tuple[NDArray[np.intp], Array]:
    """Points to climb from, given the log-likelihood (n_replicas, n_s, n_m) on the grid.

    Near maximal mixing the likelihood can have two maxima of almost equal height in one octant, so
    every local maximum of its profile in sin²θ23 is a start. Returns the replica (n_starts,) and θ
    (n_starts, 2) of each.
    """
    # In Δm²32 the maximum is that of the parabola through the highest node and its neighbours.
    middle = 1 + on_grid[:, :, 1:-1].argmax(axis=2)
    left, top, right = (
        np.take_along_axis(on_grid, middle[..., np.newaxis] + i, axis=2)[..., 0] for i in (-1, 0, 1)
    )
    rise, bend = (right - left) / 2, 2 * top - left - right
    shift = np.divide(rise, bend, out=np.zeros_like(rise), where=bend > 0).clip(-1, 1)
    profile = top + shift * rise - shift**2 * bend / 2

    padded = np.pad(profile, ((0, 0), (1, 1)), constant_values=-np.inf)
    replica, s_node = np.nonzero((profile > padded[:, :-2]) & (profile >= padded[:, 2:]))
    m_node = middle[replica, s_node] + shift[replica, s_node]
    m_start = np.interp(m_node, np.arange(len(m_axis)), m_axis)
    return replica, np.stack([s_axis[s_node], m_start], axis=1)


def expand(
    theta: Array, coefficients: Array, *, polynomials: Polynomials
) -> tuple[Array, Array, Array]:
    """Log-likelihood (n,), gradient (n, 2) and Hessian (n, 2, 2) of n replicas, each at its own θ.

    The log-likelihoods are given by their Chebyshev coefficients (n, n_s, n_m).
    """
    in_s, in_m = (polynomials.basis(i, theta[:, i]) for i in (0, 1))
    # derivatives[:, i, j] is the one of order i in sin²θ23 and j in Δm²32.
    derivatives = in_s.transpose(2, 1, 0) @ (coefficients @ in_m.transpose(2, 0, 1))
    gradient = derivatives[:, [1, 0], [0, 1]]
    hessian = derivatives[:, [[2, 1], [1, 0]], [[0, 1], [1, 2]]]
    return derivatives[:, 0, 0], gradient, hessian


def climb(
    expand: Callable[[Array, Any], tuple[Array, Array, Array]],
    functions: NDArray[Any],
    start: Array,
    *,
    bounds: Array,
    max_step: Array,
    gain_tolerance: float = GAIN_TOLERANCE,
) -> tuple[Array, Array]:
    """Maximise from each start (n, 2), within bounds (2, 2), in steps of at most max_step (2,).

    `expand` gives value, gradient and Hessian at θ (n, 2) of what `functions` (n, ...) describes.
    Returns θ (n, 2) and the log-likelihood (n,). Lengths are in units of `max_step`, in which both
    parameters are of order one.
    """
    low, high = bounds
    theta = start.copy()
    value, gradient, hessian = expand(theta, functions)
    damping = np.ones(len(theta))
    active = np.arange(len(theta))
    across = np.ceil(((high - low) / max_step).sum())
    for _ in range(MAX_STEPS + STEPS_ACROSS * int(across)):
        # A parameter stays on its bound while the likelihood rises outwards, or while the step, led
        # by the other parameter, would take it out.
        origin = theta[active]
        ascent = gradient[active] * max_step
        curvature = hessian[active] * np.outer(max_step, max_step)
        fixed = _outward(origin, ascent, bounds)
        step = _newton_step(ascent, curvature, fixed)
        led_out = _outward(origin, step, bounds)
        again = led_out.any(axis=1)
        step[again] = _newton_step(ascent[again], curvature[again], (fixed | led_out)[again])
        gains = np.vecdot(ascent, step) / 2 > gain_tolerance
        gains &= damping[active] > SMALLEST_DAMPING
        active, origin, step = active[gains], origin[gains], step[gains]
        if active.size == 0:
            return theta, value
        # A step is shortened as a whole: with one component cut, it could lead downhill.
        step *= (damping[active] / np.maximum(1, abs(step).max(axis=1)))[:, np.newaxis] * max_step
        room = np.where(step > 0, high - origin, low - origin)
        share = np.divide(room, step, out=np.ones_like(step), where=abs(step) > abs(room))
        trial = origin + share.min(axis=1, keepdims=True) * step
        # Rounding must not leave a parameter just beside its bound.
        for bound in bounds:
            trial = np.where(abs(trial - bound) < 1e-9 * max_step, bound, trial)
        trial_value, trial_gradient, trial_hessian = expand(trial, functions[active])
        higher = trial_value > value[active]
        damping[active] = np.where(higher, 1, damping[active] / 4)
        moved = active[higher]
        theta[moved], value[moved] = trial[higher], trial_value[higher]
        gradient[moved], hessian[moved] = trial_gradient[higher], trial_hessian[higher]
    raise RuntimeError(f"{active.size} of {len(theta)} fits did not converge")


def _newton_step(gradient: Array, hessian: Array, fixed: NDArray[np.bool_]) -> Array:
    """Newton step (n, 2) of the parameters that are not fixed.

    Where the likelihood is convex, its curvature counts with the opposite sign, so that the step
    always climbs: it is |H|⁻¹ times the gradient.
    """
    free = ~fixed
    along_s, along_m = (gradient * free).T
    # A fixed parameter has no slope and curvature one, so that it stays and the other is alone.
    ss, mm = np.where(free, np.diagonal(hessian, axis1=1, axis2=2), 1).T
    sm = np.where(free.all(axis=1), hessian[:, 0, 1], 0)
    # For two parameters √M = (M + √det M) / √(tr M + 2 √det M), by Cayley and Hamilton; M = H².
    squares = ss**2 + 2 * sm**2 + mm**2
    det = np.maximum(abs(ss * mm - sm**2), 1e-14 * squares)
    scale = (det * np.sqrt(squares + 2 * det))[:, np.newaxis]
    abs_ss, abs_sm, abs_mm = ss**2 + sm**2 + det, sm * (ss + mm), mm**2 + sm**2 + det
    step = np.stack(
        [abs_mm * along_s - abs_sm * along_m, abs_ss * along_m - abs_sm * along_s], axis=1
    )
    return np.divide(step, scale, out=np.zeros_like(step), where=scale > 0)


def _outward(theta: Array, direction: Array, bounds: Array) -> NDArray[np.bool_]:
    """Which parameters (n, 2) lie on a bound that the direction (n, 2) points across."""
    low, high = bounds
    return np.asarray(((theta == low) & (direction < 0)) | ((theta == high) & (direction > 0)))
