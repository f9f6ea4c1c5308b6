"""One-dimensional marginals of the event densities of a batch of cross sections, on a fine grid."""

from typing import Any

import numpy as np

from nd2fd.cross_sections.models import ARTIFACTS, cross_section_models
from nd2fd.physics.density import DensityGrid
from nd2fd.beam.spectra import detector_spectra
from nd2fd.beam.flux import cell_averages
from nd2fd.physics.marginals import marginal_densities
from nd2fd.io.schemas import FLUX, MARGINALS, OSCILLATION
from nd2fd.io.job import Stage

snakemake: Any

with Stage(snakemake) as stage:
    params = snakemake.params
    models = cross_section_models(
        params.cross_section,
        stage.read("cross_section", ARTIFACTS[params.cross_section]),
        len(params.members),
    )
    grid = DensityGrid(**params.grid)
    spectra = detector_spectra(stage.read("flux", FLUX), stage.read("oscillation", OSCILLATION))
    fluxes = np.stack([cell_averages(s, grid.n_energy, grid.energy_max) for s in spectra])
    of_members = []
    for model in models:
        densities, sigma_total = model.densities(grid, fluxes)
        of_members.append(marginal_densities(grid, densities, sigma_total, fluxes))
    data: dict[str, Any] = {"member": np.array(params.members)}
    for name, (centres, _) in of_members[0].items():
        values = np.stack([marginals[name][1] for marginals in of_members])
        data |= {name: centres, f"near_{name}": values[:, 0], f"far_{name}": values[:, 1]}
    stage.write(MARGINALS, data)
