"""Whether fluxes are fit for the setup: within (0, E_max), resolved, covered by the near detector.

Integrals are those of the tables, exact; shares are of neutrinos, or of neutrinos times energy, as
which events go.
"""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from nd2fd.beam.flux import FluxTable, cell_averages, integral_below, interpolate_flux
from nd2fd.beam.modes import FluxModes, modes_at, vary_flux
from nd2fd.physics.density import midpoints
from nd2fd.physics.setup import Setup

Array = NDArray[np.float64]

MOST_ABOVE = 0.5
"""Largest share of a file's neutrinos above E_max."""

MUCH_ABOVE = 0.1
"""Share above E_max from which on the user is told at the start of a run."""

UNCOVERED = 0.05
"""Where the share of ND neutrinos is below this part of the FD's, nothing is learned for the FD."""

MOST_UNCOVERED = 0.05
"""Largest share of FD events that are not covered so."""

MUCH_UNCOVERED = 0.005
"""Share not covered from which on the user is told at the start of a run."""

_CUT = 0.02
"""Flux at the end of a table, relative to its peak, from which on the table is cut off there."""

_UNRESOLVED = 0.02
"""Largest share of neutrinos that a grid of energies may put into wrong cells."""

_CELLS = 200
"""Into which (0, E_max) is divided where fluxes are compared."""


def share_above(table: FluxTable, energy_max: float) -> float:
    """Share of the neutrinos of a table above `energy_max` [GeV]."""
    below, total = integral_below(table, np.array([energy_max, np.inf]))
    return float(1.0 - below / total)


def _cells(table: FluxTable, energy_max: float, n_cells: int = _CELLS) -> Array:
    """Shares of the neutrinos below `energy_max` in equal cells, shape (n_cells,)."""
    counts = np.diff(integral_below(table, np.linspace(0.0, energy_max, n_cells + 1)))
    return np.asarray(counts / counts.sum())


def distance(one: FluxTable, other: FluxTable, energy_max: float) -> float:
    """Total variation between the shapes of two fluxes below `energy_max` [GeV], 0 to 1."""
    return float(0.5 * np.abs(_cells(one, energy_max) - _cells(other, energy_max)).sum())


def uncovered_share(near: FluxTable, far: FluxTable, energy_max: float) -> float:
    """Share of FD events at energies where the ND has (almost) no neutrinos (`UNCOVERED`).

    Events go as the unoscillated flux times energy: what is covered must not depend on the
    parameters that are measured.
    """
    of_near, of_far = _cells(near, energy_max), _cells(far, energy_max)
    events = of_far * midpoints(_CELLS, energy_max)
    return float(events[of_near < UNCOVERED * of_far].sum() / events.sum())


def refuse_unusable(table: FluxTable, setup: Setup, from_file: bool) -> None:
    """Refuse a flux that lies elsewhere, begins or ends early, or has energies of another unit.

    A beam that is built in is cut where the setup says; a file must not lie above by half.

    Raises
    ------
    ValueError
        Saying where the flux is, and what would help.
    """
    energy_max, threshold = setup.energy_max, setup.energy_threshold
    low, total = integral_below(table, np.array([threshold, np.inf]))
    span = f"given from {table.energy[0]:g} to {table.energy[-1]:g} GeV"
    if total - low < 0.01 * total:
        raise ValueError(
            f"{100 * (total - low) / total:.2g} % of its neutrinos, {span}, are above the "
            f"threshold, {threshold:.3g} GeV: are its energies in GeV (unit: GeV)?"
        )
    above = share_above(table, energy_max)
    if from_file and above > MOST_ABOVE:
        help_ = "raise setup.energy_max; or cut the table there, if that is meant"
        if share_above(table, 10 * energy_max) > 0.5 > share_above(table, 1e3 * energy_max):
            help_ = f"are they in MeV (unit: MeV)? Otherwise {help_}"
        raise ValueError(
            f"{100 * above:.3g} % of its neutrinos, {span}, are above setup.energy_max = "
            f"{energy_max:g} GeV, where they are left out; it must not be more than "
            f"{100 * MOST_ABOVE:g} %: {help_}"
        )
    if not from_file:
        return
    given = table.flux[1:-1] if table.of_bins else table.flux
    at_first, at_last = given[[0, -1]] / given.max()
    first, last = table.energy[[0, -1]]
    if last < energy_max and at_last > _CUT:
        raise ValueError(
            f"the flux ends at {last:g} GeV with {100 * at_last:.0f} % of its peak, below "
            f"setup.energy_max = {energy_max:g} GeV: lower that, or end the table with a row of "
            "flux 0, if the beam ends there"
        )
    if first > max(threshold, 1.5 * (table.energy[1] - first)) and at_first > _CUT:
        raise ValueError(
            f"the flux begins at {first:g} GeV with {100 * at_first:.0f} % of its peak and counts "
            "as zero below: add what lies below, or begin the table with a row of flux 0, if the "
            "beam begins there"
        )


