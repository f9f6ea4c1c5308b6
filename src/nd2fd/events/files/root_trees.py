"""Trees of ROOT files (TTree, RNTuple), read branch by branch."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nd2fd.events.files.format import EVENTS_PER_PART

Values = Mapping[str, NDArray[np.generic]]


def find_tree(path: Path, branches: frozenset[str]) -> tuple[str, frozenset[str], int] | None:
    """Name, branches and entries of the first tree that has all of these branches, if there is one.

    Raises
    ------
    ValueError
        If the file cannot be read.
    """
    import uproot  # takes a second, which others need not spend

    try:
        with uproot.open(path) as root:
            for name, kind in root.classnames(recursive=True).items():
                if kind.startswith("TTree") or "RNTuple" in kind:
                    tree = root[name]
                    found = frozenset(str(key) for key in tree.keys(recursive=False))
                    if branches <= found:
                        return name, found, int(tree.num_entries)
    except Exception as error:  # uproot's errors are of many kinds
        raise ValueError(
            f"event file {path}: is damaged or incomplete, or no ROOT file: {error}"
        ) from None
    return None


def entries(
    path: Path, tree: str, branches: list[str], total: int
) -> Iterator[tuple[int, int, Values]]:
    """First entry, end and values of parts of a tree.

    Raises
    ------
    ValueError
        If they cannot be read.
    """
    import uproot

    with uproot.open(path) as root:
        opened: Any = root[tree]
        for first in range(0, total, EVENTS_PER_PART):
            end = min(first + EVENTS_PER_PART, total)
            try:
                values = opened.arrays(branches, entry_start=first, entry_stop=end, library="np")
            except Exception as error:  # of many kinds again
                raise ValueError(
                    f"event file {path}, {tree}, entry {first} or after: is damaged or "
                    f"incomplete: {error}"
                ) from None
            yield first, end, values


def vector(values: Values, names: tuple[str, str, str]) -> NDArray[np.float64] | None:
    """Three branches as one array of shape (3, n); None without the first."""
    if names[0] not in values:
        return None
    return np.stack([np.asarray(values[name], dtype=np.float64) for name in names])
