"""Artifacts as files: what is written, with which bytes, and what is refused."""

import hashlib
import io
import os
import re
import signal
import stat
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest

import nd2fd
from nd2fd.io import artifacts
from nd2fd.io.artifacts import read_artifact, write_artifact
from nd2fd.io.checksums import sha256_of_config, sha256_of_file
from nd2fd.io.declarations import ArtifactError, Provenance
from toy_artifact import PROVENANCE, TOY, toy_data
from toy_artifact import toy as toy  # a fixture


# Round trip
def test_round_trip(tmp_path):
    path = tmp_path / "some" / "folder" / "file.h5"
    write_artifact(path, TOY, toy_data(), PROVENANCE)
    content = read_artifact(path, TOY)
    assert content.provenance == PROVENANCE
    assert set(content.data) == set(toy_data())
    for dataset in TOY.datasets:
        if dataset.name in content.data:
            array = content.data[dataset.name]
            assert isinstance(array, np.ndarray)
            assert array.dtype == dataset.dtype
            np.testing.assert_array_equal(array, toy_data()[dataset.name])


def test_round_trip_keeps_non_finite_values_where_allowed(toy):
    np.testing.assert_array_equal(read_artifact(toy, TOY).data["edge"], [np.nan, np.inf])


@pytest.mark.parametrize("absent", [{}, {"mode": None}])
def test_optional_dataset_may_be_absent(tmp_path, absent):
    write_artifact(tmp_path / "toy.h5", TOY, toy_data() | absent, PROVENANCE)
    assert "mode" not in read_artifact(tmp_path / "toy.h5", TOY).data


def test_safe_casts_are_made(tmp_path):
    data = toy_data() | {"energy": np.ones(90, np.float32), "n_events": np.uint16(7)}
    write_artifact(str(tmp_path / "toy.h5"), TOY, data, PROVENANCE)
    read = read_artifact(str(tmp_path / "toy.h5"), TOY).data
    assert read["energy"].dtype == np.float64
    assert read["n_events"] == 7


def test_package_version_is_that_of_nd2fd():
    assert Provenance("rule", "", 0, {}).package_version == nd2fd.__version__


def test_many_inputs(tmp_path):
    inputs = {f"members/seeds/{i}.h5": "a" * 64 for i in range(3000)}  # beyond HDF5's 64 kB limit
    provenance = replace(PROVENANCE, inputs=inputs)
    write_artifact(tmp_path / "toy.h5", TOY, toy_data(), provenance)
    assert read_artifact(tmp_path / "toy.h5", TOY).provenance.inputs == inputs


def test_readable_with_plain_h5py(toy):
    with h5py.File(toy) as file:
        assert set(file.attrs) == {
            "schema",
            "schema_version",
            "producer",
            "package_version",
            "config_sha256",
            "seed",
            "inputs",
        }
        assert file.attrs["schema"] == "toy"
        assert file.attrs["schema_version"] == 3
        assert file.attrs["seed"] == 20241221
        assert file.attrs["inputs"].startswith('{"alpha": ')
        assert list(file) == ["density", "edge", "energy", "mask", "n_events", "v1"]
        described = {"units": "1", "description": "a density", "dims": "energy v1"}
        assert {name: file["density"].attrs[name] for name in described} == described
        assert file["n_events"].attrs["dims"] == ""
        assert file["n_events"][()] == 30_000_000
        assert file["mask"].dtype == bool
        assert (file["density"].compression, file["density"].shuffle) == ("gzip", True)
        assert file["energy"].compression is None


def test_files_that_are_gone_after_a_run_are_not_compressed(tmp_path):
    path, passing = tmp_path / "toy.h5", replace(TOY, compressed=False)
    write_artifact(path, passing, toy_data(), PROVENANCE)
    with h5py.File(path) as file:
        assert file["density"].compression is None
    np.testing.assert_array_equal(read_artifact(path, TOY).data["density"], toy_data()["density"])


