"""Reading the file of one member of a PDF set, in the LHAPDF grid format lhagrid1.

The rules are those of LHAPDF's GridPDF (arXiv:1412.7420): a header; then for each range of Q a line
of knots in x, one of knots in Q, one of PDG identifiers, and for every x and, within it, every Q a
line with xf of all of them; lines ``---`` between and after them.
"""

import re
from dataclasses import dataclass
from math import isfinite
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nd2fd.cross_sections.pdf.sets import read_text

Array = NDArray[np.float64]

_MIN_KNOTS = 4
"""What bicubic interpolation needs each way."""
_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?", re.ASCII)
_LINES_BEFORE_VALUES = 3

_Lines = list[tuple[int, str]]  # numbers of lines, from 1, and what they hold


@dataclass(frozen=True)
class Member:
    """Parton densities at knots.

    x : Knots in momentum fraction, ascending, shape (n_x,).
    q : Knots in Q [GeV] of each subgrid, ascending; a subgrid begins where the last one ended.
    pids : PDG identifiers.
    values : x f(x, Q) of each subgrid, shape (n_x, n_q, n_pids).
    subgrids : The same as text, without comments and blank lines.
    """

    x: Array
    q: list[Array]
    pids: list[int]
    values: list[Array]
    subgrids: list[str]


def read_member(file: Path) -> Member:
    """Read and check the file of a member.

    Raises
    ------
    ValueError
        Naming file and line, where it is damaged or not in the format.
    """
    blocks: list[_Lines] = [[]]
    for number, line in enumerate(read_text(file).split("\n"), 1):
        stripped = line.replace("\t", " ").strip()
        if stripped == "---":
            blocks.append([])
        elif stripped and not stripped.startswith("#"):
            blocks[-1].append((number, stripped))
    _header, *subgrids = blocks
    try:
        if not subgrids:
            raise ValueError("it has no line '---' between its header and a grid")
        if (rest := subgrids.pop()) or not subgrids:
            number, line = rest[-1] if rest else (1, "")
            raise ValueError(f"it is cut short in line {number}: {line[:40]!r} is not '---'")
        read = [_subgrid(lines) for lines in subgrids]
        for (x, q, pids, _), before, lines in zip(read[1:], read, subgrids[1:], strict=False):
            if not np.array_equal(x, before[0]) or pids != before[2] or q[0] != before[1][-1]:
                raise ValueError(
                    f"the subgrid from line {lines[0][0]} on must have x and PDG identifiers of "
                    "the one before it, and begin at its last Q"
                )
    except ValueError as error:
        raise ValueError(f"{file} is no valid LHAPDF grid file: {error}") from None
    return Member(
        read[0][0],
        [q for _, q, _, _ in read],
        read[0][2],
        [values for *_, values in read],
        ["\n".join(line for _, line in lines) for lines in subgrids],
    )


def _subgrid(lines: _Lines) -> tuple[Array, Array, list[int], Array]:
    """Knots in x and in Q, PDG identifiers, and values."""
    if len(lines) < _LINES_BEFORE_VALUES:
        where = f"from line {lines[0][0]} on " if lines else ""
        raise ValueError(
            f"the subgrid {where}has {len(lines)} lines; it must have x, Q, PDG identifiers and "
            "values"
        )
    x, q = (_knots(*line) for line in lines[:2])
    pids = _integers(*lines[2])
    rows = lines[_LINES_BEFORE_VALUES:]
    values = [_floats(*row) for row in rows]
    for (number, _), row in zip(rows, values, strict=True):
        if len(row) != len(pids):
            raise ValueError(f"line {number} has {len(row)} values for {len(pids)} PDG identifiers")
    if len(rows) != x.size * q.size:
        raise ValueError(
            f"the subgrid up to line {lines[-1][0]} has {len(rows)} lines of values; {x.size} x "
            f"and {q.size} Q make {x.size * q.size}"
        )
    return x, q, pids, np.array(values).reshape(x.size, q.size, len(pids))


def _floats(number: int, line: str) -> list[float]:
    """Finite numbers of a line; Python alone would take 1_0 for 10."""
    texts = line.split(" ")
    try:
        values = [float(text) for text in texts if text]
        if line.isascii() and line.isprintable() and "_" not in line and all(map(isfinite, values)):
            return values
    except ValueError:
        pass
    wrong = next(t for t in texts if t and not (_NUMBER.fullmatch(t) and isfinite(float(t))))
    raise ValueError(f"{wrong!r} in line {number} is no finite number")


def _knots(number: int, line: str) -> Array:
    knots = np.array(_floats(number, line))
    if knots.size < _MIN_KNOTS or knots[0] <= 0 or np.any(np.diff(knots) <= 0):
        raise ValueError(
            f"knots in line {number} are not {_MIN_KNOTS} or more increasing positive numbers"
        )
    return knots


def _integers(number: int, line: str) -> list[int]:
    pids = [int(value) for value in _floats(number, line)]
    if len(set(pids)) < len(pids) or not re.fullmatch(r"[-+\d\s]*", line):
        raise ValueError(f"PDG identifiers in line {number} are not integers, each once")
    return pids
