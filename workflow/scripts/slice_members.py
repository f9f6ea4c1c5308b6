"""Cross sections of a batch at fixed neutrino energies."""

from typing import Any

import numpy as np

from nd2fd.cross_sections.models import ARTIFACTS, cross_section_models
from nd2fd.physics.density import DensityGrid
from nd2fd.io.schemas import SLICES
from nd2fd.io.job import Stage

snakemake: Any

with Stage(snakemake) as stage:
    params = snakemake.params
    grid = DensityGrid(**params.grid)
    models = cross_section_models(
        params.cross_section,
        stage.read("cross_section", ARTIFACTS[params.cross_section]),
        len(params.members),
    )
    in_cells = np.stack([model.in_cells(grid) for model in models])
    density = in_cells / (in_cells.sum(axis=2, keepdims=True) * grid.cell_area)
    stage.write(
        SLICES,
        {
            "member": np.array(params.members),
            "v1": grid.v1,
            "v2": grid.v2,
            "energy": grid.energy,
            "density": density.reshape(len(models), grid.n_energy, grid.n_v1, grid.n_v2),
        },
    )
