"""What studies say can be run again."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def test_tests_of_wrong_inputs_exist():
    """Each kind names a test; files and functions are there."""
    page = (ROOT / "docs/studies/inputs.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (?!kind|-).*\| ([^|]*) \|$", page, re.MULTILINE)
    assert len(rows) > 90
    files = {path.stem: path.read_text(encoding="utf-8") for path in ROOT.glob("tests/**/*.py")}
    functions = set(re.findall(r"def (test_\w+)", "\n".join(files.values())))
    for row in rows:
        named = set(re.findall(r"\btest_\w+", row))
        assert named or "the same" in row or "live.py" in row, row
        assert named <= functions | files.keys(), row
