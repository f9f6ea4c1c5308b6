"""Libraries that only some uses need, and the versions that are locked."""

import re
import sys
import tomllib

import pytest
from packaging.requirements import Requirement

from workflow_runs import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
IN_THE_LOCK = ("dev", "slurm", "flow", "formats")


@pytest.mark.parametrize(
    ("library", "name", "use"),
    [
        ("zuko", "flow", "import nd2fd.cross_sections.flow"),
        (
            "uproot",
            "formats",
            "from pathlib import Path; from nd2fd.measurements.readers.files import open_root; "
            "open_root(Path('a.root'))",
        ),
        (
            "pyhepmc",
            "formats",
            "from nd2fd.events.writers.hepmc3 import write; write('a', None, [])",
        ),
    ],
)
def test_a_library_that_is_not_there_is_asked_for_by_its_extra(monkeypatch, library, name, use):
    for module in [module for module in sys.modules if module.startswith("nd2fd.cross_sections")]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(ModuleNotFoundError, match=rf"{library} .* pip install 'nd2fd\[{name}\]'"):
        exec(use, {})
    assert any(Requirement(text).name == library for text in EXTRAS[name])


def test_extras_are_not_needed_by_all():
    needed = {Requirement(text).name for text in PROJECT["dependencies"]}
    for name in ("slurm", "flow", "formats", "docs"):
        assert not needed & {Requirement(text).name for text in EXTRAS[name]}


def test_the_lock_has_all_but_the_site():
    lock = (ROOT / "requirements.lock").read_text("utf-8")
    locked = {
        re.sub("[-_.]+", "-", name).lower(): version
        for name, version in re.findall(r"^([\w.-]+)==(\S+)$", lock, re.MULTILINE)
    }
    for text in [*PROJECT["dependencies"], *(t for name in IN_THE_LOCK for t in EXTRAS[name])]:
        requirement = Requirement(text)
        assert locked[requirement.name.lower()] in requirement.specifier, text
