"""Maximum-likelihood fits of the same samples with many members.

Members differ by more than samples do, but they move the best fits of all samples alike. So each
sample is fitted once with the mean of the members' log-likelihoods, and each member once with the
mean of the samples'. A search for the best fit of a sample with a member begins at the sample's,
moved by what the member's differs from the mean's: some tenth of a standard deviation from the end.
It is made on the Taylor series about the sample's best fit, of all members in one product.
"""

from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nd2fd.statistics.bootstrap import climb, expand, fit_octant, largest_step, octant_bounds
from nd2fd.statistics.octants import Octant
from nd2fd.statistics.polynomials import Polynomials, taylor_powers

Array = NDArray[np.float64]
Single = NDArray[np.float32]
Real = NDArray[np.floating]
BoolArray = NDArray[np.bool_]

_CLEARLY_LOWER = 8.0
"""A maximum of the mean log-likelihood that is lower by this much is not a member's best fit."""

_GAIN_TOLERANCE = 1e-6
"""A fit ends when the next step would add less log-likelihood: 0.0014 standard deviations away."""

_ORDER, _REACH = 8, 10.0
"""Of the Taylor series, and how many steps of the grid of starts it is relied on: up to there it is
wrong by less than `_GAIN_TOLERANCE` lets a fit be (docs/studies/coverage.md)."""

_STEPS = (4, 4, _ORDER, _ORDER)
"""Newton steps on the series, each on its terms up to an order: far from the maximum few will do.
The few searches that need more steps are made without it."""

_WORTH_A_SERIES = 20
"""Members; with fewer of them the series take longer than they save."""

_SAMPLES_TOGETHER = 125
"""Samples whose searches on series go on side by side; what they need stays in the cache."""

_SEARCHES_TOGETHER = 4000
"""The same of searches without."""


def fit_members(weights: Real, polynomials: Polynomials, octant: Octant) -> Array:
    """Best fits of samples in an octant, with each member.

    Parameters
    ----------
    weights
        Of the polynomials in the log-likelihood, shape (n_members, n_samples, n_polynomials).
    polynomials, octant
        As for `nd2fd.statistics.bootstrap.fit_octant`.

    Returns
    -------
    ndarray, shape (n_members, n_samples, 2)
        sin²θ23 and Δm²32 [eV²].

    Raises
    ------
    RuntimeError
        A search does not converge.
    """
    n_members, n_samples, n_polynomials = weights.shape
    of_samples = fit_octant(weights.mean(axis=0, dtype=np.float64), polynomials, octant)
    means = weights.mean(axis=1, dtype=np.float64)
    of_members = fit_octant(np.vstack([means, means.mean(axis=0)]), polynomials, octant).theta
    bounds = octant_bounds(polynomials.bounds, octant)
    unit = largest_step(bounds)
    moved = of_members[:-1] - of_members[-1]
    # All that follows is of samples first, then of members.
    start = np.clip(of_samples.theta[:, np.newaxis] + moved, *bounds)
    theta, found = np.empty_like(start), np.zeros(start.shape[:2], dtype=np.bool_)
    for first in range(0, n_samples if n_members >= _WORTH_A_SERIES else 0, _SAMPLES_TOGETHER):
        part = slice(first, first + _SAMPLES_TOGETHER)
        centre = of_samples.theta[part, np.newaxis]
        series = polynomials.taylor(centre[:, 0], _ORDER, unit).astype(np.float32)
        terms = series @ weights[:, part].transpose(1, 2, 0).astype(np.float32, copy=False)
        limits = ((bounds[:, np.newaxis, np.newaxis] - centre) / unit).transpose(3, 0, 1, 2)
        away, found[part] = _maxima(
            np.ascontiguousarray(terms.swapaxes(0, 1)),
            ((start[part] - centre) / unit).astype(np.float32),
            limits.astype(np.float32),
        )
        theta[part] = _within(centre + away * unit, bounds, unit)
    left = np.argwhere(~found)
    flat = polynomials.coefficients.reshape(n_polynomials, -1)
    for first in range(0, len(left), _SEARCHES_TOGETHER):
        sample, member = left[first : first + _SEARCHES_TOGETHER].T
        functions = weights[member, sample] @ flat
        theta[sample, member], _ = climb(
            partial(expand, polynomials=polynomials),
            functions.reshape(-1, *polynomials.coefficients.shape[1:]),
            start[sample, member],
            bounds=bounds,
            max_step=unit,
            gain_tolerance=_GAIN_TOLERANCE,
        )
    # Where there are several maxima a search from one start may end at the wrong one.
    several = of_samples.value - of_samples.runner_up < _CLEARLY_LOWER
    if several.any():
        alone = weights[:, several].transpose(1, 0, 2).reshape(-1, n_polynomials).astype(np.float64)
        theta[several] = fit_octant(alone, polynomials, octant).theta.reshape(-1, n_members, 2)
    return np.ascontiguousarray(theta.transpose(1, 0, 2))


