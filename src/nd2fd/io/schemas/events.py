"""Events."""

from dataclasses import dataclass

from nd2fd.io.artifacts import Artifact, dataset
from nd2fd.io.schemas.common import Array


@dataclass(frozen=True)
class Events(Artifact, name="events", version=2):
    """Events (``near/events.h5``, ``far/events.h5``), as measured but for the energy in ``far/smeared.h5``."""

    v1: Array = dataset("1", ("event",), "v1")
    v2: Array = dataset("1", ("event",), "v2")
    e_lepton: Array = dataset("GeV", ("event",), "muon energy")
    cos_theta: Array = dataset("1", ("event",), "cosine of the muon"s angle to the beam")
    energy: Array = dataset("GeV", ("event",), "true neutrino energy")
