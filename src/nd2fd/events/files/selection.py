"""From events as they stand in a file to charged-current leptons on the target, in GeV.

What cannot be meant is refused by file and event: numbers that are not finite, particles that are
none, energies in another unit, angles in place of their cosine.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from nd2fd.events.files.format import RawEvents
from nd2fd.events.lepton_events import LeptonEvents
from nd2fd.events.particle_numbers import PROTON, lepton_number, neutrino_number, nucleus_number
from nd2fd.physics.setup import Setup

Array = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

Unit = Literal["GeV", "MeV"]

_Picked = Callable[[str, Array], Array]
"""Values of the selected events, by what messages call them."""

_GEV: dict[Unit, float] = {"GeV": 1.0, "MeV": 1e-3}

_NUCLEONS = (PROTON, 2112)

_FIRST_NUCLEUS = 1_000_000_000

_PROTON_AS_NUCLEUS = 1_000_010_010
"""As GENIE has it."""

_COSINE_ROUNDING = 1e-6
"""What numbers of single precision may exceed 1 by."""

_MASS_ROUNDING = 1e-4
"""Relative, of a lepton at rest."""

_MASS_SHELL = 1e-3
"""Largest |E² - p² - m²| in units of E²: what single precision and rounded masses leave."""

_MOST_ABOVE = 0.5
"""Largest share of leptons above E_max in a part of a file."""


@dataclass
class Tally:
    """What became of the events of a file so far.

    read
        Events read.
    selected
        Of these, charged-current ones with the lepton on the target.
    others
        The rest, by why they were left out.
    weighted
        Whether the file has weights.
    """

    read: int = 0
    selected: int = 0
    others: Counter[str] = field(default_factory=Counter)
    weighted: bool = False


@dataclass(frozen=True)
class Selection:
    """Which events are taken, and how their numbers are read.

    setup
        Lepton, helicity, target and E_max.
    unit
        Of energies and momenta.
    direction
        Of the beam, in the coordinates of the momenta; None: that of each event's neutrino where
        the file has it, else the third axis.
    """

    setup: Setup
    unit: Unit
    direction: tuple[float, float, float] | None

    def of(self, raw: RawEvents, tally: Tally) -> LeptonEvents:
        """The selected ones of some events.

        Raises
        ------
        ValueError
            If an event cannot be meant, with its place in the file, value and what is allowed.
        """
        size = _size(raw)
        kept = self._selected(raw, size, tally)
        tally.read += size
        tally.selected += kept.size
        tally.weighted = raw.weight is not None
        gev, mass = _GEV[self.unit], self.setup.lepton_mass

        def picked(name: str, values: Array, unit: float = 1.0) -> Array:
            chosen = values[..., kept] * unit if unit != 1.0 else values[..., kept]
            wrong = ~np.isfinite(chosen)
            if wrong.any():
                i = int(np.argmax(wrong.any(axis=0) if wrong.ndim == 2 else wrong))
                shown = ", ".join(f"{value:g}" for value in np.atleast_1d(values[..., kept[i]]))
                raise ValueError(f"{raw.place(kept[i])}: {name} is {shown}; it must be finite")
            return chosen

        def refuse(wrong: BoolArray, name: str, values: Array, words: str) -> None:
            if wrong.any():
                i = int(np.argmax(wrong))
                raise ValueError(f"{raw.place(kept[i])}: {name} is {values[i]:.6g}{words}")

        momentum = None if raw.momentum is None else picked("momentum", raw.momentum, gev)
        if raw.e_lepton is not None:
            e_lepton = picked("e_lepton", raw.e_lepton, gev)
        else:
            assert momentum is not None
            e_lepton = np.sqrt(mass**2 + np.square(momentum).sum(axis=0))
        above = e_lepton > self.setup.energy_max
        if above.sum() > _MOST_ABOVE * above.size:
            refuse(
                above,
                "e_lepton",
                e_lepton,
                f" GeV, above setup.energy_max = {self.setup.energy_max:g} GeV, as for "
                f"{above.sum()} of {above.size} events: {self._about_units()}",
            )
        refuse(
            e_lepton < (1.0 - _MASS_ROUNDING) * mass,
            "e_lepton",
            e_lepton,
            f" GeV, less than the mass of the {self.setup.lepton}, {mass:.6g} GeV: it must be the "
            f"total energy, not the kinetic one; {self._about_units()}",
        )
        if momentum is not None and raw.e_lepton is not None:
            off = e_lepton**2 - np.square(momentum).sum(axis=0) - mass**2
            refuse(
                np.abs(off) > _MASS_SHELL * e_lepton**2,
                "E² - p²",
                off + mass**2,
                f" GeV²; that of the {self.setup.lepton} is {mass**2:.6g} GeV²: energy and "
                "momentum are in different units, or of another particle",
            )
        cos_theta = self._cosine(raw, momentum, picked)
        refuse(
            np.abs(cos_theta) > 1.0 + _COSINE_ROUNDING,
            "cos_theta",
            cos_theta,
            "; it must be in [-1, 1]: it looks like the angle itself, give its cosine",
        )
        weight = np.ones(kept.size) if raw.weight is None else picked("weight", raw.weight)
        return LeptonEvents(
            np.maximum(e_lepton, mass),
            np.clip(cos_theta, -1.0, 1.0),
            weight,
            None if raw.e_nu is None else picked("e_nu", raw.e_nu, gev),
            None if raw.pdg is None else raw.pdg[kept],
            None if raw.target is None else raw.target[kept],
        )

    def _about_units(self) -> str:
        """What to write if the unit is wrong."""
        other = "MeV" if self.unit == "GeV" else "GeV"
        return f"energies are taken to be in {self.unit}; if they are in {other}, say data_unit"

    def _cosine(self, raw: RawEvents, momentum: Array | None, picked: _Picked) -> Array:
        """To the beam's direction where it is given, else what the file says."""
        if self.direction is not None and momentum is None:
            raise ValueError(
                f"{raw.place(0)}: beam_direction is given, but the file has the lepton's angle "
                "and no momentum; use beam_direction: null"
            )
        if momentum is None:
            assert raw.cos_theta is not None
            return picked("cos_theta", raw.cos_theta)
        if self.direction is None and raw.cos_theta is not None:
            return picked("cos_theta", raw.cos_theta)
        if self.direction is None and raw.neutrino_momentum is not None:
            axis = picked("momentum of the neutrino", raw.neutrino_momentum)
        else:
            axis = np.array(self.direction or (0.0, 0.0, 1.0))[:, None]
        lengths = np.linalg.norm(axis, axis=0) * np.linalg.norm(momentum, axis=0)
        along = (axis * momentum).sum(axis=0)
        # A lepton at rest has no direction.
        return np.divide(along, lengths, out=np.zeros_like(along), where=lengths > 0.0)

    def _selected(self, raw: RawEvents, size: int, tally: Tally) -> IntArray:
        """Indices of the events that are taken."""
        kept = np.ones(size, dtype=np.bool_)

        def leave_out(others: BoolArray, why: str) -> None:
            n = int((kept & others).sum())
            if n:
                tally.others[why] += n
                kept[others] = False

        def refuse_unknown(numbers: IntArray, known: BoolArray, name: str, words: str) -> None:
            wrong = kept & ~known
            if wrong.any():
                i = int(np.argmax(wrong))
                raise ValueError(f"{raw.place(i)}: {name} is {numbers[i]}, {words}")

        if raw.charged_current is not None:
            leave_out(~raw.charged_current, "not a charged-current event")
        if raw.pdg is not None:
            known = np.isin(np.abs(raw.pdg), (12, 14, 16))
            words = "which is no neutrino (12, 14, 16, or these with a minus sign)"
            refuse_unknown(raw.pdg, known, "pdg of the neutrino", words)
            for number in _values(raw.pdg[kept]):
                if number != neutrino_number(self.setup):
                    leave_out(raw.pdg == number, f"neutrino {number}")
        if raw.lepton_pdg is not None:
            known = np.isin(np.abs(raw.lepton_pdg), range(11, 17))
            words = "which is no lepton (11 to 16, or these with a minus sign)"
            refuse_unknown(raw.lepton_pdg, known, "lepton_pdg", words)
            for number in _values(raw.lepton_pdg[kept]):
                if number != lepton_number(self.setup):
                    leave_out(raw.lepton_pdg == number, f"lepton {number}")
        if raw.target is not None:
            known = (raw.target >= _FIRST_NUCLEUS) | np.isin(raw.target, _NUCLEONS)
            words = "which is no nucleus (10LZZZAAAI, as 1000180400 for argon, or 2212 for protons)"
            refuse_unknown(raw.target, known, "target", words)
            wanted = target_numbers(self.setup)
            for number in _values(raw.target[kept]):
                if number not in wanted:
                    leave_out(raw.target == number, f"target {number}")
        return np.flatnonzero(kept)


def target_numbers(setup: Setup) -> set[int]:
    """PDG numbers of the nuclei of a target; a proton may also stand as a nucleus."""
    numbers = {nucleus_number(name) for name, _ in setup.target.nuclei}
    return numbers | ({_PROTON_AS_NUCLEUS} if PROTON in numbers else set())


def _values(numbers: IntArray) -> list[int]:
    """Different values, of which there are few; sorting all of them would take longer."""
    if numbers.size and (numbers == numbers[0]).all():
        return [int(numbers[0])]
    return [int(number) for number in np.unique(numbers)]


def _size(raw: RawEvents) -> int:
    size = raw.cos_theta.size if raw.momentum is None and raw.cos_theta is not None else None
    if size is None:
        assert raw.momentum is not None
        size = raw.momentum.shape[1]
    return int(size)
