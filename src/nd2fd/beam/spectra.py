"""Spectra of the interacting neutrinos at the detectors, and their averages over cells of E_ν."""

from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray

from nd2fd.beam.flux import FluxTable, cell_averages, interpolate_flux
from nd2fd.io.schemas.inputs import Flux, Oscillation
from nd2fd.physics.baseline import Experiment
from nd2fd.physics.density import DensityGrid, midpoints

Array = NDArray[np.float64]
Spectrum = Callable[[Array], Array]

_POINTS, _POINTS_PER_GEV = 8000, 800
"""Of the survival probability, at least and per GeV of E_max: at most 1.25 MeV apart, where the
oscillation phase of DUNE turns by 0.13 rad per step at 0.2 GeV."""


def near_spectrum(flux: Flux) -> Spectrum:
    """Φ(E) at the near detector, as a function of E_ν [GeV]."""
    return partial(interpolate_flux, FluxTable(flux.energy, flux.near))


def unoscillated_far_spectrum(flux: Flux) -> Spectrum:
    """Φ(E) at the far detector without oscillation; ValueError where there is no far detector."""
    if flux.far is None:
        raise ValueError("the flux has no far detector")
    return partial(interpolate_flux, FluxTable(flux.energy, flux.far))


def far_spectrum(flux: Flux, oscillation: Oscillation) -> Spectrum:
    """Φ(E) P(E) at the far detector; ValueError where there is no far detector."""
    unoscillated = unoscillated_far_spectrum(flux)

    def spectrum(energy: Array) -> Array:
        survival = np.interp(energy, oscillation.energy, oscillation.survival_probability)
        return unoscillated(energy) * survival

    return spectrum


def detector_fluxes(flux: Flux, oscillation: Oscillation | None, grid: DensityGrid) -> Array:
    """Averages over the cells of E_ν of Φ at the near and Φ P at the far detector.

    Shape (2, n_energy), or (1, n_energy) without a far detector, where `oscillation` is None.
    """
    spectra = [near_spectrum(flux)]
    if oscillation is not None:
        spectra.append(far_spectrum(flux, oscillation))
    energy_max = grid.setup.energy_max
    return np.stack([cell_averages(s, grid.n_energy, energy_max) for s in spectra])


def tabulated_oscillation(experiment: Experiment, energy_max: float) -> Oscillation:
    """Survival probability at the true parameters, for E_ν from 0 to `energy_max` [GeV]."""
    energy = midpoints(max(_POINTS, round(_POINTS_PER_GEV * energy_max)), energy_max)
    return Oscillation(energy=energy, survival_probability=experiment.true_survival(energy))
