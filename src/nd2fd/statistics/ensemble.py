"""Confidence regions and intervals of an ensemble in the oscillation parameters."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from nd2fd.statistics.regions import (
    ensemble_fraction,
    ensemble_mask,
    intervals_from_mask,
    member_masks,
)

Array = NDArray[np.float64]

N_SIGMAS = (1.0, 2.0)
MAXIMAL_MIXING = 1.0
"""Physical limit of sin²2θ23."""

_FINE_POINTS = 4001
"""Points of the axis on which an interval's edges are found."""


def better_octant(values: Array, octant_log_likelihood: Array) -> Array:
    """Values (…, 2) in the octant that fits each replica better, shape (…,)."""
    best = octant_log_likelihood.argmax(axis=-1)
    return np.take_along_axis(values, best[..., None], axis=-1)[..., 0]


def ensemble_region(
    members: Array, axes: Sequence[Array], upper_limit: float | None
) -> tuple[Array, NDArray[np.bool_]]:
    """Fraction of member regions that contain each grid point, and the ensemble's regions.

    Parameters
    ----------
    members
        Bootstrap estimates of each member, shape (n_members, n_replicas, n_dim).
    axes
        Grid axes, one per parameter.
    upper_limit
        Physical limit of the first parameter.

    Returns
    -------
    fraction, mask
        Shape (len(N_SIGMAS), *shape of the grid).
    """
    masks = np.stack([member_masks(m, axes, N_SIGMAS, upper_limit) for m in members])
    fraction = ensemble_fraction(masks)
    regions = [ensemble_mask(f, n) for f, n in zip(fraction, N_SIGMAS, strict=True)]
    return fraction, np.stack(regions)


def ensemble_intervals(
    members: Array, low: float, high: float, upper_limit: float | None = None
) -> Iterator[list[tuple[float, float]]]:
    """Intervals of one parameter, possibly several, at each of `N_SIGMAS`.

    `members` are bootstrap estimates, shape (n_members, n_replicas), looked at in [low, high].
    """
    axis = np.linspace(low, high, _FINE_POINTS)
    _, masks = ensemble_region(members[:, :, None], [axis], upper_limit)
    for mask in masks:
        yield intervals_from_mask(axis, mask)


def hull(intervals: Sequence[tuple[float, float]], low: float, high: float) -> tuple[float, float]:
    """Lowest and highest edge of the intervals within [low, high]; NaN if nothing is there."""
    parts = [(max(a, low), min(b, high)) for a, b in intervals if a < high and b > low]
    if not parts:
        return float("nan"), float("nan")
    return parts[0][0], parts[-1][1]
