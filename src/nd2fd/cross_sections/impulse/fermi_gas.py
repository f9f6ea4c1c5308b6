"""Hadron tensors of nucleons, averaged over their momenta in a nucleus.

A nucleon of energy E = √(M² + p²) takes up the momentum q̃ = (ω - ε, **q**), since ε is spent on its
binding (Smith & Moniz, Nucl. Phys. B 43 (1972) 605):

    W^μν_A = M_A ∫ d³p n(p)/E W^μν(p, q̃),

per nucleon, with M_A the target's mass per nucleon. At a given D = p·q̃ the average over the azimuth
is a polynomial of second degree in E, so that for a Fermi gas, n(p) constant below k_F, the
integral over E is done in closed form; that over D is left: one point for quasi-elastic scattering,
a Gauss-Legendre rule for all else.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nd2fd.cross_sections.impulse.nucleon import NUCLEON_MASS

Array = NDArray[np.float64]


class FermiGas(NamedTuple):
    """k_F and binding ε [GeV], and whether occupied states are blocked (Pauli)."""

    fermi_momentum: float
    binding: float
    blocked: bool

    @property
    def fermi_energy(self) -> float:
        """E_F = √(M² + k_F²) [GeV]."""
        return float(np.hypot(NUCLEON_MASS, self.fermi_momentum))


class Tensor(NamedTuple):
    """Components of W^μν with **q** along z: 00, 0z, zz, xx (yy is the same), and i times xy."""

    t00: Array
    t0z: Array
    tzz: Array
    txx: Array
    txy: Array

    def plus(self, other: "Tensor") -> "Tensor":
        """The sum of both."""
        return Tensor(*(a + b for a, b in zip(self, other, strict=True)))

    def times(self, factor: Array | float) -> "Tensor":
        """All components times a factor."""
        return Tensor(*(a * factor for a in self))

    def summed(self, weights: Array) -> "Tensor":
        """Σ over the last axis, with weights of the same shape."""
        return Tensor(*((a * weights).sum(axis=-1) for a in self))


class Moments(NamedTuple):
    """∫ dE (E - s)^k for k = 0, 1, 2 between the lowest energy that reaches D, and the highest.

    shift : the s; energies in GeV
    """

    m0: Array
    m1: Array
    m2: Array
    shift: float


def lowest_energy(product: Array, q0: Array, q: Array) -> Array:
    """Smallest E [GeV] of a nucleon of momentum p with E q0 - p·q = `product` [GeV²]."""
    Q2 = q**2 - q0**2
    M2 = NUCLEON_MASS**2
    return (product**2 + M2 * q**2) / (q * np.sqrt(product**2 + M2 * Q2) + q0 * product)


def energy_moments(low: Array, high: Array | float, shift: float) -> Moments:
    """Moments of a constant density of states between two energies, 0 where low > high."""
    a = np.minimum(low, high) - shift
    b = high - shift
    return Moments(b - a, (b**2 - a**2) / 2.0, (b**3 - a**3) / 3.0, shift)


def momentum_averages(product: Array, q0: Array, q: Array, m: Moments) -> tuple[Array, ...]:
    """∫ dE of p_z, p_z p0, p_z² and p_⊥², with p0 = E - s, where p0 q0 - p_z q = `product`."""
    pz = (m.m1 * q0 - product * m.m0) / q
    pz_p0 = (m.m2 * q0 - product * m.m1) / q
    pz2 = (m.m2 * q0**2 - 2.0 * product * q0 * m.m1 + product**2 * m.m0) / q**2
    s = m.shift
    energy2 = m.m2 + 2.0 * s * m.m1 + s**2 * m.m0
    return pz, pz_p0, pz2, energy2 - NUCLEON_MASS**2 * m.m0 - pz2


def on_shell_tensor(w: Array, product: Array, q0: Array, q: Array, m: Moments) -> Tensor:
    """∫ dE W^μν of nucleons on their mass shell, with w1 … w5 (5, *shape) and D = `product`."""
    w1, w2, w3, w4, w5 = w
    M2 = NUCLEON_MASS**2
    pz, pz_p0, pz2, transverse = momentum_averages(product, q0, q, m)
    return Tensor(
        t00=-w1 * m.m0 + (w2 * m.m2 + w4 * q0**2 * m.m0 + 2.0 * w5 * q0 * m.m1) / M2,
        t0z=(w2 * pz_p0 + w4 * q0 * q * m.m0 + w5 * (q * m.m1 + q0 * pz)) / M2,
        tzz=w1 * m.m0 + (w2 * pz2 + w4 * q**2 * m.m0 + 2.0 * w5 * q * pz) / M2,
        txx=w1 * m.m0 + w2 * transverse / (2.0 * M2),
        txy=w3 * (q * m.m1 - q0 * pz) / (2.0 * M2),
    )


def transverse_tensor(
    f2: Array, f3: Array, product: Array, q0: Array, q: Array, m: Moments
) -> Tensor:
    """∫ dE W^μν of nucleons that take up transverse W bosons alone (R = 0), conserving the current.

    The nucleon's momentum is p = (E - s, **p**), off the mass shell by the binding s, and with
    P = p + q D/Q², D = p·q,

        W^μν = F2/D [P² (-g^μν + q^μ q^ν/q²) + P^μ P^ν] - i ε^μναβ p_α q_β F3/(2D):

    at p = 0 there is nothing but xx, yy and xy.
    """
    Q2 = q**2 - q0**2
    pz, _, _, transverse = momentum_averages(product, q0, q, m)
    s = m.shift
    off_shell = NUCLEON_MASS**2 - s**2
    square = (off_shell + product**2 / Q2) * m.m0 - 2.0 * s * m.m1
    t00 = f2 / product * (q**2 / Q2) * transverse
    return Tensor(
        t00=t00,
        t0z=t00 * q0 / q,
        tzz=t00 * (q0 / q) ** 2,
        txx=f2 / product * (square + 0.5 * transverse),
        txy=f3 * (q * m.m1 - q0 * pz) / (2.0 * product),
    )


def density_factor(gas: FermiGas, target_mass: float, q: Array) -> Array:
    """What ∫ dE dD of a nucleon's tensor is multiplied by, for one nucleon of mass M_A per nucleon.

    M_A ∫ d³p n/E = (2π M_A n / |**q**|) ∫ dE dD, with n = 3/(4π k_F³).
    """
    return 1.5 * target_mass / (gas.fermi_momentum**3 * q)


def structure_functions(t: Tensor, x: Array, Q2: Array, omega: Array, target_mass: float) -> Array:
    """(W1, …, W5) = (2xF1, F2, xF3, xF4, xF5) of the tensor of a target at rest; (5, *shape).

    Energies [GeV] and Q² [GeV²] are those the lepton loses; x = Q²/(2 M_A ω).
    """
    q2 = Q2 + omega**2
    q = np.sqrt(q2)
    longitudinal = t.tzz - t.txx
    f2 = t.t00 - 2.0 * omega / q * t.t0z + omega**2 / q2 * t.tzz + Q2 / q2 * t.txx
    f5 = omega / q * t.t0z - omega**2 / q2 * longitudinal
    return np.stack(
        [
            2.0 * x * t.txx,
            omega / target_mass * f2,
            2.0 * x * omega / q * t.txy,
            x * Q2 / (2.0 * q2) * longitudinal,
            x * f5,
        ]
    )