def refuse_unresolved(
    table: FluxTable, n_cells: int, energy_max: float, key: str, averaged: bool
) -> None:
    """Refuse a flux with structure, such as a line, that a grid of energies cannot resolve.

    Compares the shares of neutrinos in the cells with what is computed with: averages over cells,
    or values at their centres.

    Parameters
    ----------
    table
        The flux.
    n_cells, key
        Cells of (0, `energy_max`), and the key that has this number.
    energy_max
        E_max [GeV].
    averaged
        Whether averages are taken, as for densities, or values at the centres.

    Raises
    ------
    ValueError
        More than 2 % of the neutrinos would be in wrong cells.
    """
    exact = _cells(table, energy_max, n_cells)
    if averaged:
        values = cell_averages(partial(interpolate_flux, table), n_cells, energy_max)
    else:
        values = interpolate_flux(table, midpoints(n_cells, energy_max))
    difference = np.abs(values / (values.sum() or 1.0) - exact)
    wrong = 0.5 * difference.sum()
    if wrong > _UNRESOLVED:
        step = energy_max / n_cells
        raise ValueError(
            f"the flux has structure near {(int(difference.argmax()) + 0.5) * step:.3g} GeV, such "
            f"as a line, that {n_cells} energies ({key}), {step:.2g} GeV apart, do not resolve: "
            f"{100 * wrong:.3g} % of the neutrinos would be at wrong energies; raise {key}, or "
            "make the structure wider"
        )


def refuse_uncovered(near: FluxTable, far: FluxTable, energy_max: float) -> None:
    """Refuse fluxes of which the near one does not cover the far one, or the far one ends early.

    Raises
    ------
    ValueError
        Saying how many FD events, and where.
    """
    share = uncovered_share(near, far, energy_max)
    if share > MOST_UNCOVERED:
        of_near, of_far = _cells(near, energy_max), _cells(far, energy_max)
        cells = np.flatnonzero((of_near < UNCOVERED * of_far) & (of_far > 0))
        step = energy_max / _CELLS
        raise ValueError(
            f"{100 * share:.0f} % of the FD events (flux times energy, without oscillation) are "
            f"where the ND has no neutrinos, or {1 / UNCOVERED:g} times fewer, between "
            f"{cells[0] * step:.3g} and {(cells[-1] + 1) * step:.3g} GeV; it must not be more than "
            f"{100 * MOST_UNCOVERED:g} %: nothing is learned there"
        )
    last = far.energy[-1]
    events = _cells(near, energy_max) * midpoints(_CELLS, energy_max)
    beyond = events[midpoints(_CELLS, energy_max) > last].sum() / events.sum()
    if far.flux[-1] > 0 and beyond > MUCH_UNCOVERED:
        raise ValueError(
            f"the far flux ends at {last:g} GeV, above which the near flux has "
            f"{100 * beyond:.2g} % of its events: lower setup.energy_max, or end the far flux with "
            "a row of flux 0, if there are no neutrinos above"
        )


def looks_oscillated(
    near: FluxTable, far: FluxTable, survival: Callable[[Array], Array], energy_max: float
) -> bool:
    """Whether a far flux is rather the near one times the survival probability than the near one.

    Then it is the flux with oscillation, which must be given without: its total variation from the
    former is less than half of that from the latter.
    """
    of_near, of_far = _cells(near, energy_max), _cells(far, energy_max)
    oscillated = of_near * survival(midpoints(_CELLS, energy_max))
    variations = [np.abs(of_far - p / p.sum()).sum() for p in (of_near, oscillated)]
    return bool(variations[1] < 0.5 * variations[0])


def refuse_vain_modes(modes: FluxModes, near: FluxTable, energy_max: float) -> None:
    """Refuse modes that scale the fluxes alone, which no density sees.

    Raises
    ------
    ValueError
        No mode changes the shape of a flux below `energy_max` [GeV] by 0.01 %.
    """
    energy = midpoints(_CELLS, energy_max)
    weights = _cells(near, energy_max)
    shapes = [shifts - (shifts @ weights)[:, None] for shifts in modes_at(modes, energy)]
    if max(np.abs(shape[:, weights > 0]).max() for shape in shapes) < 1e-4:
        raise ValueError(
            "the modes change the normalisation of the fluxes alone, not their shapes, and "
            "densities are normalised: use modes with more bins, or null"
        )


def refuse_negative_draws(
    near: FluxTable, far: FluxTable | None, modes: FluxModes, z: Sequence[Array]
) -> None:
    """Refuse modes that make a flux negative in one of the draws z of this configuration.

    Raises
    ------
    ValueError
        As `vary_flux`, with the number of the draw.
    """
    energy = np.union1d(near.energy, modes.centres)
    energy = energy if far is None else np.union1d(energy, far.energy)
    fluxes = [None if t is None else interpolate_flux(t, energy) for t in (near, far)]
    of_near, of_far = fluxes
    assert of_near is not None
    for number, values in enumerate(z):
        try:
            vary_flux(energy, of_near, of_far, modes_at(modes, energy), values)
        except ValueError as error:
            raise ValueError(f"draw {number}: {error}") from None
