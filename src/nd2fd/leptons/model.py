"""What near and far samples of all leptons share: setup, structure functions, fluxes and cells."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from nd2fd.forward.nodes import NodeGrid
from nd2fd.leptons.beams import Beams, Flavour, in_cells
from nd2fd.leptons.flux_errors import FluxErrors
from nd2fd.leptons.samples import Functions, Lepton, Sample
from nd2fd.physics.density import DensityGrid, reachable_parts
from nd2fd.physics.setup import Setup

Array = NDArray[np.float64]
IntArray = NDArray[np.int64]

_ALBRIGHT_JARLSKOG = np.vstack([np.eye(3), np.zeros(3), [0.0, 0.5, 0.0]])
"""W4 = 0 and W5 = W2/2: xF4 = 0 and 2xF5 = F2 (Kretzer & Reno, hep-ph/0208187)."""


@dataclass(frozen=True)
class LeptonModel:
    """Cross sections of leptons on one target, and the neutrinos that make them.

    setup
        Its lepton and helicity do not count.
    leptons
        Those of any sample.
    helicities
        Neutrinos (False), or they and antineutrinos (True).
    functions
        Which structure functions are learned.
    shared
        Whether antineutrinos have the structure functions of neutrinos, as on isoscalar targets.
    nodes
        Of the structure functions.
    beams
        Fluxes.
    flux_errors
        What is not known of them.
    near_cells, far_cells
        Cells along E_ν, and along v1 and v2, of either detector.
    subsamples
        Points of a cell, along v1 and v2.
    """

    setup: Setup
    leptons: Sequence[Lepton]
    helicities: tuple[bool, ...]
    functions: Functions
    shared: bool
    nodes: NodeGrid
    beams: Beams
    flux_errors: FluxErrors
    near_cells: tuple[int, int]
    far_cells: tuple[int, int]
    subsamples: int

    @property
    def five(self) -> bool:
        """Whether there are W1, …, W5, or the three combinations of one lepton."""
        return self.functions != "three"

    @property
    def relations(self) -> Array:
        """Structure functions from those that are learned, shape (3 or 5, n_functions)."""
        return (
            _ALBRIGHT_JARLSKOG
            if self.functions == "albright_jarlskog"
            else np.eye(5 if self.five else 3)
        )

    @property
    def n_functions(self) -> int:
        """Learned of either helicity."""
        return self.relations.shape[1]

    def related(self, learned: Array) -> Array:
        """Structure functions (…, 3 or 5, ξ, τ) from those that are learned (…, ξ, τ)."""
        return np.einsum("ij,...jxt->...ixt", self.relations, learned)

    @property
    def n_sets(self) -> int:
        """Of structure functions."""
        return 1 if self.shared else len(self.helicities)

    def set_of(self, antineutrino: bool) -> int:
        """Which structure functions a helicity has."""
        return 0 if self.shared else self.helicities.index(antineutrino)

    @property
    def cross_sections(self) -> list[tuple[Lepton, bool]]:
        """Lepton and helicity of all."""
        return [(lepton, anti) for lepton in self.leptons for anti in self.helicities]

    def setup_of(self, lepton: Lepton, antineutrino: bool) -> Setup:
        """Of one cross section."""
        return replace(self.setup, lepton=lepton, antineutrino=antineutrino)

    def near_grid(self, lepton: Lepton, antineutrino: bool) -> DensityGrid:
        """Cells of the near detector."""
        n_energy, n_v = self.near_cells
        return DensityGrid(self.setup_of(lepton, antineutrino), n_energy, n_v, n_v, self.subsamples)

    def far_grid(self, lepton: Lepton, antineutrino: bool) -> DensityGrid:
        """Cells of the far detector."""
        n_energy, n_v = self.far_cells
        return DensityGrid(self.setup_of(lepton, antineutrino), n_energy, n_v, n_v, self.subsamples)

    def reached(self, lepton: Lepton) -> IntArray:
        """Flat cells of the far detector that its events can reach."""
        return np.unique(reachable_parts(self.far_grid(lepton, self.helicities[0])).cell)

    def near_flux(self, sample: Sample, antineutrino: bool, n_energy: int) -> Array:
        """Flux of a near sample's neutrinos or antineutrinos in cells of E_ν."""
        table = self.beams[Flavour(sample.horn, False, sample.lepton, antineutrino)]
        return in_cells(table, n_energy, self.setup.energy_max)
