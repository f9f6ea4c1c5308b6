"""Artifacts that are not read, and why."""

from dataclasses import replace

import h5py
import numpy as np
import pytest

from nd2fd.io import artifacts
from nd2fd.io.declarations import Dataset
from nd2fd.io.schemas.inputs import Flux
from toy_artifact import TOY, expect_refusal
from toy_artifact import toy as toy  # a fixture


# What the reader refuses
def test_missing_file(tmp_path):
    expect_refusal(tmp_path / "none.h5", "no such file", "'toy'")


@pytest.mark.parametrize(
    "content",
    [b"", b"energy,flux\n1,2\n", bytes(9000), np.random.default_rng(1).bytes(9000)],
    ids=["empty", "text", "zeros", "random"],
)
def test_file_of_another_format(tmp_path, content):
    (tmp_path / "toy.h5").write_bytes(content)
    expect_refusal(tmp_path / "toy.h5", "not an nd2fd artifact", "'toy'", "delete it and run again")


def test_foreign_hdf5_file(tmp_path):
    with h5py.File(tmp_path / "foreign.h5", "w") as file:
        file["energy"] = np.ones(90)
    expect_refusal(tmp_path / "foreign.h5", "not an nd2fd artifact", "'toy'")


def test_truncated_file(toy):
    content = toy.read_bytes()
    for length in (100, len(content) // 2, len(content) - 200, len(content) - 1):
        toy.write_bytes(content[:length])
        expect_refusal(toy, "damaged", "'toy'", "delete it and run again")


def test_damage_anywhere_is_noticed(toy):
    content = toy.read_bytes()
    for start in range(0, len(content), 97):
        damaged = bytearray(content)
        damaged[start] ^= 1
        toy.write_bytes(damaged)
        expect_refusal(toy, "damaged")


def test_zeroed_pages_are_noticed(toy):
    content = toy.read_bytes()
    for start in range(0, len(content), 4096):
        page = content[start : start + 4096]
        toy.write_bytes(content[:start] + bytes(len(page)) + content[start + 4096 :])
        if any(page):
            expect_refusal(toy, "damaged")


def test_edited_file(toy):
    with h5py.File(toy, "r+") as file:
        file.attrs["seed"] = 1
    expect_refusal(toy, "edited", "delete it and run again")


def test_lengthened_file(toy):
    toy.write_bytes(toy.read_bytes() + b"\n")
    expect_refusal(toy, "damaged or edited")


def test_other_schema(toy):
    expect_refusal(toy, "has schema 'toy', expected 'flux'", schema=Flux.schema)


@pytest.mark.parametrize(("version", "age"), [(2, "newer"), (4, "older")])
def test_other_schema_version(toy, version, age):
    words = (f"version 3 of schema 'toy', written by nd2fd 1.2.3: {age}", f"version {version}")
    expect_refusal(toy, *words, schema=replace(TOY, version=version))


def changed(name, **changes):
    """Return TOY with another declaration of one dataset, under the same name and version."""
    datasets = [replace(d, **changes) if d.name == name else d for d in TOY.datasets]
    return replace(TOY, datasets=tuple(datasets))


OTHERS = {
    "missing": (
        replace(TOY, datasets=(*TOY.datasets, Dataset("extra", "bool", "1", (), "more"))),
        "dataset 'extra' of schema 'toy' is missing",
    ),
    "unknown": (replace(TOY, datasets=TOY.datasets[:-1]), "dataset 'edge' is not in schema 'toy'"),
    "units": (changed("energy", units="MeV"), "'energy' has units 'GeV', expected 'MeV'"),
    "dims": (changed("mask", dims=("v2",)), "'mask' has dims 'v1', expected 'v2'"),
    "dtype": (changed("n_events", dtype="float64"), "has dtype int64, expected float64"),
    "NaN": (changed("edge", finite=True), "dataset 'edge' holds NaN or infinity"),
}


@pytest.mark.parametrize(("other", "words"), OTHERS.values(), ids=OTHERS)
def test_reader_refuses_content_that_breaks_the_schema(toy, other, words):
    expect_refusal(toy, words, "delete it and run again", schema=other)


@pytest.mark.parametrize(
    ("shape", "words"), [((99,), "size 99"), ((100, 1), "shape"), ((0,), "is empty")]
)
def test_reader_checks_shapes(toy, shape, words):
    """A file whose checksum is right and whose content is not, as no writer of ours makes it."""
    with h5py.File(toy, "r+") as file:
        del file["mask"]
        mask = file.create_dataset("mask", data=np.ones(shape, bool))
        mask.attrs.update({"units": "1", "dims": "v1"})
    content = toy.read_bytes()
    toy.write_bytes(content + artifacts._last_line(content))
    expect_refusal(toy, "dataset 'mask'", words)
