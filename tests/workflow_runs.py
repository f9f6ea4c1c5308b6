"""Snakemake as a user runs it, in copies of the project."""

import os
import shutil
import subprocess
from pathlib import Path

import warm_python

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


def outer_environment():
    """Variables without those of this test session, inside which Snakemake would believe to be."""
    return {k: v for k, v in os.environ.items() if not k.startswith("PYTEST")}


def snakemake(directory, *arguments, limit=None, **variables):
    """Run Snakemake there; returns its exit code and everything it printed.

    `variables` are added to those of the environment; after `limit` seconds it is a TimeoutError.
    """
    environment = outer_environment() | variables
    command = ["-m", "snakemake", *arguments]
    code, output, errors = warm_python.run(command, directory, environment, limit)
    return code, output + errors


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
