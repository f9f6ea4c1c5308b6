"""First and second derivatives by the oscillation parameters, by central differences."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_SIGNS = np.array(
    [(0, 0), (1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (1, -1), (-1, 1), (-1, -1)], dtype=np.float64
)


class ThetaDerivatives(NamedTuple):
    """Of a function of (sin²θ23, Δm²32 in units of its size), of any shape.

    value : the function itself
    first : by sin²θ23 and by Δm²32, along a first dimension of 2
    second : by both sin²θ23, by either, and by both Δm²32, along a first dimension of 3
    """

    value: Array
    first: Array
    second: Array


def theta_derivatives(
    function: Callable[[Array], Array], theta: Array, step: float
) -> ThetaDerivatives:
    """Derivatives at θ = (sin²θ23, Δm²32 [eV²]).

    `function` takes θ of shape (n, 2) and returns shape (n, …); `step` is the difference in
    sin²θ23, and in Δm²32 in units of its size.
    """
    at = function(theta + step * _SIGNS * np.array([1.0, abs(theta[1])]))
    first = np.stack([at[1] - at[2], at[3] - at[4]]) / (2.0 * step)
    second = np.stack(
        [
            at[1] + at[2] - 2.0 * at[0],
            (at[5] - at[6] - at[7] + at[8]) / 4.0,
            at[3] + at[4] - 2.0 * at[0],
        ]
    )
    return ThetaDerivatives(at[0], first, second / step**2)
