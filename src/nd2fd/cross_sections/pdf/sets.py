"""What an LHAPDF-format set says of itself: its files, and the entries of its .info file.

Cheap enough for the workflow's start. YAML is read as LHAPDF's Info::load does (arXiv:1412.7420):
up to a line ``---``, all values as text, entries of a member's header before those of the set.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import yaml

LAYOUT = "an LHAPDF set is a directory NAME that holds NAME.info and NAME_0000.dat"

PROTON = 2212
_PROTONS = (PROTON, 1000010010)  # the latter as a nucleus
_USED = (
    "Flavors",
    "ForcePositive",
    "Format",
    "NumMembers",
    "Particle",
    "Polarized",
    "SetType",
)
_LONGEST_HEADER = 1000
_PARTICLES = {
    2112: "the neutron",
    211: "the pion",
    -211: "the pion",
    111: "the pion",
    321: "the kaon",
    -321: "the kaon",
    22: "the photon",
    -PROTON: "the antiproton",
}
_OF_TRUTHS = "truths make their targets of free protons and, by isospin, neutrons"


def set_files(set_directory: Path, member: int) -> tuple[Path, Path]:
    """Info file and grid file of one member of a PDF set.

    Raises
    ------
    FileNotFoundError
        If the directory or one of the files is missing.
    """
    if not set_directory.is_dir():
        raise FileNotFoundError(f"no PDF set directory {set_directory}; {LAYOUT}")
    name = set_directory.name
    files = (set_directory / f"{name}.info", set_directory / f"{name}_{member:04d}.dat")
    for file in files:
        if not file.is_file():
            present = sorted(entry.name for entry in set_directory.iterdir())
            shown = [*present[:8], f"... {len(present) - 8} more"] if len(present) > 9 else present
            raise FileNotFoundError(
                f"PDF set {set_directory} has no {file.name}; it holds {shown}, and {LAYOUT}"
            )
    return files


class Entry(NamedTuple):
    """Value of a key as text, or as a list of texts, and where it stands."""

    value: str | list[str]
    where: str


@dataclass(frozen=True)
class Metadata:
    """Entries by key; a member's own replace those of its set."""

    entries: Mapping[str, Entry]

    def text(self, key: str) -> str | None:
        """Value of a key that is no list; None where it is absent or empty."""
        value = self.entries[key].value if key in self.entries else ""
        return value.strip() or None if isinstance(value, str) else None

    def integers(self, key: str) -> list[int] | None:
        """Value of a key as integers, a single one as a list of one; None where it is absent.

        Raises ValueError, naming file and line, for anything else.
        """
        if key not in self.entries:
            return None
        value, where = self.entries[key]
        try:
            # As C++ reads an integer from 2212.0, too.
            numbers = [float(text) for text in ([value] if isinstance(value, str) else value)]
            if all(number == int(number) for number in numbers):
                return [int(number) for number in numbers]
        except (ValueError, OverflowError):
            pass
        raise ValueError(f"{where}: {key} is {value!r}; it must be made of integers")


