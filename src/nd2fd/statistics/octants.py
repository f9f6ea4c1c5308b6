"""The octants of θ23.

P(ν_μ → ν_μ) is nearly symmetric about sin²θ23 = 1/(2 cos²θ13) = 0.511: every fit has a mirror
solution in the other octant, with another sin²2θ23. Fits of sin²2θ23 therefore hold the octant for
known; those of sin²θ23 have both.
"""

from typing import Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

Octant = Literal["lower", "upper"]
Value = TypeVar("Value", float, NDArray[np.float64])

OCTANTS: tuple[Octant, Octant] = ("lower", "upper")
"""sin²θ23 ≤ 0.5 and sin²θ23 ≥ 0.5, in the order of all arrays with a dimension for them."""


def octant_of(sin2_theta23: float) -> Octant:
    """The octant of sin²θ23; maximal mixing, which is in both, counts as the lower one."""
    return "lower" if sin2_theta23 <= 0.5 else "upper"


def sin2_2theta(sin2_theta: Value) -> Value:
    """sin²2θ from sin²θ, in its shape."""
    return 4 * sin2_theta * (1 - sin2_theta)
