"""Quasi-elastic scattering of a nucleon: ν n → l⁻ p and ν̄ p → l⁺ n.

The traces over Dirac matrices give the w_i of `nd2fd.cross_sections.impulse.nucleon` as form
factors times 2M² δ(2p·q - Q²). They are those behind the cross section of C. H. Llewellyn Smith,
Phys. Rept. 3 (1972) 261.
"""

import numpy as np
from numpy.typing import NDArray

from nd2fd.cross_sections.impulse.form_factors import form_factors
from nd2fd.cross_sections.impulse.nucleon import NUCLEON_MASS, V_UD_SQUARED

Array = NDArray[np.float64]


def quasi_elastic(Q2: Array, axial_mass: float) -> Array:
    """w1 … w5 in units of 2M² δ(2p·q - Q²), at Q² [GeV²]; shape (5, *shape of Q²).

    `axial_mass` [GeV] is that of the dipole.
    """
    f1, f2, fa, fp = form_factors(Q2, axial_mass)
    tau = Q2 / (4.0 * NUCLEON_MASS**2)
    w2 = f1**2 + tau * f2**2 + fa**2
    w4 = ((tau - 1.0) * f2**2 - 2.0 * f1 * f2) / 4.0 - fa * fp + tau * fp**2
    w = [tau * (f1 + f2) ** 2 + (1.0 + tau) * fa**2, w2, 2.0 * fa * (f1 + f2), w4, 0.5 * w2]
    return V_UD_SQUARED * np.stack(w)
