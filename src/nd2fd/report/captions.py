"""Captions with their numbers."""

import re
from collections.abc import Mapping

from nd2fd.report.numbers import Number


class _Missing:
    """Stands for a number that does not exist, as the scatter of a single member."""

    def __format__(self, spec: str) -> str:
        return "n/a"


class _Lookup(dict[str, "Number | _Missing"]):
    def __missing__(self, name: str) -> _Missing:
        return _Missing()


def fill(template: str, numbers: Mapping[str, Number]) -> str:
    """Put numbers in the place of their names in braces.

    What stands in [brackets] is left out where a number in it does not exist; elsewhere such a
    number is "n/a". A range whose ends are quoted alike is one number.
    """

    def kept(match: re.Match[str]) -> str:
        names = re.findall(r"{([^}:]+)", match[1])
        return match[1] if all(name in numbers for name in names) else ""

    text = re.sub(r"\[([^][]*)\]", kept, template).format_map(_Lookup(numbers))
    return re.sub(r"(?<!\S)(\S+) to \1(?!\S)", r"\1", text)