def _maxima(terms: Single, start: Single, limits: Single) -> tuple[Single, BoolArray]:
    """Maxima of Taylor series, after a fixed number of Newton steps.

    Parameters
    ----------
    terms
        Coefficients, shape (n_terms, n_samples, n_members).
    start
        Where searches begin, in units of the series, shape (n_samples, n_members, 2).
    limits
        The same of the least and largest values of either parameter, shape (2, 2, n_samples, 1).

    Returns
    -------
    away
        Where they end, as `start`.
    found
        Whether that is a maximum, shape (n_samples, n_members).
    """
    s, m = np.ascontiguousarray(np.moveaxis(start, 2, 0))
    (s_low, s_high), (m_low, m_high) = limits
    with np.errstate(all="ignore"):
        # Where there is no maximum, searches may end anywhere.
        for order in _STEPS:
            at = _slopes(terms, s, m, order)
            step = _step(at, s, s_low, s_high)
            s += step[0]
            m += step[1]
        at = _slopes(terms, s, m, _ORDER)
        left = _step(at, s, s_low, s_high)
        gain = 0.5 * (left[0] * at.by_s + left[1] * at.by_m)
        found = (gain < _GAIN_TOLERANCE) & (at.by_mm < 0.0)
        found &= _held(at, s, s_low, s_high) | (at.determinant > 0.0)
        found &= (np.abs(s) < _REACH) & (np.abs(m) < _REACH) & (m > m_low) & (m < m_high)
    return np.stack([s, m], axis=2), found


class _Slopes(NamedTuple):
    """First and second derivatives."""

    by_s: Single
    by_m: Single
    by_ss: Single
    by_sm: Single
    by_mm: Single

    @property
    def determinant(self) -> Single:
        return self.by_ss * self.by_mm - self.by_sm**2


def _within(theta: Array, bounds: Array, unit: Array) -> Array:
    """θ within bounds (2, 2), and on them where single precision may have left it just beside."""
    for bound in bounds:
        theta = np.where(np.abs(theta - bound) < 1e-5 * unit, bound, theta)
    return np.clip(theta, *bounds)


def _slopes(terms: Single, s: Single, m: Single, order: int) -> _Slopes:
    """Of polynomials with these terms, up to an order, by Horner's scheme in both parameters."""
    rows: dict[int, list[Single]] = {}
    for (i, j), term in zip(taylor_powers(_ORDER), terms, strict=True):
        if i + j <= order:
            rows.setdefault(i, []).append(term)
    # Derivatives by s: of the sum itself twice, of its slope by m once.
    value, by_s, half_by_ss, by_m, by_sm, half_by_mm = np.zeros((6, *s.shape), s.dtype)
    for i in range(order, -1, -1):
        of_row = [np.zeros_like(s) for _ in range(3)]
        for term in reversed(rows[i]):
            _horner(of_row, m, term)
        _horner([value, by_s, half_by_ss], s, of_row[0])
        _horner([by_m, by_sm], s, of_row[1])
        _horner([half_by_mm], s, of_row[2])
    return _Slopes(by_s, by_m, 2.0 * half_by_ss, by_sm, 2.0 * half_by_mm)


def _horner(derivatives: list[Single], x: Single, term: Single) -> None:
    """One step of a polynomial's value and derivatives, the k-th by k!, in place."""
    for k in range(len(derivatives) - 1, -1, -1):
        derivatives[k] *= x
        derivatives[k] += derivatives[k - 1] if k else term


def _held(at: _Slopes, s: Single, low: Single, high: Single) -> BoolArray:
    """Where sin²θ23 is at a limit that the slope leads across."""
    return np.asarray(((s >= high) & (at.by_s > 0.0)) | ((s <= low) & (at.by_s < 0.0)))


def _step(at: _Slopes, s: Single, low: Single, high: Single) -> tuple[Single, Single]:
    """Newton step; where sin²θ23 ends at a limit, Δm²32 goes where it is best there."""
    in_s = (at.by_sm * at.by_m - at.by_mm * at.by_s) / at.determinant
    in_s = np.where(_held(at, s, low, high), 0.0, in_s)
    in_s = np.clip(s + in_s, low, high) - s
    in_m = -(at.by_m + at.by_sm * in_s) / at.by_mm
    return np.asarray(in_s, np.float32), np.asarray(in_m, np.float32)
