"""One-dimensional marginals of the event densities of one cross section, on a fine grid."""

from functools import partial
from typing import Any

import numpy as np

from nd2fd.forward.nodes import NodeGrid
from nd2fd.physics.density import DensityGrid, event_densities
from nd2fd.physics.experiment import detector_spectra
from nd2fd.physics.flux import cell_averages
from nd2fd.physics.marginals import marginal_densities
from nd2fd.schemas import FLUX, MARGINALS, MEMBER, OSCILLATION, TRUTH
from nd2fd.stage import Stage

snakemake: Any

with Stage(snakemake) as stage:
    params = snakemake.params
    model = stage.read("cross_section", TRUTH if params.cross_section == "known" else MEMBER)
    nodes = NodeGrid(model["xi"].size, model["tau"].size)
    grid = DensityGrid(**params.grid)
    spectra = detector_spectra(stage.read("flux", FLUX), stage.read("oscillation", OSCILLATION))
    fluxes = np.stack([cell_averages(s, grid.n_energy, grid.energy_max) for s in spectra])
    densities, sigma_total = event_densities(
        grid, partial(nodes.interpolate, model["structure_functions"]), fluxes
    )
    marginals = marginal_densities(grid, densities, sigma_total, fluxes)
    stage.write(
        MARGINALS,
        {name: centres for name, (centres, _) in marginals.items()}
        | {f"near_{name}": values[0] for name, (_, values) in marginals.items()}
        | {f"far_{name}": values[1] for name, (_, values) in marginals.items()},
    )
