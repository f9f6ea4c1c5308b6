"""What is generated from the models: JSON schema, and a reference of all keys."""

import inspect
import json
from collections.abc import Mapping
from typing import Any, get_origin

from pydantic.fields import FieldInfo

from nd2fd.config.model import Config
from nd2fd.config.problems import allowed_values, section_in


def json_schema() -> str:
    """JSON schema of the configuration, as text."""
    return json.dumps(Config.model_json_schema(), indent=2, ensure_ascii=False) + "\n"


def markdown_table(defaults: Mapping[str, Any]) -> str:
    """Reference of all keys in Markdown, with the defaults of `config/config.yaml`."""
    lines = [
        "# Configuration",
        "",
        "Generated from `src/nd2fd/config` by `make config-docs`. Defaults are those of",
        "`config/config.yaml`; `paper` marks values of arXiv:2412.16303, `choice` ours.",
        "",
    ]
    of_no_section = {
        name: field
        for name, field in Config.model_fields.items()
        if section_in(field.annotation) is None
    }
    lines += _table("", of_no_section, defaults)
    for name, field in Config.model_fields.items():
        if (section := section_in(field.annotation)) is None:
            continue
        prefix, values = f"{name}.", defaults[name]
        if get_origin(field.annotation) is dict:
            # The defaults of one entry: the first in which there is something to choose.
            prefix = f"{name}.NAME."
            values = next((entry for entry in values.values() if _is_learned(entry)), {})
        lines += ["", f"## {name}", "", inspect.cleandoc(str(section.__doc__)), ""]
        if type(None) in getattr(field.annotation, "__args__", ()):
            lines[-2] += f" `{name}: null`: none."
        lines += _table(prefix, section.model_fields, values)
    return "\n".join(lines) + "\n"


def _is_learned(ensemble: Mapping[str, Any]) -> bool:
    return bool(ensemble["cross_section"] == "learned")


def _table(prefix: str, fields: Mapping[str, FieldInfo], values: Mapping[str, Any]) -> list[str]:
    """Lines of a table with a row for each field."""
    lines = ["| key | default | unit | allowed | source | meaning |", "|---|---|---|---|---|---|"]
    for name, field in fields.items():
        if isinstance(field.annotation, type) and (section := section_in(field.annotation)):
            lines += _table(f"{prefix}{name}.", section.model_fields, values.get(name, {}))[2:]
            continue
        extra: Any = field.json_schema_extra
        default, section = values.get(name, field.default), section_in(field.annotation)
        # Of entries by name, the names; their keys are in rows of their own.
        given = list(default) if section else default
        # A key of entries by name, of which there is none by default, may have to be given.
        asked = name not in values and field.is_required()
        shown = "" if asked else f"`{json.dumps(given, ensure_ascii=False)}`"
        lines.append(
            f"| `{prefix}{name}` | {shown} | {extra['unit']} "
            f"| {allowed_values(field)} | {extra['source']} | {field.description} |"
        )
        if section:
            # The last entry has most to choose.
            entry: Mapping[str, Any] = next(reversed(default.values()), {})
            lines += _table(f"{prefix}{name}.NAME.", section.model_fields, entry)[2:]
    return lines
