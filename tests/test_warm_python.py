"""Programs that are forked do what a Python of their own would do."""

import json
import os
import subprocess
import sys

import pytest

import warm_python

SHOW = """\
import json, os, sys
print(json.dumps([sys.argv, sys.path[:2], os.getcwd(), os.environ["GIVEN"], sys.stdin.read()]))
print("to standard error", file=sys.stderr)
sys.exit(3)
"""


def environment(**variables):
    return dict(os.environ, GIVEN="ν", **variables)


@pytest.fixture
def programs(tmp_path):
    (tmp_path / "show.py").write_text(SHOW)
    return tmp_path


HOW = {"file": ["show.py"], "module": ["-m", "show"], "program": ["-c", SHOW]}


@pytest.mark.parametrize("how", HOW.values(), ids=HOW)
@pytest.mark.parametrize("path", ["", os.pathsep.join(["/some", "/other"])], ids=["none", "two"])
def test_as_a_python_of_its_own(programs, how, path):
    """Exit code, both streams, arguments, paths, folder, variables, and nothing to read."""
    asked, given = [*how, "-n", "a b"], environment(PYTHONPATH=path)
    done = subprocess.run(
        [sys.executable, *asked], cwd=programs, env=given, stdin=subprocess.DEVNULL,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 3
    assert warm_python.run(asked, programs, given) == (3, done.stdout, done.stderr)


def test_what_it_starts_is_forked_too(tmp_path):
    """Of the libraries all, of the package nothing is there before a program asks for it."""
    inner = "import sys; print(*sys.modules)"
    outer = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {inner!r}], check=True)"
    code, output, errors = warm_python.run(["-c", outer], tmp_path, os.environ)
    assert (code, errors) == (0, "")
    modules = output.split()
    assert set(warm_python.LIBRARIES) <= set(modules)
    assert not [name for name in modules if name.partition(".")[0] == "nd2fd"]


def test_programs_know_nothing_of_each_other(tmp_path):
    change = "import json, os; json.changed = True; os.environ['CHANGED'] = ''"
    assert warm_python.run(["-c", change], tmp_path, os.environ)[0] == 0
    look = "import json, os, sys; sys.exit(hasattr(json, 'changed') + ('CHANGED' in os.environ))"
    assert warm_python.run(["-c", look], tmp_path, os.environ)[0] == 0
    assert not hasattr(json, "changed")


def test_errors_signals_and_limits(tmp_path):
    code, _, errors = warm_python.run(["-c", "raise ValueError('bad')"], tmp_path, os.environ)
    assert code == 1
    assert errors.endswith("ValueError: bad\n")
    kill = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
    assert warm_python.run(["-c", kill], tmp_path, os.environ)[0] == -9
    with pytest.raises(TimeoutError):
        warm_python.run(["-c", "import time; time.sleep(60)"], tmp_path, os.environ, limit=0.1)
