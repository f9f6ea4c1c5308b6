"""NUISANCE's flat trees, as nuisflat makes them of any generator's events; energies are in GeV.

`Weight` is the event's weight, the product of that of the generator and of reweighting. The common
factor `fScaleFactor`, to cross sections, is not read: densities do not see it.
"""

from pathlib import Path

import numpy as np

from nd2fd.events.files.format import EventFile, RawEvents
from nd2fd.events.files.root_trees import Place, Values, find_tree, open_tree

_NEEDED = frozenset({"ELep", "CosLep", "PDGLep", "tgt"})

_READ_IF_THERE = ("cc", "PDGnu", "Enu_true", "Enu", "Weight")


class NuisanceFlat:
    """NUISANCE flat trees: lepton, and its angle to the neutrino."""

    name = "NUISANCE flat tree"

    def recognises(self, path: Path, start: bytes) -> bool:
        """By the branches of a tree."""
        return start.startswith(b"root") and find_tree(path, _NEEDED) is not None

    def open(self, path: Path) -> EventFile:
        """See `EventFormat`."""
        return open_tree(path, _NEEDED, _READ_IF_THERE, _events)


def _events(end: int, place: Place, values: Values) -> RawEvents:
    energies = values.get("Enu_true", values.get("Enu"))
    return RawEvents(
        end,
        place,
        e_lepton=values["ELep"].astype(np.float64),
        cos_theta=values["CosLep"].astype(np.float64),
        weight=values["Weight"].astype(np.float64) if "Weight" in values else None,
        e_nu=None if energies is None else energies.astype(np.float64),
        pdg=values["PDGnu"].astype(np.int64) if "PDGnu" in values else None,
        target=values["tgt"].astype(np.int64),
        lepton_pdg=values["PDGLep"].astype(np.int64),
        charged_current=values["cc"] != 0 if "cc" in values else None,
    )
