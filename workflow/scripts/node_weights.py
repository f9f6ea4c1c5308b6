"""How much the structure functions at each node count at either detector."""

from typing import Any

from nd2fd.cross_sections.closure import node_weights
from nd2fd.forward.nodes import NodeGrid
from nd2fd.io.job import Job
from nd2fd.io.schemas.inputs import Flux, Oscillation
from nd2fd.io.schemas.truth import Truth
from nd2fd.physics.density import DensityGrid

snakemake: Any

with Job(snakemake) as job:
    grid = DensityGrid.from_config(job.params.setup, job.params.grid)
    nodes = NodeGrid.for_setup(grid.setup, **job.params.nodes)
    truth, flux = job.load_optional("truth", Truth), job.load("flux", Flux)
    oscillation = job.load_optional("oscillation", Oscillation)
    job.save(node_weights(truth, flux, oscillation, grid, nodes))
