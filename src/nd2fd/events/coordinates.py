"""Coordinates in which the physical region is a box, and the cross section in them.

At every E_ν above the threshold s runs from the smallest Bjorken x to x_max in √x, t from the
smallest to the largest inelasticity y at this x.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nd2fd.physics.cross_section import kinematic_coefficients, lepton_prefactor
from nd2fd.physics.density import CROSS_SECTION_UNIT
from nd2fd.physics.setup import Setup
from nd2fd.physics.structure_functions import StructureFunctions

Array = NDArray[np.float64]


class Inelastic(NamedTuple):
    """Bjorken x, inelasticity y and |∂(x, y)/∂(s, t)|; arrays of one shape."""

    bjorken_x: Array
    inelasticity: Array
    jacobian: Array


def inelastic(energy: Array, s: Array, t: Array, setup: Setup) -> Inelastic:
    """x and y at E_ν [GeV] above the threshold and (s, t) ∈ [0, 1]²; inputs broadcast.

    The limits of y are the roots of a b = m² (|cosθ| = 1), those of x where the two meet
    (e.g. Kretzer & Reno, hep-ph/0208187), written so that nothing cancels.
    """
    m, M = setup.lepton_mass, setup.nucleon_mass
    x_min = m**2 / (2.0 * M * (energy - m))
    root_max = np.sqrt(setup.x_max)
    root_min = np.minimum(np.sqrt(x_min), root_max)
    root = np.minimum(root_min + (root_max - root_min) * s, root_max)
    x = root**2
    k = m**2 / (2.0 * M * energy * x)
    mass = m / energy
    root2 = (1.0 - mass) * np.maximum(1.0 - x_min / x, 0.0) * (1.0 - k + mass)
    denominator = 2.0 + M * x / energy
    y_max = (1.0 - k - 0.5 * mass**2 + np.sqrt(root2)) / denominator
    y_min = 0.5 * mass**2 * k / (denominator * y_max)
    width = y_max - y_min
    return Inelastic(x, y_min + width * t, 2.0 * root * (root_max - root_min) * width)


def density_variables(
    energy: Array, bjorken_x: Array, inelasticity: Array, setup: Setup
) -> tuple[Array, Array]:
    """(v1, v2) of a lepton at E_ν [GeV], x and y; the inverse of `kinematics`."""
    a = setup.nucleon_mass * bjorken_x * inelasticity + setup.lepton_mass**2 / (2.0 * energy)
    b = 2.0 * energy * (1.0 - inelasticity) - a
    return np.sqrt(a / setup.a_max), np.sqrt(b / setup.b_max)


def cross_section_in_box(
    structure_functions: StructureFunctions, energy: Array, point: Inelastic, setup: Setup
) -> Array:
    """d²σ/ds dt [1e-38 cm² per nucleon], not clamped; all arrays of shape (n,)."""
    x, y = point.bjorken_x, point.inelasticity
    Q2 = 2.0 * setup.nucleon_mass * energy * x * y
    # dE_l dcosθ = (M E_ν y / p) dx dy: the lepton momentum cancels against that of the prefactor.
    prefactor = lepton_prefactor(setup.nucleon_mass * energy * y, Q2, y)
    coefficients = kinematic_coefficients(energy, Q2, y, setup)
    brace = np.einsum("ip,ip->p", coefficients, structure_functions(x, Q2))
    return brace * prefactor * (CROSS_SECTION_UNIT * point.jacobian)
