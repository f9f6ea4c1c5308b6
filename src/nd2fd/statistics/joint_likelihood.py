r"""Joint likelihood of oscillation parameters and pulls, and its minimum.

    −2 ln L(θ, u) = −2 Σ_k ln p(v_k | θ, u) + |u|²,

with the density of far-detector events of `nd2fd.statistics.far_kernel` at a = a_0 + U_a u and
z = z_0 + U_z u. The pulls u ~ N(0, 1) are independent directions of what the near detector leaves
undetermined of structure functions and flux. Without pulls this is the likelihood of a known cross
section. All derivatives are exact but those of P(θ), which are central differences.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nd2fd.statistics.far_kernel import FarKernel, FarSpectra
from nd2fd.statistics.likelihood import DENSITY_FLOOR
from nd2fd.statistics.theta_stencil import ThetaDerivatives, theta_derivatives

Array = NDArray[np.float64]

_STEP = 1e-3
"""Of the central differences of P(θ)."""

_MAX_ITERATIONS = 60
_CONVERGED = 1e-5
"""Expected gain in −2 ln L below which the search ends."""

_NEARLY_CONVERGED = 1e-3
"""Expected gain below which one more step leaves less than `_CONVERGED`."""

_EVENTS_AT_ONCE = 2048
"""Few enough for a cache that cores share; with fewer, calls take longer than sums."""

_SMALLEST_CURVATURE = 0.5
"""Curvature of −2 ln L that a step relies on; that of a pull is at least 2."""

_LARGEST_STEP = np.array([0.05, 0.1])
"""Of one iteration: in sin²θ23, and in Δm²32 in units of its size."""

_MIXING_LIMITS = (1e-3, 1.0 - 1e-3)


class Minimum(NamedTuple):
    """A minimum of −2 ln L.

    theta : (sin²θ23, Δm²32 [eV²]), shape (2,)
    pulls : shape (n_pulls,)
    value : −2 ln L, up to a constant of the events
    curvature : second derivatives by (sin²θ23, Δm²32, pulls)
    converged : whether the search ended by itself
    """

    theta: Array
    pulls: Array
    value: float
    curvature: Array
    converged: bool

    def pulls_at(self, theta: Array) -> Array:
        """What the pulls at another θ are, −2 ln L being a parabola."""
        moved = self.curvature[2:, :2] @ (theta - self.theta)
        return self.pulls - np.linalg.solve(self.curvature[2:, 2:], moved)


@dataclass(frozen=True)
class JointLikelihood:
    """Likelihood of far-detector events with pulls.

    spectra
        Spectra of interacting neutrinos.
    kernel
        G of the events: of the structure functions at the pulls' centre, then of the change by each
        pull.
    modes
        Flux modes z at the centre, shape (n_modes,).
    mode_changes
        Their changes by each pull, shape (n_modes, n_pulls).
    floor
        Added to the density of every event (`nd2fd.statistics.likelihood.DENSITY_FLOOR`).
    """

    spectra: FarSpectra
    kernel: FarKernel
    modes: Array
    mode_changes: Array
    floor: float

    @classmethod
    def build(
        cls, spectra: FarSpectra, kernel: FarKernel, modes: Array, mode_changes: Array
    ) -> "JointLikelihood":
        """With the floor that belongs to the events."""
        # As with one cross section: in units of the events' mean density without oscillation.
        unoscillated = spectra.shapes @ spectra.flux
        density = kernel.events[:, 0] @ unoscillated
        floor = DENSITY_FLOOR * np.maximum(density, 0.0).mean()
        floor /= kernel.totals[0] @ unoscillated
        kernel = FarKernel(np.ascontiguousarray(kernel.events), kernel.totals)
        return cls(spectra, kernel, modes, mode_changes, float(floor))

    @property
    def n_pulls(self) -> int:
        """Number of pulls."""
        return self.mode_changes.shape[1]

    def value(self, theta: Array, pulls: Array) -> float:
        """−2 ln L at θ (2,) and u (n_pulls,); infinite where no events are expected."""
        amplitudes = self._flux(self.spectra.amplitudes(theta[None])[0], pulls)
        weights, events = np.concatenate([[1.0], pulls]), self.kernel.events
        total = weights @ (self.kernel.totals @ amplitudes)
        if not total > 0.0:
            return np.inf
        density = events.reshape(len(events), -1) @ np.outer(weights, amplitudes).ravel()
        likelihood = np.log(np.maximum(density / total, 0.0) + self.floor).sum()
        return float(pulls @ pulls - 2.0 * likelihood)

    def derivatives(self, theta: Array, pulls: Array) -> tuple[float, Array, Array]:
        """−2 ln L, its gradient and its curvature in (sin²θ23, Δm²32 / its size, pulls).

        Of the second derivatives of the density, those by two pulls are left out.
        """
        return self._derivatives(self._spectra_near(theta), pulls)

    def _spectra_near(self, theta: Array) -> ThetaDerivatives:
        return theta_derivatives(self.spectra.amplitudes, theta, _STEP)

    def _derivatives(self, spectra: ThetaDerivatives, pulls: Array) -> tuple[float, Array, Array]:
        n_pulls, n_shapes = self.n_pulls, self.kernel.totals.shape[1]
        weights = np.concatenate([[1.0], pulls])
        centre = self._flux(spectra.value, pulls)
        by_theta = np.stack([self._flux(a, pulls) for a in spectra.first])
        by_both = np.stack([self._flux(a, pulls) for a in spectra.second])
        of_modes = np.stack(
            [self.mode_changes.T @ a[1:] for a in (spectra.value, *spectra.first)]
        ).reshape(3, n_pulls, n_shapes)
        slopes = np.concatenate([by_theta, of_modes[0]])

        def value_and_gradient(values: Array) -> tuple[Array, Array]:
            """Density of (n, n_functions, n_shapes), and its gradient."""
            each = (values.reshape(-1, n_shapes) @ centre).reshape(len(values), -1)
            gradient = np.einsum("kmb,m->kb", values, weights) @ slopes.T
            gradient[:, 2:] += each[:, 1:]
            return each @ weights, gradient

        def second(values: Array) -> Array:
            """Second derivatives of the density of (n_functions, n_shapes), but by two pulls."""
            folded, matrix = weights @ values, np.zeros((2 + n_pulls, 2 + n_pulls))
            matrix[:2, :2] = (by_both @ folded)[[[0, 1], [1, 2]]]
            matrix[:2, 2:] = by_theta @ values[1:].T + of_modes[1:] @ folded
            matrix[2:, :2] = matrix[:2, 2:].T
            return matrix

        (total,), (total_gradient,) = value_and_gradient(self.kernel.totals[None])
        n = 2 + n_pulls
        if not total > 0.0:
            return np.inf, np.zeros(n), np.eye(n)
        likelihood, total_slope, curvature = 0.0, np.zeros(n), np.zeros((n, n))
        # Σ_k ∂²q_k / q_k of q = p / T, p and T each with its own second derivatives.
        inverse_sum, weighted = 0.0, np.zeros(self.kernel.totals.size)
        for start in range(0, len(self.kernel.events), _EVENTS_AT_ONCE):
            events = self.kernel.events[start : start + _EVENTS_AT_ONCE]
            density, gradient = value_and_gradient(events)
            relative = np.maximum(density / total, 0.0)
            inverse = np.where(density > 0.0, 1.0 / (relative + self.floor), 0.0)
            scaled = (gradient - relative[:, None] * total_gradient) * (inverse / total)[:, None]
            likelihood += np.log(relative + self.floor).sum()
            total_slope += scaled.sum(axis=0)
            curvature += scaled.T @ scaled
            inverse_sum += inverse @ relative
            weighted += inverse @ events.reshape(len(events), -1)
        of_events = second(weighted.reshape(self.kernel.totals.shape))
        bent = (of_events - inverse_sum * second(self.kernel.totals)) / total
        cross = np.outer(total_slope, total_gradient) / total
        curvature = 2.0 * (curvature - bent + cross + cross.T)
        curvature[2:, 2:] += 2.0 * np.eye(n_pulls)
        total_slope *= -2.0
        total_slope[2:] += 2.0 * pulls
        return float(pulls @ pulls - 2.0 * likelihood), total_slope, curvature

    def minimise(
        self, theta: Array, pulls: Array | None = None, free: Sequence[bool] = (True, True)
    ) -> Minimum:
        """Minimum from a start, with Newton's method; fixed parameters of θ stay there.

        Parameters
        ----------
        theta, pulls
            Where to start; pulls at zero if not given.
        free
            Whether sin²θ23 and Δm²32 are fitted.
        """
        theta = np.array(theta, dtype=np.float64)
        pulls = np.zeros(self.n_pulls) if pulls is None else pulls.copy()
        unit = np.concatenate([[1.0, abs(theta[1])], np.ones(self.n_pulls)])
        moving = np.concatenate([np.flatnonzero(free), np.arange(2, 2 + self.n_pulls)]).astype(int)
        spectra, fixed = self._spectra_near(theta), not any(free)
        value, gradient, curvature = self._derivatives(spectra, pulls)
        converged = moving.size == 0
        for _ in range(0 if converged else _MAX_ITERATIONS):
            step, gain = _newton_step(gradient[moving], curvature[np.ix_(moving, moving)])
            converged = gain < _CONVERGED
            if converged:
                break
            whole = np.zeros(2 + self.n_pulls)
            whole[moving] = step
            whole *= min(1.0, *(_LARGEST_STEP / np.maximum(np.abs(whole[:2]), 1e-300)))
            point = np.concatenate([theta, pulls])
            for _ in range(20):
                trial = point + whole * unit
                trial[0] = np.clip(trial[0], *_MIXING_LIMITS)
                if gain < _NEARLY_CONVERGED:
                    # The last step: the curvature stays what it is.
                    converged = True
                    after = (self.value(trial[:2], trial[2:]), gradient, curvature)
                else:
                    spectra = spectra if fixed else self._spectra_near(trial[:2])
                    after = self._derivatives(spectra, trial[2:])
                if after[0] < value:
                    break
                whole *= 0.5
            else:
                # Rounding is all that is left.
                converged = True
                break
            theta, pulls = trial[:2], trial[2:]
            value, gradient, curvature = after
            if converged:
                break
        curvature = curvature / np.outer(unit, unit)
        return Minimum(theta, pulls, value, curvature, converged)

    def _flux(self, amplitudes: Array, pulls: Array) -> Array:
        """A(θ, z), from those of the nominal flux and the modes, (1 + n_modes, n_shapes)."""
        return amplitudes[0] + (self.modes + self.mode_changes @ pulls) @ amplitudes[1:]


def _newton_step(gradient: Array, curvature: Array) -> tuple[Array, float]:
    """Step downhill, and the gain that a quadratic function would have."""
    sizes, axes = np.linalg.eigh(curvature)
    sizes = np.maximum(np.abs(sizes), _SMALLEST_CURVATURE)
    along = axes.T @ gradient
    return -axes @ (along / sizes), float(0.5 * along @ (along / sizes))
