"""Events in CSV files: a line of names, and a line for each event.

Columns and units are those of `nd2fd.events.files.columns`. Lines with # in front may stand before
the names, among them `# unit: MeV` or `# e_lepton [MeV]`, and `# pot: 1.1e21`.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from nd2fd.events.files.columns import FLOATS, INTEGERS, columns_and_unit, raw_events
from nd2fd.events.files.format import EVENTS_PER_PART, EventFile, RawEvents

_SAID = re.compile(r"#\s*(unit|pot)\s*[:=]\s*(\S+)\s*", re.IGNORECASE)

_COLUMN = re.compile(r"#\s*(\w+)\s*\[(\w+)\].*")

_LONGEST_PREFACE = 1000
"""Lines before the names."""


class Csv:
    """Text with a line of names and commas."""

    name = "CSV"

    def recognises(self, path: Path, start: bytes) -> bool:
        """By a first line without # in front that has the name of a column."""
        lines = start.decode(errors="replace").splitlines()
        names = next((line for line in lines if line.strip() and line[0] != "#"), "")
        words = {word.strip() for word in re.split(r"[,;\[(]", names)}
        return bool(words & {*FLOATS, *INTEGERS, "theta"})

    def open(self, path: Path) -> EventFile:
        """See `EventFormat`."""
        name = f"event file {path}"
        preface, header, size = _beginning(path, name)
        said = {m[1].lower(): m[2] for line in preface if (m := _SAID.fullmatch(line.strip()))}
        names = [part.strip().strip('"') for part in header.split(",")]
        units = {m[1]: m[2] for line in preface if (m := _COLUMN.fullmatch(line.strip()))}
        headers = [(n, units.get(n, said.get("unit"))) for n in names]
        columns, unit = columns_and_unit(name, headers)
        pot = None
        if "pot" in said:
            try:
                pot = float(said["pot"])
            except ValueError:
                raise ValueError(f"{name}: pot is {said['pot']!r}; it must be a number") from None
        first_line = len(preface) + 2
        positions = {names.index(h): column for column, h in columns.items()}
        parts = _parts(path, name, positions, len(names), first_line, size)
        return EventFile(name, parts, size, "bytes", unit, pot)


def _beginning(path: Path, name: str) -> tuple[list[str], str, int]:
    """Lines with # in front, the line of names, and the size of the file in bytes."""
    preface: list[str] = []
    with path.open(encoding="utf-8-sig", errors="replace") as stream:
        for line in stream:
            if not line.startswith("#") and line.strip():
                return preface, line.rstrip("\n"), path.stat().st_size
            preface.append(line)
            if len(preface) > _LONGEST_PREFACE:
                break
    raise ValueError(f"{name}: has no line with the names of its columns")


def _parts(
    path: Path, name: str, positions: dict[int, str], width: int, first_line: int, size: int
) -> Iterator[RawEvents]:
    import pandas as pd  # takes half a second, which others need not spend

    # All columns are read: of those that are left out, pandas does not see that a line has more.
    kinds: dict[int, Any] = {i: np.float64 if i in positions else object for i in range(width)}
    with path.open("rb") as stream:
        line = first_line
        try:
            table = pd.read_csv(
                stream,
                header=None,
                names=list(kinds),
                dtype=kinds,
                skiprows=first_line - 1,
                skip_blank_lines=False,
                chunksize=EVENTS_PER_PART,
            )
            for rows in table:

                def place(i: int, line: int = line) -> str:
                    return f"{name}, line {line + i}"

                if not isinstance(rows.index, pd.RangeIndex):
                    raise ValueError(f"{place(0)}: has more values than the {width} columns")
                values = {column: rows[i].to_numpy() for i, column in positions.items()}
                line += len(rows)
                yield raw_events(values, min(stream.tell(), size), place)
        except pd.errors.EmptyDataError:
            return
        except (pd.errors.ParserError, UnicodeDecodeError) as error:
            raise ValueError(f"{name}: {error}") from None
        except ValueError as error:
            # What pandas says has neither file nor line.
            bad = None if name in str(error) else _bad_number(path, name, positions, line)
            raise ValueError(bad or str(error)) from None


def _bad_number(path: Path, name: str, positions: dict[int, str], first_line: int) -> str | None:
    """The first word from a line on that stands for a number and is none."""
    with path.open(encoding="utf-8", errors="replace") as stream:
        for number, line in enumerate(stream, start=1):
            if number < first_line:
                continue
            words = line.rstrip("\n").split(",")
            for i, column in positions.items():
                try:
                    float(words[i])
                except (ValueError, IndexError):
                    said = words[i] if i < len(words) else "missing"
                    return f"{name}, line {number}: {column} is {said!r}; it must be a number"
    return None
