"""Profile likelihood of the oscillation parameters: best fit, tests of a point, intervals, regions.

A point is inside a region where −2 ln L, least over everything else, is above its minimum by less
than the quantile of χ² with one or two degrees of freedom (Wilks).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import erf, sqrt
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2

from nd2fd.statistics.ensemble import N_SIGMAS
from nd2fd.statistics.joint_likelihood import JointLikelihood, Minimum

Array = NDArray[np.float64]

_LEVELS: Final = np.array([erf(n / sqrt(2.0)) for n in N_SIGMAS])

THRESHOLDS_1D: Final = chi2.ppf(_LEVELS, 1)
THRESHOLDS_2D: Final = chi2.ppf(_LEVELS, 2)
"""Of −2 ln L at `N_SIGMAS`."""

_EDGE_SEARCHES = 2
"""Secant steps towards the edge of an interval, in the root of −2 ln L."""


@dataclass(frozen=True)
class Profile:
    """Best fits in either octant, and the better one of them."""

    likelihood: JointLikelihood
    octants: tuple[Minimum, ...]

    @classmethod
    def of(cls, likelihood: JointLikelihood, starts: Sequence[Array]) -> "Profile":
        """Found from starts in either octant."""
        return cls(likelihood, tuple(likelihood.minimise(start) for start in starts))

    @property
    def best(self) -> Minimum:
        """The best fit."""
        return min(self.octants, key=lambda minimum: minimum.value)

    def tests(self, theta: Array) -> Array:
        """−2 ln L above its minimum for both parameters, for sin²2θ23 and for Δm²32 of θ; (3,).

        A value of sin²2θ23 has a θ23 in either octant, and is as good as the better of them.
        """
        best = self.best
        mirrored = [np.array([s, theta[1]]) for s in (theta[0], 1.0 - theta[0])]
        both = [self._at(point, best, (False, False)) for point in mirrored]
        mixing = [self._at(np.array([s, best.theta[1]]), best, (False, True)) for s, _ in mirrored]
        mass = [self._at(np.array([m.theta[0], theta[1]]), m, (True, False)) for m in self.octants]
        return np.array([min(both), min(mixing), min(mass)]) - best.value

    def half_width_dm2_32(self) -> float:
        """Half of the interval of Δm²32 at one standard deviation [eV²]."""
        best = self.best
        sigma = sqrt(np.linalg.inv(0.5 * best.curvature)[1, 1])
        edges = []
        for sign in (-1.0, 1.0):
            mass, found = best.theta[1] + sign * sigma, best
            for _ in range(_EDGE_SEARCHES):
                start = np.array([found.theta[0], mass])
                found = self.likelihood.minimise(start, found.pulls, (True, False))
                above = max(found.value - best.value, 0.04)
                mass = best.theta[1] + (mass - best.theta[1]) / sqrt(above)
            edges.append(mass)
        return float(0.5 * (edges[1] - edges[0]))

    def _at(self, theta: Array, near: Minimum, free: tuple[bool, bool]) -> float:
        return self.likelihood.minimise(theta, near.pulls, free).value


def contains(tests: Array) -> NDArray[np.bool_]:
    """Whether regions hold a point with such `Profile.tests`, shape (n_sigma, region)."""
    thresholds = np.stack([THRESHOLDS_2D, THRESHOLDS_1D, THRESHOLDS_1D], axis=1)
    return np.asarray(tests < thresholds)
