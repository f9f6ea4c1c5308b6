"""Oscillation parameters by name, each fixed, free, or with a Gaussian constraint."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from nd2fd.physics.oscillation_parameters import OscillationParameters

Array = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

NAMES: Final = ("sin2_theta23", "dm2_32", "delta_cp", "sin2_theta13")
"""Order of θ in arrays; Δm²32 [eV²] is negative for the inverted ordering, δ_CP in rad."""

UNITS: Final = np.array([1.0, 1e-3, 1.0, 1e-2])
"""In which steps of θ have comparable sizes."""

FIXED: Final = 0.0
FREE: Final = np.inf


@dataclass(frozen=True)
class Parameters:
    """What is known of θ beforehand.

    base
        All parameters; those not in `NAMES` stay.
    errors
        Standard deviation of the constraint of each, about the value of `base`: `FIXED`, `FREE`,
        or a number; shape (4,).
    held
        Names of those that stay where a fit starts; what is known of them counts as before.
    """

    base: OscillationParameters
    errors: Array
    held: tuple[str, ...] = ()

    @classmethod
    def of(cls, base: OscillationParameters, errors: Mapping[str, float | None]) -> "Parameters":
        """From standard deviations by name; None, or no entry, for free ones.

        Raises ValueError for another name.
        """
        unknown = sorted(set(errors) - set(NAMES))
        if unknown:
            raise ValueError(f"no parameter {unknown[0]!r}; there are {', '.join(NAMES)}")
        wanted = (errors.get(name) for name in NAMES)
        return cls(base, np.array([FREE if error is None else error for error in wanted]))

    @property
    def theta(self) -> Array:
        """Values of `base`, shape (4,)."""
        b = self.base
        return np.array([b.sin2_theta23, b.dm2_32, b.delta_cp, b.sin2_theta13], dtype=np.float64)

    @property
    def moving(self) -> BoolArray:
        """Which are neither fixed nor held."""
        return (self.errors > FIXED) & ~np.isin(NAMES, self.held)

    @property
    def precision(self) -> Array:
        """1/σ² of the constraints; 0 of free and fixed ones."""
        constrained = (self.errors > FIXED) & np.isfinite(self.errors)
        return np.where(constrained, 1.0 / np.where(constrained, self.errors, 1.0) ** 2, 0.0)

    def at(self, theta: Array) -> OscillationParameters:
        """Parameters of θ, shape (…, 4)."""
        changed = replace(
            self.base,
            sin2_theta23=theta[..., 0],
            delta_cp=theta[..., 2],
            sin2_theta13=theta[..., 3],
        )
        return changed.with_dm2_32(theta[..., 1])

    def holding(self, *names: str) -> "Parameters":
        """The same with some held, wherever a fit starts."""
        return replace(self, held=(*self.held, *names))
