"""Uncertainty of the flux: modes shared by both detectors."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from nd2fd.beam.modes import vary_flux
from nd2fd.io.schemas.inputs import Flux
from nd2fd.systematics.systematic import Assumption, Systematic

Array = NDArray[np.float64]


def _n_modes(flux: Flux) -> int:
    return 0 if flux.near_modes is None else len(flux.near_modes)


def _assume(assumption: Assumption, z: Array, sizes: Mapping[str, float]) -> Assumption:
    flux = assumption.flux
    assert flux.near_modes is not None
    far, far_modes = flux.far, flux.far_modes
    near_varied, far_varied = vary_flux(
        flux.energy,
        flux.near,
        flux.near if far is None else far,
        (flux.near_modes, flux.near_modes if far_modes is None else far_modes),
        z,
    )
    varied = replace(flux, near=near_varied, far=None if far is None else far_varied)
    return replace(assumption, flux=varied)


SYSTEMATIC = Systematic(
    name="flux",
    prior="one standard normal parameter for each mode of flux.uncertainty",
    at_near="the assumed flux",
    at_far="the assumed flux",
    drawn_by=("near_members", "fit_members", "coverage_block"),
    n_parameters=_n_modes,
    assume=_assume,
)
