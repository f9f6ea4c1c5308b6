"""The flux uncertainty as errors that all cells of a near-detector histogram have in common.

A member assumes a drawn flux, not the true one. Without these errors its structure functions bend
until the near detector's events are right with the wrong flux, which makes the far detector's more
wrong than the wrong flux alone does. With them, what the flux may explain need not be learned.
"""

from dataclasses import replace
from functools import partial

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from nd2fd.forward.event_kernel import cell_cross_sections
from nd2fd.learning.training import TrainingData, TrainingSettings, train
from nd2fd.physics.density import DensityGrid

Array = NDArray[np.float64]

_FIRST_SHARE = 4
"""Errors are made with a cross section from a training of 1/4 of the evaluations. It has learned
the wrong flux; errors made with the true one, or once more with a better one, do not give better
oscillation parameters (docs/studies/flux-errors.md)."""


def density_errors(
    cross_sections: Array,
    flux: Array,
    flux_errors: Array,
    response: sp.csr_array | None,
    cell_area: float,
) -> Array:
    """Changes of the density of measured events, per dv1 dv2, unit integral, by each flux error.

    Parameters
    ----------
    cross_sections
        Cross section in each cell, any unit, shape (n_energy, n_cells).
    flux
        Flux at the same energies, shape (n_energy,).
    flux_errors
        Changes of the flux, shape (n_errors, n_energy).
    response
        Detector response S, shape (n_cells, n_cells); None: no smearing.
    cell_area
        dv1 dv2 of a cell.

    Returns
    -------
    ndarray, shape (n_cells, n_errors)
        The derivatives of p = S A(Φ) w / Σ S A(Φ) w; each sums to zero.
    """
    events, changes = flux @ cross_sections, (flux_errors @ cross_sections).T
    if response is not None:
        events, changes = response @ events, response @ changes
    total = events.sum()
    shape = events[:, None] / total
    return np.asarray((changes - shape * changes.sum(axis=0)) / (total * cell_area))


def with_flux_errors(
    data: TrainingData,
    settings: TrainingSettings,
    grid: DensityGrid,
    fluxes: Array,
    flux_errors: Array,
    n_events: int,
) -> TrainingData:
    """The same data, with the flux uncertainty among the errors of the members' densities.

    Parameters
    ----------
    data, settings
        What to learn and how; a short training on `data` provides the cross section.
    grid
        Grid of the densities.
    fluxes
        Flux that each member assumes, shape (m, n_energy).
    flux_errors
        Changes of the flux by one standard deviation each, shape (n_errors, n_energy).
    n_events
        Events of each histogram.
    """
    evaluations = max(1, settings.evaluations // _FIRST_SHARE)
    first = train(
        data,
        replace(settings, evaluations=evaluations),
        lambda _: 0.0,
        lambda *_: None,
    )
    errors = [
        density_errors(
            cell_cross_sections(partial(data.nodes.interpolate, w), grid),
            flux,
            flux_errors,
            data.response,
            data.cell_area,
        )
        for w, flux in zip(first.structure_functions, fluxes, strict=True)
    ]
    # The weights take a cell's own error for that of one event in all.
    return replace(data, common_errors=np.sqrt(n_events) * np.stack(errors))
