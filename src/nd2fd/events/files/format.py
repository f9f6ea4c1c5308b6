"""What a reader of event files gives: the events as they stand in the file, part by part."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

EVENTS_PER_PART = 500_000
"""Events that are in memory at once."""


@dataclass(frozen=True)
class RawEvents:
    """Some of the events of a file, in its units; None for what it does not have.

    done
        Where the file is read up to, in units of `EventFile.total`.
    place
        What messages call the event of an index in this part, as "line 17".
    e_lepton
        Energy of the charged lepton, shape (n,).
    momentum
        Its momentum, shape (3, n).
    cos_theta
        Cosine of its angle to the beam, or to the neutrino, shape (n,), as everything below.
    weight
        Weights.
    e_nu
        Energy of the neutrino.
    neutrino_momentum
        Its momentum, shape (3, n).
    pdg, target, lepton_pdg
        PDG numbers of the neutrino, of what was hit, and of the charged lepton.
    charged_current
        Whether the event is a charged-current one.
    """

    done: int
    place: Callable[[int], str]
    e_lepton: Array | None = None
    momentum: Array | None = None
    cos_theta: Array | None = None
    weight: Array | None = None
    e_nu: Array | None = None
    neutrino_momentum: Array | None = None
    pdg: IntArray | None = None
    target: IntArray | None = None
    lepton_pdg: IntArray | None = None
    charged_current: BoolArray | None = None


@dataclass(frozen=True)
class EventFile:
    """An event file that was opened.

    name
        What messages call it.
    parts
        Its events.
    total, counted
        How much there is to read, and what of ("events", "bytes").
    unit
        Of energies and momenta, "GeV" or "MeV"; None if the file does not say.
    pot
        Protons on target that the events stand for; None if the file does not say.
    """

    name: str
    parts: Iterator[RawEvents]
    total: int
    counted: str
    unit: Literal["GeV", "MeV"] | None = None
    pot: float | None = None


class EventFormat(Protocol):
    """A format of event files; its readers are listed in `nd2fd.events.files.reading`."""

    name: str
    """What messages call it."""

    def recognises(self, path: Path, start: bytes) -> bool:
        """Whether a file is of this format, from its first 4096 bytes (unpacked), or more of it."""

    def open(self, path: Path) -> EventFile:
        """Open a file of this format.

        Raises
        ------
        ValueError
            Here or from the parts: the file is damaged, or lacks what is needed.
        """
