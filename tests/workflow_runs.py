"""Snakemake as a user runs it, in copies of the project."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PROJECT = ("Snakefile", "workflow", "config", "envs", "profiles", "slurm-gpu")
CI = ("--configfile", "config/ci.yaml")


def copy_project(destination):
    """The project without its package, which is installed."""
    destination.mkdir(exist_ok=True)
    for name in PROJECT:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, destination / name)
        else:
            shutil.copy(source, destination)
    return destination


def snakemake(directory, *arguments):
    """Run Snakemake there; returns its exit code and everything it printed."""
    # Snakemake must not believe that it runs inside this test session's terminal or threads.
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST")}
    command = [sys.executable, "-m", "snakemake", *arguments]
    done = subprocess.run(
        command, cwd=directory, env=environment, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout + done.stderr


def job_counts(output):
    """Jobs by rule, from the table that a dry run prints."""
    table = output[output.rindex("Job stats:") :].splitlines()[3:]
    rows = (line.split() for line in table[: table.index("")])
    return {name: int(count) for name, count in rows if name != "total"}


def git(directory, *arguments):
    """Run git there; returns what it printed."""
    command = ["git", "-c", "user.name=a", "-c", "user.email=a@b", "-C", str(directory)]
    done = subprocess.run([*command, *arguments], check=True, capture_output=True, text=True)
    return done.stdout.strip()
