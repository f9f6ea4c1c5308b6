"""Targets in the impulse approximation: Fermi gases of nuclei, and quarks as their continuum."""

from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates, spline_filter

from nd2fd.cross_sections.impulse.fermi_gas import FermiGas
from nd2fd.cross_sections.impulse.nucleus import (
    NOMINAL,
    STANDARD,
    Accuracy,
    Nucleus,
    Strengths,
)
from nd2fd.cross_sections.interpolation import tabulate
from nd2fd.cross_sections.quark_parton import (
    PartonDensities,
    checked_densities,
    quark_parton_model,
)
from nd2fd.cross_sections.truths import PdfMember
from nd2fd.io.schemas.truth import StructureFunctionTable
from nd2fd.physics.setup import NUCLEI, Setup, Target
from nd2fd.physics.structure_functions import FiveStructureFunctions

Array = NDArray[np.float64]

GASES: Final = {
    "H1": FermiGas(0.03, 0.0, blocked=False),
    "H2": FermiGas(0.05, 0.002, blocked=False),
    "He4": FermiGas(0.18, 0.017, blocked=True),
    "C12": FermiGas(0.221, 0.025, blocked=True),
    "O16": FermiGas(0.225, 0.027, blocked=True),
    "Ar40": FermiGas(0.25, 0.028, blocked=True),
    "Ca40": FermiGas(0.251, 0.028, blocked=True),
    "Fe56": FermiGas(0.26, 0.036, blocked=True),
    "Pb208": FermiGas(0.265, 0.044, blocked=True),
}
"""Fermi momentum and binding [GeV] by nucleus. C, Ca, Fe (as Ni) and Pb: electron scattering,
Moniz et al., Phys. Rev. Lett. 26 (1971) 445; O: Smith & Moniz, Nucl. Phys. B 43 (1972) 605; Ar:
choice, near Ca. Choices, too: the light nuclei, and hydrogen, whose quasi-elastic line (x = 1, of
antineutrinos) gets a width of 3 % that a table can hold."""

_X_POWER = 4
_Q2_SCALE = 0.3


class TabulatedContinuum:
    """F2 and F3 of quarks between points in x^(1/4) and log(Q² + 0.3 GeV²).

    A table since one evaluation of the parton densities takes longer than all else.
    """

    def __init__(
        self,
        parton_densities: PartonDensities,
        setup: Setup,
        Q2_max: float,
        shape: tuple[int, int] = (500, 240),
    ) -> None:
        self.shape = shape
        self.start = 1e-5 ** (1.0 / _X_POWER)
        self.bounds = np.log(_Q2_SCALE), np.log(Q2_max + _Q2_SCALE)
        x = np.linspace(self.start, 1.0, shape[0]) ** _X_POWER
        Q2 = np.exp(np.linspace(*self.bounds, shape[1])) - _Q2_SCALE
        grid_x, grid_Q2 = np.meshgrid(x, np.maximum(Q2, 1e-9), indexing="ij")
        _, f2, xf3, _, _ = quark_parton_model(parton_densities, grid_x, grid_Q2, setup)
        self.filtered = [spline_filter(f) for f in (f2, xf3)]

    def __call__(self, x: Array, Q2: Array) -> Array:
        """F2 and F3, shape (2, *shape); below the smallest x, densities are those at it."""
        low, high = self.bounds
        root = np.maximum(x ** (1.0 / _X_POWER), self.start)
        at = np.stack(
            [
                (root - self.start) / (1.0 - self.start) * (self.shape[0] - 1),
                (np.log(Q2 + _Q2_SCALE) - low) / (high - low) * (self.shape[1] - 1),
            ]
        )
        f2, xf3 = (map_coordinates(f, at, mode="nearest", prefilter=False) for f in self.filtered)
        # Between points rounding may take a density that ends at x = 1 below zero.
        f2 = np.maximum(f2, 0.0)
        return np.stack([f2, np.clip(xf3, -f2, f2) / x])


def impulse_approximation(
    parton_densities: PartonDensities,
    setup: Setup,
    strengths: Strengths = NOMINAL,
    accuracy: Accuracy = STANDARD,
    gases: dict[str, FermiGas] = GASES,
) -> FiveStructureFunctions:
    """(W1, …, W5)(x, Q²) per nucleon of the target: arrays (n,), (n,) to (5, n)."""
    parts = []
    nucleons = sum(number * NUCLEI[name].A for name, number in setup.target.nuclei)
    for name, number in setup.target.nuclei:
        of_nucleus = replace(setup, target=Target(((name, 1.0),)))
        nucleus = Nucleus(
            of_nucleus.target.proton_fraction,
            gases[name],
            setup.nucleon_mass,
            setup.antineutrino,
            TabulatedContinuum(parton_densities, of_nucleus, setup.Q2_max),
            setup.Q2_max,
            strengths,
            accuracy,
        )
        parts.append((number * NUCLEI[name].A / nucleons, nucleus))

    def structure_functions(x: Array, Q2: Array) -> Array:
        return np.sum([share * nucleus(x, Q2) for share, nucleus in parts], axis=0)

    return structure_functions


def impulse_table(setup: Setup, pdf: PdfMember) -> StructureFunctionTable:
    """Table of `impulse_approximation` for ν and ν̄, with a PDF set of a free proton.

    Raises
    ------
    FileNotFoundError, ImportError, ValueError
        As `nd2fd.cross_sections.quark_parton.checked_densities`.
    """
    neutrino, antineutrino = (
        impulse_approximation(checked_densities(of_helicity, pdf), of_helicity)
        for of_helicity in (replace(setup, antineutrino=False), replace(setup, antineutrino=True))
    )
    return tabulate(neutrino, antineutrino, setup)
