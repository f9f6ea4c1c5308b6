"""Configuration files as the user wrote them: what YAML could misread is refused by file and line.

Snakemake reads the files itself, before its Snakefile, and says neither file nor line of an error.
`profiles/default` therefore calls `stop_at_bad_files` first.
"""

import argparse
import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from nd2fd.config.reading import ConfigError

_DECIMAL = re.compile(r"[-+]?(0|[1-9][0-9]*)")
_TAG = "tag:yaml.org,2002:"
_PLAIN = frozenset(f"{_TAG}{name}" for name in ("str", "null", "map", "seq", "merge"))


def check_file(path: Path | str) -> None:
    """Refuse a file that is no YAML or JSON with keys, or that means something else than it seems.

    That are keys that stand twice, of which YAML keeps the last; 010, 1:30, 1_000, yes, no, on and
    off, and dates, which YAML 1.1 takes for other things than they look like.

    Raises
    ------
    ConfigError
        Naming file, line, and what to write.
    """
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigError(
            f"{path}, line {line}: the byte 0x{content[error.start]:02x} is no text in UTF-8; a "
            "YAML file is expected"
        ) from None
    if _is_json(path, text):
        return
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        raise ConfigError(f"{path}{_problem(error)}") from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise ConfigError(
            f"{path}, line {line}: the character U+{error.character:04X} must not be in a YAML file"
        ) from None
    if root is None:
        raise ConfigError(f"{path}: is empty; write keys with values, as seed: 3")
    if not isinstance(root, yaml.MappingNode):
        raise ConfigError(
            f"{path}, line {_line(root)}: there must be keys with values, as seed: 3, and not "
            f"{'a list' if isinstance(root, yaml.SequenceNode) else 'a mere value'}"
        )
    _check_node(path, root, "", ())


def configuration_files(arguments: Sequence[str]) -> list[str]:
    """The files that a command line of Snakemake gives with --configfile."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--configfile", "--configfiles", nargs="+", action="extend", default=[])
    files: list[str] = parser.parse_known_args(list(arguments))[0].configfile
    return files


def stop_at_bad_files() -> None:
    """End Snakemake, before it reads them, if there is a bad file on its command line."""
    try:
        for path in configuration_files(sys.argv[1:]):
            check_file(path)
    except ConfigError as error:
        sys.exit(f"nd2fd: {error}")


def _is_json(path: Path | str, text: str) -> bool:
    """Whether it is JSON with keys, which Snakemake tries first: tabs are allowed there."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        names = [name for name, _ in pairs]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ConfigError(f"{path}: the key {twice[0]} stands twice; a key may stand once")
        return dict(pairs)

    try:
        return isinstance(json.loads(text, object_pairs_hook=once), dict)
    except json.JSONDecodeError:
        return False


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1


def _problem(error: yaml.MarkedYAMLError) -> str:
    """Where a file is no YAML, and why."""
    mark = error.problem_mark or error.context_mark
    where = "" if mark is None else f", line {mark.line + 1}"
    if "'\\t'" in str(error.problem):
        return f"{where}: there is a tab; YAML is indented with spaces"
    begun = error.context_mark
    context = "" if begun is None else f" ({error.context}, begun in line {begun.line + 1})"
    return f"{where}: is not valid YAML: {error.problem}{context}"


def _check_node(path: Path | str, node: yaml.Node, name: str, above: tuple[int, ...]) -> None:
    """Refuse what can be misread in a node and all below it; `above` has the nodes it is in."""
    if id(node) in above:
        raise ConfigError(f"{path}, line {_line(node)}: {name} contains itself")
    above = (*above, id(node))
    if isinstance(node, yaml.ScalarNode):
        _check_value(path, node, name)
    elif node.tag not in _PLAIN:
        raise ConfigError(f"{path}, line {_line(node)}: {name}: the tag {node.tag} is not allowed")
    elif isinstance(node, yaml.SequenceNode):
        for number, item in enumerate(node.value):
            _check_node(path, item, f"{name}[{number}]", above)
    else:
        lines: dict[str, int] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode) or key.tag not in _PLAIN - {f"{_TAG}null"}:
                shown = key.value if isinstance(key, yaml.ScalarNode) else "this"
                raise ConfigError(
                    f"{path}, line {_line(key)}: {shown} is no name of a key for YAML; keys are "
                    "text"
                )
            inner = f"{name}.{key.value}".removeprefix(".")
            if key.value in lines:
                raise ConfigError(
                    f"{path}: the key {inner} stands twice, in lines {lines[key.value]} and "
                    f"{_line(key)}; a key may stand once"
                )
            lines[key.value] = _line(key)
            _check_node(path, value, inner, above)


def _check_value(path: Path | str, node: yaml.ScalarNode, name: str) -> None:
    kind, text = node.tag.removeprefix(_TAG), node.value
    if kind == "bool":
        misread = text.lower() not in ("true", "false")
        advice = f"is read as {str(text.lower() in ('yes', 'on')).lower()}; write true or false"
    elif kind in ("int", "float"):
        misread = ":" in text or "_" in text
        misread = misread or (kind == "int" and not _DECIMAL.fullmatch(text))
        advice = "is read as {}; write a decimal number, without leading zeros, _ and :"
        if misread:
            advice = advice.format(yaml.safe_load(text))
    elif kind == "timestamp":
        misread, advice = True, "is read as a date"
    else:
        misread, advice = node.tag not in _PLAIN, f"has the tag {node.tag}, which is not allowed"
    if misread:
        raise ConfigError(
            f"{path}, line {_line(node)}: {name}: {text} {advice}; for a name put it in quotes"
        )
