"""Profile likelihood of the oscillation parameters: best fit, tests of a point, tables.

−2 ln L is least over everything that is not asked about. What its regions are, says
`nd2fd.statistics.profile_regions`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from nd2fd.statistics.joint_likelihood import JointLikelihood, Minimum
from nd2fd.statistics.profile_regions import FOR_ONE

Array = NDArray[np.float64]

_EDGE_SEARCHES, _AT_EDGE = 12, 0.1
"""Steps at most towards the edge of an interval, and how near to the threshold −2 ln L is before
the last of them."""

_FARTHEST = 5.0
"""By how much a step goes beyond all values tried before, in units of their distance."""

_LARGE_PULL = 4.0
"""From which on the likelihood is no longer near to a Gaussian in the pulls."""


@dataclass(frozen=True)
class Profile:
    """Best fits in either octant, and the better one of them."""

    likelihood: JointLikelihood
    octants: tuple[Minimum, ...]

    @classmethod
    def of(cls, likelihood: JointLikelihood, starts: Sequence[Array]) -> "Profile":
        """Found from starts in either octant; each is told what the one before has found."""
        octants: list[Minimum] = []
        for start in starts:
            if octants:
                start = np.array([start[0], octants[-1].theta[1]])
            pulls = octants[-1].pulls if octants else None
            octants.append(likelihood.minimise(start, pulls))
        return cls(likelihood, tuple(octants))

    @property
    def best(self) -> Minimum:
        """The best fit."""
        return min(self.octants, key=lambda minimum: minimum.value)

    def tests(self, theta: Array) -> Array:
        """−2 ln L above its minimum for both parameters, for sin²θ23 and for Δm²32 of θ; (3,).

        The octant is not held for known: the minimum is that of both.
        """
        best = self.best
        both = self._at(theta, best, (False, False))
        mixing = self._at(np.array([theta[0], best.theta[1]]), best, (False, True))
        mass = [self._at(np.array([m.theta[0], theta[1]]), m, (True, False)) for m in self.octants]
        return np.array([both, mixing, min(mass)]) - best.value

    def half_width_dm2_32(self) -> float:
        """Half of the interval of Δm²32 at one standard deviation [eV²]."""
        best = self.best
        sigma = sqrt(np.linalg.inv(0.5 * best.curvature)[1, 1])
        return 0.5 * float(self._distance(sigma) + self._distance(-sigma))

    def _distance(self, step: float) -> float:
        """Of the best fit from the edge of its 1σ interval of Δm²32, towards a first step.

        The root of −2 ln L above its minimum is linear, or bent where another octant is better.
        """
        best, mass = self.best, self.best.theta[1]
        # An octant that is worse everywhere says nothing about the edge.
        octants = tuple(m for m in self.octants if m.value - best.value < FOR_ONE[0])
        inner, outer = (0.0, 0.0), None
        for _ in range(_EDGE_SEARCHES):
            octants = tuple(
                self._near(np.array([near.theta[0], mass + step]), near, (True, False))
                for near in octants
            )
            above = max(min(near.value for near in octants) - best.value, 0.0)
            if above < FOR_ONE[0]:
                inner = (step, sqrt(above))
            else:
                outer = (step, sqrt(above))
            if outer is None:
                step *= min(sqrt(FOR_ONE[0] / max(above, 1e-300)), _FARTHEST)
            else:
                share = (sqrt(FOR_ONE[0]) - inner[1]) / (outer[1] - inner[1])
                step = inner[0] + share * (outer[0] - inner[0])
            if abs(above - FOR_ONE[0]) < _AT_EDGE:
                break
        return abs(step)

    def table(self, sin2_theta23: Array, dm2_32: Array) -> Array:
        """−2 ln L above its minimum, least over the pulls, on a grid (n_sin2_theta23, n_dm2_32)."""
        best, values = self.best, np.empty((sin2_theta23.size, dm2_32.size))
        fixed = (False, False)
        for i, mixing in enumerate(sin2_theta23):
            near = best
            for j in _from_the_middle(dm2_32, best.theta[1]):
                theta = np.array([mixing, dm2_32[j]])
                near = self._near(theta, near, fixed)
                if near.pulls.size and np.abs(near.pulls).max() > _LARGE_PULL:
                    # There may be several minima.
                    other = self.likelihood.minimise(theta, best.pulls, fixed)
                    near = min(near, other, key=lambda minimum: minimum.value)
                values[i, j] = near.value
        return values - best.value

    def _at(self, theta: Array, near: Minimum, free: tuple[bool, bool]) -> float:
        return self._near(theta, near, free).value

    def _near(self, theta: Array, near: Minimum, free: tuple[bool, bool]) -> Minimum:
        return self.likelihood.minimise(theta, near.pulls_at(theta), free)


def _from_the_middle(axis: Array, middle: float) -> list[int]:
    """Indices of an axis, those nearest to a value first: neighbours have nearly equal pulls."""
    return [int(i) for i in np.argsort(np.abs(axis - middle))]
