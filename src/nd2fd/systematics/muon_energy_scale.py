"""Scale of the lepton's energy: the analysis divides what was measured by a wrong calibration."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from nd2fd.systematics.systematic import Assumption, Systematic

Array = NDArray[np.float64]


def _assume(assumption: Assumption, z: Array, sizes: Mapping[str, float]) -> Assumption:
    factor = 1.0 + sizes["muon_energy_scale"] * z.item()

    def calibrate(e_lepton: Array, cos_theta: Array) -> tuple[Array, Array]:
        return factor * e_lepton, cos_theta

    return replace(assumption, calibrations=(*assumption.calibrations, calibrate))


SYSTEMATIC = Systematic(
    name="muon_energy_scale",
    noun="muon energy scale",
    plural="muon energy scales",
    prior="normal about 1, width systematics.muon_energy_scale",
    at_near="energies of all measured muons, times one factor",
    at_far="energies of all measured muons, times the same factor",
    drawn_by=("near_members", "fit_members", "coverage_block"),
    n_parameters=lambda flux: 1,
    assume=_assume,
    needs_near_events=True,
)
