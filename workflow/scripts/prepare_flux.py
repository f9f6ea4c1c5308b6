"""Near- and far-detector flux on common energies."""

from typing import Any

import numpy as np

from nd2fd.physics.flux import embedded_dune_flux, interpolate_flux, read_flux_table
from nd2fd.schemas import FLUX
from nd2fd.stage import Stage

snakemake: Any

with Stage(snakemake) as stage:
    files = snakemake.input
    near = read_flux_table(files.near) if hasattr(files, "near") else embedded_dune_flux()
    far = read_flux_table(files.far) if hasattr(files, "far") else near
    # Both are linear between their own bin centres, hence on the union of the two.
    energy = np.union1d(near.energy, far.energy)
    stage.write(
        FLUX,
        {
            "energy": energy,
            "near": interpolate_flux(near, energy),
            "far": interpolate_flux(far, energy),
        },
    )
