"""Errors of the fluxes: modes with Gaussian priors, which near and far samples share."""

from dataclasses import dataclass
from typing import Final, Literal, Self

import numpy as np
from numpy.typing import NDArray

from nd2fd.beam.builtin_modes import flux_modes
from nd2fd.beam.modes import FluxModes, modes_at
from nd2fd.leptons.samples import LEPTONS, Lepton

Array = NDArray[np.float64]

Sharing = Literal["beam", "flavour"]
"""Whether one z_k moves the fluxes of all flavours, or those of each flavour have their own."""

_EMPTY: Final = np.empty((0, 1))


@dataclass(frozen=True)
class FluxErrors:
    """Φ (1 + Σ_k z_k s_k(E)), z_k ~ N(0, 1), alike for both helicities and horn currents.

    modes
        s_k of the near and of the far detector.
    sharing
        Which fluxes have a z_k in common.
    """

    modes: FluxModes
    sharing: Sharing

    @classmethod
    def of(cls, name_or_path: str | None, sharing: Sharing, energy_max: float) -> Self:
        """Modes that the configuration names; without any, there are 0. Raises as `flux_modes`."""
        modes = flux_modes(name_or_path, energy_max)
        if modes is None:
            modes = FluxModes(np.array([0.0, energy_max]), _EMPTY, _EMPTY)
        return cls(modes, sharing)

    def shifts(self, far: bool, initial: Lepton, energy: Array) -> Array:
        """s_k of neutrinos that are made with a lepton, shape (n_modes, n_energy)."""
        of_detector = modes_at(self.modes, energy)[far]
        if self.sharing == "beam":
            return of_detector
        return np.concatenate([(lepton == initial) * of_detector for lepton in LEPTONS])
