"""Events of HepMC3 files (ASCII, also packed by gzip), with the conventions of NuHepMC.

The neutrino has status 4, what it hit 20 (NuHepMC 1.0), 11 (before), or 4 likewise; the lepton is
the final one (status 1) of the neutrino's family with the largest energy. The weight is the one
named CV, or the first. See arXiv:2310.13211.
"""

import gzip
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from nd2fd.events.files.format import EVENTS_PER_PART, EventFile, RawEvents
from nd2fd.io.extras import extra

_NEUTRINOS = frozenset({12, 14, 16, -12, -14, -16})

_FINAL, _INCOMING, _TARGETS = 1, 4, frozenset({4, 11, 20})

_POT = "NuHepMC.Exposure.POT"

_END = b"HepMC::Asciiv3-END_EVENT_LISTING"

_PER_PART = EVENTS_PER_PART // 10
"""Events of Python's numbers take ten times the memory of arrays."""


class HepMC3:
    """HepMC3 ASCII files."""

    name = "HepMC3"

    def recognises(self, path: Path, start: bytes) -> bool:
        """By the first line."""
        return start.lstrip().startswith(b"HepMC::Version") and b"HepMC::Asciiv3" in start

    def open(self, path: Path) -> EventFile:
        """See `EventFormat`."""
        name = f"event file {path}"
        pot = None
        for event, _ in _events(path, name):
            attributes = event.run_info.attributes
            pot = float(str(attributes[_POT])) if _POT in attributes else None
            break
        return EventFile(name, _parts(path, name), path.stat().st_size, "bytes", "GeV", pot)


class _Watched(io.RawIOBase):
    """A binary file that knows how far it was read, how many events and lines of weights began,
    and how it ends."""

    def __init__(self, path: Path) -> None:
        self._raw = path.open("rb")
        packed = self._raw.peek(2)[:2] == b"\x1f\x8b"
        self._file = gzip.open(self._raw) if packed else self._raw  # noqa: SIM115
        self.begun = 0
        self.weights = 0
        self.end = b""

    @property
    def done(self) -> int:
        """Bytes of the file on disk that were read."""
        return self._raw.tell()

    def readinto(self, buffer: Any) -> int:
        """As of a raw file."""
        n = self._file.readinto(buffer)
        read = self.end[-2:] + bytes(memoryview(buffer)[:n])
        self.begun += read.count(b"\nE ")
        self.weights += read.count(b"\nW ")
        self.end = (self.end + bytes(memoryview(buffer)[:n]))[-100:]
        return n

    def readable(self) -> bool:
        """It is."""
        return True

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        self._raw.close()
        super().close()


def _events(path: Path, name: str) -> Iterator[tuple[Any, int]]:
    """Events, always the same object, and the bytes read so far.

    Raises
    ------
    ValueError
        If an event cannot be read, or the file does not end as it must.
    """
    pyhepmc = extra("pyhepmc", "formats")
    watched = _Watched(path)
    event, n_events = pyhepmc.GenEvent(), 0
    try:
        io = extra("pyhepmc.io", "formats")
        reader = io.ReaderAscii(io.pyiostream(watched))
        while True:
            reader.read_event(event)
            if reader.failed() or not len(event.particles):
                break
            n_events += 1
            yield event, watched.done
        if n_events < watched.begun or _END not in watched.end:
            where = f"after event {n_events - 1}" if n_events else "at its first event"
            raise ValueError(
                f"{name}: ends or cannot be read {where}; a complete file ends with {_END.decode()}"
            )
        # Where weights have names, the library takes a missing one for 1.
        if watched.weights - bool(event.run_info.weight_names) not in (0, n_events):
            raise ValueError(f"{name}, {_first_without_weight(path)}: has no weight, others have")
    except RuntimeError as error:  # of pyhepmc
        raise ValueError(f"{name}, event {n_events}: cannot be read: {error}") from None
    finally:
        watched.close()


def _first_without_weight(path: Path) -> str:
    """The first event without a line of weights."""
    watched = _Watched(path)
    n_events, has_weight = 0, True
    with io.BufferedReader(watched) as stream:
        for line in stream:
            if line.startswith(b"E "):
                if not has_weight:
                    break
                n_events, has_weight = n_events + 1, False
            has_weight = has_weight or line.startswith(b"W ")
    return f"event {n_events - 1}"


def _parts(path: Path, name: str) -> Iterator[RawEvents]:
    rows: list[tuple[float, ...]] = []
    first, done = 0, 0
    for event, done in _events(path, name):
        rows.append(_row(event, f"{name}, event {first + len(rows)}"))
        if len(rows) == _PER_PART:
            yield _raw(rows, done, name, first)
            first += len(rows)
            rows = []
    if rows:
        yield _raw(rows, done, name, first)


def _row(event: Any, place: str) -> tuple[float, ...]:
    """Lepton (E, p), neutrino (E, p), PDG numbers of neutrino, target and lepton, and weight."""
    Units = extra("pyhepmc", "formats").Units
    unit = 1e-3 if event.momentum_unit == Units.MomentumUnit.MEV else 1.0
    neutrino = target = None
    final = []
    for particle in event.particles:
        status, pdg = particle.status, particle.pid
        if status == _FINAL and 11 <= abs(pdg) <= 16:
            final.append((particle.momentum.e, pdg, particle.momentum))
        elif status == _INCOMING and pdg in _NEUTRINOS and neutrino is None:
            neutrino = particle
        elif status in _TARGETS and target is None:
            target = particle
    if neutrino is None:
        raise ValueError(f"{place}: has no incoming neutrino (status {_INCOMING})")
    if target is None:
        raise ValueError(f"{place}: has no target (status 20)")
    charged = neutrino.pid - (1 if neutrino.pid > 0 else -1)
    leptons = [lepton for lepton in final if lepton[1] == charged]
    weights, names = event.weights, event.run_info.weight_names
    weight = 1.0
    if len(weights):
        weight = weights[names.index("CV") if "CV" in names else 0]
    k = neutrino.momentum
    known = (unit * k.e, unit * k.x, unit * k.y, unit * k.z, neutrino.pid, target.pid)
    if not leptons:
        return (0.0, 0.0, 0.0, 0.0, *known, 0, weight, float(len(weights)))
    energy, pdg, p = max(leptons, key=lambda lepton: lepton[0])
    lepton = (unit * energy, unit * p.x, unit * p.y, unit * p.z)
    return (*lepton, *known, pdg, weight, float(len(weights)))


def _raw(rows: list[tuple[float, ...]], done: int, name: str, first: int) -> RawEvents:
    values = np.array(rows).T

    def place(i: int) -> str:
        return f"{name}, event {first + i}"

    pdg, target, lepton_pdg = values[8:11].astype(np.int64)
    return RawEvents(
        done,
        place,
        e_lepton=values[0],
        momentum=values[1:4],
        weight=values[11] if values[12].any() else None,
        e_nu=values[4],
        neutrino_momentum=values[5:8],
        pdg=pdg,
        target=target,
        lepton_pdg=lepton_pdg,
        charged_current=lepton_pdg != 0,
    )
