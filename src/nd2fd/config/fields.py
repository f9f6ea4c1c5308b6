"""What sections are made of: keys with meaning, source and bounds, and values with a check."""

from collections.abc import Callable, Mapping
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
)

EMBEDDED = "embedded"
"""Value of `pdf.set` that selects what the package ships."""

EnsembleName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]


class Section(BaseModel):
    """Base of all sections: no unknown keys, no silent conversions of strings to numbers."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


def key(description: str, source: str, *, unit: str = "", **bounds: Any) -> Any:
    """A required key: its meaning, where its default comes from (paper, choice, …) and its unit."""
    return Field(
        description=description, json_schema_extra={"source": source, "unit": unit}, **bounds
    )


def usable(check: Callable[[], object]) -> None:
    """Turn a missing file into the kind of error that pydantic collects."""
    try:
        check()
    except FileNotFoundError as error:
        raise ValueError(str(error)) from None


def _ordered(limits: tuple[float, float]) -> tuple[float, float]:
    if limits[0] >= limits[1]:
        raise ValueError("the first limit must be below the second")
    return limits


def _both_octants(limits: tuple[float, float]) -> tuple[float, float]:
    if not 0.0 < limits[0] < 0.5 < limits[1] < 1.0:
        raise ValueError("must lie in (0, 1) and contain 0.5, so that both octants are fitted")
    return limits


def _one_ordering(limits: tuple[float, float]) -> tuple[float, float]:
    if limits[0] <= 0.0 <= limits[1]:
        raise ValueError("must not contain 0: a fit is made with one mass ordering, the truth's")
    return limits


def _without_nulls(given: Any) -> Any:
    if isinstance(given, Mapping):
        return {name: value for name, value in given.items() if value is not None}
    return given


Range = Annotated[tuple[float, float], AfterValidator(_ordered)]
MixingRange = Annotated[Range, AfterValidator(_both_octants)]
MassRange = Annotated[Range, AfterValidator(_one_ordering)]

# An override is merged with the mapping in config.yaml; null takes an entry out of it.
WithoutNulls = BeforeValidator(_without_nulls)
