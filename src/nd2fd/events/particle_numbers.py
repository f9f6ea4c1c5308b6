"""Particles by their number in the Monte Carlo numbering scheme (PDG, Phys. Rev. D 110 (2024))."""

from typing import Final

from nd2fd.physics.setup import NUCLEI, Setup

PROTON: Final = 2212

_CHARGED: Final = {"electron": 11, "muon": 13}


def lepton_number(setup: Setup) -> int:
    """Of the outgoing charged lepton, an antilepton with antineutrinos."""
    return _CHARGED[setup.lepton] * (-1 if setup.antineutrino else 1)


def neutrino_number(setup: Setup) -> int:
    """Of the (anti)neutrinos of the beam."""
    return (_CHARGED[setup.lepton] + 1) * (-1 if setup.antineutrino else 1)


def nucleus_number(name: str) -> int:
    """Of a nucleus in `NUCLEI`: 10LZZZAAAI; a proton is no nucleus."""
    nucleus = NUCLEI[name]
    if nucleus.A == 1:
        return PROTON
    return 1_000_000_000 + 10_000 * nucleus.Z + 10 * nucleus.A
