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
BoolArray = NDArray[np.bool_]

_CLEARLY_LOWER = 8.0
"""A maximum of the mean log-likelihood that is lower by this much is not a member's best fit."""

_GAIN_TOLERANCE = 1e-6
"""A fit ends when the next step would add less log-likelihood: 0.0014 standard deviations away."""

_ORDER, _REACH = 8, 10.0
"""Of the Taylor series, and how many steps of the grid of starts it is relied on: up to there it is
wrong by less than `_GAIN_TOLERANCE` lets a fit be (docs/studies/coverage.md)."""

_STEPS = 4
"""Newton steps on the series. The few searches that need more are made without it."""

_WORTH_A_SERIES = 20
"""Members; with fewer of them the series take longer than they save."""

_SAMPLES_TOGETHER = 40
"""Samples whose searches on series go on side by side; what they need stays in the cache."""

_SEARCHES_TOGETHER = 4000
"""The same of searches without."""


def fit_members(weights: Array, polynomials: Polynomials, octant: Octant) -> Array:
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
    of_samples = fit_octant(weights.mean(axis=0), polynomials, octant)
    means = weights.mean(axis=1)
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
        series = polynomials.taylor(centre[:, 0], _ORDER, unit)
        terms = (series @ weights[:, part].transpose(1, 2, 0)).swapaxes(0, 1)
        limits = ((bounds[:, np.newaxis, np.newaxis] - centre) / unit).transpose(3, 0, 1, 2)
        away, found[part] = _maxima(
            np.ascontiguousarray(terms), (start[part] - centre) / unit, limits
        )
        theta[part] = np.clip(centre + away * unit, *bounds)
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
        alone = weights[:, several].transpose(1, 0, 2).reshape(-1, n_polynomials)
        theta[several] = fit_octant(alone, polynomials, octant).theta.reshape(-1, n_members, 2)
    return np.ascontiguousarray(theta.transpose(1, 0, 2))


def _maxima(terms: Array, start: Array, limits: Array) -> tuple[Array, BoolArray]:
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
        for _ in range(_STEPS):
            at = _slopes(terms, s, m)
            step = _step(at, s, s_low, s_high)
            s += step[0]
            m += step[1]
        at = _slopes(terms, s, m)
        left = _step(at, s, s_low, s_high)
        gain = 0.5 * (left[0] * at.by_s + left[1] * at.by_m)
        found = (gain < _GAIN_TOLERANCE) & (at.by_mm < 0.0)
        found &= _held(at, s, s_low, s_high) | (at.determinant > 0.0)
        found &= (np.abs(s) < _REACH) & (np.abs(m) < _REACH) & (m > m_low) & (m < m_high)
    return np.stack([s, m], axis=2), found


class _Slopes(NamedTuple):
    """First and second derivatives."""

    by_s: Array
    by_m: Array
    by_ss: Array
    by_sm: Array
    by_mm: Array

    @property
    def determinant(self) -> Array:
        return self.by_ss * self.by_mm - self.by_sm**2


def _slopes(terms: Array, s: Array, m: Array) -> _Slopes:
    """Of polynomials with these terms, by Horner's scheme in both parameters."""
    rows: dict[int, list[Array]] = {}
    for (i, _), term in zip(taylor_powers(_ORDER), terms, strict=True):
        rows.setdefault(i, []).append(term)
    # Derivatives by s: of the sum itself twice, of its slope by m once.
    value, by_s, half_by_ss, by_m, by_sm, half_by_mm = np.zeros((6, *s.shape))
    for i in range(_ORDER, -1, -1):
        of_row = [np.zeros_like(s) for _ in range(3)]
        for term in reversed(rows[i]):
            _horner(of_row, m, term)
        _horner([value, by_s, half_by_ss], s, of_row[0])
        _horner([by_m, by_sm], s, of_row[1])
        _horner([half_by_mm], s, of_row[2])
    return _Slopes(by_s, by_m, 2.0 * half_by_ss, by_sm, 2.0 * half_by_mm)


def _horner(derivatives: list[Array], x: Array, term: Array) -> None:
    """One step of a polynomial's value and derivatives, the k-th by k!, in place."""
    for k in range(len(derivatives) - 1, -1, -1):
        derivatives[k] *= x
        derivatives[k] += derivatives[k - 1] if k else term


def _held(at: _Slopes, s: Array, low: Array, high: Array) -> BoolArray:
    """Where sin²θ23 is at a limit that the slope leads across."""
    return np.asarray(((s >= high) & (at.by_s > 0.0)) | ((s <= low) & (at.by_s < 0.0)))


def _step(at: _Slopes, s: Array, low: Array, high: Array) -> tuple[Array, Array]:
    """Newton step; where sin²θ23 ends at a limit, Δm²32 goes where it is best there."""
    in_s = (at.by_sm * at.by_m - at.by_mm * at.by_s) / at.determinant
    in_s = np.where(_held(at, s, low, high), 0.0, in_s)
    in_s = np.clip(s + in_s, low, high) - s
    return in_s, -(at.by_m + at.by_sm * in_s) / at.by_mm
