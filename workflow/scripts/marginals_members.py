"""One-dimensional marginals of the event densities of a batch of cross sections, on a fine grid."""

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
    of_members = []
    for values in model["structure_functions"].reshape(-1, 3, nodes.n_xi, nodes.n_tau):
        densities, sigma_total = event_densities(grid, partial(nodes.interpolate, values), fluxes)
        of_members.append(marginal_densities(grid, densities, sigma_total, fluxes))
    data: dict[str, Any] = {"member": np.array(params.members)}
    for name, (centres, _) in of_members[0].items():
        values = np.stack([marginals[name][1] for marginals in of_members])
        data |= {name: centres, f"near_{name}": values[:, 0], f"far_{name}": values[:, 1]}
    stage.write(MARGINALS, data)
