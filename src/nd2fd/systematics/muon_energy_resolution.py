"""Resolution of the lepton's energy: the analysis takes it for better or worse than it is."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from nd2fd.systematics.systematic import Assumption, Systematic

Array = NDArray[np.float64]


def _assume(assumption: Assumption, z: Array, sizes: Mapping[str, float]) -> Assumption:
    energy, angle = assumption.resolution_factors
    factor = max(1.0 + sizes["muon_energy_resolution"] * z.item(), 0.0)
    return replace(assumption, resolution_factors=(factor * energy, angle))


SYSTEMATIC = Systematic(
    name="muon_energy_resolution",
    noun="muon energy resolution",
    plural="muon energy resolutions",
    prior="normal about that of smearing, relative width systematics.muon_energy_resolution",
    at_near="the assumed resolution of the muon's energy",
    at_far="the same",
    drawn_by=(),
    n_parameters=lambda flux: 1,
    assume=_assume,
    needs_resolution="energy_resolution",
)
