"""What sections are made of: keys with meaning, source and bounds, and values with a check."""

from collections.abc import Callable, Mapping
from typing import Annotated, Any, get_args, get_origin

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationInfo,
    field_validator,
)

from nd2fd.config.reading import number

EMBEDDED = "embedded"
"""Value of `pdf.set` that selects what the package ships."""

EnsembleName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]


class Section(BaseModel):
    """Base of all sections: no unknown keys, no silent conversions but 1e-10 and 3e7 to numbers."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def _numbers_with_exponents(cls, given: Any, info: ValidationInfo) -> Any:
        wanted = number_type(cls.model_fields[str(info.field_name)].annotation)
        return given if wanted is None else _with_numbers(given, wanted)


def number_type(annotation: Any) -> type[int] | type[float] | None:
    """Which numbers a field takes, alone or in a list or mapping; None if it takes others."""
    if annotation is int or annotation is float:
        return annotation
    parts, origin = get_args(annotation), get_origin(annotation)
    if origin is Annotated:
        return number_type(parts[0])
    # Of a mapping the values count.
    parts = parts[1:] if origin is dict else parts
    kinds = {number_type(part) for part in parts if part not in (type(None), Ellipsis)}
    return kinds.pop() if len(kinds) == 1 else None


def _with_numbers(given: Any, wanted: type[int] | type[float]) -> Any:
    if isinstance(given, Mapping):
        return {name: _with_numbers(value, wanted) for name, value in given.items()}
    if isinstance(given, list):
        return [_with_numbers(value, wanted) for value in given]
    if isinstance(given, str) and {"e", "E"} & set(given):
        given = number(given)
    # 3e7 is an integer; so is 3.0e+7, which YAML takes for another kind of number.
    whole = wanted is int and isinstance(given, float) and given.is_integer()
    return int(given) if whole else given


def key(description: str, source: str, *, unit: str = "", **bounds: Any) -> Any:
    """A required key: its meaning, where its default comes from (paper, choice, …) and its unit."""
    return Field(
        description=description, json_schema_extra={"source": source, "unit": unit}, **bounds
    )


def usable(check: Callable[[], object]) -> None:
    """Turn a file that cannot be read into the kind of error that pydantic collects."""
    try:
        check()
    except OSError as error:
        unnamed = error.filename is None
        text = str(error) if unnamed else f"{error.filename} cannot be read: {error.strerror}"
        raise ValueError(text) from None


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
