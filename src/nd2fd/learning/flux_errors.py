"""The flux uncertainty as errors that all cells of a near-detector histogram have in common.

A member assumes a drawn flux, not the true one. Without these errors its structure functions bend
until the near detector's events are right with the wrong flux, which makes the far detector's more
wrong than the wrong flux alone does. With them, what the flux may explain need not be learned.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from nd2fd.learning.problem import DensityProblem
from nd2fd.learning.training import TrainingData, train_together
from nd2fd.learning.training_settings import TrainingSettings

Array = NDArray[np.float64]

_FIRST_SHARE = 4
"""Errors are made with a cross section from a training of 1/4 of the evaluations. It has learned
the wrong flux; errors made with the true one, or once more with a better one, do not give better
oscillation parameters, those made with a fit without a network give others
(docs/studies/flux-errors.md)."""


def density_errors(
    events: Array, changes: Array, response: sp.csr_array | None, cell_area: float
) -> Array:
    """Changes of the density of measured events, per dv1 dv2, unit integral, by each flux error.

    Parameters
    ----------
    events
        True events in each cell A(Φ) w, any unit, shape (n_cells,).
    changes
        Their changes A(δΦ_k) w by each error of the flux, same unit, shape (n_cells, n_errors).
    response
        Detector response S, shape (n_cells, n_cells); None: no smearing.
    cell_area
        dv1 dv2 of a cell.

    Returns
    -------
    ndarray, shape (n_cells, n_errors)
        The derivatives of p = S A(Φ) w / Σ S A(Φ) w; each sums to zero.
    """
    if response is not None:
        events, changes = response @ events, response @ changes
    total = events.sum()
    shape = events[:, None] / total
    return np.asarray((changes - shape * changes.sum(axis=0)) / (total * cell_area))


def with_flux_errors(
    data: TrainingData,
    settings: TrainingSettings,
    error_matrices: Sequence[sp.csr_array],
    flux_units: Array,
    n_events: int,
    problem: DensityProblem | None = None,
) -> TrainingData:
    """The same data, with the flux uncertainty among the errors of the members' densities.

    Parameters
    ----------
    data, settings
        What to learn and how; a short training on `data` provides the cross section.
    error_matrices
        A(δΦ_k) of the changes of the flux by one standard deviation each, shape
        (n_cells, 3 n_nodes) each.
    flux_units
        Unit of the flux of each member's event matrix, in that of the changes, shape (m,).
    n_events
        Events of each histogram.
    problem
        Of the data, as `train_together` takes it.
    """
    evaluations = max(1, settings.evaluations // _FIRST_SHARE)
    first = train_together(
        data,
        replace(settings, evaluations=evaluations, least_gain=0.0),
        lambda _: 0.0,
        lambda *_: None,
        problem=problem,
    )
    errors = []
    for member, w in enumerate(first.structure_functions.reshape(len(data.seeds), -1)):
        matrix = data.event_matrices[member if len(data.event_matrices) > 1 else 0]
        changes = np.stack([changed @ w for changed in error_matrices], axis=1)
        errors.append(
            density_errors(matrix @ w, changes / flux_units[member], data.response, data.cell_area)
        )
    # The weights are the inverse variances of one event.
    common_errors = np.sqrt(n_events) * np.stack(errors)
    return replace(data, common_errors=common_errors, initial=first.weights)


def fitted_shifts(data: TrainingData, structure_functions: Array, n_events: int) -> Array:
    """Flux parameters that the densities ask for, less those that the members assume.

    With the cells' own covariance C and what the structure functions leave r of the density, the
    loss is that of changes B z of the density by

        z = (1 + Bᵀ C⁻¹ B)⁻¹ Bᵀ C⁻¹ r.

    Parameters
    ----------
    data
        As `with_flux_errors` returns them. B is made with its first cross section, as in the loss:
        what the last one differs from it leaves in r is no flux.
    structure_functions
        Of each member, shape (m, 3, n_xi, n_tau).
    n_events
        Events of each histogram.

    Returns
    -------
    ndarray, shape (m, n_errors)
        In standard deviations of the modes.
    """
    assert data.common_errors is not None
    shifts = []
    for member, w in enumerate(structure_functions.reshape(len(data.seeds), -1)):
        events = data.event_matrices[member if len(data.event_matrices) > 1 else 0] @ w
        if data.response is not None:
            events = data.response @ events
        left = data.densities[member] - events / (events.sum() * data.cell_area)
        errors = data.common_errors[member]
        weighted = (data.weights[member] * data.cell_area)[:, None] * errors
        information = np.eye(errors.shape[1]) + weighted.T @ errors
        shifts.append(np.sqrt(n_events) * np.linalg.solve(information, weighted.T @ left))
    return np.stack(shifts)
