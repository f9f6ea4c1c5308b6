"""Bootstrap of the far-detector sample, with a maximum-likelihood fit to every replica at once.

The parameters are theta = (sin²θ23, Δm²32). The likelihood is nearly symmetric in the octant of θ23,
so each replica is fitted twice, with sin²θ23 ≤ 0.5 and with sin²θ23 ≥ 0.5, and the better fit is its
estimate. Each fit takes the best node of a grid that all replicas share and follows the likelihood
from there with Newton steps, all replicas in the same matrix products.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from nd2fd.statistics.likelihood import (
    FloatArray,
    floored_kernel,
    log_density,
    log_likelihood,
)

Survival = Callable[[FloatArray, FloatArray], FloatArray]

DERIVATIVE_STEPS = np.array([1e-4, 1e-6])
"""Steps in sin²θ23 and in Δm²32 (eV²) for central differences of the survival probability.

The probability is almost exactly quadratic in sin²θ23, and 1e-6 eV² turns the phase at 0.5 GeV by
0.003, so truncation and rounding both shift the optimum by less than 1e-4 standard deviations.
"""

GAIN_TOLERANCE = 1e-8
"""Fits end when a Newton step would gain less log-likelihood: the optimum is 1e-4 standard deviations off."""

MAX_STEPS = 60

CHUNK_ELEMENTS = 2**21
"""Largest (theta, events) array handled in one piece: 16 MiB."""


@dataclass(frozen=True)
class ReplicaFits:
    """Maximum-likelihood estimates, one per replica.

    Attributes
    ----------
    sin2_theta23, dm2_32, log_likelihood : (n_replicas,)
        Best fit over both octants; Δm²32 in eV².
    at_boundary : (n_replicas,)
        Whether the best fit lies on the outer bound of either parameter.
    octant_sin2_theta23, octant_dm2_32, octant_log_likelihood : (n_replicas, 2)
        Best fit in the lower (sin²θ23 ≤ 0.5) and in the upper octant (sin²θ23 ≥ 0.5).
    """

    sin2_theta23: FloatArray
    dm2_32: FloatArray
    log_likelihood: FloatArray
    at_boundary: npt.NDArray[np.bool_]
    octant_sin2_theta23: FloatArray
    octant_dm2_32: FloatArray
    octant_log_likelihood: FloatArray

    @property
    def sin2_2theta23(self) -> FloatArray:
        """sin²2θ23 of the best fit over both octants."""
        return 4 * self.sin2_theta23 * (1 - self.sin2_theta23)


def bootstrap_counts(
    n_events: int, n_replicas: int, rng: np.random.Generator
) -> npt.NDArray[np.int64]:
    """Resample events with replacement.

    Parameters
    ----------
    n_events, n_replicas
        Size of the sample, which is also the size of each replica, and number of replicas. The first
        replicas do not depend on how many follow.
    rng
        Random stream.

    Returns
    -------
    (n_replicas, n_events)
        How often each replica holds each event; rows sum to ``n_events``.
    """
    drawn = rng.integers(n_events, size=(n_replicas, n_events))
    drawn += n_events * np.arange(n_replicas)[:, np.newaxis]
    counts = np.bincount(drawn.ravel(), minlength=n_replicas * n_events)
    return counts.reshape(n_replicas, n_events)


def fit_replicas(
    counts: npt.NDArray[np.number],
    kernel: FloatArray,
    totals: FloatArray,
    survival: Survival,
    *,
    sin2_theta23_range: tuple[float, float],
    dm2_32_range: tuple[float, float],
    grid_points: tuple[int, int],
) -> ReplicaFits:
    """Maximise the likelihood of every replica in sin²θ23 and Δm²32, octant by octant.

    Parameters
    ----------
    counts : (n_replicas, n_events)
        How often each replica holds each event. ``np.ones((1, n_events))`` fits the sample itself.
    kernel : (n_events, n_energy)
        Flux times bin width times the cross section at each event, as in `floored_kernel`.
    totals : (n_energy,)
        Flux times bin width times the total cross section.
    survival
        Function of sin²θ23 (n,) and Δm²32 (n,) in eV² that returns the survival probability
        (n, n_energy). Also called `DERIVATIVE_STEPS` outside the ranges.
    sin2_theta23_range
        Outer bounds, on either side of 0.5.
    dm2_32_range
        Bounds in eV².
    grid_points
        Grid nodes in sin²θ23 per octant, and in Δm²32. Nodes should lie closer than about one
        statistical standard deviation, so that the best node lies next to the global optimum.

    Raises
    ------
    ValueError
        If the ranges are not as described, an axis has fewer than three nodes, or as `floored_kernel`.
    RuntimeError
        If the fit of a replica does not converge.
    """
    s_low, s_high = sin2_theta23_range
    m_low, m_high = dm2_32_range
    if not 0 < s_low < 0.5 < s_high < 1:
        raise ValueError(f"sin2_theta23_range {sin2_theta23_range} does not hold 0.5 within (0, 1)")
    if not m_low < m_high:
        raise ValueError(f"dm2_32_range {dm2_32_range} does not ascend")
    if min(grid_points) < 3:
        raise ValueError(f"grid_points {grid_points} must be at least 3 on each axis")

    counts = np.asarray(counts, dtype=np.float64)
    floored = floored_kernel(kernel, totals)
    chunk = max(1, CHUNK_ELEMENTS // counts.shape[1])
    optimum = np.empty((len(counts), 2, 2))
    value = np.empty((len(counts), 2))
    for octant, (low, high) in enumerate([(s_low, 0.5), (0.5, s_high)]):
        s_axis = np.linspace(low, high, grid_points[0])
        m_axis = np.linspace(m_low, m_high, grid_points[1])
        nodes = np.stack(np.meshgrid(s_axis, m_axis, indexing="ij"), axis=-1).reshape(-1, 2)
        on_grid = [
            log_likelihood(counts, log_density(kernel, totals, survival(*part.T)))
            for part in np.split(nodes, range(chunk, len(nodes), chunk))
        ]
        replica, start = _starts(
            np.concatenate(on_grid, axis=1).reshape(-1, *grid_points), s_axis, m_axis
        )
        climbed = [
            _climb(
                partial(_expand, kernel=floored, totals=totals, survival=survival),
                counts[replica[part]],
                start[part],
                bounds=nodes[[0, -1]],
                max_step=np.array([s_axis[1] - s_axis[0], m_axis[1] - m_axis[0]]),
            )
            for part in np.split(np.arange(len(start)), range(chunk, len(start), chunk))
        ]
        theta, height = (np.concatenate(parts) for parts in zip(*climbed, strict=True))
        # In ascending order of likelihood, a replica keeps what is written to it last.
        order = np.argsort(height)
        optimum[replica[order], octant] = theta[order]
        value[replica[order], octant] = height[order]

    best = value.argmax(axis=1)
    replica = np.arange(len(counts))
    theta = optimum[replica, best]
    outer_bounds = np.array([[s_low, m_low], [s_high, m_high]])
    return ReplicaFits(
        sin2_theta23=theta[:, 0],
        dm2_32=theta[:, 1],
        log_likelihood=value[replica, best],
        at_boundary=(theta[:, np.newaxis] == outer_bounds).any(axis=(1, 2)),
        octant_sin2_theta23=optimum[:, :, 0],
        octant_dm2_32=optimum[:, :, 1],
        octant_log_likelihood=value,
    )


def _starts(
    on_grid: FloatArray, s_axis: FloatArray, m_axis: FloatArray
) -> tuple[npt.NDArray[np.intp], FloatArray]:
    """Points from which to climb, given the log-likelihoods (n_replicas, n_s, n_m) on the grid.

    Around maximal mixing the likelihood can have two maxima of almost equal height within one octant,
    so every local maximum of the profile in sin²θ23 is a start. Returns the replica (n_starts,) and
    theta (n_starts, 2) of each.
    """
    # Between the nodes in Δm²32, the profile is the vertex of the parabola through the highest three.
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
    start = [s_axis[s_node], np.interp(m_node, np.arange(len(m_axis)), m_axis)]
    return replica, np.stack(start, axis=1)


def _expand(
    theta: FloatArray,
    counts: FloatArray,
    *,
    kernel: FloatArray,
    totals: FloatArray,
    survival: Survival,
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Log-likelihood of each replica at its own theta, with gradient and Hessian.

    theta is (n, 2) and counts (n, n_events); the results are (n,), (n, 2) and (n, 2, 2). The
    derivatives follow exactly from those of the survival probability.
    """
    n = len(theta)
    # Centre, one step each way along each axis, one step each way along the diagonal.
    offsets = np.array([[0, 0], [1, 0], [-1, 0], [0, 1], [0, -1], [1, 1], [-1, -1]])
    around = theta + (offsets * DERIVATIVE_STEPS)[:, np.newaxis]
    p = survival(*around.reshape(-1, 2).T).reshape(len(offsets), n, -1)
    h_s, h_m = DERIVATIVE_STEPS
    p_s, p_m = (p[1] - p[2]) / (2 * h_s), (p[3] - p[4]) / (2 * h_m)
    p_ss, p_mm = (p[1] - 2 * p[0] + p[2]) / h_s**2, (p[3] - 2 * p[0] + p[4]) / h_m**2
    p_sm = (p[5] + p[6] + 2 * p[0] - p[1:5].sum(axis=0)) / (2 * h_s * h_m)

    # ln L = Σ_k n_k ln (K P)_k - N ln (T P), first through its derivative with respect to each P_j.
    n_events = counts.sum(axis=1)
    expected, scores_s, scores_m = np.stack([p[0], p_s, p_m]) @ kernel.T
    total = p[0] @ totals
    value = np.einsum("rk,rk->r", counts, np.log(expected)) - n_events * np.log(total)
    slope = (counts / expected) @ kernel - np.outer(n_events / total, totals)
    gradient = np.stack([np.einsum("rj,rj->r", slope, d) for d in (p_s, p_m)], axis=1)
    second = [np.einsum("rj,rj->r", slope, d) for d in (p_ss, p_sm, p_sm, p_mm)]
    hessian = np.stack(second, axis=1).reshape(n, 2, 2)

    scores_s /= expected
    scores_m /= expected
    scores = (scores_s, scores_m)
    total_scores = (p_s @ totals / total, p_m @ totals / total)
    for i, j in ((0, 0), (0, 1), (1, 0), (1, 1)):
        hessian[:, i, j] -= np.einsum("rk,rk,rk->r", counts, scores[i], scores[j])
        hessian[:, i, j] += n_events * total_scores[i] * total_scores[j]
    return value, gradient, hessian


