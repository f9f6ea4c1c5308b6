"""Densities at both detectors and the total cross section that trained members predict."""

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
    models = stage.read("members", MEMBER)
    grid = DensityGrid(**snakemake.params.grid)
    nodes = NodeGrid(models["xi"].size, models["tau"].size)
    spectra = detector_spectra(stage.read("flux", FLUX), stage.read("oscillation", OSCILLATION))
    fluxes = np.stack([cell_averages(s, grid.n_energy, grid.energy_max) for s in spectra])
    predictions = [
        event_densities(grid, partial(nodes.interpolate, values), fluxes)
        for values in models["structure_functions"]
    ]
    densities = np.stack([density for density, _ in predictions])
    sigma_total = np.stack([sigma for _, sigma in predictions])
    average = np.average(sigma_total, axis=1, weights=fluxes[0])
    stage.write(
        PREDICTION,
        {
            "member": models["member"],
            "v1": grid.v1,
            "v2": grid.v2,
            "energy": grid.energy,
            "near": densities[:, 0],
            "far": densities[:, 1],
            "sigma_total": sigma_total / average[:, None],
        },
    )
