"""Confidence regions and intervals of an ensemble in the oscillation parameters."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from nd2fd.io.schemas.fits import Fits, Intervals
from nd2fd.statistics.octants import sin2_2theta
from nd2fd.statistics.regions import (
    ensemble_fraction,
    ensemble_margin,
    ensemble_mask,
    intervals_from_mask,
    member_margins,
)

Array = NDArray[np.float64]

N_SIGMAS = (1.0, 2.0)
MAXIMAL_MIXING = 1.0
"""Physical limit of sin²2θ23."""

_FINE_POINTS = 4001
"""Points of the axis on which an interval's edges are found."""


def octant_weights(best_log_likelihood: Array, sin2_theta23: Array) -> Array:
    """How much a replica's fit in either octant counts, together one.

    By the likelihood of the data in each octant, not of the replica: the replicas of one data set
    share its small difference, so that nearly all would choose the same octant where the data
    decide nothing. A fit that ends at maximal mixing is no solution of its own if there is one in
    the other octant.

    Parameters
    ----------
    best_log_likelihood
        ln L of the data, best fit in either octant, shape (n_members, 2).
    sin2_theta23
        Fits of the replicas, shape (n_members, n_replicas, 2).

    Returns
    -------
    ndarray, shape (n_members, n_replicas, 2)
    """
    of_data = np.exp(best_log_likelihood - best_log_likelihood.max(axis=1, keepdims=True))
    solution = sin2_theta23 != 0.5
    solution |= ~solution.any(axis=2, keepdims=True)
    weights = of_data[:, np.newaxis] * solution
    # An octant that the data exclude may be the only one with a solution.
    weights = np.where(weights.any(axis=2, keepdims=True), weights, solution)
    return np.asarray(weights / weights.sum(axis=2, keepdims=True))


def ensemble_region(
    members: Array,
    axes: Sequence[Array],
    upper_limit: float | None,
    weights: Array | None = None,
) -> tuple[Array, NDArray[np.bool_], Array]:
    """Fraction of member regions that contain each grid point, and the ensemble's regions.

    The margin says how far inside a point is (`nd2fd.statistics.regions.ensemble_margin`): its zero
    line is the smooth border of the mask.

    Parameters
    ----------
    members
        Bootstrap estimates of each member, shape (n_members, n_replicas, n_dim).
    axes
        Grid axes, one per parameter.
    upper_limit
        Physical limit of the first parameter.
    weights
        How much each estimate counts, shape (n_members, n_replicas); None: all the same.

    Returns
    -------
    fraction, mask, margin
        Shape (len(N_SIGMAS), *shape of the grid).
    """
    of_members = [None] * len(members) if weights is None else list(weights[:, np.newaxis])
    # Half the memory; no margin but zero is so small that its sign would be lost.
    margins = np.stack(
        [
            member_margins(m, axes, N_SIGMAS, upper_limit, w)[0].astype(np.float32)
            for m, w in zip(members[:, np.newaxis], of_members, strict=True)
        ]
    )
    fraction = ensemble_fraction(margins >= 0)
    regions = [ensemble_mask(f, n) for f, n in zip(fraction, N_SIGMAS, strict=True)]
    margin = [ensemble_margin(margins[:, level], n) for level, n in enumerate(N_SIGMAS)]
    return fraction, np.stack(regions), np.stack(margin).astype(np.float64)


def ensemble_intervals(
    members: Array,
    low: float,
    high: float,
    upper_limit: float | None = None,
    weights: Array | None = None,
) -> Iterator[list[tuple[float, float]]]:
    """Intervals of one parameter, possibly several, at each of `N_SIGMAS`.

    `members` are bootstrap estimates, shape (n_members, n_replicas), looked at in [low, high];
    `weights`, in the same shape, say how much each counts.
    """
    axis = np.linspace(low, high, _FINE_POINTS)
    _, masks, _ = ensemble_region(members[:, :, None], [axis], upper_limit, weights)
    for mask in masks:
        yield intervals_from_mask(axis, mask)


def hull(intervals: Sequence[tuple[float, float]], low: float, high: float) -> tuple[float, float]:
    """Lowest and highest edge of the intervals within [low, high]; NaN if nothing is there."""
    parts = [(max(a, low), min(b, high)) for a, b in intervals if a < high and b > low]
    if not parts:
        return float("nan"), float("nan")
    return parts[0][0], parts[-1][1]


def regions_of_ensemble(
    fits: Fits,
    sin2_theta23: tuple[float, float],
    dm2_32: tuple[float, float],
    n_points: int,
) -> Intervals:
    """Regions and intervals of all members of an ensemble.

    Parameters
    ----------
    fits
        Of all members.
    sin2_theta23, dm2_32
        Ranges of the fits, Δm²32 in eV²: ends of the axes.
    n_points
        Points per axis.
    """
    n_members = len(fits.octant_sin2_theta23)
    weights = octant_weights(fits.best_octant_log_likelihood, fits.octant_sin2_theta23)
    theta, octant_mass, weights = (
        values.reshape(n_members, -1)
        for values in (fits.octant_sin2_theta23, fits.octant_dm2_32, weights)
    )
    mixing, mass = fits.sin2_2theta23, fits.dm2_32
    mixing_low = min(map(sin2_2theta, sin2_theta23))
    theta_axis = np.linspace(*sin2_theta23, n_points)
    mixing_axis = np.linspace(mixing_low, MAXIMAL_MIXING, n_points)
    mass_axis = np.linspace(*dm2_32, n_points)
    fraction, mask, margin = ensemble_region(
        np.stack([mixing, mass], axis=2), [mixing_axis, mass_axis], MAXIMAL_MIXING
    )
    octant_fraction, octant_mask, octant_margin = ensemble_region(
        np.stack([theta, octant_mass], axis=2), [theta_axis, mass_axis], None, weights
    )
    in_theta = list(ensemble_intervals(theta, *sin2_theta23, weights=weights))
    in_mixing = list(ensemble_intervals(mixing, mixing_low, MAXIMAL_MIXING, MAXIMAL_MIXING))
    in_mass = list(ensemble_intervals(mass, *dm2_32))
    octants = ((sin2_theta23[0], 0.5), (0.5, sin2_theta23[1]))
    return Intervals(
        n_sigma=np.array(N_SIGMAS),
        sin2_2theta23=mixing_axis,
        sin2_theta23=theta_axis,
        dm2_32=mass_axis,
        member_fraction=fraction,
        mask=mask,
        margin=margin,
        octant_member_fraction=octant_fraction,
        octant_mask=octant_mask,
        octant_margin=octant_margin,
        interval_sin2_2theta23=np.array([hull(i, mixing_low, MAXIMAL_MIXING) for i in in_mixing]),
        interval_dm2_32=np.array([hull(i, *dm2_32) for i in in_mass]),
        interval_sin2_theta23=np.array([[hull(i, *o) for o in octants] for i in in_theta]),
    )
