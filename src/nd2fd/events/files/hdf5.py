"""Events in HDF5 files: a dataset of each column in the root group, of one length.

Columns and units are those of `nd2fd.events.files.columns`; units are in the attribute `units` of
a dataset, protons on target in the attribute `pot` of the root group.
"""

from collections.abc import Iterator
from pathlib import Path

import h5py

from nd2fd.events.files.columns import columns_and_unit, raw_events
from nd2fd.events.files.format import EVENTS_PER_PART, EventFile, RawEvents


class Hdf5:
    """HDF5 files, also those that nd2fd makes."""

    name = "HDF5"

    def recognises(self, path: Path, start: bytes) -> bool:
        """By the first bytes."""
        return start.startswith(b"\x89HDF\r\n\x1a\n")

    def open(self, path: Path) -> EventFile:
        """See `EventFormat`."""
        name = f"event file {path}"
        try:
            with h5py.File(path, "r") as file:
                datasets = {n: d for n, d in file.items() if isinstance(d, h5py.Dataset)}
                headers = [(n, _unit(d)) for n, d in datasets.items() if d.ndim == 1]
                sizes = {n: d.shape[0] for n, d in datasets.items() if d.ndim == 1}
                pot = file.attrs.get("pot")
        except OSError as error:
            raise ValueError(f"{name}: is damaged or incomplete: {error}") from None
        columns, unit = columns_and_unit(name, headers)
        lengths = {column: sizes[header] for column, header in columns.items()}
        if len(set(lengths.values())) > 1:
            said = ", ".join(f"{column} {n}" for column, n in lengths.items())
            raise ValueError(f"{name}: columns have different lengths: {said}")
        total = next(iter(lengths.values()))
        parts = _parts(path, name, columns, total)
        return EventFile(name, parts, total, "events", unit, None if pot is None else float(pot))


def _unit(dataset: h5py.Dataset) -> str | None:
    unit = dataset.attrs.get("units")
    return unit.decode() if isinstance(unit, bytes) else unit


def _parts(path: Path, name: str, columns: dict[str, str], total: int) -> Iterator[RawEvents]:
    with h5py.File(path, "r") as file:
        for first in range(0, total, EVENTS_PER_PART):
            end = min(first + EVENTS_PER_PART, total)

            def place(i: int, first: int = first) -> str:
                return f"{name}, event {first + i}"

            try:
                values = {column: file[header][first:end] for column, header in columns.items()}
            except OSError as error:
                raise ValueError(f"{place(0)} or after: is damaged: {error}") from None
            yield raw_events(values, end, place)
