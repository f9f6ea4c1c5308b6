"""Form factors of the transition from neutron to proton (or back) by the weak current.

Vector form factors follow from the electromagnetic ones, since the vector current is conserved:
BBBA05 (Bradford, Bodek, Budd & Arrington, hep-ex/0602017). The axial one is a dipole, the
pseudoscalar one follows from it by pion-pole dominance (Goldberger-Treiman).
"""

from typing import Final, NamedTuple

import numpy as np
from numpy.polynomial import Polynomial
from numpy.typing import NDArray

from nd2fd.cross_sections.impulse.nucleon import NUCLEON_MASS
from nd2fd.physics.constants import PION_MASS

Array = NDArray[np.float64]

PROTON_MAGNETIC_MOMENT: Final = 2.7928473
NEUTRON_MAGNETIC_MOMENT: Final = -1.9130427
"""Magnetic moments [nuclear magnetons] (Phys. Rev. D 110 (2024) 030001)."""

AXIAL_COUPLING: Final = 1.2754
"""g_A, the axial form factor at Q² = 0 (Phys. Rev. D 110 (2024) 030001)."""

_PROTON_ELECTRIC = (Polynomial([1.0, -0.0578]), Polynomial([1.0, 11.1, 13.6, 33.0]))
_PROTON_MAGNETIC = (Polynomial([1.0, 0.150]), Polynomial([1.0, 11.1, 19.6, 7.54]))
_NEUTRON_ELECTRIC = (
    Polynomial([0.0, 1.25, 1.30]),
    Polynomial([1.0, -9.86, 305.0, -758.0, 802.0]),
)
_NEUTRON_MAGNETIC = (Polynomial([1.0, 1.81]), Polynomial([1.0, 14.1, 20.7, 68.7]))
"""Numerators and denominators in τ = Q²/(4M²); the magnetic ones in units of the moments."""


class FormFactors(NamedTuple):
    """F1 and F2 (Dirac and Pauli, isovector), F_A and F_P; each of the shape of Q².

    The current is γ^μ F1 + i σ^μν q_ν F2/(2M) - γ^μ γ5 F_A - q^μ γ5 F_P / M.
    """

    dirac: Array
    pauli: Array
    axial: Array
    pseudoscalar: Array


def form_factors(Q2: Array, axial_mass: float) -> FormFactors:
    """Form factors at Q² [GeV²] with the axial dipole's mass M_A [GeV]."""
    tau = Q2 / (4.0 * NUCLEON_MASS**2)
    g_ep, g_mp, g_en, g_mn = (
        above(tau) / below(tau)
        for above, below in (
            _PROTON_ELECTRIC,
            _PROTON_MAGNETIC,
            _NEUTRON_ELECTRIC,
            _NEUTRON_MAGNETIC,
        )
    )
    electric = g_ep - g_en
    magnetic = PROTON_MAGNETIC_MOMENT * g_mp - NEUTRON_MAGNETIC_MOMENT * g_mn
    axial = AXIAL_COUPLING / (1.0 + Q2 / axial_mass**2) ** 2
    return FormFactors(
        dirac=(electric + tau * magnetic) / (1.0 + tau),
        pauli=(magnetic - electric) / (1.0 + tau),
        axial=axial,
        pseudoscalar=2.0 * NUCLEON_MASS**2 * axial / (PION_MASS**2 + Q2),
    )
