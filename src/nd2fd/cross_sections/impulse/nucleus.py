"""Structure functions of a nucleus: quasi-elastic, Δ and continuum, folded with a Fermi gas."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import RectBivariateSpline

from nd2fd.cross_sections.impulse.fermi_gas import (
    FermiGas,
    Tensor,
    density_factor,
    energy_moments,
    lowest_energy,
    on_shell_tensor,
    structure_functions,
    transverse_tensor,
)
from nd2fd.cross_sections.impulse.nucleon import NUCLEON_MASS, smooth_step
from nd2fd.cross_sections.impulse.quasi_elastic import quasi_elastic
from nd2fd.cross_sections.impulse.resonance import (
    PION_THRESHOLD,
    breit_wigner,
    delta_transition,
)

Array = NDArray[np.float64]

Continuum = Callable[[Array, Array], Array]
"""(x, Q² [GeV²]) of a nucleon → (F2, F3), shape (2, *shape)."""

SECOND_REGION: Final = (1.2, 1.5)
"""W [GeV] between which what the continuum is below the switch, by duality, sets in."""

SWITCH: Final = (1.6, 1.8)
"""W [GeV] between which the Δ ends, and the second region passes into the continuum."""

_POINTS_PER_BLOCK = 4096


@dataclass(frozen=True)
class Strengths:
    """What a tuned model of this kind may change; the truth has the defaults.

    axial_mass
        M_A [GeV] of the quasi-elastic dipole.
    delta, second_region, continuum
        Factors of these contributions.
    """

    axial_mass: float = 1.0
    quasi_elastic: float = 1.0
    delta: float = 1.0
    second_region: float = 1.0
    continuum: float = 1.0


@dataclass(frozen=True)
class Accuracy:
    """Points of the rules over the mass W of what is made: Δ, and each part of the continuum."""

    delta: int = 40
    continuum: int = 16


NOMINAL: Final = Strengths()
STANDARD: Final = Accuracy()


class _DeltaTable:
    """w1 … w5 of the Δ between points in W and log(Q² + 0.02 GeV²): smooth, and slow to compute.

    Splines are not told a slope at the edges: at the pion's threshold the parts of the tensor
    nearly cancel, and a wrong one makes it negative.
    """

    def __init__(self, Q2_max: float, n_W: int = 96, n_Q2: int = 160) -> None:
        W = np.linspace(PION_THRESHOLD, SWITCH[1], n_W)
        log_Q2 = np.linspace(np.log(self._SCALE), np.log(Q2_max + self._SCALE), n_Q2)
        Q2 = np.maximum(np.exp(log_Q2) - self._SCALE, 1e-9)
        grid_W, grid_Q2 = np.meshgrid(W, Q2, indexing="ij")
        values = delta_transition(grid_Q2.ravel(), grid_W.ravel()).reshape(5, n_W, n_Q2)
        self.splines = [RectBivariateSpline(W, log_Q2, w) for w in values]

    _SCALE = 0.02

    def __call__(self, Q2: Array, W: Array) -> Array:
        log_Q2 = np.log(Q2 + self._SCALE)
        return np.stack([spline(W, log_Q2, grid=False) for spline in self.splines])


@dataclass(frozen=True)
class Nucleus:
    """A nucleus of which leptons scatter.

    protons
        Share of protons.
    gas
        Momenta of its nucleons.
    target_mass
        M_A [GeV], the mass per nucleon in Bjorken x.
    antineutrino
        Whether the beam is of antineutrinos: protons take the place of neutrons.
    continuum
        F2 and F3 of the nucleus' nucleons far above the resonances, per nucleon.
    Q2_max
        Largest Q² [GeV²].
    strengths, accuracy
        What is changed, and how finely it is computed.
    """

    protons: float
    gas: FermiGas
    target_mass: float
    antineutrino: bool
    continuum: Continuum
    Q2_max: float
    strengths: Strengths = NOMINAL
    accuracy: Accuracy = STANDARD

    @cached_property
    def _delta(self) -> _DeltaTable:
        return _DeltaTable(2.0 * self.Q2_max + 10.0)

    def __call__(self, x: Array, Q2: Array) -> Array:
        """(W1, …, W5) per nucleon at x and Q² [GeV²], each of shape (n,); shape (5, n)."""
        result = np.empty((5, x.size))
        for start in range(0, x.size, _POINTS_PER_BLOCK):
            block = slice(start, start + _POINTS_PER_BLOCK)
            omega = Q2[block] / (2.0 * self.target_mass * x[block])
            tensor = self.tensor(omega, Q2[block])
            result[:, block] = structure_functions(
                tensor, x[block], Q2[block], omega, self.target_mass
            )
        return result

    def tensor(self, omega: Array, Q2: Array) -> Tensor:
        """Hadron tensor per nucleon where the lepton loses ω [GeV] and Q² [GeV²]; shape (n,)."""
        q = np.sqrt(Q2 + omega**2)
        total = Tensor(*np.zeros((5, omega.size)))
        # Where the binding is not paid, only what is off the mass shell would be left.
        paid = np.flatnonzero(omega > self.gas.binding)
        if paid.size:
            omega, Q2, q = omega[paid], Q2[paid], q[paid]
            found = (
                self._quasi_elastic(omega, q)
                .plus(self._resonance(omega, q))
                .plus(self._continuum(omega, Q2, q))
                .times(density_factor(self.gas, self.target_mass, q))
            )
            for all_of_it, part in zip(total, found, strict=True):
                all_of_it[paid] = part
        return total

    def _quasi_elastic(self, omega: Array, q: Array) -> Tensor:
        struck = self.protons if self.antineutrino else 1.0 - self.protons
        q0 = omega - self.gas.binding
        Q2 = q**2 - q0**2
        product = 0.5 * Q2
        high = self.gas.fermi_energy
        low = lowest_energy(product, q0, q)
        if self.gas.blocked:
            low = np.maximum(low, high - q0)
        w = quasi_elastic(Q2, self.strengths.axial_mass)
        moments = energy_moments(low, high, 0.0)
        # ∫ dD 2M² δ(2D - Q²) = M².
        factor = struck * self.strengths.quasi_elastic * NUCLEON_MASS**2
        return on_shell_tensor(w, product, q0, q, moments).times(factor)

    def _resonance(self, omega: Array, q: Array) -> Tensor:
        # Δ⁺⁺ (Δ⁻) of protons (neutrons) has three times the strength.
        alike = 1.0 - self.protons if self.antineutrino else self.protons
        q0 = omega - self.gas.binding
        Q2 = q**2 - q0**2
        low, high = self._mass_limits(q0, q, Q2, 0.0)
        start = np.maximum(low, PION_THRESHOLD)
        end = np.maximum(np.minimum(high, SWITCH[1]), start)
        node, weight = np.polynomial.legendre.leggauss(self.accuracy.delta)
        W = start[:, None] + (end - start)[:, None] * 0.5 * (1.0 + node)
        # dD = W dW, and ½ of the tensor's definition.
        weights = 0.25 * (end - start)[:, None] * weight * W * breit_wigner(W)
        weights *= 1.0 - smooth_step(W, *SWITCH)
        Q2, q0, q = Q2[:, None], q0[:, None], q[:, None]
        product = 0.5 * (W**2 - NUCLEON_MASS**2 + Q2)
        energy = lowest_energy(product, q0, q)
        moments = energy_moments(energy, self.gas.fermi_energy, 0.0)
        w = self._delta(*np.broadcast_arrays(Q2, W))
        factor = (1.0 + 2.0 * alike) * self.strengths.delta
        return on_shell_tensor(w, product, q0, q, moments).summed(factor * weights)

    def _continuum(self, omega: Array, Q2: Array, q: Array) -> Tensor:
        s = self.gas.binding
        low, high = self._mass_limits(omega, q, Q2, s)
        total = Tensor(*np.zeros((5, omega.size)))
        edges = [SECOND_REGION[0], SECOND_REGION[1], *SWITCH]
        limits = [np.clip(edge, low, np.maximum(high, low)) for edge in edges]
        limits.append(np.maximum(high, low))
        node, weight = np.polynomial.legendre.leggauss(self.accuracy.continuum)
        for start, end in pairwise(limits):
            used = np.flatnonzero(end > start)
            if not used.size:
                continue
            # In D, with which the momentum fraction of the nucleon goes.
            start, end = (0.5 * (v[used] ** 2 - NUCLEON_MASS**2 + Q2[used]) for v in (start, end))
            product = start[:, None] + (end - start)[:, None] * 0.5 * (1.0 + node)
            at_Q2, at_omega, at_q = Q2[used, None], omega[used, None], q[used, None]
            W = np.sqrt(NUCLEON_MASS**2 + 2.0 * product - at_Q2)
            second, switched = smooth_step(W, *SECOND_REGION), smooth_step(W, *SWITCH)
            strength = switched * self.strengths.continuum
            strength = strength + second * (1.0 - switched) * self.strengths.second_region
            weights = 0.5 * (end - start)[:, None] * weight * strength
            energy = lowest_energy(product + s * at_omega, at_omega, at_q)
            moments = energy_moments(energy, self.gas.fermi_energy, s)
            f2, f3 = self.continuum(*np.broadcast_arrays(at_Q2 / (2.0 * product), at_Q2))
            part = transverse_tensor(f2, f3, product, at_omega, at_q, moments).summed(weights)
            for all_of_it, found in zip(total, part, strict=True):
                all_of_it[used] += found
        return total

    def _mass_limits(self, q0: Array, q: Array, Q2: Array, shift: float) -> tuple[Array, Array]:
        """Smallest and largest W [GeV] of what nucleons of the gas make with q; W ≥ M."""
        middle, half = self.gas.fermi_energy * q0 - shift * q0, self.gas.fermi_momentum * q
        M2 = NUCLEON_MASS**2
        low, high = (
            np.sqrt(np.maximum(M2 + 2.0 * (middle + sign * half) - Q2, M2)) for sign in (-1, 1)
        )
        return low, high
