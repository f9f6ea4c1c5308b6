"""GENIE's summary trees `gst`, as gntpc -f gst makes them; energies are in GeV."""

from pathlib import Path

import numpy as np

from nd2fd.events.files.format import EventFile, RawEvents
from nd2fd.events.files.root_trees import Place, Values, find_tree, open_tree, vector

_NEEDED = frozenset({"El", "pxl", "pyl", "pzl", "cc", "neu", "tgt"})

_READ_IF_THERE = ("fspl", "wght", "Ev", "pxv", "pyv", "pzv")


class GenieGst:
    """GENIE gst: neutrino, target and primary lepton of each event."""

    name = "GENIE gst"

    def recognises(self, path: Path, start: bytes) -> bool:
        """By the branches of a tree."""
        return start.startswith(b"root") and find_tree(path, _NEEDED) is not None

    def open(self, path: Path) -> EventFile:
        """See `EventFormat`."""
        return open_tree(path, _NEEDED, _READ_IF_THERE, _events)


def _events(end: int, place: Place, values: Values) -> RawEvents:
    return RawEvents(
        end,
        place,
        e_lepton=values["El"].astype(np.float64),
        momentum=vector(values, ("pxl", "pyl", "pzl")),
        weight=values["wght"].astype(np.float64) if "wght" in values else None,
        e_nu=values["Ev"].astype(np.float64) if "Ev" in values else None,
        neutrino_momentum=vector(values, ("pxv", "pyv", "pzv")),
        pdg=values["neu"].astype(np.int64),
        target=values["tgt"].astype(np.int64),
        lepton_pdg=values["fspl"].astype(np.int64) if "fspl" in values else None,
        charged_current=values["cc"] == 1,
    )
