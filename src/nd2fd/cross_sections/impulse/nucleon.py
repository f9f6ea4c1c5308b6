"""What a nucleon's hadron tensor is made of.

With the nucleon's momentum p and mass M, and the momentum q that it takes up, the tensor of a
nucleon that is not polarised,

    W^μν = (1/4π) ∫ d⁴z e^{iqz} ⟨p| J†^μ(z) J^ν(0) |p⟩,    J = V - A,

is

    W^μν = -g^μν w1 + p^μ p^ν w2/M² - i ε^μναβ p_α q_β w3/(2M²) + q^μ q^ν w4/M²
           + (p^μ q^ν + q^μ p^ν) w5/M².

The w_i have no dimension. Those of the usual structure functions are F1 = w1, F2 = p·q w2/M²,
F3 = p·q w3/M², F4 = Q² w4/(2M²) and F5 = p·q w5/M². The sign of w3 is that of neutrinos, for
which it is mostly positive; for antineutrinos it is the same, and the lepton's sign changes.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

NUCLEON_MASS: Final = 0.938918754
"""Mean mass of proton and neutron [GeV] (Phys. Rev. D 110 (2024) 030001)."""

V_UD_SQUARED: Final = 0.97367**2
"""|V_ud|², the share of ΔS = 0 (Phys. Rev. D 110 (2024) 030001)."""


def smooth_step(value: Array, start: float, end: float) -> Array:
    """From 0 at `start` to 1 at `end`, with two continuous derivatives."""
    t = np.clip((value - start) / (end - start), 0.0, 1.0)
    return t**3 * (10.0 - 15.0 * t + 6.0 * t**2)
