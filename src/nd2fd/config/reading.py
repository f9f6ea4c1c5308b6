"""From files and the command line to a mapping that can be checked."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

_EXPONENT = re.compile(r"[-+]?\d+\.?\d*[eE][-+]?\d+")


class ConfigError(ValueError):
    """The configuration is not usable; the message names key, value and what is allowed."""


def refuse_repeated_keys(path: Path | str) -> None:
    """Refuse a YAML file in which a key stands twice: YAML would silently keep the last one.

    Raises
    ------
    ConfigError
        Naming file, key and both lines.
    """

    def walk(node: yaml.Node, above: str) -> None:
        if isinstance(node, yaml.SequenceNode):
            for item in node.value:
                walk(item, above)
        if isinstance(node, yaml.MappingNode):
            lines: dict[str, int] = {}
            for name_node, value in node.value:
                name, line = str(name_node.value), name_node.start_mark.line + 1
                if name in lines:
                    raise ConfigError(
                        f"{path}: the key {above}{name} stands twice, in lines {lines[name]} and "
                        f"{line}; a key may stand once"
                    )
                lines[name] = line
                walk(value, f"{above}{name}.")

    if (root := yaml.compose(Path(path).read_text(encoding="utf-8"))) is not None:
        walk(root, "")


def typed_values(given: Any) -> Any:
    """Give values of Snakemake's `--config` their types.

    Snakemake reads `--config 'grid={n_energy: 32}'` with all nested values as text.
    """
    if isinstance(given, Mapping):
        return {name: typed_values(value) for name, value in given.items()}
    if isinstance(given, list):
        return [typed_values(value) for value in given]
    if not isinstance(given, str):
        return given
    try:
        return int(given)
    except ValueError:
        pass
    try:
        return float(given)
    except ValueError:
        pass
    return {"true": True, "false": False, "null": None}.get(given.lower(), given)


def numbers_with_exponents(given: Any) -> Any:
    """Read 1e-10 as a number, as Python and YAML 1.2 do; for YAML 1.1 it is text."""
    if isinstance(given, Mapping):
        return {name: numbers_with_exponents(value) for name, value in given.items()}
    if isinstance(given, list):
        return [numbers_with_exponents(value) for value in given]
    return float(given) if isinstance(given, str) and _EXPONENT.fullmatch(given) else given


def without_removed_ensembles(raw: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration without ensembles that are null, and without what refers to them.

    So an override takes one out with `ensembles: {NAME: null}`; its pseudo-experiments go, too, and
    what was compared with it is compared with nothing.
    """
    config, ensembles, coverage = dict(raw), raw.get("ensembles"), raw.get("coverage")
    if not isinstance(ensembles, Mapping):
        return config
    removed = {name for name, ensemble in ensembles.items() if ensemble is None}
    config["ensembles"] = {
        name: {**ensemble, "reference": None}
        if isinstance(ensemble, Mapping) and ensemble.get("reference") in removed
        else ensemble
        for name, ensemble in ensembles.items()
        if name not in removed
    }
    if isinstance(coverage, Mapping) and isinstance(coverage.get("experiments"), Mapping):
        experiments = {k: v for k, v in coverage["experiments"].items() if k not in removed}
        config["coverage"] = {**coverage, "experiments": experiments}
    return config


def in_order_of(given: Any, base: Any) -> Any:
    """The same mapping, with the keys that `base` has in its order, and all others after them.

    Snakemake puts the keys of `--configfile` and `--config` first; the order of ensembles is that
    of tables and legends.
    """
    if not (isinstance(given, Mapping) and isinstance(base, Mapping)):
        return given
    names = [*(name for name in base if name in given), *(n for n in given if n not in base)]
    return {name: in_order_of(given[name], base.get(name)) for name in names}
