"""Probabilities that events of one cell are measured in another."""

from typing import Any

import numpy as np

from nd2fd.physics.density import DensityGrid
from nd2fd.detector.response import response_matrix
from nd2fd.detector.smearing import Resolution
from nd2fd.io.schemas import RESPONSE
from nd2fd.io.job import Stage

snakemake: Any

with Stage(snakemake) as stage:
    grid = DensityGrid(**snakemake.params.grid)
    response = response_matrix(grid, Resolution.from_config(snakemake.params.smearing))
    stage.write(
        RESPONSE,
        {
            "v1": grid.v1,
            "v2": grid.v2,
            "indptr": response.indptr.astype(np.int64),
            "indices": response.indices.astype(np.int64),
            "data": response.data,
            "acceptance": response.sum(axis=0).reshape(grid.n_v1, grid.n_v2),
        },
    )
