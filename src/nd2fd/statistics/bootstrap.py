"""Bootstrap of the far-detector sample, with a maximum-likelihood fit of every replica at once.

The parameters are θ = (sin²θ23, Δm²32). The likelihood is nearly symmetric about maximal mixing, so
each replica is fitted once with sin²θ23 ≤ 0.5 and once with sin²θ23 ≥ 0.5, and the better of the
two is its estimate. A fit takes the maxima on a grid, which all replicas share, and climbs from
there by Newton steps, with all replicas in the same matrix products.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from nd2fd.statistics.likelihood import Array, floored_kernel, log_density, log_likelihood

Survival = Callable[[Array, Array], Array]
"""(sin²θ23, Δm²32 [eV²]), each of shape (n,) → survival probability of shape (n, n_energy)."""

DERIVATIVE_STEPS = np.array([1e-4, 1e-7])
"""Steps in sin²θ23 and Δm²32 [eV²] of the central differences of the survival probability.

The probability is a quadratic in sin²θ23 but for terms of order Δm²21/Δm²31, and 1e-7 eV² turns the
phase by 0.002 at 1300 km and 0.1 GeV, so the gradient is good to 1e-6 of itself there. Rounding
leaves six digits of the second derivatives, which only steer the steps.
"""

GAIN_TOLERANCE = 1e-8
"""A fit ends when the next step would add less log-likelihood: 1.4e-4 standard deviations away."""

MAX_STEPS = 50

CHUNK_ELEMENTS = 2**21
"""Largest (θ, event) array handled in one piece: 16 MiB."""


@dataclass(frozen=True)
class ReplicaFits:
    """Maximum-likelihood estimates of the replicas.

    Parameters
    ----------
    sin2_theta23, dm2_32, log_likelihood
        Best fit of both octants, Δm²32 in eV², each of shape (n_replicas,).
    at_boundary
        Whether that fit lies on an outer bound of either parameter, shape (n_replicas,).
    octant_sin2_theta23, octant_dm2_32, octant_log_likelihood
        Best fits with sin²θ23 ≤ 0.5 and with sin²θ23 ≥ 0.5, each of shape (n_replicas, 2).
    """

    sin2_theta23: Array
    dm2_32: Array
    log_likelihood: Array
    at_boundary: NDArray[np.bool_]
    octant_sin2_theta23: Array
    octant_dm2_32: Array
    octant_log_likelihood: Array

    @property
    def sin2_2theta23(self) -> Array:
        """Octant-blind sin²2θ23: of the fit in the lower octant, where it is one-to-one.

        P(ν_μ → ν_μ) is nearly symmetric about sin²θ23 = 0.51, not about ½, because θ13 is not zero:
        the mirror solution in the upper octant has another sin²2θ23, and taking the better octant
        of each replica would mix the two.
        """
        lower = self.octant_sin2_theta23[:, 0]
        return 4 * lower * (1 - lower)


def bootstrap_counts(n_events: int, n_replicas: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """How often each replica holds each event when events are drawn with replacement.

    Each replica has as many events as the sample. The first replicas do not depend on how many
    follow. Returns shape (n_replicas, n_events).
    """
    drawn = rng.integers(n_events, size=(n_replicas, n_events))
    drawn += n_events * np.arange(n_replicas)[:, np.newaxis]
    counts = np.bincount(drawn.ravel(), minlength=n_replicas * n_events)
    return counts.reshape(n_replicas, n_events)


def fit_replicas(
    counts: NDArray[np.number],
    kernel: Array,
    totals: Array,
    survival: Survival,
    *,
    sin2_theta23_range: tuple[float, float],
    dm2_32_range: tuple[float, float],
    grid_points: tuple[int, int],
) -> ReplicaFits:
    """Maximise the likelihood of every replica, octant by octant.

    Parameters
    ----------
    counts
        How often each replica holds each event, shape (n_replicas, n_events);
        `np.ones((1, n_events))` fits the sample itself.
    kernel, totals
        K, shape (n_events, n_energy), and T, shape (n_energy,), of `nd2fd.statistics.likelihood`.
    survival
        The survival probability, also called at `DERIVATIVE_STEPS` outside the ranges.
    sin2_theta23_range, dm2_32_range
        Bounds of sin²θ23, on either side of 0.5, and of Δm²32 [eV²].
    grid_points
        Nodes in sin²θ23 per octant, and in Δm²32. With nodes 0.005 and 2.5e-5 eV² apart, none of
        1,600 fits to 6,200 events missed the higher of two maxima near maximal mixing.

    Raises
    ------
    ValueError
        The ranges are not as described; an axis has fewer than three nodes; the likelihood is not
        finite on the grid; or as `floored_kernel`.
    RuntimeError
        A fit does not converge.
    """
    s_low, s_high = sin2_theta23_range
    m_low, m_high = dm2_32_range
    if not 0 < s_low < 0.5 < s_high < 1:
        raise ValueError(f"sin2_theta23_range is {sin2_theta23_range}; it must hold 0.5, in (0, 1)")
    if not m_low < m_high:
        raise ValueError(f"dm2_32_range is {dm2_32_range}; it must ascend")
    if min(grid_points) < 3:
        raise ValueError(f"grid_points is {grid_points}; each must be at least 3")

    weights = np.asarray(counts, dtype=np.float64)
    fits = [
        _fit_octant(
            weights,
            kernel,
            totals,
            survival,
            np.linspace(*s_range, grid_points[0]),
            np.linspace(m_low, m_high, grid_points[1]),
        )
        for s_range in ((s_low, 0.5), (0.5, s_high))
    ]
    theta = np.stack([fit[0] for fit in fits], axis=1)
    value = np.stack([fit[1] for fit in fits], axis=1)
    best = np.arange(len(counts)), value.argmax(axis=1)
    outer_bounds = np.array([[s_low, m_low], [s_high, m_high]])
    return ReplicaFits(
        sin2_theta23=theta[best][:, 0],
        dm2_32=theta[best][:, 1],
        log_likelihood=value[best],
        at_boundary=(theta[best][:, np.newaxis] == outer_bounds).any(axis=(1, 2)),
        octant_sin2_theta23=theta[:, :, 0],
        octant_dm2_32=theta[:, :, 1],
        octant_log_likelihood=value,
    )


def _fit_octant(
    counts: Array,
    kernel: Array,
    totals: Array,
    survival: Survival,
    s_axis: Array,
    m_axis: Array,
) -> tuple[Array, Array]:
    """Optimum θ (n_replicas, 2) within the axes, and its log-likelihood (n_replicas,)."""
    chunk = max(1, CHUNK_ELEMENTS // len(kernel))
    nodes = np.stack(np.meshgrid(s_axis, m_axis, indexing="ij"), axis=-1).reshape(-1, 2)
    on_grid = np.concatenate(
        [
            log_likelihood(counts, log_density(kernel, totals, survival(*part.T)))
            for part in np.split(nodes, range(chunk, len(nodes), chunk))
        ],
        axis=1,
    )
    if not np.isfinite(on_grid).all():
        raise ValueError("the likelihood is not finite on the grid: check the survival probability")

    replica, start = _starts(on_grid.reshape(-1, len(s_axis), len(m_axis)), s_axis, m_axis)
    expand = partial(
        _expand, kernel=floored_kernel(kernel, totals), totals=totals, survival=survival
    )
    theta, value = np.empty_like(start), np.empty(len(start))
    for first in range(0, len(start), chunk):
        part = slice(first, first + chunk)
        theta[part], value[part] = _climb(
            expand,
            counts[replica[part]],
            start[part],
            bounds=nodes[[0, -1]],
            max_step=np.array([s_axis[1] - s_axis[0], m_axis[1] - m_axis[0]]),
        )
    # The highest maximum of each replica: the last one in ascending order of value.
    order = np.lexsort((value, replica))
    highest = order[np.flatnonzero(np.diff(replica[order], append=len(counts)))]
    return theta[highest], value[highest]


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


def _expand(
    theta: Array, counts: Array, *, kernel: Array, totals: Array, survival: Survival
) -> tuple[Array, Array, Array]:
    """Log-likelihood (n,), gradient (n, 2) and Hessian (n, 2, 2) of n replicas, each at its own θ.

    They follow from the survival probability and its derivatives without further approximation.
    """
    offsets = np.array([[0, 0], [1, 0], [-1, 0], [0, 1], [0, -1], [1, 1], [-1, -1]])
    around = theta + (offsets * DERIVATIVE_STEPS)[:, np.newaxis]
    p = survival(*around.reshape(-1, 2).T).reshape(len(offsets), len(theta), -1)
    h_s, h_m = DERIVATIVE_STEPS
    p_s = (p[1] - p[2]) / (2 * h_s)
    p_m = (p[3] - p[4]) / (2 * h_m)
    p_ss = (p[1] - 2 * p[0] + p[2]) / h_s**2
    p_mm = (p[3] - 2 * p[0] + p[4]) / h_m**2
    p_sm = (p[5] + p[6] + 2 * p[0] - p[1:5].sum(axis=0)) / (2 * h_s * h_m)

    # ln L = Σ_k n_k ln(K P)_k - N ln(T P), with n_k the counts and N their sum.
    n_drawn = counts.sum(axis=1)
    expected, expected_s, expected_m = np.stack([p[0], p_s, p_m]) @ kernel.T
    total = p[0] @ totals
    value = np.vecdot(counts, np.log(expected)) - n_drawn * np.log(total)

    # Through d ln L / dP_j, a single product with K serves all derivatives of P.
    slope = (counts / expected) @ kernel - np.outer(n_drawn / total, totals)
    gradient = np.stack([np.vecdot(slope, p_s), np.vecdot(slope, p_m)], axis=1)

    expected_s /= expected
    expected_m /= expected
    total_s, total_m = p_s @ totals / total, p_m @ totals / total
    ss, sm, mm = (
        np.vecdot(slope, p_ij) - np.vecdot(counts, e_i * e_j) + n_drawn * t_i * t_j
        for p_ij, e_i, e_j, t_i, t_j in (
            (p_ss, expected_s, expected_s, total_s, total_s),
            (p_sm, expected_s, expected_m, total_s, total_m),
            (p_mm, expected_m, expected_m, total_m, total_m),
        )
    )
    hessian = np.stack([ss, sm, sm, mm], axis=1).reshape(-1, 2, 2)
    return value, gradient, hessian


def _climb(
    expand: Callable[[Array, Array], tuple[Array, Array, Array]],
    counts: Array,
    start: Array,
    *,
    bounds: Array,
    max_step: Array,
) -> tuple[Array, Array]:
    """Maximise from each start (n, 2), within bounds (2, 2), in steps of at most max_step (2,).

    Returns θ (n, 2) and the log-likelihood (n,). Lengths are in units of `max_step`, in which both
    parameters are of order one.
    """
    low, high = bounds
    theta = start.copy()
    value, gradient, hessian = expand(theta, counts)
    damping = np.ones(len(theta))
    for _ in range(MAX_STEPS):
        # A parameter stays on its bound while the likelihood rises outwards, or while the step, led
        # by the other parameter, would take it out.
        ascent, curvature = gradient * max_step, hessian * np.outer(max_step, max_step)
        fixed = _outward(theta, ascent, bounds)
        fixed |= _outward(theta, _newton_step(ascent, curvature, fixed), bounds)
        step = _newton_step(ascent, curvature, fixed)
        active = np.flatnonzero(np.vecdot(ascent, step) / 2 > GAIN_TOLERANCE)
        if active.size == 0:
            return theta, value
        origin, step = theta[active], step[active]
        # A step is shortened as a whole: with one component cut, it could lead downhill.
        step *= (damping[active] / np.maximum(1, abs(step).max(axis=1)))[:, np.newaxis] * max_step
        room = np.where(step > 0, high - origin, low - origin)
        share = np.divide(room, step, out=np.ones_like(step), where=abs(step) > abs(room))
        trial = origin + share.min(axis=1, keepdims=True) * step
        # Rounding must not leave a parameter just beside its bound.
        for bound in bounds:
            trial = np.where(abs(trial - bound) < 1e-9 * max_step, bound, trial)
        trial_value, trial_gradient, trial_hessian = expand(trial, counts[active])
        higher = trial_value > value[active]
        damping[active] = np.where(higher, 1, damping[active] / 4)
        moved = active[higher]
        theta[moved], value[moved] = trial[higher], trial_value[higher]
        gradient[moved], hessian[moved] = trial_gradient[higher], trial_hessian[higher]
    raise RuntimeError(f"{active.size} of {len(theta)} fits did not converge in {MAX_STEPS} steps")


def _newton_step(gradient: Array, hessian: Array, fixed: NDArray[np.bool_]) -> Array:
    """Newton step (n, 2) of the parameters that are not fixed.

    Where the likelihood is convex, its curvature counts with the opposite sign, so that the step
    always climbs.
    """
    free = ~fixed
    curvature, axes = np.linalg.eigh(hessian * (free[:, :, np.newaxis] & free[:, np.newaxis, :]))
    along = np.einsum("nij,ni->nj", axes, gradient * free)
    along = np.divide(along, abs(curvature), out=np.zeros_like(along), where=curvature != 0)
    return np.asarray(np.einsum("nij,nj->ni", axes, along))


def _outward(theta: Array, direction: Array, bounds: Array) -> NDArray[np.bool_]:
    """Which parameters (n, 2) lie on a bound that the direction (n, 2) points across."""
    low, high = bounds
    return np.asarray(((theta == low) & (direction < 0)) | ((theta == high) & (direction > 0)))
