"""The toy truth: densities at both detectors, cross section, and W_i' on the nodes."""

from pathlib import Path
from typing import Any

import numpy as np

from nd2fd.forward.nodes import NodeGrid
from nd2fd.cross_sections.pdf.continuation import parton_densities
from nd2fd.physics.density import DensityGrid, event_densities
from nd2fd.beam.spectra import detector_spectra
from nd2fd.beam.flux import cell_averages
from nd2fd.cross_sections.quark_parton import toy_truth
from nd2fd.io.schemas import FLUX, OSCILLATION, TRUTH
from nd2fd.io.job import Stage

snakemake: Any

with Stage(snakemake) as stage:
    params = snakemake.params
    grid = DensityGrid(**params.grid)
    nodes = NodeGrid(**params.nodes)
    structure_functions = toy_truth(
        parton_densities(Path(snakemake.input.pdf).parent, params.member, params.reader)
    )
    spectra = detector_spectra(stage.read("flux", FLUX), stage.read("oscillation", OSCILLATION))
    fluxes = np.stack([cell_averages(s, grid.n_energy, grid.energy_max) for s in spectra])
    (near_density, far_density), sigma_total = event_densities(grid, structure_functions, fluxes)
    stage.write(
        TRUTH,
        {
            "v1": grid.v1,
            "v2": grid.v2,
            "energy": grid.energy,
            "near_flux": fluxes[0],
            "near": near_density,
            "far": far_density,
            "sigma_total": sigma_total,
            "xi": nodes.xi,
            "tau": nodes.tau,
            "structure_functions": structure_functions(*nodes.x_and_Q2()),
        },
    )
