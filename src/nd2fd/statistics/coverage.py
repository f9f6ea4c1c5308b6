"""Coverage: how often a region contains the truth in pseudo-experiments.

A member is asked about the true point only: whether it lies in the member's regions, by the
functions that draw them, with densities by a faster sum. The region of an ensemble contains the
truth in an experiment if enough members do (`nd2fd.statistics.regions.ensemble_mask`).
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from nd2fd.statistics.binned_sum import binned_sum
from nd2fd.statistics.ensemble import MAXIMAL_MIXING, N_SIGMAS
from nd2fd.statistics.regions import ensemble_mask, member_masks

Array = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

_ROUNDING = 1e-6

_MEMBERS_TOGETHER = 8
"""Members whose densities are estimated side by side; what they need stays in the cache."""

REGIONS = ("both", "sin2_2theta23", "dm2_32")
"""The two-dimensional region, and the intervals of either parameter."""


def contains_truth(replicas: Array, truth: Array) -> BoolArray:
    """Whether the regions of members contain the truth.

    Parameters
    ----------
    replicas
        Bootstrap estimates of (sin²2θ23, Δm²32), shape (n_members, n_replicas, 2).
    truth
        The true point, shape (2,).

    Returns
    -------
    ndarray, shape (n_members, len(N_SIGMAS), len(REGIONS))
    """
    mixing, mass = truth[:1], truth[1:]
    found = []
    for first in range(0, len(replicas), _MEMBERS_TOGETHER):
        part = replicas[first : first + _MEMBERS_TOGETHER]
        both = _masks(part, [mixing, mass], MAXIMAL_MIXING)[..., 0, 0]
        in_mixing = _masks(part[..., :1], [mixing], MAXIMAL_MIXING)[..., 0]
        in_mass = _masks(part[..., 1:], [mass], None)[..., 0]
        found.append(np.stack([both, in_mixing, in_mass], axis=2))
    return np.concatenate(found)


def _masks(replicas: Array, axes: Sequence[Array], upper_limit: float | None) -> BoolArray:
    return member_masks(replicas, axes, N_SIGMAS, upper_limit, kernel_sum=binned_sum)


def ensemble_contains(contained: BoolArray) -> BoolArray:
    """Whether the ensemble's regions contain the truth.

    `contained` is `contains_truth` of all members, shape (…, n_members, n_levels, n_regions);
    returns (…, n_levels, n_regions).
    """
    fraction = contained.mean(axis=-3)
    return np.stack(
        [ensemble_mask(fraction[..., i, :], n) for i, n in enumerate(N_SIGMAS)], axis=-2
    )


def redrawn_members(contained: BoolArray, rng: np.random.Generator) -> BoolArray:
    """Another ensemble for every experiment: its members drawn with replacement.

    One ensemble serves all experiments, and its own fluctuation with it. Drawing its members anew
    stands for training a new ensemble. Shape in and out: (n_experiments, n_members, …).
    """
    n_experiments, n_members = contained.shape[:2]
    drawn = rng.integers(n_members, size=(n_experiments, n_members))
    return contained[np.arange(n_experiments)[:, None], drawn]


def wilson_interval(fraction: Array, n: int) -> Array:
    """Wilson's 68 % interval of a binomial probability (J. Am. Stat. Assoc. 22 (1927) 209).

    `fraction` of `n` were successes, in any shape; the result has the lower and the upper edge
    along a first dimension of two. Unlike the standard error it is not zero where all or none of
    `n` were successes.
    """
    centre = (fraction + 0.5 / n) / (1 + 1 / n)
    half_width = np.sqrt(fraction * (1 - fraction) / n + 0.25 / n**2) / (1 + 1 / n)
    return np.stack([centre - half_width, centre + half_width])


def at_physical_limit(sin2_2theta23: Array) -> NDArray[np.bool_]:
    """Whether fits end at maximal mixing, up to the rounding of the minimiser; in their shape."""
    return sin2_2theta23 > MAXIMAL_MIXING - _ROUNDING
