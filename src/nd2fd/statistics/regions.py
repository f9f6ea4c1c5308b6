"""Confidence regions of one member, and of an ensemble of members.

The region of a member at n standard deviations is the highest-density region of its bootstrap
replicas with mass erf(n/√2). A kernel density estimate gives its shape only; the replicas
themselves set its size, so that the kernel does not inflate it. Replicas may have weights, such as
fits in either octant by how well the octant fits the data.

The region of an ensemble holds every point that at least a fraction ½ (1 − erf(n/√2)) of the member
regions contain: 15.9 % at n = 1, 2.3 % at n = 2. For one parameter with Gaussian members of width
σ_stat, whose centres scatter by σ_sys, its half-width is n (σ_stat + σ_sys), within 0.3 % for
σ_sys ≤ σ_stat. A larger scatter leaves few members at any one point: at n = 1 the region is 8 %
narrower than that at σ_sys = 2 σ_stat, and empty from 5 σ_stat on.
"""

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from nd2fd.statistics.binned_sum import BinnedSum
from nd2fd.statistics.gaussian_sum import GaussianSum

Array = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
KernelSum = Callable[[Array, Array | None], GaussianSum | BinnedSum]

_ROUNDING = 1e-9
"""Of a width: what is left of replicas that are all the same."""


def member_masks(
    replicas: Array,
    axes: Sequence[Array],
    n_sigmas: Sequence[float],
    upper_limit: float | None = None,
    weights: Array | None = None,
    kernel_sum: KernelSum = GaussianSum,
) -> BoolArray:
    """Which points of a grid lie in members' regions: those whose `member_margins` are ≥ 0."""
    return member_margins(replicas, axes, n_sigmas, upper_limit, weights, kernel_sum) >= 0


def member_margins(
    replicas: Array,
    axes: Sequence[Array],
    n_sigmas: Sequence[float],
    upper_limit: float | None = None,
    weights: Array | None = None,
    kernel_sum: KernelSum = GaussianSum,
) -> Array:
    """How far points of a grid are inside members' regions, in one or two parameters.

    With the density p and the threshold t of a region this is (p - t)/(p + t): from -1 where there
    is no density, over exactly 0 on the border of the region, to almost 1 at its peak.

    Parameters
    ----------
    replicas
        Estimates of the parameters, shape (n_members, n_replicas, n_dim) with n_dim 1 or 2.
    axes
        The axis of the grid in each parameter, ascending, in its units.
    n_sigmas
        Levels n of the regions.
    upper_limit
        Physical limit of the first parameter, such as sin²2θ23 ≤ 1, which replicas may touch. The
        density estimate is reflected there, so that none of it leaks out.
    weights
        How much each replica counts, shape (n_members, n_replicas); None: all the same.
    kernel_sum
        How kernels are summed.

    Where all replicas agree in a parameter, as at a limit, so does the region: their value, or the
    nearest point of the axis, is in it.

    Returns
    -------
    ndarray, shape (n_members, n_levels, *shape of the grid)

    Raises
    ------
    ValueError
        The dimensions do not fit; a replica is not finite or is above `upper_limit`; less than one
        replica is expected outside a region.
    """
    n_members, n_replicas, n_dim = replicas.shape
    if n_dim not in (1, 2) or len(axes) != n_dim:
        raise ValueError(f"replicas have {n_dim} parameters and {len(axes)} axes; allowed: 1 or 2")
    if not np.isfinite(replicas).all():
        raise ValueError("replicas are not all finite")
    if upper_limit is not None and replicas[..., 0].max() > upper_limit:
        raise ValueError(f"a replica is above the upper limit {upper_limit}")
    tails = np.array([math.erfc(n / math.sqrt(2)) for n in n_sigmas])
    if n_replicas * tails.min() < 1:
        raise ValueError(f"{n_replicas} replicas are too few for {max(n_sigmas)} sigma")

    uncounted = weights is not None and not weights.all()
    agree = (replicas == replicas[:, :1]).all(axis=1)
    if n_members > 1 and (uncounted or agree.any()):
        # Such members are few.
        of_members = [None] * n_members if weights is None else list(weights[:, np.newaxis])
        each = zip(replicas[:, np.newaxis], of_members, strict=True)
        return np.concatenate(
            [member_margins(own, axes, n_sigmas, upper_limit, w, kernel_sum) for own, w in each]
        )
    if uncounted and weights is not None:
        replicas, weights = replicas[:, weights[0] > 0], weights[:, weights[0] > 0]
        agree = (replicas == replicas[:, :1]).all(axis=1)
    if agree.any():
        agreed = int(agree[0].argmax())
        at = np.where(_is_at(axes[agreed], replicas[0, 0, agreed]), 1.0, -1.0)
        if n_dim == 1:
            return np.tile(at, (1, len(n_sigmas), 1))
        other = 1 - agreed
        margins = member_margins(
            replicas[:, :, [other]],
            [axes[other]],
            n_sigmas,
            upper_limit if other == 0 else None,
            weights,
            kernel_sum,
        )
        along = (slice(None), None) if agreed == 0 else (None, slice(None))
        return np.minimum(at[along], np.expand_dims(margins, 2 + agreed))

    to_kernel = _kernel_coordinates(replicas)
    grid = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, n_dim)
    density = kernel_sum(replicas @ to_kernel, weights)
    on_grid, at_replicas = density.at(grid @ to_kernel), density.at_centres()
    if upper_limit is not None:
        first = np.arange(n_dim) == 0
        on_grid += density.at(np.where(first, 2 * upper_limit - grid, grid) @ to_kernel)
        on_grid[:, grid[:, 0] > upper_limit] = 0.0
        mirrored = np.where(first, 2 * upper_limit - replicas, replicas)
        at_replicas += density.at_images(mirrored @ to_kernel)

    # A grid point is under all kernels, a replica under those of the others.
    if weights is None:
        thresholds = np.quantile(at_replicas, tails, axis=1) * n_replicas / (n_replicas - 1)
    else:
        total = weights.sum(axis=1, keepdims=True)
        at_replicas *= total / (total - weights)
        thresholds = np.quantile(at_replicas, tails, axis=1, weights=weights, method="inverted_cdf")
    # Among lonely replicas it may be zero but for rounding; points without any density are outside.
    thresholds = np.maximum(thresholds, np.finfo(np.float64).tiny)
    above = on_grid - thresholds[..., np.newaxis]
    # Its sign is exact, so that the border of a region is where its mask changes.
    margins = above / (on_grid + thresholds[..., np.newaxis])
    return np.asarray(margins.swapaxes(0, 1).reshape(n_members, len(tails), *map(len, axes)))


