"""Densities at both detectors and the total cross section that members predict."""

from typing import Any

import numpy as np

from nd2fd.cross_sections.models import ARTIFACTS, cross_section_models
from nd2fd.physics.density import DensityGrid
from nd2fd.beam.spectra import detector_spectra
from nd2fd.beam.flux import cell_averages
from nd2fd.io.schemas import FLUX, OSCILLATION, PREDICTION
from nd2fd.io.job import Stage

snakemake: Any

with Stage(snakemake) as stage:
    params = snakemake.params
    artifact = stage.read("cross_section", ARTIFACTS[params.cross_section])
    grid = DensityGrid(**params.grid)
    spectra = detector_spectra(stage.read("flux", FLUX), stage.read("oscillation", OSCILLATION))
    fluxes = np.stack([cell_averages(s, grid.n_energy, grid.energy_max) for s in spectra])
    predictions = [
        model.densities(grid, fluxes)
        for model in cross_section_models(params.cross_section, artifact, len(params.members))
    ]
    densities = np.stack([density for density, _ in predictions])
    sigma_total = np.stack([sigma for _, sigma in predictions])
    average = np.average(sigma_total, axis=1, weights=fluxes[0])
    stage.write(
        PREDICTION,
        {
            "member": np.array(params.members),
            "v1": grid.v1,
            "v2": grid.v2,
            "energy": grid.energy,
            "near": densities[:, 0],
            "far": densities[:, 1],
            "sigma_total": sigma_total / average[:, None],
        },
    )
