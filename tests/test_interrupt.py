"""A killed run leaves nothing half-written, and the same command goes on to the same bytes.

The jobs of a run block at a chosen place, with no help from the project's code: a `sitecustomize`
module, which Python loads at its start, exchanges a function in the job's process. Once the job has
said that it is there, the whole process group is killed.
"""

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress

import h5py
import pytest

from test_schemas import KINDS
from workflow_runs import CI, copy_project, outer_environment, snakemake

pytestmark = pytest.mark.slow

TARGET = "results/fits/nd3m/0.h5"
STAGE_OF = {"near_members": "near", "train_members": "members", "fit_members": "fits"}
ENDINGS = (".h5", ".info", ".dat")
PATIENCE = 300.0  # seconds until a test fails rather than waits

BLOCKING = '''
import os, sys, time
from pathlib import Path

def block(*_):
    Path(os.environ["BLOCKED"]).touch()
    while True:
        time.sleep(60)

def drawing():
    """The histogram of the first member is drawn, that of the second not."""
    from nd2fd.learning import near_data
    draw_histogram = near_data.draw_histogram
    drawn = []
    def first_alone(*arguments):
        if drawn:
            block()
        drawn.append(draw_histogram(*arguments))
        return drawn[0]
    near_data.draw_histogram = first_alone

def writing():
    """An artifact is on the disk, but not under its name."""
    os.fsync = block

def checkpoint_half_written():
    from nd2fd.io.checkpoint import Checkpoint
    Checkpoint.due = lambda self: True
    synchronise = os.fsync
    saved = []
    def second_half_written(file):
        if saved:
            os.ftruncate(file, 2)
            block()
        saved.append(file)
        synchronise(file)
    os.fsync = second_half_written

def fitting():
    """The replicas of the first member are fitted, those of the second not."""
    from nd2fd.statistics import bootstrap
    fit_replicas = bootstrap.fit_replicas
    calls = []
    def twice(*arguments):
        calls.append(arguments)
        return fit_replicas(*arguments) if len(calls) < 3 else block()
    bootstrap.fit_replicas = twice

rule, place = os.environ["BLOCK"].split()
if any(argument.endswith(f".{rule}.py") for argument in sys.orig_argv):
    globals()[place]()
'''


KILLS = (
    ("near_members", "drawing"),
    ("near_members", "writing"),
    ("train_members", "checkpoint_half_written"),
    ("fit_members", "fitting"),
)


def run(directory):
    code, output = snakemake(directory, TARGET, *CI, "--cores", "1")
    assert code == 0, output[-3000:]


def start_and_kill(directory, hooks, rule, place):
    """Run until a job of the rule is at that place; then kill all processes of the run."""
    blocked = hooks / f"{rule}-{place}"
    environment = outer_environment()
    environment |= {"BLOCK": f"{rule} {place}", "BLOCKED": str(blocked)}
    environment["PYTHONPATH"] = os.pathsep.join([str(hooks), environment.get("PYTHONPATH", "")])
    process = subprocess.Popen(
        [sys.executable, "-m", "snakemake", TARGET, *CI, "--cores", "1"],
        cwd=directory,
        env=environment,
        start_new_session=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        deadline = time.monotonic() + PATIENCE
        while not blocked.exists() and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.02)
    finally:
        with suppress(ProcessLookupError):  # a run that failed by itself is told of below
            os.killpg(process.pid, signal.SIGKILL)
        # Every process of the run holds the pipe, so that its end is that of the last of them.
        output, _ = process.communicate(timeout=PATIENCE)
    assert blocked.exists(), output[-3000:]


def files(directory):
    """SHA-256 of all files under results, hidden ones too.

    But logs, benchmarks, and the mark of a toy run, which every run leaves anew.
    """
    results = directory / "results"
    return {
        str(path.relative_to(results)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in results.rglob("*")
        if path.is_file()
        and path.relative_to(results).parts[0] not in ("logs", "benchmarks", "run.json")
    }


def check_artifacts(directory, names):
    """They open, and follow the schemas that they name."""
    kinds = {kind.schema.name: kind for kind in KINDS}
    for path in (directory / "results" / name for name in names if name.endswith(".h5")):
        with h5py.File(path) as file:
            schema = file.attrs["schema"]
        kinds[schema].load(path)


def times(directory, names):
    return {name: (directory / "results" / name).stat().st_mtime_ns for name in names}


def test_killed_runs_go_on_to_the_same_bytes(tmp_path):
    undisturbed, disturbed, hooks = (tmp_path / n for n in ("undisturbed", "disturbed", "hooks"))
    undisturbed.mkdir()
    copy_project(undisturbed)
    run(undisturbed)
    expected = files(undisturbed)
    assert TARGET.removeprefix("results/") in expected
    assert not [name for name in expected if "/." in name or not name.endswith(ENDINGS)]

    hooks.mkdir()
    (hooks / "sitecustomize.py").write_text(BLOCKING)
    shutil.copytree(undisturbed, disturbed)
    for stage in STAGE_OF.values():
        shutil.rmtree(disturbed / "results" / stage)
    complete = times(disturbed, files(disturbed))
    for rule, place in KILLS:
        start_and_kill(disturbed, hooks, rule, place)
        found = files(disturbed)
        # A file that has its name has all of its bytes; what the job had begun has another name.
        named = [name for name in found if name.endswith(ENDINGS) and "/." not in name]
        check_artifacts(disturbed, named)
        assert {name: found[name] for name in named} == {name: expected[name] for name in named}
        assert STAGE_OF[rule] not in {name.split("/")[0] for name in named}
        # What was complete before has not been made again.
        assert times(disturbed, complete) == complete
        complete = times(disturbed, named)
        code, output = snakemake(disturbed, "--unlock", *CI)
        assert code == 0, output[-3000:]
    run(disturbed)
    assert times(disturbed, complete) == complete
    # Nothing is left of what was begun, neither temporary files nor checkpoints.
    assert files(disturbed) == expected
