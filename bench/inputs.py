"""What the benchmarks work on: DUNE's flux, the embedded PDF set, the paper's network."""

import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nd2fd.beam.builtin import BEAMS
from nd2fd.beam.flux import cell_averages, interpolate_flux
from nd2fd.cross_sections import truths
from nd2fd.cross_sections.pdf.evolution import evolve_to_lhapdf
from nd2fd.forward.nodes import NodeGrid
from nd2fd.physics.baseline import Experiment
from nd2fd.physics.density import DensityGrid, event_densities
from nd2fd.physics.oscillation_parameters import NUFIT_6_0
from nd2fd.physics.setup import Setup, Target
from nd2fd.physics.structure_functions import StructureFunctions

Array = NDArray[np.float64]

SETUP = Setup(Target((("Ar40", 1),)), "muon", antineutrino=False, energy_max=10.0)
NODES = NodeGrid.for_setup(SETUP, 64, 64)
EXPERIMENT = Experiment(baseline=1300.0, rho_ye=2.848 * 0.5, truth=NUFIT_6_0)


def cubic_grid(n: int, subsamples: int = 1) -> DensityGrid:
    """n³ cells in (E_ν, v1, v2), E_ν up to 10 GeV."""
    return DensityGrid(SETUP, n, n, n, subsamples)


def near_flux(grid: DensityGrid) -> Array:
    """DUNE's ND flux on the grid's energies, of unit sum."""
    table = BEAMS["dune_fhc"].flux()
    flux = cell_averages(
        lambda energy: interpolate_flux(table, energy), grid.n_energy, grid.setup.energy_max
    )
    return flux / flux.sum()


def true_structure_functions() -> StructureFunctions:
    """The toy truth, from the embedded PDF set."""
    with tempfile.TemporaryDirectory() as directory:
        pdf_set = Path(directory) / "CT18NNLO_embedded"
        evolve_to_lhapdf(pdf_set)
        pdf = truths.PdfMember(pdf_set, 0, "neopdf")
        return truths.true_structure_functions("quark_parton", SETUP, pdf)


def near_density(grid: DensityGrid) -> Array:
    """The true ND density, flat, of unit integral."""
    densities, _ = event_densities(grid, true_structure_functions(), near_flux(grid)[None])
    return densities.ravel()
