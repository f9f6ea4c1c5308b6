"""Checking a configuration: one line per problem, with key, value and what is allowed."""

from collections.abc import Mapping
from typing import Any, get_args, get_origin

from pydantic import ValidationError
from pydantic.fields import FieldInfo

from nd2fd.config.fields import Section
from nd2fd.config.model import Config
from nd2fd.config.reading import ConfigError, numbers_with_exponents, without_removed_ensembles

MOVED = {("grid", "energy_max"): "setup.energy_max"}
"""Keys that have another place now."""


def validate_config(raw: Mapping[str, Any]) -> Config:
    """Check a configuration read from YAML.

    Raises
    ------
    ConfigError
        With one line per problem: key, value, and what is allowed.
    """
    given = without_removed_ensembles(numbers_with_exponents(raw))
    try:
        return Config.model_validate(given)
    except ValidationError as error:
        raise ConfigError(_explain(error)) from None


def _explain(error: ValidationError) -> str:
    lines = ["the configuration has problems:"]
    for problem in error.errors():
        location = problem["loc"]
        name = ".".join(str(part) for part in location) or "(top level)"
        given = problem["input"]
        shown = "" if isinstance(given, Mapping) else f" = {given!r}"
        message = problem["msg"].removeprefix("Value error, ")
        if problem["type"] == "extra_forbidden":
            allowed = ", ".join(sorted(fields_at(location[:-1])))
            message = f"no such key; the keys here are {allowed}"
            if location in MOVED:
                message = f"no such key; it is {MOVED[location]} now"
        elif problem["type"] == "missing":
            shown, message = "", "is missing"
        elif (
            location
            and (field := fields_at(location[:-1]).get(str(location[-1])))
            and allowed_values(field)
        ):
            message += f" (allowed: {allowed_values(field)})"
        lines.append(f"  {name}{shown}: {message}")
    return "\n".join(lines)


def section_in(annotation: Any) -> type[Section] | None:
    """The section that a field holds: itself, one that may be null, or each entry of a mapping."""
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return annotation
    return next(filter(None, map(section_in, get_args(annotation))), None)


def fields_at(location: tuple[int | str, ...]) -> dict[str, FieldInfo]:
    """Fields of the section at a location in the configuration; empty where there is none."""
    section: type[Section] = Config
    in_mapping = False
    for part in location:
        if in_mapping:  # the part is the name of an entry
            in_mapping = False
            continue
        field = section.model_fields.get(str(part))
        inner = field and section_in(field.annotation)
        if field is None or inner is None:
            return {}
        section, in_mapping = inner, get_origin(field.annotation) is dict
    return {} if in_mapping else dict(section.model_fields)


def allowed_values(field: FieldInfo) -> str:
    """Bounds or choices of a field, in words; empty if any value of its type will do."""
    symbols = {"ge": "≥", "gt": ">", "le": "≤", "lt": "<"}
    bounds = [
        f"{symbol} {getattr(item, name)}"
        for item in field.metadata
        for name, symbol in symbols.items()
        if getattr(item, name, None) is not None
    ]
    choices = [
        f"`{value}`"
        for value in getattr(field.annotation, "__args__", ())
        if isinstance(value, str)
    ]
    return ", ".join(bounds or choices)
