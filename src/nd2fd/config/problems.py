"""Checking a configuration: one line per problem, with key, value and what is allowed."""

import re
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Annotated, Any, get_args, get_origin

from pydantic import ValidationError
from pydantic.fields import FieldInfo

from nd2fd.config.event_files import with_events_of_data
from nd2fd.config.fields import Section, number_type
from nd2fd.config.model import Config
from nd2fd.config.reading import ConfigError, number, without_removed_ensembles

MOVED = {("grid", "energy_max"): "setup.energy_max"}
"""Keys that have another place now."""

_DASHES = str.maketrans("−–—", "---")


def validate_config(raw: Mapping[str, Any]) -> Config:
    """Check a configuration read from YAML.

    Raises
    ------
    ConfigError
        With one line per problem: key, value, and what is allowed.
    """
    given = with_events_of_data(without_removed_ensembles(raw))
    try:
        return Config.model_validate(given)
    except ValidationError as error:
        raise ConfigError(_explain(error)) from None


def _explain(error: ValidationError) -> str:
    lines = ["the configuration has problems:"]
    for problem in error.errors():
        location, given = _of_field(problem["loc"]), problem["input"]
        shown = "" if isinstance(given, Mapping) else f" = {_written(given)}"
        message = problem["msg"].removeprefix("Value error, ")
        kind, field = problem["type"], _field_at(location)
        if kind == "extra_forbidden":
            message = _about_unknown(location)
        elif kind == "missing":
            shown, message = "", f"is missing; {_wanted(field)}" if field else "is missing"
        elif field is not None and kind.endswith(("_type", "int_from_float")):
            message = _wanted(field) + _advice(given, field)
        elif field is not None and allowed_values(field):
            message += f" (allowed: {allowed_values(field)})"
        # What concerns several keys names them itself.
        line = f"  {_dotted(location)}{shown}: {message}" if location else f"  {message}"
        if line not in lines:
            lines.append(line)
    return "\n".join(lines)


def _of_field(location: tuple[int | str, ...]) -> tuple[int | str, ...]:
    """A location without the type that pydantic adds where a key takes an integer or text."""
    field = fields_at(location[:-2]).get(str(location[-2])) if len(location) > 1 else None
    return location[:-1] if field and {int, str} <= {*get_args(field.annotation)} else location


def _dotted(location: tuple[int | str, ...]) -> str:
    """A location as a key is written: fits.dm2_32[0]."""
    parts = (f"[{part}]" if isinstance(part, int) else f".{part}" for part in location)
    return "".join(parts).removeprefix(".")


def _written(value: Any) -> str:
    """A value as YAML would have it."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return repr(value)


def _field_at(location: tuple[int | str, ...]) -> FieldInfo | None:
    """The field at a location, or that which the location is in."""
    for end in range(len(location), 0, -1):
        if field := fields_at(location[: end - 1]).get(str(location[end - 1])):
            if get_origin(field.annotation) is dict and end < len(location):
                return FieldInfo.from_annotation(get_args(field.annotation)[1])
            return field
    return None


_LISTS = {
    None: "a list of numbers",
    2: "a list of two numbers, [low, high]",
    3: "a list of three numbers",
}
"""Words for lists of so many numbers; None: of any number of them."""


def _length_of_list(annotation: Any) -> int | None:
    """Number of entries of the first tuple in a type; None if any number is allowed."""
    if get_origin(annotation) is Annotated:
        return _length_of_list(get_args(annotation)[0])
    if get_origin(annotation) is tuple:
        entries = get_args(annotation)
        return None if Ellipsis in entries else len(entries)
    lengths = [_length_of_list(part) for part in get_args(annotation)]
    return next((length for length in lengths if length is not None), None)


def _wanted(field: FieldInfo) -> str:
    """What kind of value a field takes, and which are allowed."""
    annotation, allowed = field.annotation, allowed_values(field)
    parts, number = get_args(annotation), number_type(annotation)
    origins = _origins(annotation)
    if section := section_in(annotation):
        name = "a mapping of names to entries" if get_origin(annotation) is dict else "a section"
        words = f"{name} with the keys {', '.join(section.model_fields)}"
    elif dict in origins:
        words = "a mapping of names to numbers"
    elif tuple in origins and number is not None:
        words = _LISTS[_length_of_list(annotation)]
    elif origins & {tuple, frozenset}:
        words = "a list, as [a, b]"
    elif {int, str} <= {*parts}:
        words = "an integer or text"
    elif number is not None:
        words = "an integer" if number is int else "a number"
    elif bool in (annotation, *parts):
        words = "true or false"
    else:
        words = "text"
    null = " or null" if type(None) in parts else ""
    extra = field.json_schema_extra
    unit = extra.get("unit") if isinstance(extra, Mapping) else None
    allowed = ", ".join(filter(None, [allowed, f"in {unit}" if unit else ""]))
    return f"must be {words}{null}" + (f" (allowed: {allowed})" if allowed else "")


def _origins(annotation: Any) -> set[Any]:
    """Generic types in an annotation, at any depth."""
    inner = (_origins(part) for part in get_args(annotation))
    return {get_origin(annotation)}.union(*inner)


def _advice(given: Any, field: FieldInfo) -> str:
    """How a text that is almost a number is written."""
    if not isinstance(given, str) or number_type(field.annotation) is None:
        return ""
    if given != (plain := given.translate(_DASHES)):
        return f"; the minus sign is that of the keyboard, {plain}"
    if isinstance(number(given), (int, float)):
        return f"; write it without quotes, {given}"
    if re.fullmatch(r"[-+]?\d+,\d+", given):
        return f"; the decimal sign is a point, {given.replace(',', '.')}"
    if found := re.fullmatch(r"([-+.\deE]*\d)\s*[^\W\d].*", given):
        return f"; write the number without its unit, {found[1]}"
    return ""


def _about_unknown(location: tuple[int | str, ...]) -> str:
    """What to write in place of a key that does not exist."""
    if location in MOVED:
        return f"no such key; it is {MOVED[location]} now"
    here, name = sorted(fields_at(location[:-1])), str(location[-1])
    by_lower = {key.lower(): key for key in here}
    near = get_close_matches(name.lower(), by_lower, n=1)
    elsewhere = [
        f"{section}.{name}" for section in Config.model_fields if name in fields_at((section,))
    ]
    meant = [by_lower[key] for key in near] or elsewhere
    guess = f"did you mean {' or '.join(meant)}? " if meant else ""
    return f"no such key; {guess}the keys here are {', '.join(here)}"


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


def _choices(annotation: Any) -> list[str]:
    """Words of a Literal, alone or in a union."""
    if isinstance(annotation, str):
        return [annotation]
    return [word for part in getattr(annotation, "__args__", ()) for word in _choices(part)]


def allowed_values(field: FieldInfo) -> str:
    """Bounds or choices of a field, in words; empty if any value of its type will do."""
    symbols = {"ge": "≥", "gt": ">", "le": "≤", "lt": "<"}
    bounds = [
        f"{symbol} {getattr(item, name)}"
        for item in field.metadata
        for name, symbol in symbols.items()
        if getattr(item, name, None) is not None
    ]
    choices = [f"`{value}`" for value in _choices(field.annotation)]
    return ", ".join(bounds or choices)
