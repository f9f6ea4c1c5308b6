"""Near- and far-detector flux, and the modes of their uncertainty, on common energies."""

from typing import Any

import numpy as np

from nd2fd.beam.flux import embedded_dune_flux, interpolate_flux, read_flux_table
from nd2fd.beam.modes import (
    embedded_flux_modes,
    modes_at,
    read_flux_modes,
    remove_normalisation,
)
from nd2fd.io.job import Stage
from nd2fd.io.schemas import FLUX

snakemake: Any

with Stage(snakemake) as stage:
    files, params = snakemake.input, snakemake.params
    near = read_flux_table(files.near) if hasattr(files, "near") else embedded_dune_flux()
    far = read_flux_table(files.far) if hasattr(files, "far") else near
    modes = (
        read_flux_modes(files.uncertainty, params.energy_max)
        if hasattr(files, "uncertainty")
        else embedded_flux_modes()
    )
    if params.flux["remove_normalisation"]:
        modes = remove_normalisation(modes, near, params.energy_max)
    # All are linear between their own bin centres, hence on the union of them.
    energy = np.union1d(near.energy, far.energy)
    inside = (modes.centres > energy[0]) & (modes.centres < energy[-1])
    energy = np.union1d(energy, modes.centres[inside])
    near_modes, far_modes = modes_at(modes, energy)
    stage.write(
        FLUX,
        {
            "energy": energy,
            "near": interpolate_flux(near, energy),
            "far": interpolate_flux(far, energy),
            "near_modes": near_modes,
            "far_modes": far_modes,
        },
    )
