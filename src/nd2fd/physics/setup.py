"""What kinematics and cross section need to know of an experiment: target, lepton, helicity, range.

One frozen object stands where constants would tie the physics to one experiment.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from math import sqrt
from typing import Any, Final

from nd2fd.physics.constants import ATOMIC_MASS_UNIT, ELECTRON_MASS, MUON_MASS


@dataclass(frozen=True)
class Nucleus:
    """Atomic number Z, mass number A and mass [GeV] of a nucleus."""

    Z: int
    A: int
    mass: float


def _nucleus(Z: int, A: int, atomic_mass: float) -> Nucleus:
    """From the mass of the neutral atom [u]; the electrons' binding is below 1e-6 of the mass."""
    return Nucleus(Z, A, atomic_mass * ATOMIC_MASS_UNIT - Z * ELECTRON_MASS)


NUCLEI: Final = {
    "H1": _nucleus(1, 1, 1.00782503190),
    "H2": _nucleus(1, 2, 2.01410177784),
    "He4": _nucleus(2, 4, 4.00260325413),
    "C12": _nucleus(6, 12, 12.0),
    "O16": _nucleus(8, 16, 15.99491461926),
    "Ar40": Nucleus(18, 40, 37.2247242),
    "Ca40": _nucleus(20, 40, 39.962590851),
    "Fe56": _nucleus(26, 56, 55.93493554),
    "Pb208": _nucleus(82, 208, 207.97665192),
}
"""Nuclei by name; atomic masses of AME 2020 (Chinese Phys. C 45 (2021) 030003) less the electrons.
That of ⁴⁰Ar is the paper's number, the mass of the atom: 0.025 % more."""

_TERM = re.compile(r"(?:(?P<number>\d+(?:\.\d+)?)\s+)?(?P<name>[A-Z][a-z]?\d+)")

LEPTON_MASSES: Final = {"electron": ELECTRON_MASS, "muon": MUON_MASS}
"""Mass [GeV] of the outgoing lepton by name."""


@dataclass(frozen=True)
class Target:
    """What is hit: nuclei, and how many of each.

    nuclei
        Pairs of a name in `NUCLEI` and a number.

    Raises ValueError for an unknown nucleus, a number that is not positive, or no nucleus at all.
    """

    nuclei: tuple[tuple[str, float], ...]

    def __post_init__(self) -> None:
        if not self.nuclei:
            raise ValueError("a target needs at least one nucleus")
        for name, number in self.nuclei:
            if name not in NUCLEI:
                raise ValueError(f"no nucleus {name!r}; there are {', '.join(NUCLEI)}")
            if not 0.0 < number < float("inf"):
                raise ValueError(f"{number} of {name}; the number must be positive and finite")

    @classmethod
    def parse(cls, composition: str) -> "Target":
        """From text such as ``Ar40`` or ``2 H1 + O16``.

        Raises ValueError if it is not a sum of nuclei with numbers before them.
        """
        nuclei = []
        for term in composition.split("+"):
            match = _TERM.fullmatch(term.strip())
            if match is None:
                raise ValueError(
                    f"{term.strip()!r} in {composition!r} is not a nucleus, with or without a "
                    "number before it; targets are written like 2 H1 + O16"
                )
            nuclei.append((match["name"], float(match["number"] or 1)))
        return cls(tuple(nuclei))

    @property
    def nucleon_mass(self) -> float:
        """M = Σ mass / Σ A [GeV], the mass in the per-nucleon Bjorken x (arXiv:2301.07715)."""
        return sum(n * NUCLEI[name].mass for name, n in self.nuclei) / self._nucleons

    @property
    def proton_fraction(self) -> float:
        """Σ Z / Σ A."""
        return sum(n * NUCLEI[name].Z for name, n in self.nuclei) / self._nucleons

    @property
    def _nucleons(self) -> float:
        return sum(n * NUCLEI[name].A for name, n in self.nuclei)


@dataclass(frozen=True)
class Setup:
    """All that kinematics and cross section need.

    target
        What is hit.
    lepton
        The outgoing charged lepton, a key of `LEPTON_MASSES`.
    antineutrino
        Whether the beam is of antineutrinos.
    energy_max
        E_max [GeV]: end of the spectrum, and scale of v2.
    x_max
        Largest Bjorken x; above 1 for nucleons that move in the nucleus.

    Raises ValueError for an unknown lepton, or an E_max below the threshold.
    """

    target: Target
    lepton: str
    antineutrino: bool
    energy_max: float
    x_max: float = 1.0

    def __post_init__(self) -> None:
        if self.lepton not in LEPTON_MASSES:
            raise ValueError(f"no lepton {self.lepton!r}; there are {', '.join(LEPTON_MASSES)}")
        if not self.x_max > 0.0:
            raise ValueError(f"x_max is {self.x_max}; it must be positive")
        if not self.energy_max > self.energy_threshold:
            raise ValueError(
                f"energy_max is {self.energy_max} GeV; it must be above the threshold, "
                f"{self.energy_threshold:.4g} GeV"
            )

    @classmethod
    def from_config(cls, section: Mapping[str, Any]) -> "Setup":
        """From the configuration section `setup`."""
        return cls(
            Target.parse(section["target"]),
            section["lepton"],
            section["helicity"] == "antineutrino",
            section["energy_max"],
            section["x_max"],
        )

    @cached_property
    def nucleon_mass(self) -> float:
        """M [GeV] of the target."""
        return self.target.nucleon_mass

    @cached_property
    def lepton_mass(self) -> float:
        """m [GeV] of the outgoing lepton."""
        return LEPTON_MASSES[self.lepton]

    @cached_property
    def a_max(self) -> float:
        """Upper bound M x_max [GeV] of a = E_l - p cosθ, and scale of v1."""
        return self.nucleon_mass * self.x_max

    @cached_property
    def b_max(self) -> float:
        """Upper bound 2 E_max [GeV] of b = E_l + p cosθ, and scale of v2."""
        return 2.0 * self.energy_max

    @cached_property
    def Q2_max(self) -> float:
        """Q² [GeV²] that no event exceeds: 2 M E_max < 2 E_max · 1 GeV for nuclei, times x_max."""
        return 2.0 * self.energy_max * self.x_max

    @cached_property
    def energy_threshold(self) -> float:
        """Smallest E_ν [GeV] at which the lepton can be made."""
        return self.lepton_mass + self.lepton_mass**2 / (2.0 * self.nucleon_mass * self.x_max)

    @cached_property
    def smallest_product(self) -> float:
        """Value of v1 v2 where a b = m²; less cannot be reached."""
        return self.lepton_mass / sqrt(self.a_max * self.b_max)
