"""Inclusive charged-current cross section for a massive lepton.

With k = m²/Q² and W1 = 2xF1, W2 = F2, W3 = xF3, W4 = xF4, W5 = xF5, upper sign for neutrinos
(Paschos & Yu, hep-ph/0107261; Kretzer & Reno, hep-ph/0208187):

    d²σ/dE_l dcosθ = G_F² E_ν p / (π ν (1 + Q²/M_W²)²) ·
        { y²/2 (1+k) W1 + [1 - y - m²/(4E_ν²) - M x y/(2E_ν)] W2
          ± [y(1 - y/2) - k y²/2] W3 + k(1+k) y² W4 - 2k y W5 }

One lepton mass cannot tell all five apart. The brace is C1 W1' + C2 W2' + C3 W3' with

    W1' = W1 - 2k (W5 - W4),    W2' = W2,    W3' = W3 ∓ 2k W5,

and the C_i the factors of W1, W2, W3: three known functions of (E_ν, x, Q²) times three unknown
functions of (x, Q²).
"""

import numpy as np
from numpy.typing import NDArray

from nd2fd.physics.constants import G_FERMI, M_W
from nd2fd.physics.setup import Setup
from nd2fd.physics.structure_functions import FiveStructureFunctions, StructureFunctions

Array = NDArray[np.float64]


def kinematic_coefficients(energy: Array, Q2: Array, inelasticity: Array, setup: Setup) -> Array:
    """Coefficients (C1, C2, C3) of (W1', W2', W3') in the brace; shape (3, *broadcast shape).

    `energy` [GeV], `Q2` [GeV²] and inelasticity y = ν/E_ν broadcast; M x = Q²/(2 E_ν y).
    """
    y = inelasticity
    k = setup.lepton_mass**2 / Q2
    sign = -1.0 if setup.antineutrino else 1.0
    c1 = 0.5 * y**2 * (1.0 + k)
    c2 = 1.0 - y - (setup.lepton_mass**2 + Q2) / (4.0 * energy**2)
    c3 = sign * (y * (1.0 - 0.5 * y) - 0.5 * k * y**2)
    return np.stack(np.broadcast_arrays(c1, c2, c3))


def mass_suppressed_coefficients(Q2: Array, inelasticity: Array, setup: Setup) -> Array:
    """Coefficients (C4, C5) of (W4, W5) in the brace; shape (2, *broadcast shape)."""
    k = setup.lepton_mass**2 / Q2
    return np.stack(np.broadcast_arrays(k * (1.0 + k) * inelasticity**2, -2.0 * k * inelasticity))


def effective_structure_functions(structure_functions: Array, Q2: Array, setup: Setup) -> Array:
    """The three measurable combinations (W1', W2', W3') of (W1, …, W5).

    `structure_functions` has shape (5, *shape), `Q2` [GeV²] broadcasts to *shape; returns
    (3, *shape).
    """
    w1, w2, w3, w4, w5 = structure_functions
    k = setup.lepton_mass**2 / Q2
    sign = -1.0 if setup.antineutrino else 1.0
    return np.stack([w1 - 2.0 * k * (w5 - w4), w2, w3 - sign * 2.0 * k * w5])


def measurable_combinations(five: FiveStructureFunctions, setup: Setup) -> StructureFunctions:
    """The (W1', W2', W3')(x, Q²) of the setup's lepton, of (W1, …, W5)(x, Q²)."""

    def structure_functions(x: Array, Q2: Array) -> Array:
        return effective_structure_functions(five(x, Q2), Q2, setup)

    return structure_functions


def density_variable_prefactor(
    v1: Array, v2: Array, Q2: Array, inelasticity: Array, setup: Setup
) -> Array:
    """Factor in front of the brace for d²σ/dv1 dv2 per nucleon [GeV⁻²].

    dE_l dcosθ = da db / (2p) = 4 M x_max E_max v1 v2 dv1 dv2 / p: the lepton momentum cancels.
    """
    propagator = (1.0 + Q2 / M_W**2) ** 2
    jacobian = 4.0 * setup.a_max * setup.energy_max * v1 * v2
    return G_FERMI**2 / (np.pi * inelasticity * propagator) * jacobian


def lepton_prefactor(momentum: Array, Q2: Array, inelasticity: Array) -> Array:
    """Factor in front of the brace for d²σ/dE_l dcosθ per nucleon [GeV⁻³]."""
    return G_FERMI**2 * momentum / (np.pi * inelasticity * (1.0 + Q2 / M_W**2) ** 2)
