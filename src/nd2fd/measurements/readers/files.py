"""What readers share: ROOT files, tables of numbers, and errors that name the file."""

import csv
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

from nd2fd.io.extras import extra

Array = NDArray[np.float64]


@contextmanager
def refusing(path: Path) -> Iterator[None]:
    """Put the name of a file in front of a ValueError."""
    try:
        yield
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def open_root(path: Path) -> dict[str, Any]:
    """All histograms of a ROOT file by name, those in its directories by path."""
    uproot = extra("uproot", "formats")  # takes a second, which others need not spend

    try:
        with uproot.open(path) as root:
            kinds = root.classnames(cycle=False)
            return {k: root[k] for k, kind in kinds.items() if kind.startswith(("TH1", "TH2"))}
    except Exception as error:  # uproot's errors are of many kinds
        raise ValueError(f"{path}: cannot be read as a ROOT file: {error}") from None


def histogram(path: Path, contents: dict[str, Any], name: str) -> tuple[Array, list[Array]]:
    """Contents of a TH1 or TH2, and the edges of its axes."""
    if name not in contents:
        raise ValueError(f"{path}: has no histogram {name}; it has {', '.join(contents) or 'none'}")
    found = contents[name]
    values = np.asarray(found.values(), dtype=np.float64)
    return values, [np.asarray(found.axis(k).edges(), np.float64) for k in range(values.ndim)]


def table(path: Path, columns: Sequence[str], optional: Sequence[str] = ()) -> dict[str, Array]:
    """Columns of a CSV file with a header, by name; lines that begin with # are comments.

    Raises ValueError naming line and column for a missing column, or what is not a finite number.
    """
    lines = [
        (number, line)
        for number, line in enumerate(_text(path).splitlines(), start=1)
        if line.strip() and not line.lstrip().startswith("#")
    ]
    if not lines:
        raise ValueError(f"{path}: is empty; columns {', '.join(columns)} are expected")
    header = [name.strip() for name in next(csv.reader([lines[0][1]]))]
    if missing := [name for name in columns if name not in header]:
        raise ValueError(
            f"{path}, line {lines[0][0]}: has no column {', '.join(missing)}; it has "
            f"{', '.join(header)}"
        )
    if unknown := [name for name in header if name not in {*columns, *optional}]:
        raise ValueError(
            f"{path}, line {lines[0][0]}: column {', '.join(unknown)} is not known; there are "
            f"{', '.join([*columns, *optional])}"
        )
    rows = [_numbers(path, number, line, header) for number, line in lines[1:]]
    values = np.array(rows).reshape(len(rows), len(header))
    return {name: values[:, k] for k, name in enumerate(header)}


def matrix(path: Path) -> Array:
    """A CSV file of numbers alone; lines that begin with # are comments."""
    rows = [
        _numbers(path, number, line, None)
        for number, line in enumerate(_text(path).splitlines(), start=1)
        if line.strip() and not line.lstrip().startswith("#")
    ]
    sizes = {len(row) for row in rows}
    if len(sizes) != 1:
        raise ValueError(f"{path}: rows must have equally many numbers; they have {sorted(sizes)}")
    return np.array(rows)


def described(path: Path) -> dict[str, Any]:
    """A YAML file with keys."""
    try:
        given = yaml.safe_load(_text(path))
    except yaml.YAMLError as error:
        raise ValueError(f"{path}: not YAML: {error}") from None
    if not isinstance(given, dict):
        raise ValueError(f"{path}: there must be keys with values")
    return given


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise ValueError(f"{path}: is no text in UTF-8") from None


def _numbers(path: Path, number: int, line: str, header: list[str] | None) -> list[float]:
    words = next(csv.reader([line]))
    if header is not None and len(words) != len(header):
        raise ValueError(f"{path}, line {number}: {len(words)} values in {len(header)} columns")
    row = []
    for k, word in enumerate(words):
        try:
            value = float(word)
        except ValueError:
            value = np.nan
        if not np.isfinite(value):
            column = f"column {k + 1}" if header is None else header[k]
            raise ValueError(
                f"{path}, line {number}: {column} is {word.strip()!r}; it must be a finite number"
            )
        row.append(value)
    return row
