"""Fluxes in text files: columns separated by whitespace, commas or semicolons."""

import csv
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nd2fd.beam.files.columns import Columns, Neutrinos, choose
from nd2fd.beam.files.layout import Layout, RawFlux, unit_named

Array = NDArray[np.float64]

# A unit right behind what may mean energy: "E [MeV]", "E_nu (GeV)", "bin_enu[GeV/c".
_UNIT_OF_ENERGY = re.compile(r"(?:^|[\W_])e(?:[\W_]?nu|nergy|)\W{0,3}([kMGT]?eV)\b", re.IGNORECASE)
_NUMBER = r"(\d+\.?\d*(?:[eE][-+]?\d+)?)"
# [0, 0.05], (0, 0.05] or 0.00-0.05; the last is not 1e-5.
_INTERVAL = re.compile(
    rf"[\[(]\s*{_NUMBER}\s*,\s*{_NUMBER}\s*[\])]"
    r"|(?<![^\s,;])(\d+\.?\d*)(?:-|\s-\s)(\d+\.?\d*)(?![^\s,;])"
)
# Not of "per GeV", "/50MeV" or "peak at 600 MeV".
_UNIT = re.compile(r"(?<![a-z/\d])(?<!\d\s)(?<!per\s)([kMGT]?eV)\b", re.IGNORECASE)


@dataclass(frozen=True)
class _Text:
    file: str
    lines: list[int]
    rows: list[list[str]]
    names: list[str]
    comments: str

    def column(self, number: int) -> Array:
        """Numbers of a column, the first being 1; ValueError naming the line of what is none."""
        values = np.empty(len(self.rows))
        for i, row in enumerate(self.rows):
            field = row[number - 1]
            try:
                values[i] = float(field)
            except ValueError:
                hint = "decimals take a point" if "," in field else "comments start with #"
                raise ValueError(
                    f"{self.file}, line {self.lines[i]}: {field!r} is not a number ({hint})"
                ) from None
        return values


def read_text_flux(path: Path, wanted: Neutrinos, layout: Layout) -> RawFlux:
    """Energies and flux from a text file.

    `#` starts a comment. The names of the columns may stand in the first row, or in a comment above
    it. Of three or more columns, two neighbours among the first three that are the edges of bins
    without gaps are taken as such; otherwise energies are in the first.

    Raises
    ------
    UnclearLayoutError, ValueError
        As `choose`; a row has another number of columns than those above, or is not of numbers.
    """
    text = _read(path)
    if not text.rows:
        raise ValueError(f"{text.file}: 0 row(s) of numbers; at least 2 are needed")
    n_columns = len(text.rows[0])
    if n_columns < 2:
        raise ValueError(f"{text.file}, line {text.lines[0]}: one column; E and flux are needed")
    first = _lower_edges(text, n_columns)
    if first is None and layout.energies == "low_high":
        raise ValueError(
            f"{text.file}: energies is low_high, but no two neighbouring columns are the lower and "
            "upper edges of bins without gaps"
        )
    energies = [1] if first is None else [first, first + 1]
    names = {
        number: text.names[number - 1] if text.names else ""
        for number in range(energies[-1] + 1, n_columns + 1)
    }
    chosen = choose(
        Columns(text.file, names, text.column),
        wanted,
        layout.column,
        contamination=layout.contamination,
    )
    return RawFlux(
        file=text.file,
        low=text.column(energies[0]),
        high=None if first is None else text.column(energies[1]),
        flux=text.column(chosen),
        unit=_unit(text, energies[0]),
        rows=tuple(f"line {line}" for line in text.lines),
    )


def _read(path: Path) -> _Text:
    file = f"flux file {path}"
    lines: list[int] = []
    rows: list[list[str]] = []
    header: list[str] | None = None
    header_line = 0
    comments: list[str] = []
    # A byte that is not text becomes a character that is not a number, reported with its line.
    text = path.read_text(encoding="utf-8-sig", errors="replace")
    for number, line in enumerate(text.splitlines(), start=1):
        data, _, comment = line.partition("#")
        if not rows and comment:
            comments.append(comment.replace("#", " "))
        if not data.strip():
            continue
        fields = _fields(data)
        if not rows and header is None and not any(map(_is_number, fields)):
            header, header_line = _names(data), number
            continue
        if not rows and header is None:
            named = [names for names in map(_names, comments) if len(names) == len(fields)]
            header = named[-1] if named else []
        ends, named_ends = _without_intervals(fields, header or [])
        if not rows:
            header = named_ends
        elif len(ends) != len(rows[0]):
            raise ValueError(
                f"{file}, line {number}: {len(ends)} columns; the rows above have {len(rows[0])}"
            )
        lines.append(number)
        rows.append(ends)
    if header and rows and len(header) != len(rows[0]):
        raise ValueError(
            f"{file}, line {header_line}: {len(header)} names of columns ({', '.join(header)}); "
            f"the rows below have {len(rows[0])} columns (comments start with #)"
        )
    comments += [" ".join(header)] if header else []
    return _Text(file, lines, rows, header or [], "\n".join(comments))


def _fields(data: str) -> list[str]:
    """Fields of a row; an interval such as [0, 0.05] is one, with \0 between its ends."""
    data = _INTERVAL.sub(lambda m: f"{m[1] or m[3]}\0{m[2] or m[4]}", data)
    for separator in (";", ","):
        if separator in data:
            return [field.strip() for field in data.split(separator)]
    return data.split()


def _without_intervals(fields: list[str], names: list[str]) -> tuple[list[str], list[str]]:
    """Fields with intervals as two of them, of which both have the name, if there are names."""
    parts = [field.split("\0") for field in fields]
    if len(names) == len(fields):
        names = [name for name, ends in zip(names, parts, strict=True) for _ in ends]
    return [end for ends in parts for end in ends], names


def _names(line: str) -> list[str]:
    """Names of columns in a header; a unit in brackets belongs to the name before it."""
    for separator in (";", ","):
        if separator in line:
            try:
                row = next(csv.reader([line.strip()], delimiter=separator, skipinitialspace=True))
            except csv.Error:  # a comment of another kind
                row = []
            return [name.strip() for name in row]
    attached = re.sub(r"\s*[\[(][^\])]*[\])]", lambda m: "\0".join(m[0].split()), line)
    return [name.replace("\0", " ") for name in attached.replace('"', "").split()]


def _is_number(field: str) -> bool:
    try:
        float(field)
    except ValueError:
        return False
    return True


def _lower_edges(text: _Text, n_columns: int) -> int | None:
    """Number of the column of lower edges that the next one continues; None if there is none."""
    for first in range(1, min(n_columns - 1, 3)):
        try:
            low, high = text.column(first), text.column(first + 1)
        except ValueError:
            continue
        if (
            len(low) > 1
            and np.all(high > low)
            and np.allclose(low[1:], high[:-1], rtol=1e-6, atol=0.0)
        ):
            return first
    return None


def _unit(text: _Text, energy: int) -> str | None:
    """The unit of energies that the header or a comment names."""
    places = [text.names[energy - 1]] if text.names else []
    for place in (*places, text.comments):
        if match := _UNIT_OF_ENERGY.search(place):
            return unit_named(match)
    found = {unit_named(match) for place in places for match in _UNIT.finditer(place)} or {
        unit_named(match) for match in _UNIT.finditer(text.comments)
    }
    return found.pop() if len(found) == 1 else None
