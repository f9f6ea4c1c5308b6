"""Cross sections of a nucleon in the impulse approximation, as tests ask for them."""

import numpy as np

from nd2fd.cross_sections.impulse.fermi_gas import FermiGas
from nd2fd.cross_sections.impulse.form_factors import form_factors
from nd2fd.cross_sections.impulse.nucleon import NUCLEON_MASS as M
from nd2fd.cross_sections.impulse.nucleus import Nucleus
from nd2fd.physics.cross_section import kinematic_coefficients, mass_suppressed_coefficients

G_FERMI, GEV2_IN_CM2 = 1.1663788e-5, 0.3893793721e-27


MUON, ELECTRON = 0.1056583755, 0.51099895e-3


V_UD2 = 0.97367**2


FREE = FermiGas(0.01, 0.0, blocked=False)


def nothing(x, Q2):
    return np.zeros((2, *np.broadcast(x, Q2).shape))


def of_nucleons(gas=FREE, **changes):
    return Nucleus(
        **{
            "protons": 0.0,
            "gas": gas,
            "target_mass": M,
            "antineutrino": False,
            "continuum": nothing,
            "Q2_max": 20.0,
        }
        | changes
    )


def rate(W, energy, omega, Q2, antineutrino, mass):
    """d²σ/dQ² dω [1e-38 cm²/GeV³] of W1 … W5 for a target of a nucleon's mass."""

    class Muons:
        lepton_mass = mass

    Muons.antineutrino = antineutrino
    y = omega / energy
    factors = np.concatenate(
        [
            kinematic_coefficients(energy, Q2, y, Muons),
            mass_suppressed_coefficients(Q2, y, Muons),
        ]
    )
    return G_FERMI**2 / (2 * np.pi * omega) * (factors * W).sum(axis=0) * GEV2_IN_CM2 / 1e-38


def limits(energy, mass, W):
    """Smallest and largest Q² where a nucleon at rest becomes W."""
    s = M**2 + 2 * M * energy
    neutrino = (s - M**2) / (2 * np.sqrt(s))
    lepton = (s + mass**2 - W**2) / (2 * np.sqrt(s))
    momentum = np.sqrt(lepton**2 - mass**2)
    return [2 * neutrino * (lepton + sign * momentum) - mass**2 for sign in (-1, 1)]


def llewellyn_smith(energy, Q2, antineutrino, mass):
    """dσ/dQ² [1e-38 cm²/GeV²]: A, B and C of Phys. Rept. 3 (1972) 261, Eq. 3.18 ff."""
    f1, f2, fa, fp = form_factors(Q2, 1.0)
    t, m2 = Q2 / (4 * M**2), mass**2
    a = (m2 + Q2) / M**2
    a *= (
        (1 + t) * fa**2
        - (1 - t) * f1**2
        + t * (1 - t) * f2**2
        + 4 * t * f1 * f2
        - m2 / (4 * M**2) * ((f1 + f2) ** 2 + (fa + 2 * fp) ** 2 - 4 * (1 + t) * fp**2)
    )
    b = Q2 / M**2 * fa * (f1 + f2)
    c = (fa**2 + f1**2 + t * f2**2) / 4
    s_u = (4 * M * energy - Q2 - m2) / M**2
    sign = -1 if antineutrino else 1
    unit = M**2 * G_FERMI**2 * V_UD2 / (8 * np.pi * energy**2) * GEV2_IN_CM2 / 1e-38
    return unit * (a + sign * b * s_u + c * s_u**2)
