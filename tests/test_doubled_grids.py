"""The table of finer grids: differences in units of the statistical error, and what is beyond."""

import importlib.util
import json

import pytest
import yaml

from configurations import planned
from workflow_runs import ROOT

_SPEC = importlib.util.spec_from_file_location("doubled_grids", ROOT / "tools/doubled_grids.py")
tool = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(tool)

DEFAULT = {
    f"{ensemble}/{parameter}/{name}": value
    for ensemble in ("truth", "nominal")
    for parameter, sigma in (("sin2_2theta23", 0.005), ("dm2_32", 0.02))
    for name, value in (
        ("best", 0.99), ("sigma", sigma), ("low_1sigma", 0.98), ("high_1sigma", 1.0),
        ("shift", 0.01),
    )
} | {"nominal/area_ratio_1sigma": 1.0, "nominal/area_ratio_2sigma": 1.0}  # fmt: skip


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Numbers of all runs, equal; the page goes elsewhere."""
    monkeypatch.setattr(tool, "ROOT", tmp_path)
    (tmp_path / "docs").mkdir()
    for name in ("default", *tool.CHANGES):
        put(tmp_path, name, DEFAULT)
    return tmp_path


def put(folder, name, numbers):
    content = {"numbers": {number: {"value": value} for number, value in numbers.items()}}
    (folder / f"{name}.json").write_text(json.dumps(content))


def test_what_moves_by_more_than_its_tolerance_is_an_error(folder):
    tool.main(folder)
    put(folder, "grid", DEFAULT | {"truth/dm2_32/best": 0.9908})
    tool.main(folder)
    assert "`truth/dm2_32/best` | 0.99 | 0.9908 | +0.040 | 0.05 |" in (
        folder / "docs/validation-grids.md"
    ).read_text("utf-8")
    put(folder, "grid", DEFAULT | {"truth/dm2_32/best": 0.9888})
    with pytest.raises(SystemExit, match=r"-0\.060 \| 0\.05"):
        tool.main(folder)


def test_best_fits_of_other_events_are_not_compared(folder):
    put(folder, "seed", DEFAULT | {"truth/dm2_32/best": 3.0, "nominal/dm2_32/shift": 0.05})
    tool.main(folder)


@pytest.mark.parametrize("name", tool.CHANGES)
def test_grids_are_twice_those_of_the_default(name):
    """Each change is a valid configuration, and what it changes is doubled."""

    override = {}
    for text in tool.CHANGES[name].override:
        key, _, value = text.partition("=")
        override[key] = yaml.safe_load(value)
    default = planned().config
    planned("doubled_grids.yaml", override)
    for section, values in override.items():
        if section == "seed":
            assert values != default.seed
            continue
        for key, value in values.items():
            assert value == 2 * getattr(getattr(default, section), key)
