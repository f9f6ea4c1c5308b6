"""Regions of profile likelihoods: where −2 ln L is less than so much above its minimum.

Wilks' theorem (Ann. Math. Stat. 9 (1938) 60) says how much.
"""

import math

import numpy as np
from numpy.typing import NDArray

from nd2fd.statistics.ensemble import N_SIGMAS

Array = NDArray[np.float64]

CONTENTS = tuple(math.erf(n / math.sqrt(2.0)) for n in N_SIGMAS)
"""What regions of 1σ and 2σ are to hold: 68.3 and 95.4 %."""

FOR_ONE = tuple(n**2 for n in N_SIGMAS)
"""Δ(−2 ln L) of the interval of one parameter at 1σ and 2σ: 1 and 4."""

FOR_TWO = tuple(-2.0 * math.log(math.erfc(n / math.sqrt(2.0))) for n in N_SIGMAS)
"""Of the region of two parameters: 2.30 and 6.18."""

REGIONS = ("both", "sin2_theta23", "dm2_32")
"""The two-dimensional region, and the intervals of either parameter; the octant is not known."""


def contains(tests: Array) -> NDArray[np.bool_]:
    """Whether regions hold a point with Δ(−2 ln L) of shape (…, region); (…, n_sigma, region)."""
    thresholds = np.array([FOR_TWO, FOR_ONE, FOR_ONE]).T
    return np.asarray(tests[..., None, :] < thresholds)


def interval(axis: Array, profile: Array, threshold: float) -> tuple[float, float]:
    """Smallest and largest value at which a profile is below a threshold; NaN where it never is.

    Parameters
    ----------
    axis, profile
        Values of a parameter, ascending, and −2 ln L above its minimum there, shape (n,).
    threshold
        An entry of `FOR_ONE`. Between points √(−2 ln L) counts as linear, which is exact for a
        parabola; an interval that is open ends with the axis.
    """
    inside = np.flatnonzero(profile < threshold)
    if inside.size == 0:
        return math.nan, math.nan
    root = np.sqrt(np.maximum(profile, 0.0))

    def edge(last: int, beyond: int) -> float:
        if not 0 <= beyond < axis.size:
            return float(axis[last])
        share = (math.sqrt(threshold) - root[last]) / (root[beyond] - root[last])
        return float(axis[last] + share * (axis[beyond] - axis[last]))

    first, last = int(inside[0]), int(inside[-1])
    return edge(first, first - 1), edge(last, last + 1)


def half_width(axis: Array, profile: Array) -> float:
    """Half of the 1σ interval of a parameter, in its unit; as `interval` otherwise."""
    low, high = interval(axis, profile, FOR_ONE[0])
    return 0.5 * (high - low)
