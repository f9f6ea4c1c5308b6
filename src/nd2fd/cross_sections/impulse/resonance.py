"""The Δ(1232) of neutrinos: ν p → l⁻ Δ⁺⁺ and its isospin partners.

Form factors of Lalakulich & Paschos, hep-ph/0501109 (magnetic dominance, C6A by pion-pole
dominance), a Breit-Wigner shape with a width of the p-wave, and the current of a nucleon and a
Rarita-Schwinger field, written out with the spinors of a Δ of mass W at rest.
"""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nd2fd.cross_sections.impulse.nucleon import NUCLEON_MASS, V_UD_SQUARED
from nd2fd.physics.constants import PION_MASS

Array = NDArray[np.float64]
ComplexArray = NDArray[np.complex128]

DELTA_MASS: Final = 1.232
DELTA_WIDTH: Final = 0.120
"""Mass and width at the peak [GeV], as Lalakulich & Paschos take them."""

PION_THRESHOLD: Final = NUCLEON_MASS + PION_MASS
"""Smallest W [GeV] of a nucleon and a pion."""

VECTOR_MASS: Final = 0.84
AXIAL_MASS: Final = 1.05
"""Masses in the dipoles of the form factors [GeV]."""

_PAULI = np.array([[[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]])
_ONE, _NONE = np.eye(2), np.zeros((2, 2))
_GAMMA = np.stack(
    [np.block([[_ONE, _NONE], [_NONE, -_ONE]])]
    + [np.block([[_NONE, sigma], [-sigma, _NONE]]) for sigma in _PAULI]
)
_GAMMA5 = np.block([[_NONE, _ONE], [_ONE, _NONE]]).astype(complex)


class _Couplings(NamedTuple):
    c3v: Array
    c4v: Array
    c4a: Array
    c5a: Array
    c6a: Array


def _couplings(Q2: Array, W: Array) -> _Couplings:
    vector = 1.95 / (1.0 + Q2 / VECTOR_MASS**2) ** 2 / (1.0 + Q2 / (4.0 * VECTOR_MASS**2))
    axial = 1.2 / (1.0 + Q2 / AXIAL_MASS**2) ** 2 / (1.0 + Q2 / (3.0 * AXIAL_MASS**2))
    return _Couplings(
        c3v=vector,
        c4v=-vector * NUCLEON_MASS / W,
        c4a=-0.25 * axial,
        c5a=axial,
        c6a=axial * NUCLEON_MASS**2 / (Q2 + PION_MASS**2),
    )


def _spin_three_halves() -> ComplexArray:
    """ψ^i of a Δ at rest, upper components: (4 states of m, 3 directions i, 2 components)."""
    plus = np.array([-1.0, -1.0j, 0.0]) / np.sqrt(2.0)
    minus = np.array([1.0, -1.0j, 0.0]) / np.sqrt(2.0)
    zero = np.array([0.0, 0.0, 1.0])
    up, down = np.eye(2)
    two_thirds, third = np.sqrt(2.0 / 3.0), np.sqrt(1.0 / 3.0)
    return np.stack(
        [
            np.outer(plus, up),
            two_thirds * np.outer(zero, up) + third * np.outer(plus, down),
            third * np.outer(minus, up) + two_thirds * np.outer(zero, down),
            np.outer(minus, down),
        ]
    )


def _currents(Q2: Array, W: Array) -> tuple[ComplexArray, Array, Array, Array]:
    """⟨Δ, m| J^μ |N, s⟩ in the Δ's frame, and there E of the nucleon, q⁰ and |q| along z.

    Shape (4 indices μ, 4 states of m, 2 of s, n).
    """
    M = NUCLEON_MASS
    q0 = (W**2 - M**2 - Q2) / (2.0 * W)
    k = np.sqrt(q0**2 + Q2)
    energy = W - q0
    c = _couplings(Q2, W)
    q = np.stack([q0, 0.0 * k, 0.0 * k, k])
    p = np.stack([energy, 0.0 * k, 0.0 * k, -k])
    big_p = p + q
    q_slash = q0 * _GAMMA[0][..., None] - k * _GAMMA[3][..., None]
    norm = np.sqrt(energy + M)
    # Nucleon spinors with spin along z: (4 components, 2 spins, n).
    lower = np.array([-1.0, 1.0])[:, None] * k / (energy + M)
    u = np.zeros((4, 2, k.size), dtype=complex)
    for s in (0, 1):
        u[s, s] = norm
        u[2 + s, s] = norm * lower[s]
    u5 = np.einsum("ab,bsn->asn", _GAMMA5, u)
    q_dot_big_p = W * q0
    transfer = (
        c.c3v / M * np.einsum("abn,bsn->asn", q_slash, u5)
        + c.c4v / M**2 * q_dot_big_p * u5
        + (c.c5a + c.c4a / M**2 * q_dot_big_p) * u
    )
    # ψ̄ at rest: γ⁰ leaves the upper components; ψ_i with its index below changes its sign.
    bar = -np.sqrt(2.0 * W) * _spin_three_halves().conj()[..., None]
    currents = np.zeros((4, 4, 2, k.size), dtype=complex)
    for mu in range(4):
        recoil = (
            c.c3v / M * np.einsum("ab,bsn->asn", _GAMMA[mu], u5)
            + c.c4v / M**2 * big_p[mu] * u5
            + (c.c4a * big_p[mu] - c.c6a * q[mu]) / M**2 * u
        )
        currents[mu] = -np.einsum("man,asn->msn", bar[:, 2], k * recoil[:2])
        if mu:
            currents[mu] -= np.einsum("man,asn->msn", bar[:, mu - 1], transfer[:2])
    return currents, energy, q0, k


def delta_transition(Q2: Array, W: Array) -> Array:
    """w1 … w5 of ν n → l⁻ Δ⁺ in units of ½ δ((p + q)² - W²) for a Δ of mass W.

    `Q2` [GeV²] and `W` [GeV] have shape (n,); returns (5, n) [GeV²]. That of protons, where a Δ⁺⁺
    is made, is three times as much.
    """
    currents, energy, q0, k = _currents(Q2, W)
    M = NUCLEON_MASS

    def tensor(mu: int, nu: int) -> ComplexArray:
        return 0.5 * (currents[mu] * currents[nu].conj()).sum(axis=(0, 1))

    w1 = 0.5 * (tensor(1, 1) + tensor(2, 2)).real
    t00, t0z, tzz = tensor(0, 0).real + w1, tensor(0, 3).real, tensor(3, 3).real - w1
    unit = M**2 / (k * W) ** 2
    w2 = unit * (k**2 * t00 - 2.0 * k * q0 * t0z + q0**2 * tzz)
    w4 = unit * (k**2 * t00 + 2.0 * k * energy * t0z + energy**2 * tzz)
    w5 = unit * (k**2 * t00 + k * (energy - q0) * t0z - q0 * energy * tzz)
    w3 = -2.0 * M**2 / (k * W) * tensor(1, 2).imag
    return V_UD_SQUARED * np.stack([w1, w2, w3, w4, w5])


def breit_wigner(W: Array) -> Array:
    """Density of the Δ's mass in W² [GeV⁻²], zero below the pion's threshold."""
    width = DELTA_WIDTH * (pion_momentum(W) / pion_momentum(np.array(DELTA_MASS))) ** 3
    return DELTA_MASS * width / np.pi / ((W**2 - DELTA_MASS**2) ** 2 + (DELTA_MASS * width) ** 2)


def pion_momentum(W: Array) -> Array:
    """Momentum [GeV] of a pion and a nucleon in their frame of mass W [GeV]; 0 below threshold."""
    square = (W**2 - PION_THRESHOLD**2) * (W**2 - (NUCLEON_MASS - PION_MASS) ** 2)
    return np.sqrt(np.maximum(square, 0.0)) / (2.0 * W)
