"""How much the structure functions at each node count at either detector."""

from typing import Any

import numpy as np

from nd2fd.forward.nodes import NodeGrid
from nd2fd.forward.operator import ForwardOperator
from nd2fd.physics.density import DensityGrid
from nd2fd.beam.spectra import detector_spectra
from nd2fd.beam.flux import cell_averages
from nd2fd.io.schemas import FLUX, OSCILLATION, TRUTH, WEIGHTS
from nd2fd.io.job import Stage

snakemake: Any

with Stage(snakemake) as stage:
    grid = DensityGrid(**snakemake.params.grid)
    truth = stage.read("truth", TRUTH)
    nodes = NodeGrid(truth["xi"].size, truth["tau"].size)
    spectra = detector_spectra(stage.read("flux", FLUX), stage.read("oscillation", OSCILLATION))
    fluxes = np.stack([cell_averages(s, grid.n_energy, grid.energy_max) for s in spectra])
    operator = ForwardOperator.build(grid, nodes)
    weights = np.stack([operator.event_matrix(flux).sum(axis=0) for flux in fluxes])
    weights /= (weights @ truth["structure_functions"].ravel())[:, None]
    near, far = weights.reshape(2, 3, nodes.n_xi, nodes.n_tau)
    stage.write(WEIGHTS, {"xi": nodes.xi, "tau": nodes.tau, "near": near, "far": far})
