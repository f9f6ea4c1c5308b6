"""From files and the command line to a mapping that can be checked."""

import re
from collections.abc import Hashable, Mapping
from typing import Any

_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]*)")
_FLOAT = re.compile(r"[-+]?((0|[1-9][0-9]*)(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]+)?")


class ConfigError(ValueError):
    """The configuration is not usable; the message names key, value and what is allowed."""


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
    return {"true": True, "false": False, "null": None}.get(given.lower(), number(given))


def number(text: str) -> int | float | str:
    """The number that a text is, as in YAML 1.2, such as 1e-10 and 3e7; or else the text itself.

    For YAML 1.1, which Snakemake reads, numbers with an exponent need a point and a sign in it.
    """
    if _INTEGER.fullmatch(text):
        return int(text)
    return float(text) if _FLOAT.fullmatch(text) else text


def without_removed_ensembles(raw: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration without ensembles that are null, and without what refers to them.

    So an override takes one out with `ensembles: {NAME: null}`; its pseudo-experiments go, too, and
    what was compared with it is compared with nothing.
    """
    config, ensembles = dict(raw), raw.get("ensembles")
    coverage, joint = raw.get("coverage"), raw.get("joint")
    if not isinstance(ensembles, Mapping):
        return config
    removed = {name for name, ensemble in ensembles.items() if ensemble is None}
    left = {name: ensemble for name, ensemble in ensembles.items() if name not in removed}
    config["ensembles"] = _compared_with_others(left, "reference", removed)
    if isinstance(coverage, Mapping) and isinstance(coverage.get("experiments"), Mapping):
        experiments = {k: v for k, v in coverage["experiments"].items() if k not in removed}
        config["coverage"] = {**coverage, "experiments": experiments}
    if isinstance(joint, Mapping) and isinstance(joint.get("fits"), Mapping):
        fits = _compared_with_others(joint["fits"], "compared_with", removed)
        config["joint"] = {**joint, "fits": fits}
    return config


def _compared_with_others(
    entries: Mapping[str, Any], key: str, removed: set[str]
) -> dict[str, Any]:
    """Entries of a mapping, whose `key` is null where it names what was removed."""
    return {
        name: {**entry, key: None}
        if isinstance(entry, Mapping) and _is_in(entry.get(key), removed)
        else entry
        for name, entry in entries.items()
    }


def _is_in(given: Any, names: set[str]) -> bool:
    return isinstance(given, Hashable) and given in names


def in_order_of(given: Any, base: Any) -> Any:
    """The same mapping, with the keys that `base` has in its order, and all others after them.

    Snakemake puts the keys of `--configfile` and `--config` first; the order of ensembles is that
    of tables and legends.
    """
    if not (isinstance(given, Mapping) and isinstance(base, Mapping)):
        return given
    names = [*(name for name in base if name in given), *(n for n in given if n not in base)]
    return {name: in_order_of(given[name], base.get(name)) for name in names}
