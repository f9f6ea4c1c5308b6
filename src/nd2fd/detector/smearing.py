"""Finite resolution of the muon's energy and angle, and events measured with it.

A muon of true energy E and angle θ is measured at

    E' = E (1 + r x),   θ' = |θ + σ y|,   x, y ~ N(0, 1) independent,

mirrored at π as it is at 0; the azimuth plays no role. An event with E' not above the muon mass,
or with (v1', v2') outside the unit square, is lost. `nd2fd.detector.response` has the same for cell
contents and densities.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite, pi, radians

import numpy as np
from numpy.typing import NDArray

from nd2fd.io.schemas.events import Events
from nd2fd.physics.kinematics import (
    check_reachable,
    density_variables_from_lepton,
    lepton_from_density_variables,
)
from nd2fd.physics.setup import Setup

Array = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

_EVENTS_PER_BLOCK = 1 << 13
"""Events smeared at once; their temporaries stay in the cache."""


@dataclass(frozen=True)
class Resolution:
    """Gaussian resolution of the muon; zero means measured exactly.

    energy
        r = σ_E / E_l.
    angle
        σ_θ [radians].

    Raises ValueError if one of them is negative or not finite.
    """

    energy: float = 0.04
    angle: float = pi / 180.0

    def __post_init__(self) -> None:
        for name, value in (("energy", self.energy), ("angle", self.angle)):
            if not (isfinite(value) and value >= 0.0):
                raise ValueError(
                    f"{name} resolution is {value}; it must be finite and not negative"
                )

    @classmethod
    def from_config(cls, section: Mapping[str, float]) -> "Resolution":
        """From the configuration section `smearing`, where the angle is in degrees."""
        return cls(section["energy_resolution"], radians(section["angle_resolution"]))

    @classmethod
    def ideal(cls) -> "Resolution":
        """Nothing is smeared."""
        return cls(0.0, 0.0)

    @property
    def is_ideal(self) -> bool:
        """Whether nothing is smeared."""
        return self.energy == 0.0 and self.angle == 0.0


def smear_events(
    v1: Array, v2: Array, resolution: Resolution, setup: Setup, rng: np.random.Generator
) -> tuple[Array, Array, BoolArray]:
    """Measured density variables of events with true ones (v1, v2).

    Parameters
    ----------
    v1, v2
        Shape (n_events,), reachable points of the unit square.
    resolution
        Where it is zero, that quantity comes out as it went in; where both are, v1 and v2 do.
    setup
        Defines v1 and v2, and the lepton's mass.
    rng
        Source of randomness: the result does not depend on anything else, but does depend on how
        a sample is divided into calls.

    Returns
    -------
    v1', v2', accepted
        Each of shape (n_events,). Values of events that are not accepted mean nothing.

    Raises
    ------
    ValueError
        An event lies outside the unit square or has a b < m².
    """
    check_reachable(v1, v2, setup)
    measured_v1, measured_v2 = v1.copy(), v2.copy()
    accepted = np.ones(v1.size, dtype=np.bool_)
    if resolution.is_ideal:
        return measured_v1, measured_v2, accepted
    for start in range(0, v1.size, _EVENTS_PER_BLOCK):
        block = slice(start, start + _EVENTS_PER_BLOCK)
        e_lepton, cos_theta = lepton_from_density_variables(v1[block], v2[block], setup)
        if resolution.energy > 0.0:
            e_lepton *= 1.0 + resolution.energy * rng.standard_normal(e_lepton.size)
        if resolution.angle > 0.0:
            theta = np.arccos(np.clip(cos_theta, -1.0, 1.0))
            # The cosine is even and periodic: it mirrors θ at 0 and at π by itself.
            cos_theta = np.cos(theta + resolution.angle * rng.standard_normal(theta.size))
        has_momentum = e_lepton > setup.lepton_mass
        np.maximum(e_lepton, setup.lepton_mass, out=e_lepton)
        new_v1, new_v2 = density_variables_from_lepton(e_lepton, cos_theta, setup)
        measured_v1[block], measured_v2[block] = new_v1, new_v2
        accepted[block] = has_momentum & (new_v1 < 1.0) & (new_v2 < 1.0)
    return measured_v1, measured_v2, accepted


def measured_events(
    events: Events, resolution: Resolution, setup: Setup, rng: np.random.Generator
) -> Events:
    """Events as they are measured, those that are lost left out; the energy stays the true one."""
    v1, v2, accepted = smear_events(events.v1, events.v2, resolution, setup, rng)
    v1, v2 = v1[accepted], v2[accepted]
    e_lepton, cos_theta = lepton_from_density_variables(v1, v2, setup)
    energy = None if events.energy is None else events.energy[accepted]
    return Events(v1=v1, v2=v2, e_lepton=e_lepton, cos_theta=cos_theta, energy=energy)
