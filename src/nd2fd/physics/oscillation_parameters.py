"""Vacuum oscillation parameters, and the values of a global fit."""

import math
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def require(name: str, value: Array, valid: NDArray[np.bool_], allowed: str) -> None:
    """Raise ValueError naming the first element of `value` that is not `valid`."""
    if not np.all(valid):
        first = np.broadcast_to(value, valid.shape)[~valid].flat[0]
        raise ValueError(f"{name} contains {first}; it must be {allowed}")


@dataclass(frozen=True)
class OscillationParameters:
    """Vacuum oscillation parameters; each a float or an array, all broadcasting together.

    Parameters
    ----------
    sin2_theta12, sin2_theta13, sin2_theta23
        sin² of the mixing angles, in [0, 1].
    delta_cp
        CP phase δ [rad].
    dm2_21
        Δm²21 [eV²], positive.
    dm2_31
        Δm²31 [eV²]: above Δm²21 for the normal ordering, negative for the inverted one.

    Raises
    ------
    ValueError
        A parameter is outside its range or not finite.
    """

    sin2_theta12: float | Array
    sin2_theta13: float | Array
    sin2_theta23: float | Array
    delta_cp: float | Array
    dm2_21: float | Array
    dm2_31: float | Array

    def __post_init__(self) -> None:
        for name in ("sin2_theta12", "sin2_theta13", "sin2_theta23"):
            value = np.asarray(getattr(self, name))
            require(name, value, (value >= 0) & (value <= 1), "in [0, 1]")
        delta, dm2_21 = np.asarray(self.delta_cp), np.asarray(self.dm2_21)
        dm2_31 = np.asarray(self.dm2_31)
        require("delta_cp", delta, np.isfinite(delta), "finite")
        require("dm2_21", dm2_21, (dm2_21 > 0) & np.isfinite(dm2_21), "positive and finite")
        require(
            "dm2_31",
            dm2_31,
            ((dm2_31 < 0) | (dm2_31 > dm2_21)) & np.isfinite(dm2_31),
            "finite, and negative or above dm2_21",
        )

    @property
    def dm2_32(self) -> float | Array:
        """Δm²32 = Δm²31 − Δm²21 [eV²]."""
        return self.dm2_31 - self.dm2_21

    def with_dm2_32(self, dm2_32: float | Array) -> Self:
        """Return the same parameters with Δm²31 set so that Δm²32 is `dm2_32` [eV²]."""
        return replace(self, dm2_31=dm2_32 + self.dm2_21)


NUFIT_6_0 = OscillationParameters(
    sin2_theta12=0.308,
    sin2_theta13=0.02215,
    sin2_theta23=0.470,
    delta_cp=math.radians(212.0),
    dm2_21=7.49e-5,
    dm2_31=2.513e-3,
)
"""Best fit of NuFIT 6.0 (arXiv:2410.05380), normal ordering, IC24 with SK atmospheric data."""
