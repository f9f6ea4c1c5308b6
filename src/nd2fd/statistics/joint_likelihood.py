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
from nd2fd.statistics.theta_stencil import theta_derivatives

Array = NDArray[np.float64]

_STEP = 1e-3
"""Of the central differences of P(θ)."""

_MAX_ITERATIONS = 60
_CONVERGED = 1e-5
"""Expected gain in −2 ln L below which the search ends."""

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
        return cls(spectra, kernel, modes, mode_changes, float(floor))

    @property
    def n_pulls(self) -> int:
        """Number of pulls."""
        return self.mode_changes.shape[1]

    def value(self, theta: Array, pulls: Array) -> float:
        """−2 ln L at θ (2,) and u (n_pulls,); infinite where no events are expected."""
        amplitudes = self._flux(self.spectra.amplitudes(theta[None])[0], pulls)
        weights = np.concatenate([[1.0], pulls])
        total = weights @ (self.kernel.totals @ amplitudes)
        if not total > 0.0:
            return np.inf
        density = (self.kernel.events @ amplitudes) @ weights
        likelihood = np.log(np.maximum(density / total, 0.0) + self.floor).sum()
        return float(pulls @ pulls - 2.0 * likelihood)

    def derivatives(self, theta: Array, pulls: Array) -> tuple[float, Array, Array]:
        """−2 ln L, its gradient and its curvature in (sin²θ23, Δm²32 / its size, pulls).

        Of the second derivatives of the density, those by two pulls are left out.
        """
        at, first, second = theta_derivatives(self.spectra.amplitudes, theta, _STEP)
        weights = np.concatenate([[1.0], pulls])
        centre = self._flux(at, pulls)
        of_theta = np.stack([self._flux(a, pulls) for a in first])
        of_both = np.stack([self._flux(a, pulls) for a in second])
        by_mode = self.mode_changes.T @ at[1:]
        of_modes = self.mode_changes.T @ first[:, 1:]

        def parts(values: Array) -> tuple[Array, Array, Array]:
            """Value, gradient, and second derivatives by θ and θ, and by θ and pulls."""
            folded = np.einsum("...mb,m->...b", values, weights)
            with_centre = values @ centre
            by_pulls = with_centre[..., 1:] + folded @ by_mode.T
            gradient = np.concatenate([folded @ of_theta.T, by_pulls], axis=-1)
            mixed = np.stack(
                [
                    values[..., 1:, :] @ a + folded @ b.T
                    for a, b in zip(of_theta, of_modes, strict=True)
                ],
                axis=-2,
            )
            return (
                with_centre @ weights,
                gradient,
                np.concatenate([folded @ of_both.T, mixed.reshape(*mixed.shape[:-2], -1)], axis=-1),
            )

        total, total_gradient, total_second = parts(self.kernel.totals)
        density, gradient, second_parts = parts(self.kernel.events)
        n = 2 + self.n_pulls
        if not total > 0.0:
            return np.inf, np.zeros(n), np.eye(n)
        relative = np.maximum(density / total, 0.0)
        inverse = np.where(density > 0.0, 1.0 / (relative + self.floor), 0.0)
        slope = (gradient - relative[:, None] * total_gradient) / total
        scaled = slope * inverse[:, None]
        # Σ_k ∂²q_k / q_k of q = p / T, p and T each with its own second derivatives.
        weighted = inverse @ second_parts / total - (inverse @ relative) * total_second / total
        bent = _symmetric(weighted, self.n_pulls)
        cross = np.outer(scaled.sum(axis=0), total_gradient) / total
        bent -= cross + cross.T
        curvature = 2.0 * (scaled.T @ scaled - bent)
        curvature[2:, 2:] += 2.0 * np.eye(self.n_pulls)
        value = pulls @ pulls - 2.0 * np.log(relative + self.floor).sum()
        total_slope = -2.0 * scaled.sum(axis=0)
        total_slope[2:] += 2.0 * pulls
        return float(value), total_slope, curvature

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
        value, gradient, curvature = self.derivatives(theta, pulls)
        converged = moving.size == 0
        for _ in range(0 if converged else _MAX_ITERATIONS):
            step, gain = _newton_step(gradient[moving], curvature[np.ix_(moving, moving)])
            if gain < _CONVERGED:
                converged = True
                break
            whole = np.zeros(2 + self.n_pulls)
            whole[moving] = step
            whole *= min(1.0, *(_LARGEST_STEP / np.maximum(np.abs(whole[:2]), 1e-300)))
            point = np.concatenate([theta, pulls])
            for _ in range(20):
                trial = point + whole * unit
                trial[0] = np.clip(trial[0], *_MIXING_LIMITS)
                if self.value(trial[:2], trial[2:]) < value:
                    break
                whole *= 0.5
            else:
                # Rounding is all that is left.
                converged = True
                break
            theta, pulls = trial[:2], trial[2:]
            value, gradient, curvature = self.derivatives(theta, pulls)
        curvature = curvature / np.outer(unit, unit)
        return Minimum(theta, pulls, value, curvature, converged)

    def _flux(self, amplitudes: Array, pulls: Array) -> Array:
        """A(θ, z), from those of the nominal flux and the modes, (1 + n_modes, n_shapes)."""
        return amplitudes[0] + (self.modes + self.mode_changes @ pulls) @ amplitudes[1:]


def _symmetric(parts: Array, n_pulls: int) -> Array:
    """Matrix of second derivatives from (θθ: 3, θ and pulls: 2 n_pulls); zero for two pulls."""
    matrix = np.zeros((2 + n_pulls, 2 + n_pulls))
    matrix[0, 0], matrix[1, 0], matrix[1, 1] = parts[:3]
    matrix[0, 1] = matrix[1, 0]
    matrix[:2, 2:] = parts[3:].reshape(2, n_pulls)
    matrix[2:, :2] = matrix[:2, 2:].T
    return matrix


def _newton_step(gradient: Array, curvature: Array) -> tuple[Array, float]:
    """Step downhill, and the gain that a quadratic function would have."""
    sizes, axes = np.linalg.eigh(curvature)
    sizes = np.maximum(np.abs(sizes), _SMALLEST_CURVATURE)
    along = axes.T @ gradient
    return -axes @ (along / sizes), float(0.5 * along @ (along / sizes))
