"""Spectra of the interacting neutrinos at both detectors."""

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from nd2fd.beam.flux import FluxTable, interpolate_flux

Array = NDArray[np.float64]
Spectrum = Callable[[Array], Array]


def detector_spectra(
    flux: Mapping[str, Array], oscillation: Mapping[str, Array]
) -> tuple[Spectrum, Spectrum]:
    """Spectra Φ(E) at the near and Φ(E) P(E) at the far detector, as functions of E_ν [GeV].

    `flux` (energy, near, far) and `oscillation` (energy, survival_probability) are the arrays of
    `inputs/flux.h5` and `inputs/oscillation.h5`.
    """
    near_table = FluxTable(flux["energy"], flux["near"])
    far_table = FluxTable(flux["energy"], flux["far"])

    def near(energy: Array) -> Array:
        return interpolate_flux(near_table, energy)

    def far(energy: Array) -> Array:
        survival = np.interp(energy, oscillation["energy"], oscillation["survival_probability"])
        return interpolate_flux(far_table, energy) * survival

    return near, far
