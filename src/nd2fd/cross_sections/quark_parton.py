"""Leading-order quark-parton structure functions of an isospin-symmetric nucleus."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from nd2fd.physics.constants import ARGON_A, ARGON_Z
from nd2fd.physics.cross_section import effective_structure_functions
from nd2fd.physics.structure_functions import StructureFunctions

Array = NDArray[np.float64]

PartonDensities = Callable[[Sequence[int], Array, Array], Array]
"""(PDG ids, x, Q² [GeV²]) → x f(x, Q²) of shape (n_ids, *shape); see `nd2fd.cross_sections.pdf`."""

_DOWN, _UP, _STRANGE, _CHARM = 1, 2, 3, 4


def quark_parton_model(parton_densities: PartonDensities, x: Array, Q2: Array) -> Array:
    """(W1, …, W5) = (2xF1, F2, xF3, xF4, xF5) of ν scattering per nucleon of ⁴⁰Ar.

    F2(νp) = 2x (d + s + ū + c̄) and F3(νp) = 2 (d + s - ū - c̄), neutrons by u ↔ d,
    F_A = (Z F_p + N F_n) / A; Callan-Gross 2xF1 = F2; Albright-Jarlskog F4 = 0, 2xF5 = F2
    (Kretzer & Reno, hep-ph/0208187, at leading order with massless quarks).

    `x` and `Q2` [GeV²] broadcast to a shape; returns (5, *shape).
    """
    ids = [_DOWN, _UP, _STRANGE, -_DOWN, -_UP, -_CHARM]
    d, u, s, dbar, ubar, cbar = parton_densities(ids, x, Q2)
    proton = ARGON_Z / ARGON_A
    quarks = proton * d + (1.0 - proton) * u + s
    antiquarks = proton * ubar + (1.0 - proton) * dbar + cbar
    f2 = 2.0 * (quarks + antiquarks)
    xf3 = 2.0 * (quarks - antiquarks)
    return np.stack([f2, f2, xf3, np.zeros_like(f2), 0.5 * f2])


def toy_truth(parton_densities: PartonDensities) -> StructureFunctions:
    """The known (W1', W2', W3')(x, Q²) that the network has to find."""

    def structure_functions(x: Array, Q2: Array) -> Array:
        return effective_structure_functions(quark_parton_model(parton_densities, x, Q2), Q2)

    return structure_functions
