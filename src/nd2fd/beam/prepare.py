"""Fluxes and the modes of their uncertainty on common energies."""

import numpy as np

from nd2fd.beam.flux import FluxTable, interpolate_flux
from nd2fd.beam.modes import FluxModes, modes_at, remove_normalisation
from nd2fd.io.schemas.inputs import Flux


def prepare_flux(
    near: FluxTable,
    far: FluxTable | None,
    modes: FluxModes | None,
    energy_max: float,
    without_normalisation: bool,
) -> Flux:
    """The fluxes of an experiment, and how uncertain they are, as later stages need them.

    Parameters
    ----------
    near
        Flux at the near detector.
    far
        Unoscillated flux at the far detector; None without a far detector. (Where both see the same
        flux, as in the toy of arXiv:2412.16303, it is `near` again.)
    modes
        Modes of the flux uncertainty, or None for a flux without errors.
    energy_max
        End of the spectrum [GeV].
    without_normalisation
        Whether the modes lose the part that only scales the near flux (`remove_normalisation`).

    Raises
    ------
    ValueError
        As `remove_normalisation`: the near flux vanishes below `energy_max`.
    """
    # All are linear between their own bin centres, hence on the union of them.
    energy = near.energy if far is None else np.union1d(near.energy, far.energy)
    near_modes = far_modes = None
    if modes is not None:
        if without_normalisation:
            modes = remove_normalisation(modes, near, energy_max)
        inside = (modes.centres > energy[0]) & (modes.centres < energy[-1])
        energy = np.union1d(energy, modes.centres[inside])
        near_modes, far_modes = modes_at(modes, energy)
    return Flux(
        energy=energy,
        near=interpolate_flux(near, energy),
        far=None if far is None else interpolate_flux(far, energy),
        near_modes=near_modes,
        far_modes=None if far is None else far_modes,
    )
