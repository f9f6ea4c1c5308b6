"""Events as HDF5: one dataset for each column, and the spectrum beside them."""

from collections.abc import Iterator
from pathlib import Path

import h5py

from nd2fd.events.lepton_events import LeptonEvents
from nd2fd.events.writers.sample import COLUMNS, Sample, columns_of

_CHUNK = 65536

_INTEGERS = {"pdg", "target"}


def write(path: Path, sample: Sample, events: Iterator[LeptonEvents]) -> None:
    """HDF5 without clock times: equal events give equal bytes."""
    with h5py.File(path, "w", libver=("earliest", "v110"), track_order=False) as file:
        file.attrs["format"] = "nd2fd events"
        file.attrs["format_version"] = 1
        for name, value in sample.lines().items():
            file.attrs[name] = value
        for name, (unit, meaning) in COLUMNS.items():
            stored = file.create_dataset(
                name,
                (sample.n_events,),
                "int64" if name in _INTEGERS else "float64",
                chunks=(min(_CHUNK, sample.n_events),),
                compression="gzip",
                compression_opts=1,
                shuffle=True,
                track_times=False,
            )
            stored.attrs["units"], stored.attrs["description"] = unit, meaning
        spectrum = {
            "energy_edges": (sample.energy_edges, "GeV", "edges of cells of the neutrino energy"),
            "flux": (sample.spectrum, "1", "flux in these cells, largest value 1"),
            "sigma_total": (sample.sigma_total, sample.unit, "cross section at their centres"),
        }
        for name, (values, unit, meaning) in spectrum.items():
            stored = file.create_dataset(f"spectrum/{name}", data=values, track_times=False)
            stored.attrs["units"], stored.attrs["description"] = unit, meaning
        first = 0
        for batch in events:
            for name, column in columns_of(batch).items():
                file[name][first : first + batch.n_events] = column
            first += batch.n_events
