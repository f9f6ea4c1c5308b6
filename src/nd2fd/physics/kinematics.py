"""Charged-current kinematics in the light-cone variables of the outgoing lepton.

With p = |lepton momentum|, the combinations

    a = E_l - p cosθ,    b = E_l + p cosθ,    a b = m² + p² sin²θ ≥ m²

make Q² = 2 E_ν a - m² linear in a, and keep a below M x_max for every E_ν. The density variables
v1 = sqrt(a / (M x_max)) and v2 = sqrt(b / (2 E_max)) fill the unit square evenly.
Bjorken x is the nuclear one rescaled to a nucleon, x = Q² / (2 M ν) with M = M_A / A
(arXiv:2301.07715). Energies in GeV, Q² in GeV², angles through their cosine.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nd2fd.physics.setup import Setup

Array = NDArray[np.float64]


class Kinematics(NamedTuple):
    """Invariants of a scattering event; all arrays share one shape.

    Q2 [GeV²], bjorken_x, inelasticity y = ν/E_ν, and `physical`: true where the event can happen
    (|cosθ| ≤ 1, ν > 0, Q² > 0 and x ≤ x_max). Where it is false the other three are not meaningful.
    """

    Q2: Array
    bjorken_x: Array
    inelasticity: Array
    physical: NDArray[np.bool_]


def lepton_from_density_variables(v1: Array, v2: Array, setup: Setup) -> tuple[Array, Array]:
    """E_l [GeV] and cosine of the angle at (v1, v2), broadcast; the cosine is 0 for E_l ≤ m."""
    a = setup.a_max * v1**2
    b = setup.b_max * v2**2
    e_lepton = 0.5 * (a + b)
    momentum = np.sqrt(np.maximum(e_lepton**2 - setup.lepton_mass**2, 0.0))
    longitudinal = 0.5 * (b - a)
    cos_theta = np.divide(
        longitudinal, momentum, out=np.zeros_like(longitudinal), where=momentum > 0.0
    )
    return e_lepton, cos_theta


def density_variables_from_lepton(
    e_lepton: Array, cos_theta: Array, setup: Setup
) -> tuple[Array, Array]:
    """Density variables (v1, v2) of a lepton of energy `e_lepton` [GeV] and cosine `cos_theta`.

    Uses a = (m² + p² sin²θ) / b for forward leptons, where E_l - p cosθ would cancel.
    """
    momentum = np.sqrt(np.maximum(e_lepton**2 - setup.lepton_mass**2, 0.0))
    transverse_mass2 = setup.lepton_mass**2 + momentum**2 * (1.0 - cos_theta**2)
    larger = e_lepton + momentum * np.abs(cos_theta)
    smaller = transverse_mass2 / larger
    forward = cos_theta >= 0.0
    a = np.where(forward, smaller, larger)
    b = np.where(forward, larger, smaller)
    return np.sqrt(a / setup.a_max), np.sqrt(b / setup.b_max)


def kinematics(energy: Array, v1: Array, v2: Array, setup: Setup) -> Kinematics:
    """Invariants at neutrino energy E_ν and density variables (v1, v2).

    Parameters
    ----------
    energy, v1, v2
        E_ν [GeV] and density variables; broadcast against each other.
    setup
        Target, lepton, E_max and x_max.
    """
    a = setup.a_max * v1**2
    b = setup.b_max * v2**2
    m2 = setup.lepton_mass**2
    Q2 = 2.0 * energy * a - m2
    nu = energy - 0.5 * (a + b)
    physical = (a * b >= m2) & (nu > 0.0) & (Q2 > 0.0) & (Q2 <= 2.0 * setup.a_max * nu)
    safe_nu = np.where(physical, nu, 1.0)
    return Kinematics(
        Q2=Q2,
        bjorken_x=Q2 / (2.0 * setup.nucleon_mass * safe_nu),
        inelasticity=safe_nu / energy,
        physical=physical,
    )


def outline(energy: float, setup: Setup, n_points: int = 400) -> Array:
    """Border of what is `physical` at E_ν [GeV] in the plane of (v1, v2), shape (n, 2).

    From a b = m² below to x = x_max above; up to E_ν all lower energies lie inside. Empty where no
    event can happen. About twice `n_points` points, closed.
    """
    m2 = setup.lepton_mass**2
    a = setup.a_max * np.linspace(0.0, 1.0, n_points + 1)[1:] ** 2
    lower = m2 / a
    upper = 2.0 * energy + m2 / setup.a_max - a * (2.0 * energy / setup.a_max + 1.0)
    inside = upper >= lower
    v1 = np.sqrt(a[inside] / setup.a_max)
    below, above = (np.sqrt(b[inside] / setup.b_max) for b in (lower, upper))
    return np.concatenate([np.stack([v1, below], axis=1), np.stack([v1, above], axis=1)[::-1]])


def check_reachable(v1: Array, v2: Array, setup: Setup) -> None:
    """Raise ValueError if an event is outside the unit square or at v1 v2 that cannot be reached.

    `v1` and `v2` have shape (n_events,).
    """
    # Rounding may take a lepton in the beam direction across a b = m².
    threshold = (1.0 - 1e-9) * setup.smallest_product
    good = (v1 >= 0.0) & (v1 <= 1.0) & (v2 >= 0.0) & (v2 <= 1.0) & (v1 * v2 >= threshold)
    if not good.all():
        k = int(np.argmin(good))
        raise ValueError(
            f"event {k} has (v1, v2) = ({v1[k]}, {v2[k]}); events must lie in the unit square "
            f"with v1 v2 >= {threshold:.6g}, where a b reaches the lepton mass squared"
        )
