"""What a release says of itself, and how it is made."""

import importlib.util
import json
import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]


def _tool():
    path = ROOT / "tools" / "release_notes.py"
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


tool = _tool()

CHANGELOG = """# Changelog

## [Unreleased]

## [1.0.0] - 2026-12-01

### Added

- A.

## [0.1.0]

- B.
"""


def test_all_files_say_the_same_version():
    assert len(set(tool.versions(ROOT).values())) == 1, tool.versions(ROOT)


def test_citation_and_archive_name_the_same_works():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))
    archive = json.loads((ROOT / ".zenodo.json").read_text("utf-8"))
    assert (archive["title"], archive["license"]) == (citation["title"], citation["license"])
    assert [c["name"] for c in archive["creators"]] == [a["name"] for a in citation["authors"]]
    cited = {
        number
        for reference in citation["references"]
        for number in re.findall(r"arXiv:[\d.]+\d", reference["notes"])
    }
    assert len(cited) > 4
    assert cited == {work["identifier"] for work in archive["related_identifiers"]}


def test_notes_are_the_section_of_the_version():
    assert tool.section(CHANGELOG, "1.0.0") == "### Added\n\n- A."
    assert tool.section(CHANGELOG, "0.1.0") == "- B."


@pytest.mark.parametrize("version", ["1.0", "Unreleased", "2.0.0"])
def test_a_version_without_notes_is_refused(version):
    with pytest.raises(ValueError, match=re.escape(version)):
        tool.section(CHANGELOG, version)


def _commands(node):
    """Commands of a file of a forge: values of `run` and `script`."""
    if isinstance(node, list):
        for item in node:
            yield from _commands(item)
    elif isinstance(node, dict):
        for key, value in node.items():
            if key in ("run", "script"):
                yield from [value] if isinstance(value, str) else value
            else:
                yield from _commands(value)


FORGES = [*sorted((ROOT / ".github/workflows").glob("*.yml")), ROOT / ".gitlab-ci.yml"]


@pytest.mark.parametrize("file", FORGES, ids=lambda path: path.name)
def test_forges_run_what_there_is(file):
    targets = set(
        re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    )
    commands = list(_commands(yaml.safe_load(file.read_text("utf-8"))))
    assert commands
    for command in commands:
        assert set(re.findall(r"\bmake ([\w-]+)", command)) <= targets
        for name in re.findall(r"(?:^|\s)((?:\.ci|tools)/[\w./]+)", command):
            assert (ROOT / name).is_file(), name


def test_the_container_gets_what_its_recipe_copies():
    recipe = (ROOT / "Dockerfile").read_text("utf-8")
    copied = [
        name
        for line in re.findall(r"^COPY (.+) \S+$", recipe, re.MULTILINE)
        for name in line.split()
    ]
    assert {"Makefile", "requirements.lock", "src", "."} <= set(copied)
    ignored = (ROOT / ".dockerignore").read_text("utf-8").split()
    for name in copied:
        assert (ROOT / name).exists(), name
        assert name not in ignored
    # All that setting up needs is there before `make setup`.
    before = recipe.split("make setup")[0]
    rule = (ROOT / "Makefile").read_text("utf-8").split(".venv/installed: ")[1].splitlines()[0]
    assert all(name in before for name in rule.split())


def test_hooks_of_commits_are_those_of_make_lint():
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text("utf-8"))["repos"]
    assert [repository["repo"] for repository in hooks] == ["local"]
    used = {hook["entry"].split()[0].removeprefix(".venv/bin/") for hook in hooks[0]["hooks"]}
    lint = (ROOT / "Makefile").read_text("utf-8").split("\nlint:")[1].split("\n\n")[0]
    assert used == set(re.findall(r"\$\(BIN\)/(\S+)", lint))
