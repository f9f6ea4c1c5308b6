r"""Likelihood of the far-detector samples, and its minimum over θ and pulls.

    −2 ln L(θ, u) = −2 Σ_c n_c ln p_c(θ, u) + |u|² + Σ_i (θ_i − θ̂_i)² / σ_i²,

with contents p_c of all cells of all samples that sum to one. Derivatives by u are exact, those by
θ are differences of P(θ) alone; second ones are those expected of the contents (Fisher scoring).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from nd2fd.leptons.far import FarDetector
from nd2fd.leptons.parameters import NAMES, UNITS, Parameters

Array = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

_FLOOR = 1e-9
"""Smallest share of the events that a cell is taken to have."""

_MAX_ITERATIONS = 40
_CONVERGED = 1e-5
"""Expected gain in −2 ln L below which the search ends."""

_DAMPING = 1e-3
"""Smallest curvature along any axis, in `UNITS` and posterior errors."""

_LARGEST_STEP = np.array([0.05, 0.3, 0.8, 0.3])
"""Of one iteration, in `UNITS`."""

LIMITS: Final = np.array([[0.02, 0.98], [1e-3, 4e-3], [-20.0, 20.0], [1e-3, 0.1]])
"""Of θ, lower and upper; of Δm²32, which keeps its sign, those of the size."""


class Minimum(NamedTuple):
    """A minimum of −2 ln L.

    theta : shape (4,)
    pulls : shape (n_pulls,)
    value : −2 ln L, of which 0 is that of contents that are the data
    curvature : expected second derivatives by θ in `UNITS` and pulls
    converged : whether the search ended by itself
    """

    theta: Array
    pulls: Array
    value: float
    curvature: Array
    converged: bool

    def errors(self, moving: BoolArray) -> Array:
        """Standard deviations of θ, of which some move (4,), with all pulls; 0 of others."""
        chosen = np.concatenate([moving, np.ones(self.pulls.size, dtype=bool)])
        covariance = np.linalg.inv(self.curvature[np.ix_(chosen, chosen)] / 2.0)
        result = np.zeros(moving.size)
        result[moving] = np.sqrt(np.diag(covariance)[: int(moving.sum())])
        return result * UNITS


@dataclass(frozen=True)
class FarLikelihood:
    """Likelihood of contents of the cells.

    detector
        Expected events.
    parameters
        Which of θ move, and their constraints.
    contents
        Events in the cells, or expected ones, shape (n_cells,).
    centre
        Values about which θ is constrained, shape (4,).
    pull_centre
        Values about which pulls are, shape (n_pulls,).
    """

    detector: FarDetector
    parameters: Parameters
    contents: Array
    centre: Array
    pull_centre: Array

    def holding(self, *names: str) -> Self:
        """The same with some parameters fixed where a fit starts."""
        return replace(self, parameters=self.parameters.holding(*names))

    def value(self, theta: Array, pulls: Array) -> float:
        """−2 ln L."""
        spectra = self.detector.spectra.at(theta[None])[0]
        return self._value(self.detector.events(spectra, pulls), theta, pulls)

    def _value(self, events: Array, theta: Array, pulls: Array) -> float:
        n_events = self.contents.sum()
        share = np.maximum(events / events.sum(), _FLOOR)
        filled = self.contents > 0.0
        seen = self.contents[filled]
        fit = 2.0 * float(seen @ np.log(seen / (n_events * share[filled])))
        off = (theta - self.centre) / UNITS
        constraint = off @ (self.parameters.precision * UNITS**2 * off)
        pulled = pulls - self.pull_centre
        return float(fit + constraint + pulled @ pulled)

    def derivatives(self, theta: Array, pulls: Array) -> tuple[float, Array, Array]:
        """−2 ln L, its gradient and expected curvature by (θ in `UNITS`, pulls)."""
        events, by_theta, by_pulls = self.detector.with_slopes(theta, pulls)
        total = events.sum()
        changes = np.concatenate([by_theta, by_pulls])
        share = np.maximum(events / total, _FLOOR)
        slope = (changes - share * changes.sum(axis=1, keepdims=True)) / total
        slope[:, events / total < _FLOOR] = 0.0
        precision = np.concatenate([self.parameters.precision * UNITS**2, np.ones(pulls.size)])
        off = np.concatenate([(theta - self.centre) / UNITS, pulls - self.pull_centre])
        gradient = -2.0 * slope @ (self.contents / share) + 2.0 * precision * off
        scaled = slope / np.sqrt(share)
        curvature = 2.0 * self.contents.sum() * scaled @ scaled.T + 2.0 * np.diag(precision)
        return self._value(events, theta, pulls), gradient, curvature

    def minimise(self, theta: Array, pulls: Array | None = None) -> Minimum:
        """From a start, whose ordering and fixed parameters are kept."""
        theta = np.array(theta, dtype=np.float64)
        pulls = self.pull_centre.copy() if pulls is None else pulls.copy()
        moving = np.flatnonzero(np.concatenate([self.parameters.moving, np.ones(pulls.size, bool)]))
        value, gradient, curvature = self.derivatives(theta, pulls)
        converged = False
        for _ in range(_MAX_ITERATIONS):
            inner = curvature[np.ix_(moving, moving)]
            damped = inner + _DAMPING * np.eye(moving.size)
            step = np.zeros(gradient.size)
            step[moving] = -np.linalg.solve(damped, gradient[moving])
            if -gradient @ step < _CONVERGED:
                converged = True
                break
            step *= min(1.0, *(_LARGEST_STEP / np.maximum(np.abs(step[:4]), 1e-300)))
            for _ in range(12):
                trial = self._inside(theta + step[:4] * UNITS, theta)
                # Nearly all first steps are good ones: their derivatives are needed anyway.
                after = self.derivatives(trial, pulls + step[4:])
                if after[0] < value:
                    break
                step *= 0.4
            else:
                converged = True
                break
            gained = value - after[0]
            theta, pulls = trial, pulls + step[4:]
            value, gradient, curvature = after
            if gained < _CONVERGED:
                converged = True
                break
        return Minimum(theta, pulls, value, curvature, converged)

    def best(self, starts: Sequence[Array]) -> Minimum:
        """Least of the minima from several starts."""
        return min((self.minimise(start) for start in starts), key=lambda found: found.value)

    def _inside(self, theta: Array, before: Array) -> Array:
        sign = np.array([1.0, np.sign(before[1]), 1.0, 1.0])
        inside = sign * np.clip(sign * theta, *LIMITS.T)
        fixed = ~self.parameters.moving
        inside[fixed] = before[fixed]
        return inside


def starts(
    theta: Array,
    parameters: Parameters,
    *,
    orderings: Sequence[float] = (1.0,),
    phases: Sequence[float] = (0.0, np.pi),
) -> list[Array]:
    """Where minima are sought: both octants, several δ_CP beside that of θ, and orderings.

    Fixed parameters keep their value; `orderings` are signs of Δm²32.
    """
    octants = [0.46, 0.56] if parameters.moving[NAMES.index("sin2_theta23")] else [theta[0]]
    shifts = phases if parameters.moving[NAMES.index("delta_cp")] else (0.0,)
    return [
        np.array([octant, sign * abs(theta[1]), theta[2] + shift, theta[3]])
        for sign in orderings
        for octant in octants
        for shift in shifts
    ]
