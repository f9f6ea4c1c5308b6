"""Axes of curves and regions: as far as these say something, whatever the samples are."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from nd2fd.leptons.likelihood import LIMITS, FarLikelihood, Minimum, starts
from nd2fd.leptons.parameters import NAMES
from nd2fd.leptons.profiles import best, with_parameter

Array = NDArray[np.float64]

_LEVEL = 9.0
"""Δ(−2 ln L) beyond which axes end: 3σ of one parameter, and more than the 2σ of two."""

_FIRST, _FARTHER = 2.0, 1.2
"""First distance of an end from the best fit, in standard deviations, and by what it grows."""


def axis(
    likelihoods: Sequence[FarLikelihood],
    name: str,
    n_points: int,
    orderings: Sequence[float] = (1.0,),
) -> Array:
    """Values of sin²θ23, or sizes of Δm²32, in equal steps, shape (n_points,).

    They end where the profiles of all likelihoods, with the ordering(s) of θ times these signs,
    are 3σ above their own minimum, or at the limits of fits. An axis of sin²θ23 has both octants.
    """
    i = NAMES.index(name)
    low, high = np.inf, 0.0
    for likelihood in likelihoods:
        # Fixed parameters have a profile, too.
        moving = likelihood.parameters.moving | (np.arange(len(NAMES)) == i)
        for ordering in orderings:
            lowest = best(likelihood, likelihood.parameters.theta, [ordering])
            size, error = abs(lowest.theta[i]), lowest.errors(moving)[i]
            # Far muons see sin²2θ23 only.
            centres = sorted([size, 1.0 - size]) if name == "sin2_theta23" else [size, size]
            low = min(low, centres[0] - _FIRST * error)
            high = max(high, centres[1] + _FIRST * error)
            while low > LIMITS[i, 0] and _above(likelihood, lowest, name, low) < _LEVEL:
                low = centres[0] - _FARTHER * (centres[0] - low)
            while high < LIMITS[i, 1] and _above(likelihood, lowest, name, high) < _LEVEL:
                high = centres[1] + _FARTHER * (high - centres[1])
    return np.linspace(max(low, LIMITS[i, 0]), min(high, LIMITS[i, 1]), n_points)


def _above(likelihood: FarLikelihood, lowest: Minimum, name: str, value: float) -> float:
    """Δ(−2 ln L) of a value, with the ordering of the best fit."""
    held, at = likelihood.holding(name), with_parameter(lowest.theta, name, value)
    found = held.best(starts(at, held.parameters, orderings=[np.sign(lowest.theta[1])]))
    return found.value - lowest.value