def _is_at(axis: Array, value: float) -> BoolArray:
    """Which point of an axis stands for a value: the nearest one within half a step.

    A single point, of which there is no nearest one, has to be the value itself.
    """
    if len(axis) == 1:
        return np.asarray(axis == value)
    distance = np.abs(axis - value)
    nearest = np.arange(len(axis)) == distance.argmin()
    return np.asarray(nearest & (distance <= np.abs(np.diff(axis)).max() / 2))


def _kernel_coordinates(replicas: Array) -> Array:
    """Matrices M, (n_members, n_dim, n_dim), such that kernels have unit covariance in `x @ M`.

    The bandwidth is Silverman's (1986, Eq. 4.14), the best for a Gaussian density, along the slope
    between the parameters. Modes apart in the first parameter, the two octants, must not widen it:
    the replicas are parted in two where that takes most from their variance, and the width within
    the parts counts where it is less than a Gaussian would show.
    """
    n_members, n, n_dim = replicas.shape
    # Parameters first: sums over the replicas are several times faster.
    columns = np.ascontiguousarray(np.moveaxis(replicas, 2, 0))
    ordered = np.take_along_axis(columns, np.argsort(columns[:1], axis=2), axis=2)
    ordered -= ordered.mean(axis=2, keepdims=True)
    size = np.arange(1, n)
    sums = np.cumsum(ordered[:, :, :-1], axis=2)
    between = sums[0] ** 2 / (size * (n - size))
    cut = between.argmax(axis=1)[np.newaxis, :, np.newaxis]
    of_first = np.take_along_axis(sums, cut, axis=2)
    in_first = np.arange(n) <= cut
    within = ordered - np.where(in_first, of_first / (cut + 1), -of_first / (n - 1 - cut))
    width, width_within = ordered[0].std(axis=1), within[0].std(axis=1)
    # Two values only, such as the limit and the one replica that is not there.
    two = width_within < _ROUNDING * width
    within[:, two] = ordered[:, two]
    # Each half of a Gaussian has 1 - 2/π of its variance.
    narrow = np.where(two, width, width_within) / math.sqrt(1 - 2 / math.pi)
    widths = [np.minimum(width, narrow)]
    shear = np.tile(np.eye(n_dim), (n_members, 1, 1))
    if n_dim == 2:
        first, second = within
        slope = np.vecdot(first, second) / np.vecdot(first, first)
        shear[:, 0, 1] = -slope
        widths.append((second - slope[:, np.newaxis] * first).std(axis=1))
    # Replicas on a line, such as two values of both parameters, have no width beside it.
    least = 1e-6 * columns.std(axis=2).T
    bandwidth = np.maximum(np.stack(widths, axis=1), least)
    bandwidth *= (4 / ((n_dim + 2) * n)) ** (1 / (n_dim + 4))
    return np.asarray(shear / bandwidth[:, np.newaxis])


def ensemble_fraction(masks: BoolArray) -> Array:
    """Fraction of the member regions that contain each point, from masks (n_members, ...)."""
    return np.asarray(masks.mean(axis=0))


def ensemble_mask(fraction: Array, n_sigma: float) -> BoolArray:
    """Which points lie in the region of an ensemble.

    Parameters
    ----------
    fraction
        Fraction of the member regions at `n_sigma` that contain each point.
    n_sigma
        Level n; a point is inside from a fraction ½ (1 − erf(n/√2)) on.
    """
    least = math.erfc(n_sigma / math.sqrt(2)) / 2
    # Rounding must not tell a fraction k/n from a bound that equals it.
    return np.asarray(fraction >= least * (1 - 1e-12))


def ensemble_margin(margins: NDArray[np.floating], n_sigma: float) -> NDArray[np.floating]:
    """How far each point is inside the region of an ensemble, from margins (n_members, ...).

    That of the member with the largest margin but k - 1, where k members must contain a point:
    continuous, and ≥ 0 exactly where `ensemble_mask` is true.
    """
    n_members = len(margins)
    enough = ensemble_mask(np.arange(1, n_members + 1) / n_members, n_sigma)
    kth = int(enough.argmax()) + 1
    return np.asarray(np.partition(margins, n_members - kth, axis=0)[n_members - kth])


def intervals_from_mask(axis: Array, mask: BoolArray) -> list[tuple[float, float]]:
    """The intervals (low, high) that a mask covers on an ascending axis, both of shape (n_points,).

    An edge lies half-way between the last point inside and the first one outside, or on the end of
    the axis if the region reaches it.
    """
    changes = np.flatnonzero(np.diff(mask))
    edges = ((axis[changes] + axis[changes + 1]) / 2).tolist()
    if mask[0]:
        edges.insert(0, float(axis[0]))
    if mask[-1]:
        edges.append(float(axis[-1]))
    return list(zip(edges[::2], edges[1::2], strict=True))