# Dimensions
def test_dimensions_are_scales(toy):
    with h5py.File(toy) as file:
        assert [scale.name for dim in file["density"].dims for scale in dim.values()] == [
            "/energy",
            "/v1",
        ]
        assert [name for name in file if file[name].is_scale] == ["edge", "energy", "v1"]
        # A dimension without coordinates takes no space, however long it is.
        assert file["v1"].shape == (100,)
        assert file["v1"].id.get_storage_size() == 0
        assert file["v1"].attrs["NAME"].endswith(b"not a netCDF variable.       100")


# Equal inputs, equal bytes
WRITE_TOY = """
import sys
sys.path.insert(0, {tests!r})
from toy_artifact import PROVENANCE, TOY, toy_data
from nd2fd.io.artifacts import write_artifact
write_artifact({path!r}, TOY, toy_data(), PROVENANCE)
"""


def write_toy_in_another_process(path, before="", **environment):
    script = before + WRITE_TOY.format(tests=str(Path(__file__).parent), path=str(path))
    return subprocess.run(
        [sys.executable, "-c", script], cwd=path.parent, env=os.environ | environment, check=False
    ).returncode


def test_bytes_do_not_depend_on_process_time_place_or_order(toy, tmp_path):
    place = tmp_path / "another" / "place"
    place.mkdir(parents=True)
    before = (
        "import h5py, time\n"
        "h5py.get_config().track_order = True\n"
        "time.sleep(1.1)\n"  # HDF5 keeps times in seconds
    )
    environment = {
        "USER": "someone",
        "TZ": "Asia/Tokyo",
        "PYTHONHASHSEED": "7",
        "MALLOC_PERTURB_": "85",
    }
    assert write_toy_in_another_process(place / "other_name.h5", before, **environment) == 0
    assert (place / "other_name.h5").read_bytes() == toy.read_bytes()

    backwards = dict(reversed(toy_data().items()))
    inputs = dict(reversed(PROVENANCE.inputs.items()))
    write_artifact(tmp_path / "again.h5", TOY, backwards, replace(PROVENANCE, inputs=inputs))
    assert (tmp_path / "again.h5").read_bytes() == toy.read_bytes()


def test_bytes_do_not_depend_on_what_the_memory_held_before(toy, tmp_path):
    """HDF5 writes structures with padding, and reuses memory without clearing it."""
    rng = np.random.default_rng(1)
    for _ in range(20):
        with h5py.File(io.BytesIO(), "w") as file:
            for number in range(10):
                dataset = file.create_dataset(f"set{number}", data=rng.random(20))
                dataset.attrs["text"] = rng.bytes(50).hex()
                dataset.attrs["pairs"] = np.frombuffer(rng.bytes(64), [("a", "i8"), ("b", "i8")])
                scale = file.create_dataset(f"scale{number}", data=rng.random(20))
                scale.make_scale()
                dataset.dims[0].attach_scale(scale)
        write_artifact(tmp_path / "again.h5", TOY, toy_data(), PROVENANCE)
        assert (tmp_path / "again.h5").read_bytes() == toy.read_bytes()


def test_bytes_do_not_depend_on_memory_layout(toy, tmp_path):
    data = toy_data()
    data["density"] = np.asfortranarray(data["density"])
    data["energy"] = data["energy"].astype(">f8")
    write_artifact(tmp_path / "again.h5", TOY, data, PROVENANCE)
    assert (tmp_path / "again.h5").read_bytes() == toy.read_bytes()


# Atomic writes
@pytest.mark.parametrize("exception", [OSError, KeyboardInterrupt])
@pytest.mark.parametrize("step", [(os, "fsync"), (Path, "replace"), (artifacts, "_encode")])
def test_interrupted_write_leaves_the_old_file_and_no_other(toy, monkeypatch, exception, step):
    before = toy.read_bytes()

    def interrupt(*args):
        raise exception

    monkeypatch.setattr(*step, interrupt)
    with pytest.raises(exception):
        write_artifact(toy, TOY, toy_data() | {"n_events": 1}, PROVENANCE)
    assert list(toy.parent.iterdir()) == [toy]
    assert toy.read_bytes() == before


