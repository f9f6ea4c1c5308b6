"""Print a version's section of CHANGELOG.md, the text of its release.

    python tools/release_notes.py 1.0.0

Ends with an error if the version is not that of pyproject.toml, CITATION.cff and .zenodo.json, or
has no section. Needs nothing that is not Python's own.
"""

import json
import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def versions(root: Path) -> dict[str, str]:
    """The version that each file of a checkout says."""
    citation = re.search(r"^version: *(\S+)$", (root / "CITATION.cff").read_text("utf-8"), re.M)
    return {
        "pyproject.toml": tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["project"][
            "version"
        ],
        "CITATION.cff": citation[1] if citation else "none",
        ".zenodo.json": json.loads((root / ".zenodo.json").read_text("utf-8"))["version"],
    }


def section(changelog: str, version: str) -> str:
    """What stands under the heading ## [version].

    Raises
    ------
    ValueError
        There is no such heading, or nothing under it.
    """
    found = re.search(
        rf"^## \[{re.escape(version)}\].*?$(.*?)(?=^## |\Z)", changelog, re.MULTILINE | re.DOTALL
    )
    if found is None or not found[1].strip():
        raise ValueError(f"CHANGELOG.md has no section ## [{version}]")
    return found[1].strip()


def main() -> None:
    """Check the version and print its section."""
    version = sys.argv[1]
    if other := {file: said for file, said in versions(ROOT).items() if said != version}:
        sys.exit(f"the release is {version}, but files say {other}")
    try:
        print(section((ROOT / "CHANGELOG.md").read_text("utf-8"), version))
    except ValueError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
