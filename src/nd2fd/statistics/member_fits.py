"""Maximum-likelihood fits of the same samples with many members.

Members differ by more than samples do, but they move the best fits of all samples alike. So each
sample is fitted once with the mean of the members' log-likelihoods, and each member once with the
mean of the samples'. A search for the best fit of a sample with a member begins at the sample's,
moved by what the member's differs from the mean's: some tenth of a standard deviation from the end.
"""

from functools import partial

import numpy as np
from numpy.typing import NDArray

from nd2fd.statistics.bootstrap import (
    climb,
    expand,
    fit_octant,
    largest_step,
    octant_bounds,
)
from nd2fd.statistics.octants import Octant
from nd2fd.statistics.polynomials import Polynomials

Array = NDArray[np.float64]

_CLEARLY_LOWER = 8.0
"""A maximum of the mean log-likelihood that is lower by this much is not a member's best fit."""

_GAIN_TOLERANCE = 1e-6
"""A fit ends when the next step would add less log-likelihood: 0.0014 standard deviations away."""

_MEMBERS_TOGETHER = 4
"""Members whose searches go on side by side; what they need stays in the cache."""


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
    start = np.clip(of_samples.theta + (of_members[:-1] - of_members[-1])[:, np.newaxis], *bounds)
    theta = np.empty_like(start)
    for first in range(0, n_members, _MEMBERS_TOGETHER):
        part = slice(first, first + _MEMBERS_TOGETHER)
        functions = np.tensordot(weights[part], polynomials.coefficients, axes=1)
        tops, _ = climb(
            partial(expand, polynomials=polynomials),
            functions.reshape(-1, *functions.shape[2:]),
            start[part].reshape(-1, 2),
            bounds=bounds,
            max_step=largest_step(bounds),
            gain_tolerance=_GAIN_TOLERANCE,
        )
        theta[part] = tops.reshape(-1, n_samples, 2)
    # Where there are several maxima a search from one start may end at the wrong one.
    several = of_samples.value - of_samples.runner_up < _CLEARLY_LOWER
    if several.any():
        alone = weights[:, several].reshape(-1, n_polynomials)
        theta[:, several] = fit_octant(alone, polynomials, octant).theta.reshape(n_members, -1, 2)
    return theta