def test_killed_writer_leaves_nothing_under_the_final_name(tmp_path):
    path = tmp_path / "toy.h5"
    kill = "import os, signal; os.fsync = lambda _: os.kill(os.getpid(), signal.SIGKILL)\n"
    assert write_toy_in_another_process(path, before=kill) == -signal.SIGKILL
    (stale,) = tmp_path.iterdir()
    assert re.fullmatch(r"\.toy\.h5\.tmp-[0-9a-f]+", stale.name)
    write_artifact(path, TOY, toy_data(), PROVENANCE)
    assert read_artifact(path, TOY).data["n_events"] == 30_000_000


def test_file_mode_follows_the_umask(tmp_path):
    old = os.umask(0o027)
    try:
        write_artifact(tmp_path / "toy.h5", TOY, toy_data(), PROVENANCE)
    finally:
        os.umask(old)
    assert stat.S_IMODE((tmp_path / "toy.h5").stat().st_mode) == 0o640


# What the writer refuses
FAULTS = {
    "missing": ({"mask": None}, "dataset 'mask' of schema 'toy' is missing"),
    "unknown": ({"extra": 1.0}, "dataset 'extra' is not in schema 'toy'"),
    "dimensions": ({"energy": np.ones((90, 1))}, "has shape (90, 1), expected dimensions"),
    "scalar": ({"energy": 1.0}, "has shape (), expected dimensions ('energy',)"),
    "transposed": ({"density": np.ones((100, 90))}, "size 100 in dimension 'energy', expected 90"),
    "size": ({"mask": np.ones(99, bool)}, "expected 100 as in 'density'"),
    "optional": ({"mode": np.ones(3)}, "'mode' has size 3"),
    "empty": ({"edge": np.ones(0)}, "is empty"),
    "NaN": ({"energy": np.full(90, np.nan)}, "dataset 'energy' holds NaN or infinity"),
    "dtype": ({"n_events": 1.5}, "has dtype float64, expected int64"),
    "text": ({"n_events": "many"}, "expected int64"),
}


@pytest.mark.parametrize(("change", "words"), FAULTS.values(), ids=FAULTS)
def test_writer_refuses_data_that_break_the_schema(tmp_path, change, words):
    data = {name: values for name, values in (toy_data() | change).items() if values is not None}
    with pytest.raises(ArtifactError, match=re.escape(words)) as caught:
        write_artifact(tmp_path / "new" / "toy.h5", TOY, data, PROVENANCE)
    assert str(tmp_path / "new" / "toy.h5") in str(caught.value)
    assert not list(tmp_path.iterdir())


# Hashes
def test_sha256_of_file(tmp_path):
    (tmp_path / "file").write_bytes(b"abc" * 1000)
    assert sha256_of_file(tmp_path / "file") == hashlib.sha256(b"abc" * 1000).hexdigest()


def test_sha256_of_config_depends_on_content_only():
    config = {"b": [1, 2.5, None], "a": {"y": True, "x": "ν"}}
    same = {"a": {"x": "ν", "y": True}, "b": [1, 2.5, None]}
    assert sha256_of_config(config) == sha256_of_config(same)
    assert sha256_of_config(config) != sha256_of_config(config | {"b": [2.5, 1, None]})
    # Fixed for ever: a change would make every artifact look out of date.
    assert sha256_of_config({"b": 1, "a": 2}) == hashlib.sha256(b'{"a":2,"b":1}').hexdigest()


@pytest.mark.parametrize("value", [float("nan"), object()])
def test_sha256_of_config_refuses_what_json_cannot_say(value):
    with pytest.raises((TypeError, ValueError)):
        sha256_of_config({"a": value})
