"""The long-baseline experiment: where the far detector is and what the oscillations are."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from nd2fd.physics.oscillation import survival_probability
from nd2fd.physics.oscillation_parameters import OscillationParameters

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Experiment:
    """Baseline [km], density times Y_e [g/cm³], true oscillation parameters, and helicity."""

    baseline: float
    rho_ye: float
    truth: OscillationParameters
    antineutrino: bool = False

    @classmethod
    def from_config(cls, section: Mapping[str, float], *, antineutrino: bool) -> "Experiment":
        """From the configuration section `oscillation`."""
        parameters = dict(section)
        baseline = parameters.pop("baseline")
        rho_ye = parameters.pop("matter_density") * parameters.pop("electron_fraction")
        return cls(baseline, rho_ye, OscillationParameters(**parameters), antineutrino)

    def true_survival(self, energy: Array) -> Array:
        """P(ν_μ → ν_μ) or P(ν̄_μ → ν̄_μ) at the truth; `energy` in GeV, any shape."""
        return self._survival(self.truth, energy)

    def survival_scan(self, energy: Array) -> Callable[[Array, Array], Array]:
        """The same as a function of (sin²θ23, Δm²32 [eV²]), the others at the truth.

        The function takes arrays of shape (n,) and returns (n, n_energy).
        """

        def survival(sin2_theta23: Array, dm2_32: Array) -> Array:
            parameters = replace(self.truth, sin2_theta23=sin2_theta23[:, None]).with_dm2_32(
                dm2_32[:, None]
            )
            return self._survival(parameters, energy)

        return survival

    def _survival(self, parameters: OscillationParameters, energy: Array) -> Array:
        return survival_probability(
            parameters, energy, self.baseline, self.rho_ye, antineutrino=self.antineutrino
        )
