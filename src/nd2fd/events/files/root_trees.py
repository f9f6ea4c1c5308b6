"""Trees of ROOT files (TTree, RNTuple), read branch by branch."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nd2fd.events.files.format import EVENTS_PER_PART, EventFile, RawEvents
from nd2fd.io.extras import extra

Values = Mapping[str, NDArray[np.generic]]
Place = Callable[[int], str]


def find_tree(path: Path, branches: frozenset[str]) -> tuple[str, frozenset[str], int] | None:
    """Name, branches and entries of the first tree that has all of these branches, if there is one.

    Raises
    ------
    ValueError
        If the file cannot be read.
    """
    uproot = extra("uproot", "formats")  # takes a second, which others need not spend

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


def open_tree(
    path: Path,
    needed: frozenset[str],
    read_if_there: tuple[str, ...],
    events_of: Callable[[int, Place, Values], RawEvents],
) -> EventFile:
    """Events of the tree that has all of the branches `needed`; there is one.

    `events_of` makes events of a part: where it ends, what its entries are called, its values.
    """
    found = find_tree(path, needed)
    assert found is not None
    tree, branches, total = found
    read = [*sorted(needed), *(name for name in read_if_there if name in branches)]
    parts = (events_of(*part) for part in _parts(path, tree, read, total))
    return EventFile(f"event file {path}", parts, total, "events", "GeV")


def _parts(
    path: Path, tree: str, branches: list[str], total: int
) -> Iterator[tuple[int, Place, Values]]:
    """End of parts of a tree, what their entries are called, and their values.

    Raises
    ------
    ValueError
        If they cannot be read.
    """
    uproot = extra("uproot", "formats")

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

            def place(i: int, first: int = first) -> str:
                return f"event file {path}, {tree} entry {first + i}"

            yield end, place, values


def vector(values: Values, names: tuple[str, str, str]) -> NDArray[np.float64] | None:
    """Three branches as one array of shape (3, n); None without the first."""
    if names[0] not in values:
        return None
    return np.stack([np.asarray(values[name], dtype=np.float64) for name in names])
