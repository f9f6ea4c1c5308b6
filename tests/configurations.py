"""Configurations as Snakemake merges them, and their plans."""

from collections.abc import Mapping

import pytest
import yaml

from nd2fd.config.problems import validate_config
from nd2fd.plan import Plan
from workflow_runs import ROOT


def load(name):
    return yaml.safe_load((ROOT / "config" / name).read_text(encoding="utf-8"))


def merged(base, override):
    """Merge as Snakemake does with --configfile."""
    both = dict(base)
    for key, value in override.items():
        nested = isinstance(value, Mapping) and isinstance(both.get(key), Mapping)
        both[key] = merged(both[key], value) if nested else value
    return both


def planned(*overrides):
    """Plan of config.yaml with overrides: names of files in config/, or mappings."""
    raw = load("config.yaml")
    for override in overrides:
        raw = merged(raw, load(override) if isinstance(override, str) else override)
    return Plan(validate_config(raw))


@pytest.fixture
def raw():
    """The default, as it is read."""
    return load("config.yaml")


@pytest.fixture(scope="module")
def plan():
    """Batches have five members at most."""
    return planned({"training": {"members_per_job": 5}})
