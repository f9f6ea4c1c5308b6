"""What a table cannot say of itself: variables, unit, and what the cross section is for."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self, cast, get_args

from nd2fd.measurements.bins import VARIABLES
from nd2fd.measurements.measurement import Per


@dataclass(frozen=True)
class Description:
    """Keys `variables`, `unit`, `per` and `absolute` of a measurement, see `BinnedMeasurement`."""

    variables: str
    unit: float
    per: Per
    absolute: bool

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Self:
        """From a file's keys; ValueError naming the key that is missing or not usable."""
        required = ("variables", "unit", "per", "absolute")
        if missing := [key for key in required if key not in given]:
            raise ValueError(f"{missing[0]} is missing; keys are {', '.join(required)}")
        if given["variables"] not in VARIABLES:
            raise ValueError(
                f"variables is {given['variables']!r}; it must be one of {', '.join(VARIABLES)}"
            )
        if given["per"] not in get_args(Per):
            raise ValueError(
                f"per is {given['per']!r}; it must be one of {', '.join(get_args(Per))}"
            )
        if not isinstance(given["absolute"], bool):
            raise ValueError(f"absolute is {given['absolute']!r}; it must be true or false")
        try:  # YAML 1.1 reads 1e-38 as text
            unit = float(given["unit"])
        except (TypeError, ValueError):
            raise ValueError(f"unit is {given['unit']!r}; it must be a number of cm²") from None
        return cls(given["variables"], unit, cast(Per, given["per"]), given["absolute"])

    @property
    def edges(self) -> tuple[str, str]:
        """Names of the two variables."""
        return VARIABLES[self.variables]
