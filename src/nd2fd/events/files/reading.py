"""An event file, of whatever format."""

import gzip
import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nd2fd.events.files.format import EventFile, EventFormat
from nd2fd.events.files.genie import GenieGst
from nd2fd.events.files.hdf5 import Hdf5
from nd2fd.events.files.hepmc3 import HepMC3
from nd2fd.events.files.nuisance import NuisanceFlat
from nd2fd.events.files.selection import Selection, Tally
from nd2fd.events.files.text import Csv
from nd2fd.events.lepton_events import LeptonEvents
from nd2fd.physics.setup import Setup

LOG = logging.getLogger(__name__)

Progress = Callable[[int, str], None]

FORMATS: tuple[EventFormat, ...] = (Hdf5(), GenieGst(), NuisanceFlat(), HepMC3(), Csv())
"""What can be read, in the order in which files are tried."""

_START = 4096
"""Bytes from which formats are told."""


@dataclass(frozen=True)
class EventSource:
    """A file of events, and how to read it.

    file
        Opened.
    selection
        Which events are taken.
    tally
        What became of the events, once they are read.
    """

    file: EventFile
    selection: Selection
    tally: Tally

    @classmethod
    def open(cls, path: Path | str, section: Mapping[str, Any], setup: Setup) -> "EventSource":
        """Open a file of any of `FORMATS`.

        Parameters
        ----------
        path
            The file.
        section
            Keys `data_unit` and `beam_direction` of a detector's section of the configuration.
        setup
            Lepton, target and E_max.

        Raises
        ------
        FileNotFoundError
            There is no such file.
        ValueError
            It is empty, damaged, of no known format, or contradicts the configuration.
        """
        file = open_file(Path(path))
        said, given = file.unit, section["data_unit"]
        if said is not None and given not in (None, said):
            raise ValueError(f"{file.name}: is in {said}, but data_unit is {given}; use null")
        direction = section["beam_direction"]
        selection = Selection(
            setup, said or given or "GeV", None if direction is None else tuple(direction)
        )
        return cls(file, selection, Tally())

    @property
    def size(self) -> tuple[str, int]:
        """What is counted as the file is read, and how much of it there is."""
        return self.file.counted, self.file.total

    def parts(self, progress: Progress) -> Iterator[LeptonEvents]:
        """The selected events, part by part.

        Parameters
        ----------
        progress
            Called with (what was read of `file.total`, note).

        Raises
        ------
        ValueError
            With the event, if it cannot be read or meant; if no event is selected.
        """
        for raw in self.file.parts:
            events = self.selection.of(raw, self.tally)
            progress(raw.done, f"{self.tally.selected} events selected")
            if events.n_events:
                yield events
        if self.tally.read == 0:
            raise ValueError(f"{self.file.name}: has no events")
        left_out = ", ".join(f"{why}: {n}" for why, n in self.tally.others.most_common())
        if self.tally.selected == 0:
            setup = self.selection.setup
            neutrinos = "antineutrinos" if setup.antineutrino else "neutrinos"
            raise ValueError(
                f"{self.file.name}: none of its {self.tally.read} events is a charged-current "
                f"one of {neutrinos} with a final {setup.lepton} on the target; left out were "
                f"{left_out}"
            )
        LOG.info(
            "%s: %d of %d events selected%s%s",
            self.file.name,
            self.tally.selected,
            self.tally.read,
            f"; left out were {left_out}" if left_out else "",
            "" if self.file.pot is None else f"; {self.file.pot:g} protons on target",
        )
        if not self.tally.weighted:
            LOG.info("%s: has no weights; each event counts once", self.file.name)


def open_file(path: Path) -> EventFile:
    """Open a file with the reader of its format.

    Raises
    ------
    FileNotFoundError
        There is no such file.
    ValueError
        It is empty, damaged, or of no known format.
    """
    return format_of(path).open(path)


def format_of(path: Path) -> EventFormat:
    """The format of a file, told by what is in it; raises as `open_file`."""
    if not path.is_file():
        raise FileNotFoundError(f"event file {path} does not exist or is not a file")
    with path.open("rb") as stream:
        start = stream.read(_START)
    if not start:
        raise ValueError(f"event file {path}: is empty")
    if start.startswith(b"\x1f\x8b"):
        try:
            with gzip.open(path) as unpacked:
                start = unpacked.read(_START)
        except (EOFError, OSError) as error:
            raise ValueError(f"event file {path}: is damaged or incomplete: {error}") from None
    for known in FORMATS:
        if known.recognises(path, start):
            return known
    names = ", ".join(known.name for known in FORMATS)
    raise ValueError(f"event file {path}: is of no known format; known are {names}")
