"""Every artifact of the workflow, as this package and as xarray see it."""

import importlib
import pkgutil
import re
from dataclasses import FrozenInstanceError, replace

import numpy as np
import pytest
import xarray as xr

from nd2fd.io import schemas
from nd2fd.io.artifacts import Artifact, dataset, read_artifact
from nd2fd.io.declarations import ArtifactError, Provenance
from nd2fd.io.schemas.inputs import Flux, Response
from nd2fd.io.schemas.learned import Networks, Predictions

for _module in pkgutil.iter_modules(schemas.__path__, f"{schemas.__name__}."):
    importlib.import_module(_module.name)
KINDS = [kind for kind in Artifact.__subclasses__() if kind.__module__.startswith(schemas.__name__)]
PROVENANCE = Provenance("rule_toy", "c" * 64, 20241221, {"zeta": "f" * 64})

every_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)


def example(kind, optional=True, seed=1, **sizes):
    """An artifact with random content; no two dimensions have equal sizes, unless given."""
    datasets = [d for d in kind.schema.datasets if optional or not d.optional]
    dims = sorted({dim for d in datasets for dim in d.dims})
    sizes = {dim: i + 2 for i, dim in enumerate(dims)} | sizes
    rng = np.random.default_rng(seed)
    return kind(
        **{
            d.name: rng.integers(0, 2, [sizes[dim] for dim in d.dims]).astype(d.dtype)
            for d in datasets
        }
    )


def assert_equal(one, other):
    for declared in type(one).schema.datasets:
        ours, theirs = getattr(one, declared.name), getattr(other, declared.name)
        np.testing.assert_array_equal(ours, theirs)
        assert (ours is None) == (theirs is None)


# What the classes declare


def test_all_schemas_are_looked_at():
    assert len(KINDS) == 32
    assert len({kind.schema.name for kind in KINDS}) == len(KINDS)


@every_kind
def test_everything_is_described(kind):
    assert re.search(r"``\w+/[\w{}/]+\.h5``", kind.__doc__)
    assert kind.schema.version >= 1
    assert [d.name for d in kind.schema.datasets] == list(kind.__dataclass_fields__)
    for declared in kind.schema.datasets:
        assert declared.dtype in ("float64", "int64", "bool")
        assert declared.units
        assert declared.description
        assert isinstance(declared.dims, tuple)
        assert all(dim.isidentifier() for dim in declared.dims)


@every_kind
def test_dimensions_can_be_scales(kind):
    """netCDF-4 allows a dimension once per dataset, and takes a dataset of its name for it."""
    dims = {d.name: d.dims for d in kind.schema.datasets}
    for name, own in dims.items():
        assert len(set(own)) == len(own), name
        for dim in own:
            assert dims.get(dim, (dim,)) == (dim,), name


def test_class_makes_a_schema():
    class Toy(Artifact, name="toy", version=7):
        energy: np.ndarray = dataset("GeV", ("energy",), "energies")
        count: np.ndarray | None = dataset("1", (), "a count", dtype="int64", default=None)

    energy, count = Toy.schema.datasets
    assert (Toy.schema.name, Toy.schema.version) == ("toy", 7)
    assert (energy.name, energy.dtype, energy.units, energy.dims) == (
        "energy",
        "float64",
        "GeV",
        ("energy",),
    )
    assert (count.dtype, count.dims, count.optional, energy.optional) == ("int64", (), True, False)
    assert Toy(energy=np.ones(2)).count is None
    with pytest.raises(TypeError, match="energy"):
        Toy()
    with pytest.raises(FrozenInstanceError):
        Toy(energy=np.ones(2)).energy = np.ones(3)


# Files


@every_kind
@pytest.mark.parametrize("optional", [True, False])
def test_round_trip(kind, optional, tmp_path):
    path = tmp_path / "some" / "folder" / "file.h5"
    artifact = example(kind, optional)
    artifact.save(path, PROVENANCE)
    read = kind.load(path)
    assert_equal(read, artifact)
    for declared in kind.schema.datasets:
        if (array := getattr(read, declared.name)) is not None:
            assert isinstance(array, np.ndarray)
            assert array.dtype == declared.dtype
    assert read_artifact(path, kind.schema).provenance == PROVENANCE


def another_batch(first, **sizes):
    """What `first` holds, but for its members."""
    other = example(type(first), seed=2, **sizes)
    own = [
        d.name
        for d in first.schema.datasets
        if "member" in d.dims and getattr(first, d.name) is not None
    ]
    return replace(first, **{name: getattr(other, name) for name in own})