def _newton_step(
    gradient: FloatArray, hessian: FloatArray, fixed: npt.NDArray[np.bool_]
) -> tuple[FloatArray, FloatArray]:
    """Ascent step (n, 2) of the free parameters, and the log-likelihood (n,) it should gain.

    Along a direction in which the likelihood is convex the curvature counts by its size, so that the
    step always climbs.
    """
    free = ~fixed
    gradient = np.where(free, gradient, 0)
    hessian = np.where(free[:, :, np.newaxis] & free[:, np.newaxis, :], hessian, 0)
    curvature, axes = np.linalg.eigh(hessian)
    along = np.einsum("rij,ri->rj", axes, gradient)
    along = np.divide(along, abs(curvature), out=np.zeros_like(along), where=curvature != 0)
    step = np.einsum("rij,rj->ri", axes, along)
    return step, np.einsum("ri,ri->r", gradient, step) / 2


def _climb(
    expand: Callable[[FloatArray, FloatArray], tuple[FloatArray, FloatArray, FloatArray]],
    counts: FloatArray,
    start: FloatArray,
    *,
    bounds: FloatArray,
    max_step: FloatArray,
) -> tuple[FloatArray, FloatArray]:
    """Maximise within ``bounds`` (2, 2), by steps of at most ``max_step`` (2,); replicas side by side.

    Returns the optima (n, 2) and the log-likelihoods (n,). Steps are taken in units of ``max_step``,
    where both parameters are of order one.
    """
    low, high = bounds
    theta = start.copy()
    value, gradient, hessian = expand(theta, counts)
    damping = np.ones(len(theta))
    for _ in range(MAX_STEPS):
        scaled_gradient = gradient * max_step
        scaled_hessian = hessian * np.outer(max_step, max_step)
        # A parameter on a bound stays there while the likelihood rises outwards, or while the step
        # of the other parameter would take it out.
        fixed = _outward(theta, scaled_gradient, bounds)
        step, _gain = _newton_step(scaled_gradient, scaled_hessian, fixed)
        fixed |= _outward(theta, step, bounds)
        step, gain = _newton_step(scaled_gradient, scaled_hessian, fixed)
        active = np.flatnonzero(gain > GAIN_TOLERANCE)
        if active.size == 0:
            return theta, value
        origin, step = theta[active], step[active]
        # Shorten the step as a whole: cutting single components could turn it downhill.
        step *= (damping[active] / np.maximum(1, abs(step).max(axis=1)))[:, np.newaxis]
        step *= max_step
        room = np.where(step > 0, high - origin, low - origin)
        share = np.divide(room, step, out=np.ones_like(step), where=abs(step) > abs(room))
        trial = origin + share.min(axis=1, keepdims=True) * step
        trial = np.where(abs(trial - low) < 1e-9 * max_step, low, trial)
        trial = np.where(abs(trial - high) < 1e-9 * max_step, high, trial)
        trial_value, trial_gradient, trial_hessian = expand(trial, counts[active])
        higher = trial_value > value[active]
        damping[active] = np.where(higher, 1, damping[active] / 4)
        moved = active[higher]
        theta[moved], value[moved] = trial[higher], trial_value[higher]
        gradient[moved], hessian[moved] = trial_gradient[higher], trial_hessian[higher]
    raise RuntimeError(f"{active.size} of {len(theta)} fits did not converge in {MAX_STEPS} steps")


def _outward(theta: FloatArray, direction: FloatArray, bounds: FloatArray) -> npt.NDArray[np.bool_]:
    """Which parameters (n, 2) lie on a bound that the direction (n, 2) points across."""
    low, high = bounds
    return ((theta == low) & (direction < 0)) | ((theta == high) & (direction > 0))
