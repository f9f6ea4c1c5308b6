"""Uncertainty of the flux: modes shared by both detectors."""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from nd2fd.beam.modes import vary_flux
from nd2fd.systematics.systematic import Assumption, Systematic

if TYPE_CHECKING:  # as in `nd2fd.systematics.systematic`
    from nd2fd.io.schemas.inputs import Flux

Array = NDArray[np.float64]


def _n_modes(flux: "Flux") -> int:
    return 0 if flux.near_modes is None else len(flux.near_modes)


def _assume(assumption: Assumption, z: Array, sizes: Mapping[str, float]) -> Assumption:
    flux = assumption.flux
    assert flux.near_modes is not None
    near, far = vary_flux(flux.energy, flux.near, flux.far, (flux.near_modes, flux.far_modes), z)
    varied = replace(flux, near=near, far=far)
    return replace(assumption, flux=varied)


SYSTEMATIC = Systematic(
    name="flux",
    noun="flux",
    plural="fluxes",
    prior="one standard normal parameter for each mode of flux.uncertainty",
    at_near="the assumed flux",
    at_far="the assumed flux",
    drawn_by=("near_members", "fit_members", "coverage_block"),
    n_parameters=_n_modes,
    assume=_assume,
)
