"""Files of generated events, by ending of their names."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final

from nd2fd.events.lepton_events import LeptonEvents
from nd2fd.events.writers import columns, hdf5, hepmc3
from nd2fd.events.writers.sample import Sample

Writer = Callable[[Path, Sample, Iterator[LeptonEvents]], None]
"""Writes all events of a sample as they come; raises OSError as the disk does."""

WRITERS: Final[Mapping[str, Writer]] = {
    "hepmc3": hepmc3.write,
    "h5": hdf5.write,
    "csv": columns.write,
}
