"""Flux tables: reading and interpolation."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nd2fd.physics.density import midpoints

Array = NDArray[np.float64]

_POINTS_PER_CELL = 64

_N_COLUMNS = (2, 7)
# Columns of the neutrinos in a row of seven; the antineutrinos follow in the same order.
_FLAVOURS = {"electron": 1, "muon": 2, "tau": 3}


@dataclass(frozen=True)
class FluxTable:
    """A flux at bin centres; both arrays have shape (n,).

    Parameters
    ----------
    energy
        Neutrino energy at the bin centres [GeV], increasing.
    flux
        Flux per unit of energy, in the units of the file it came from: only its shape matters.
    """

    energy: Array
    flux: Array


def read_flux_table(
    path: Path | str, lepton: str = "muon", antineutrino: bool = False
) -> FluxTable:
    """Read a flux from a text file.

    Rows hold two columns (E [GeV], flux) or the seven of DUNE's files (E, ν_e, ν_μ, ν_τ, ν̄_e, ν̄_μ,
    ν̄_τ), separated by whitespace or commas; `#` starts a comment.

    Parameters
    ----------
    path
        The file.
    lepton, antineutrino
        Which of the seven columns: that of the neutrinos that make this lepton ("electron", "muon"
        or "tau"), or of their antiparticles. Two columns are taken as they are.

    Raises
    ------
    FileNotFoundError
        There is no such file.
    ValueError
        A row is not two or seven finite non-negative numbers, energies do not increase, there are
        fewer than two rows, or the flux is zero everywhere.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"flux file {path} does not exist or is not a file")
    rows: list[list[float]] = []
    # A byte that is not text becomes a character that is not a number, reported with its line.
    text = path.read_text(encoding="utf-8-sig", errors="replace")
    for number, line in enumerate(text.splitlines(), start=1):
        data = line.partition("#")[0].strip()
        if not data:
            continue
        try:
            row = _parse_row(data)
            if rows and len(row) != len(rows[0]):
                raise ValueError(f"{len(row)} columns; the rows above have {len(rows[0])}")
            if rows and row[0] <= rows[-1][0]:
                raise ValueError(f"energy {row[0]} is not above {rows[-1][0]}, the row before")
        except ValueError as error:
            raise ValueError(f"flux file {path}, line {number}: {error}") from None
        rows.append(row)
    if len(rows) < 2:
        raise ValueError(f"flux file {path}: {len(rows)} row(s) of numbers; at least 2 are needed")
    table = np.array(rows)
    column = 1 if table.shape[1] == 2 else _FLAVOURS[lepton] + 3 * antineutrino
    flux = table[:, column]
    if not flux.any():
        raise ValueError(
            f"flux file {path}: the flux is 0 in every row of column {column + 1}; it must not be"
        )
    return FluxTable(table[:, 0], flux)


def _parse_row(data: str) -> list[float]:
    """Numbers of one row; ValueError where they cannot be a row of a flux table."""
    fields = data.split(",") if "," in data else data.split()
    if len(fields) not in _N_COLUMNS:
        allowed = "2 (E, flux) or 7 (E and DUNE's six species)"
        raise ValueError(f"{len(fields)} columns; there must be {allowed}")
    row = []
    for field in fields:
        try:
            value = float(field)
        except ValueError:
            raise ValueError(f"'{field}' is not a number (comments start with #)") from None
        if not 0 <= value < np.inf:
            raise ValueError(f"'{field}' is not allowed; values must be finite and >= 0")
        row.append(value)
    return row


def interpolate_flux(table: FluxTable, energy: Array) -> Array:
    """Flux at `energy` [GeV], in its shape: linear between bin centres and zero outside them.

    A spectrum up to an E_max beyond the last bin centre has no neutrinos there: nothing is
    extrapolated.
    """
    return np.asarray(np.interp(energy, table.energy, table.flux, left=0.0, right=0.0))


def cell_averages(spectrum: Callable[[Array], Array], n_cells: int, energy_max: float) -> Array:
    """Averages of a spectrum over `n_cells` equal cells of (0, energy_max) [GeV], shape (n_cells,).

    Averages rather than values at the centres: at low energy the oscillated spectrum varies
    within a cell.
    """
    fine = midpoints(n_cells * _POINTS_PER_CELL, energy_max)
    return spectrum(fine).reshape(n_cells, _POINTS_PER_CELL).mean(axis=1)
