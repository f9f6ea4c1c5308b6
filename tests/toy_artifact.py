"""A small artifact with all kinds of datasets."""

import numpy as np
import pytest

from nd2fd.io.artifacts import read_artifact, write_artifact
from nd2fd.io.declarations import ArtifactError, Dataset, Provenance, Schema

TOY = Schema(
    "toy",
    3,
    (
        Dataset("energy", "float64", "GeV", ("energy",), "energies"),
        Dataset("density", "float64", "1", ("energy", "v1"), "a density"),
        Dataset("mask", "bool", "1", ("v1",), "a mask"),
        Dataset("n_events", "int64", "1", (), "a count"),
        Dataset("mode", "float64", "1", ("energy",), "a mode", optional=True),
        Dataset("edge", "float64", "1", ("edge",), "edges", finite=False),
    ),
)


PROVENANCE = Provenance(
    "rule_toy", "c" * 64, 20241221, {"zeta": "f" * 64, "alpha": "0" * 64}, "1.2.3"
)


def toy_data():
    return {
        "energy": np.linspace(0.5, 9.5, 90),
        "density": np.sin(np.arange(90 * 100.0)).reshape(90, 100),  # 72 kB: compressed
        "mask": np.arange(100) % 3 == 0,
        "n_events": 30_000_000,
        "edge": np.array([np.nan, np.inf]),
    }


@pytest.fixture
def toy(tmp_path):
    path = tmp_path / "toy.h5"
    write_artifact(path, TOY, toy_data(), PROVENANCE)
    return path


def expect_refusal(path, *words, schema=TOY):
    """Reading fails; the message names the file, the remedy and each of the words."""
    with pytest.raises(ArtifactError) as caught:
        read_artifact(path, schema)
    for word in (str(path), "run", *words):
        assert word in str(caught.value)
