"""Samples of events, and the channels that feed them.

A sample is what a detector sees of one charged lepton with one horn current; its sign is not
measured. Neutrinos are named by the lepton that they make.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

Lepton = Literal["muon", "electron"]
Horn = Literal["forward", "reverse"]
Functions = Literal["five", "three", "albright_jarlskog"]
"""Structure functions that are learned."""

LEPTONS: Final[tuple[Lepton, ...]] = ("muon", "electron")
HORNS: Final[tuple[Horn, ...]] = ("forward", "reverse")


class Channel(NamedTuple):
    """Neutrinos of a beam as they are made (initial) and as they are seen (final)."""

    initial: Lepton
    final: Lepton
    antineutrino: bool


@dataclass(frozen=True)
class Sample:
    """Events of one detector.

    far
        Whether of the far detector.
    lepton
        What is seen.
    horn
        Current of the horns: forward focuses what makes neutrinos, reverse antineutrinos.
    """

    far: bool
    lepton: Lepton
    horn: Horn

    @property
    def name(self) -> str:
        """Such as ``far_electron_forward``."""
        return f"{'far' if self.far else 'near'}_{self.lepton}_{self.horn}"

    def channels(self, helicities: Sequence[bool]) -> list[Channel]:
        """All that feed it, of neutrinos (False) and antineutrinos (True) if they count."""
        initial = LEPTONS if self.far else (self.lepton,)
        return [Channel(i, self.lepton, anti) for anti in helicities for i in initial]


def samples(far: bool, leptons: Sequence[Lepton], horns: Sequence[Horn]) -> list[Sample]:
    """Of one detector, by horn current."""
    return [Sample(far, lepton, horn) for horn in horns for lepton in leptons]
