"""Events."""

from nd2fd.io.artifacts import Artifact, dataset
from nd2fd.io.schemas.common import Array


class Events(Artifact, name="events", version=2):
    """Events of either detector (``near/events.h5``, ``far/events.h5``, ``far/smeared.h5``).

    All but the energy is as measured in ``far/smeared.h5``.
    """

    v1: Array = dataset("1", ("event",), "v1 = sqrt((E_l - p cos theta)/(M x_max))")
    v2: Array = dataset("1", ("event",), "v2 = sqrt((E_l + p cos theta)/(2 E_max))")
    e_lepton: Array = dataset("GeV", ("event",), "energy of the charged lepton")
    cos_theta: Array = dataset("1", ("event",), "cosine of the charged lepton's angle to the beam")
    energy: Array | None = dataset(
        "GeV", ("event",), "true neutrino energy; measured events have none", default=None
    )
