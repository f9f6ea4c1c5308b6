"""The list of errors on purpose fits the code, so that `make mutants` can make them."""

import subprocess
import sys
from pathlib import Path

import pytest
from tools import mutants

ROOT = Path(__file__).resolve().parents[1]
LISTED = mutants.mutants()


def test_there_are_many_in_every_room():
    kinds = [mutant.kind for mutant in LISTED]
    assert len(LISTED) >= 73
    assert all(kinds.count(kind) >= 3 for kind in kinds)


def test_the_list_fits_the_code():
    """Each text stands exactly once, and the tests that should see it exist."""
    assert list(mutants.misfits(LISTED)) == []
    change = mutants.Change("Makefile", "no such text", "")
    wrong = mutants.Mutant("wrong", "toy", "nothing", (change,), ("test_plan.py::test_nothing",))
    assert list(mutants.misfits([wrong])) == [
        "wrong: Makefile has 0 times, not once: 'no such text'",
        "wrong: there is no test test_plan.py::test_nothing",
    ]


def test_a_list_that_does_not_fit_is_refused(tmp_path):
    (tmp_path / "code.py").write_text("a = 1\nb = 1\n")
    for old, new, message in (
        ("c = 1", "c = 2", "code.py has 0 times, not once: 'c = 1'"),
        ("= 1", "= 2", "code.py has 2 times"),
        ("a = 1", "a = 1", "replaced by itself"),
    ):
        with pytest.raises(ValueError, match=message):
            mutants.Change("code.py", old, new).apply(tmp_path)
    mutants.Change("code.py", "a = 1", "a = 2").apply(tmp_path)
    assert (tmp_path / "code.py").read_text() == "a = 2\nb = 1\n"


def small_project(folder, test):
    (folder / "src").mkdir()
    (folder / "tests").mkdir()
    (folder / "src/answer.py").write_text("ANSWER = 42\n")
    (folder / "tests/test_answer.py").write_text(test)
    return folder


@pytest.mark.parametrize(
    ("test", "seen_by"),
    [
        (
            "import answer\n\ndef test_it():\n    assert answer.ANSWER == 42\n",
            "test_answer.py::test_it",
        ),
        ("import answer\n\ndef test_it():\n    assert answer.ANSWER > 0\n", ""),
    ],
)
def test_what_sees_an_error_is_told(tmp_path, test, seen_by):
    """In the copy's own code, which is as before afterwards."""
    root = small_project(tmp_path, test)
    change = mutants.Change("src/answer.py", "42", "43")
    mutant = mutants.Mutant("answer", "toy", "a wrong answer", (change,), ("test_answer.py",))
    assert mutants.run_tests(root, mutant.tests)[0] == 0
    result = mutants.try_mutant(mutant, root)
    assert result.seen_by == seen_by
    assert (root / "src/answer.py").read_text() == "ANSWER = 42\n"


def test_tests_that_cannot_run_see_nothing(tmp_path):
    root = small_project(tmp_path, "import nothing_of_that_name\n")
    change = mutants.Change("src/answer.py", "42", "43")
    mutant = mutants.Mutant("answer", "toy", "a wrong answer", (change,), ("test_answer.py",))
    with pytest.raises(RuntimeError, match="answer: pytest ended with 2"):
        mutants.try_mutant(mutant, root)


def test_the_page_has_no_survivors():
    """docs/mutants.md is of the last run; an error that is new in the list comes with the next."""
    lines = (ROOT / "docs/mutants.md").read_text(encoding="utf-8").splitlines()
    rows = [line.split(" | ") for line in lines if line.startswith("| ") and "seen by" not in line]
    assert len(rows) >= 73
    assert all(seen_by.startswith("`test_") for *_, seen_by in rows)
    names = {mutant.name.replace("_", " ") for mutant in LISTED}
    assert {name.removeprefix("| ") for name, *_ in rows} <= names


def test_unknown_names_are_refused():
    command = [sys.executable, "tools/mutants.py", "no_such_error"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "mutants.yaml has no no_such_error" in done.stderr
