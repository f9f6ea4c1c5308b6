"""Flux tables: straight lines between points, their integrals and averages."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nd2fd.physics.density import midpoints

Array = NDArray[np.float64]

_POINTS_PER_CELL = 64


@dataclass(frozen=True)
class FluxTable:
    """A flux at points, linear in between and zero outside; both arrays have shape (n,).

    Parameters
    ----------
    energy
        Neutrino energy [GeV], increasing.
    flux
        Flux per unit of energy, in the units of the file it came from: only its shape matters.
    of_bins
        Whether the first and the last point are the outer edges of a histogram, and what the flux
        is there was found from its bins.
    """

    energy: Array
    flux: Array
    of_bins: bool = False


def interpolate_flux(table: FluxTable, energy: Array) -> Array:
    """Flux at `energy` [GeV], in its shape: linear between points and zero outside them.

    A spectrum up to an E_max beyond the last point has no neutrinos there: nothing is extrapolated.
    """
    return np.asarray(np.interp(energy, table.energy, table.flux, left=0.0, right=0.0))


def integral_below(table: FluxTable, energy: Array) -> Array:
    """Integral of the flux from 0 to `energy` [GeV], exactly, in its shape."""
    inside = np.clip(energy, table.energy[0], table.energy[-1])
    steps = np.diff(table.energy)
    whole = np.concatenate([[0.0], np.cumsum(steps * (table.flux[1:] + table.flux[:-1]) / 2)])
    last = np.clip(np.searchsorted(table.energy, inside, side="right") - 1, 0, len(steps) - 1)
    height = (table.flux[last] + interpolate_flux(table, inside)) / 2
    return np.asarray(whole[last] + height * (inside - table.energy[last]))


def cell_averages(spectrum: Callable[[Array], Array], n_cells: int, energy_max: float) -> Array:
    """Averages of a spectrum over `n_cells` equal cells of (0, energy_max) [GeV], shape (n_cells,).

    Averages rather than values at the centres: at low energy the oscillated spectrum varies
    within a cell.
    """
    fine = midpoints(n_cells * _POINTS_PER_CELL, energy_max)
    return spectrum(fine).reshape(n_cells, _POINTS_PER_CELL).mean(axis=1)
