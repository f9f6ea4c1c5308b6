"""Charged-current kinematics in the light-cone variables of the outgoing muon.

With p = |muon momentum|, the combinations

    a = E_l - p cosθ,    b = E_l + p cosθ,    a b = m² + p² sin²θ ≥ m²

make Q² = 2 E_ν a - m² linear in a, and keep a below the nucleon mass for every E_ν. The density
variables v1 = sqrt(a / M) and v2 = sqrt(b / (2 E_max)) fill the unit square evenly.
Bjorken x is the nuclear one rescaled to a nucleon, x = Q² / (2 M ν) with M = M_A / A
(arXiv:2301.07715). Energies in GeV, Q² in GeV², angles through their cosine.
"""

from math import sqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nd2fd.physics.constants import MUON_MASS, NUCLEON_MASS

Array = NDArray[np.float64]


class Kinematics(NamedTuple):
    """Invariants of a scattering event; all arrays share one shape.

    Q2 [GeV²], bjorken_x, inelasticity y = ν/E_ν, and `physical`: true where the event can happen
    (|cosθ| ≤ 1, ν > 0, Q² > 0 and x ≤ 1). Where it is false the other three are not meaningful.
    """

    Q2: Array
    bjorken_x: Array
    inelasticity: Array
    physical: NDArray[np.bool_]


def muon_from_density_variables(v1: Array, v2: Array, energy_max: float) -> tuple[Array, Array]:
    """Muon energy [GeV] and cosine of its angle at (v1, v2), broadcast; cosine is 0 for E_l ≤ m."""
    a = NUCLEON_MASS * v1**2
    b = 2.0 * energy_max * v2**2
    e_lepton = 0.5 * (a + b)
    momentum = np.sqrt(np.maximum(e_lepton**2 - MUON_MASS**2, 0.0))
    longitudinal = 0.5 * (b - a)
    cos_theta = np.divide(
        longitudinal, momentum, out=np.zeros_like(longitudinal), where=momentum > 0.0
    )
    return e_lepton, cos_theta


def density_variables_from_muon(
    e_lepton: Array, cos_theta: Array, energy_max: float
) -> tuple[Array, Array]:
    """Density variables (v1, v2) of a muon of energy `e_lepton` [GeV] and angle cosine `cos_theta`.

    Uses a = (m² + p² sin²θ) / b for forward muons, where E_l - p cosθ would cancel.
    """
    momentum = np.sqrt(np.maximum(e_lepton**2 - MUON_MASS**2, 0.0))
    transverse_mass2 = MUON_MASS**2 + momentum**2 * (1.0 - cos_theta**2)
    larger = e_lepton + momentum * np.abs(cos_theta)
    smaller = transverse_mass2 / larger
    forward = cos_theta >= 0.0
    a = np.where(forward, smaller, larger)
    b = np.where(forward, larger, smaller)
    return np.sqrt(a / NUCLEON_MASS), np.sqrt(b / (2.0 * energy_max))


def kinematics(energy: Array, v1: Array, v2: Array, energy_max: float) -> Kinematics:
    """Invariants at neutrino energy E_ν and density variables (v1, v2).

    Parameters
    ----------
    energy, v1, v2
        E_ν [GeV] and density variables; broadcast against each other.
    energy_max
        E_max [GeV] in the definition of v2.
    """
    a = NUCLEON_MASS * v1**2
    b = 2.0 * energy_max * v2**2
    Q2 = 2.0 * energy * a - MUON_MASS**2
    nu = energy - 0.5 * (a + b)
    physical = (a * b >= MUON_MASS**2) & (nu > 0.0) & (Q2 > 0.0) & (Q2 <= 2.0 * NUCLEON_MASS * nu)
    safe_nu = np.where(physical, nu, 1.0)
    return Kinematics(
        Q2=Q2,
        bjorken_x=Q2 / (2.0 * NUCLEON_MASS * safe_nu),
        inelasticity=safe_nu / energy,
        physical=physical,
    )


def smallest_product(energy_max: float) -> float:
    """Value of v1 v2 where a b = m², with E_max [GeV]; less cannot be reached."""
    return MUON_MASS / sqrt(2.0 * NUCLEON_MASS * energy_max)


def check_reachable(v1: Array, v2: Array, energy_max: float) -> None:
    """Raise ValueError if an event is outside the unit square or at v1 v2 that cannot be reached.

    `v1` and `v2` have shape (n_events,), `energy_max` is E_max [GeV] in the definition of v2.
    """
    # Rounding may take a muon in the beam direction across a b = m².
    threshold = (1.0 - 1e-9) * smallest_product(energy_max)
    good = (v1 >= 0.0) & (v1 <= 1.0) & (v2 >= 0.0) & (v2 <= 1.0) & (v1 * v2 >= threshold)
    if not good.all():
        k = int(np.argmin(good))
        raise ValueError(
            f"event {k} has (v1, v2) = ({v1[k]}, {v2[k]}); events must lie in the unit square "
            f"with v1 v2 >= {threshold:.6g}, where a b reaches the muon mass squared"
        )
