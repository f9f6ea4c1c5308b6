"""Which profile a run uses, and how many threads its scripts have."""

import os
import subprocess
import sys

import pytest
import yaml

from test_workflow import CI, ROOT, copy_project, job_counts, snakemake

# Notes the environment of every script of the workflow, and torch's threads at its end.
SITECUSTOMIZE = """\
import atexit, os, sys

def note():
    torch = sys.modules.get("torch")
    with open({notes!r}, "a") as file:
        print(os.environ["OMP_NUM_THREADS"], torch and torch.get_num_threads(), file=file)

if ".snakemake/scripts" in " ".join(sys.orig_argv):
    atexit.register(note)
"""


@pytest.fixture
def fresh(tmp_path):
    (tmp_path / "project").mkdir()
    return copy_project(tmp_path / "project")


def run(directory, *arguments, **environment):
    done = subprocess.run(
        [sys.executable, "-m", "snakemake", *arguments],
        cwd=directory,
        env={k: v for k, v in os.environ.items() if not k.startswith("PYTEST")} | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("profile", [(), ("--profile", "slurm-gpu")], ids=["default", "slurm-gpu"])
@pytest.mark.parametrize("config", ["config", "ci", "paper"])
def test_dry_run(fresh, config, profile):
    code, output = snakemake(fresh, "-n", *profile, "--configfile", f"config/{config}.yaml")
    assert code == 0, output
    assert job_counts(output)["train_members"] > 5
    assert "workflow specific profile profiles/default" in output
    assert ("Using profiles slurm-gpu" in output) == bool(profile)


def test_default_profile_undoes_nothing():
    """A key in the default profile replaces the same key of a named one, as a whole."""
    default, slurm = (
        yaml.safe_load((ROOT / name / "config.yaml").read_text())
        for name in ("profiles/default", "slurm-gpu")
    )
    shared = {k for k in default if k in slurm and not k.startswith("__")}
    assert all(default[key] == slurm[key] for key in shared), shared


def test_unknown_profile_is_an_error(fresh):
    code, output = snakemake(fresh, "-n", "--profile", "slurm-cpu")
    assert code != 0
    assert "slurm-cpu" in output


def test_threads_follow_the_rule(fresh, tmp_path):
    """However many threads the user's shell or the machine offers; memory has a limit."""
    notes = tmp_path / "threads"
    (tmp_path / "site").mkdir()
    (tmp_path / "site/sitecustomize.py").write_text(SITECUSTOMIZE.format(notes=str(notes)))
    code, output = run(
        fresh,
        *CI,
        "--",
        "results/members/nominal/0.h5",
        OMP_NUM_THREADS="7",
        PYTHONPATH=os.pathsep.join([str(tmp_path / "site"), *sys.path]),
    )
    assert code == 0, output[-3000:]
    threads = notes.read_text().split()
    assert len(threads) >= 10
    assert set(threads) == {"1", "None"}
    assert threads.count("1") > threads.count("None")
    assert "Provided resources: mem_mb" in output