def parse_metadata(text: str, file: Path) -> Metadata:
    """Read YAML up to a line ``---``, as forgiving as LHAPDF.

    Raises
    ------
    ValueError
        Naming file and line, where it is not a mapping in YAML, or one of `_USED` has two values.
    """
    text = text.removeprefix("---\n").partition("\n---\n")[0]
    # LHAPDF's parser takes tabs within a line for blanks, and any character in a text.
    text = re.sub(r"(\S)[ \t]+", r"\1 ", text)
    text = re.sub(r"[^\t\n -~\xa0-\ud7ff\ue000-\ufffd]", "\N{REPLACEMENT CHARACTER}", text)
    try:
        root = yaml.compose(text, Loader=yaml.BaseLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        line = "" if mark is None else f", line {mark.line + 1}, column {mark.column + 1}"
        raise ValueError(
            f"{file}{line} is not YAML: {error.problem}; a text with ': ' or special signs must be "
            "in quotes"
        ) from None
    except (yaml.YAMLError, RecursionError) as error:
        raise ValueError(f"{file} is not YAML: {error}") from None
    if not isinstance(root, yaml.MappingNode):
        raise ValueError(f"{file} is not made of lines 'key: value', as YAML")
    entries: dict[str, Entry] = {}
    for key_node, node in root.value:
        key, where = str(key_node.value), f"{file}, line {key_node.start_mark.line + 1}"
        if isinstance(node, yaml.SequenceNode):
            value: str | list[str] = [str(item.value) for item in node.value]
        else:
            value = str(node.value)
        if key in _USED and key in entries and entries[key].value != value:
            raise ValueError(f"{where}: {key} stands twice, with other values")
        entries[key] = Entry(value, where)
    return Metadata(entries)


def read_metadata(set_directory: Path, member: int) -> Metadata:
    """Entries of a set's .info file and of a member's header.

    Raises
    ------
    FileNotFoundError
        As `set_files`.
    ValueError
        As `parse_metadata`, or where they are not those of the parton densities of a free proton in
        a format that can be read, or the set has no such member.
    """
    info_file, member_file = set_files(set_directory, member)
    of_set = parse_metadata(read_text(info_file), info_file)
    with member_file.open(encoding="utf-8", errors="replace") as lines:
        header = _header(lines)
    of_member = parse_metadata(header, member_file) if header.strip() else Metadata({})
    metadata = Metadata({**of_set.entries, **of_member.entries})
    _refuse_other_formats(metadata, info_file)
    _refuse_other_members(of_set, member)
    _refuse_other_hadrons(metadata)
    return metadata


def read_text(file: Path) -> str:
    """Text of a file with any line ends, whatever its encoding."""
    return file.read_text(encoding="utf-8-sig", errors="replace")


def _header(lines: Iterable[str]) -> str:
    """What stands before the first line ``---`` of a member's file; empty where there is none."""
    header: list[str] = []
    for line in islice(lines, _LONGEST_HEADER):
        if line.strip() == "---":
            return "".join(header)
        header.append(line)
    return ""


def _refuse_other_formats(metadata: Metadata, info_file: Path) -> None:
    given = metadata.text("Format")
    if given is None:
        raise ValueError(f"{info_file} is no LHAPDF .info file: it has no entry 'Format'")
    if given != "lhagrid1":
        where = metadata.entries["Format"].where
        raise ValueError(f"{where}: Format is {given}; the one that can be read is lhagrid1")


def _refuse_other_members(of_set: Metadata, member: int) -> None:
    number = of_set.integers("NumMembers")
    if number is not None and not member < number[0]:
        raise ValueError(
            f"{of_set.entries['NumMembers'].where}: the set has {number[0]} members, 0 to "
            f"{number[0] - 1}; there is no member {member}"
        )


def _refuse_other_hadrons(metadata: Metadata) -> None:
    kind = metadata.text("SetType")
    if kind is not None and kind.lower() not in ("pdf", "spacelike"):
        raise ValueError(
            f"{metadata.entries['SetType'].where}: SetType is {kind}; truths need parton densities "
            "(pdf), which neither fragmentation functions nor structure functions are"
        )
    polarised = metadata.text("Polarized") or "false"
    if polarised.lower() not in ("false", "no", "off", "0"):
        raise ValueError(
            f"{metadata.entries['Polarized'].where}: Polarized is {polarised}; truths need "
            "unpolarised parton densities"
        )
    # Without the entry LHAPDF takes a set for a proton's; its sum rules are tested in any case.
    particle = (metadata.integers("Particle") or [PROTON])[0]
    if particle not in _PROTONS:
        digits = f"{particle:010d}"
        name = _PARTICLES.get(particle, "no proton")
        if particle > 1_000_000_000:
            name = f"a nucleus with Z = {int(digits[3:6])} and A = {int(digits[6:9])}"
        raise ValueError(
            f"{metadata.entries['Particle'].where}: Particle is {particle}, {name}; it must be "
            f"{PROTON}, the proton: {_OF_TRUTHS}"
        )
