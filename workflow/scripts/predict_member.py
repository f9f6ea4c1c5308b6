"""Densities at both detectors and the total cross section that a trained member predicts."""

from functools import partial
from typing import Any

import numpy as np

from nd2fd.forward.nodes import NodeGrid
from nd2fd.physics.density import DensityGrid, event_densities
from nd2fd.physics.experiment import detector_spectra
from nd2fd.physics.flux import cell_averages
from nd2fd.schemas import FLUX, MEMBER, OSCILLATION, PREDICTION
from nd2fd.stage import Stage

snakemake: Any

with Stage(snakemake) as stage:
    member = stage.read("member", MEMBER)
    grid = DensityGrid(**snakemake.params.grid)
    nodes = NodeGrid(member["xi"].size, member["tau"].size)
    spectra = detector_spectra(stage.read("flux", FLUX), stage.read("oscillation", OSCILLATION))
    fluxes = np.stack([cell_averages(s, grid.n_energy, grid.energy_max) for s in spectra])
    (near_density, far_density), sigma_total = event_densities(
        grid, partial(nodes.interpolate, member["structure_functions"]), fluxes
    )
    stage.write(
        PREDICTION,
        {
            "v1": grid.v1,
            "v2": grid.v2,
            "energy": grid.energy,
            "near": near_density,
            "far": far_density,
            "sigma_total": sigma_total / np.average(sigma_total, weights=fluxes[0]),
        },
    )