def save_all(folder, parts):
    paths = [folder / f"{number}.h5" for number in range(len(parts))]
    for path, part in zip(paths, parts, strict=True):
        part.save(path, PROVENANCE)
    return paths


def test_batches_are_joined_along_their_members(tmp_path):
    first = example(Networks, member=3)
    parts = [first, another_batch(first, member=5)]
    paths = save_all(tmp_path, parts)
    joined = Networks.load_joined(paths)
    for name in ("member", "structure_functions", "loss"):
        both = [getattr(part, name) for part in parts]
        np.testing.assert_array_equal(getattr(joined, name), np.concatenate(both))
    np.testing.assert_array_equal(joined.xi, first.xi)
    assert joined.x_max == first.x_max
    assert_equal(Networks.load_joined(paths[:1]), first)


def test_files_are_joined_along_any_dimension(tmp_path):
    first = example(Flux, energy=3)
    paths = save_all(tmp_path, [first, replace(first, near_modes=first.near_modes + 0.5)])
    joined = Flux.load_joined([paths[0], paths[0]], along="energy")
    np.testing.assert_array_equal(joined.far_modes, np.hstack([first.far_modes] * 2))
    joined = Flux.load_joined(paths, along="mode")
    np.testing.assert_array_equal(
        joined.near_modes, np.vstack([first.near_modes, first.near_modes + 0.5])
    )
    np.testing.assert_array_equal(joined.near, first.near)


def test_optional_datasets_are_joined_where_there_are_any(tmp_path):
    first = example(Predictions, optional=False)
    paths = save_all(tmp_path, [first, another_batch(first), example(Predictions)])
    assert Predictions.load_joined(paths[:2]).far is None
    with pytest.raises(ArtifactError, match=r"2\.h5: dataset 'far' is not that of .*0\.h5"):
        Predictions.load_joined([paths[0], paths[2]])


def test_batches_that_do_not_belong_together_are_refused(tmp_path):
    first = example(Networks)
    paths = save_all(tmp_path, [first, replace(another_batch(first), xi=first.xi + 1.0)])
    with pytest.raises(ArtifactError, match=r"1\.h5: dataset 'xi' is not that of .*0\.h5"):
        Networks.load_joined(paths)


def test_response_is_a_sparse_matrix():
    dense = np.array([[0.5, 0.0, 0.0], [0.5, 1.0, 0.25], [0.0, 0.0, 0.5]])
    response = Response(
        v1=np.array([0.5]),
        v2=np.array([0.2, 0.5, 0.8]),
        indptr=np.array([0, 1, 4, 5]),
        indices=np.array([0, 0, 1, 2, 2]),
        data=np.array([0.5, 0.5, 1.0, 0.25, 0.5]),
        acceptance=dense.sum(axis=0)[None, :],
    )
    np.testing.assert_array_equal(response.matrix().toarray(), dense)


# xarray


@every_kind
@pytest.mark.parametrize("optional", [True, False])
@pytest.mark.parametrize("engine", [None, "h5netcdf"])
def test_xarray_opens_the_files(kind, optional, engine, tmp_path):
    artifact = example(kind, optional)
    artifact.save(tmp_path / "artifact.h5", PROVENANCE)
    stored = {
        d.name: (d, getattr(artifact, d.name))
        for d in kind.schema.datasets
        if getattr(artifact, d.name) is not None
    }
    with xr.open_dataset(tmp_path / "artifact.h5", engine=engine) as opened:
        assert set(opened.variables) == set(stored)
        assert set(opened.coords) == {name for name, (d, _) in stored.items() if d.dims == (name,)}
        assert opened.attrs["schema"] == kind.schema.name
        for name, (declared, array) in stored.items():
            assert opened[name].dims == declared.dims
            assert opened[name].dtype == declared.dtype
            np.testing.assert_array_equal(opened[name].values, array)
            assert opened[name].attrs["units"] == declared.units
            assert opened[name].attrs["description"] == declared.description


def test_xarray_selects_by_coordinates(tmp_path):
    """What named dimensions are for."""
    flux = replace(example(Flux, energy=4), energy=np.array([0.5, 1.5, 2.5, 3.5]))
    flux.save(tmp_path / "flux.h5", PROVENANCE)
    with xr.open_dataset(tmp_path / "flux.h5") as opened:
        chosen = opened.sel(energy=slice(1.0, 3.0)).isel(mode=-1)
        np.testing.assert_array_equal(chosen.near_modes, flux.near_modes[-1, 1:3])
