"""HDF5 artifacts: the files that pass from one stage of the workflow to the next.

An artifact is a frozen dataclass derived from `Artifact`, whose fields are the datasets of its
file; `nd2fd.io.schemas` has them all. Each dimension has a name, and one size throughout the file.
Files that do not follow the `Schema` which the fields make are neither written nor read.

Equal inputs give equal bytes: no clock times, paths, user, host or device names are stored, and
nothing that depends on the order of a mapping. (Compressed bytes also depend on the zlib that h5py
was built with, so byte identity holds within one environment.) How long a job took stays with the
workflow's benchmark files.

The files are ordinary HDF5, readable with plain h5py. Their dimensions are dimension scales as
netCDF-4 has them, so that ``xarray.open_dataset(path)`` opens them, with coordinates: a dataset
that has the name of its only dimension is the coordinate along it. A dimension without coordinates
is a dataset of its length that holds nothing, and whose attribute ``NAME`` says so.

The last line of a file, after all that HDF5 reads, holds the SHA-256 of the rest. The reader
compares it before anything else: HDF5's own checksums let zeroed pages pass, and damaged string
attributes can hang the library. A file edited in place is therefore refused as well. Root
attributes:

====================  ==============================================================
schema                name of the schema
schema_version        its version, an integer
producer              rule or stage that wrote the file
package_version       version of nd2fd that wrote it
config_sha256         `sha256_of_config` of the configuration the file depends on
seed                  root seed of the random streams
inputs                JSON object: input name to `sha256_of_file`, sorted by name
====================  ==============================================================

Each dataset has the attributes ``units``, ``description`` and ``dims`` (dimension names separated
by spaces, empty for a scalar).
"""

import hashlib
import io
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import MISSING, Field, dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal, Self, dataclass_transform

import h5py
import numpy as np
from numpy.typing import ArrayLike, NDArray

from nd2fd.io.atomic import write_atomically
from nd2fd.io.declarations import ArtifactError, Content, Dataset, DType, Provenance, Schema

CHECKSUM = b"\nnd2fd artifact, sha256 of all before this line: "
COMPRESS_FROM_BYTES = 65536  # smaller arrays gain too little to be worth the chunk index
# How netCDF-4 marks the scale of a dimension without coordinates.
WITHOUT_COORDINATES = "This is a netCDF dimension but not a netCDF variable.%10d"


def dataset(
    units: str,
    dims: tuple[str, ...],
    description: str,
    *,
    dtype: DType = "float64",
    finite: bool = True,
    default: Any = MISSING,
) -> Any:
    """A field of an artifact's class: one dataset of its file, declared as in `Dataset`.

    With the default None, and no other is allowed, it is optional.
    """
    declared = {"dtype": dtype, "units": units, "dims": dims, "description": description}
    refusals = {"optional": default is None, "finite": finite}
    return field(default=default, metadata=declared | refusals)


@dataclass_transform(
    eq_default=False, kw_only_default=True, frozen_default=True, field_specifiers=(dataset,)
)
class Artifact:
    """Base of the classes in `nd2fd.io.schemas`: named arrays in a file of their own.

    A subclass says the name and the version of its schema, ``class Flux(Artifact, name="flux",
    version=3)``, and which `dataset` each field is. It becomes a frozen dataclass that takes
    keyword arguments. As read from a file, arrays have the dtypes and dimensions of the schema,
    scalars shape (); an optional dataset that the file lacks is None.
    """

    schema: ClassVar[Schema]

    def __init_subclass__(cls, *, name: str, version: int, compressed: bool = True) -> None:
        declared = {key: value for key, value in vars(cls).items() if isinstance(value, Field)}
        datasets = tuple(Dataset(key, **value.metadata) for key, value in declared.items())
        cls.schema = Schema(name, version, datasets, compressed)
        dataclass(frozen=True, kw_only=True, eq=False)(cls)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Read a file; raises as `read_artifact`."""
        return cls(**read_artifact(path, cls.schema).data)

    @classmethod
    def load_joined(cls, paths: Sequence[str | os.PathLike[str]], along: str = "member") -> Self:
        """Read files and join those of their datasets that have the dimension `along`.

        Raises as `read_artifact`, and ArtifactError if another dataset is not the same in all.
        """
        parts = [cls.load(path) for path in paths]
        joined = {}
        for declared in cls.schema.datasets:
            values = [getattr(part, declared.name) for part in parts]
            joined[declared.name] = values[0]
            if along in declared.dims and not any(value is None for value in values):
                joined[declared.name] = np.concatenate(values, declared.dims.index(along))
                continue
            for path, value in zip(paths, values, strict=True):
                if not np.array_equal(value, values[0]):
                    raise ArtifactError(
                        f"{path}: dataset {declared.name!r} is not that of {paths[0]}"
                    )
        return cls(**joined)

    def save(self, path: str | os.PathLike[str], provenance: Provenance) -> None:
        """Write a file; raises as `write_artifact`."""
        write_artifact(path, self.schema, vars(self), provenance)


def write_artifact(
    path: str | os.PathLike[str],
    schema: Schema,
    data: Mapping[str, ArrayLike | None],
    provenance: Provenance,
) -> None:
    """Write an artifact atomically, making parent directories and replacing an older file.

    Parameters
    ----------
    path : path
        Destination. It holds either its old content or all of the new, whatever happens.
    schema : Schema
        What the file is to hold.
    data : mapping of str to array_like
        The arrays by dataset name, in the units and dimensions of the schema; None for an optional
        dataset that there is not.
    provenance : Provenance
        Stored as root attributes.

    Raises
    ------
    ArtifactError
        The data do not follow the schema. Nothing is written.
    """
    path = Path(path)
    arrays = {name: np.asarray(values) for name, values in data.items() if values is not None}
    try:
        _check_names(schema, arrays)
        _check_arrays(schema, arrays, casting="safe")
    except ArtifactError as error:
        raise ArtifactError(f"{path}: not written: {error}") from None
    write_atomically(path, _encode(schema, arrays, provenance))


def read_artifact(path: str | os.PathLike[str], schema: Schema) -> Content:
    """Read an artifact and check all of it against its schema.

    Parameters
    ----------
    path : path
        The file.
    schema : Schema
        What it has to hold.

    Returns
    -------
    Content
        The arrays and the provenance.

    Raises
    ------
    ArtifactError
        There is no such file, it is damaged, edited or not an artifact, its schema or schema
        version is another, or its content does not follow the schema.
    OSError
        The file is there but the system does not let it be read.
    """
    path = Path(path)
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise ArtifactError(
            f"{path}: no such file, expected a {schema.name!r} artifact; run the rule that makes it"
        ) from None
    try:
        return _decode(schema, content)
    except ArtifactError as error:
        raise ArtifactError(f"{path}: {error}; delete it and run again") from None


# The helpers below raise ArtifactError without the file's name; the public functions add it.


def _check_names(schema: Schema, names: Iterable[str]) -> None:
    found = set(names)
    known = {declared.name for declared in schema.datasets}
    required = {declared.name for declared in schema.datasets if not declared.optional}
    if missing := sorted(required - found):
        raise ArtifactError(f"dataset {missing[0]!r} of schema {schema.name!r} is missing")
    if unknown := sorted(found - known):
        raise ArtifactError(f"dataset {unknown[0]!r} is not in schema {schema.name!r}")


def _check_arrays(
    schema: Schema, arrays: Mapping[str, NDArray[Any]], casting: Literal["safe", "no"]
) -> None:
    sizes: dict[str, tuple[int, str]] = {}  # dimension -> its size, and the dataset that set it
    for declared in schema.datasets:
        if declared.name not in arrays:
            continue
        array = arrays[declared.name]
        label = f"dataset {declared.name!r}"
        if not np.can_cast(array.dtype, declared.dtype, casting):
            raise ArtifactError(f"{label} has dtype {array.dtype}, expected {declared.dtype}")
        if array.ndim != len(declared.dims):
            raise ArtifactError(
                f"{label} has shape {array.shape}, expected dimensions {declared.dims}"
            )
        if array.size == 0:
            raise ArtifactError(f"{label} is empty, with shape {array.shape}")
        for dimension, size in zip(declared.dims, array.shape, strict=True):
            expected, origin = sizes.setdefault(dimension, (size, declared.name))
            if size != expected:
                raise ArtifactError(
                    f"{label} has size {size} in dimension {dimension!r}, "
                    f"expected {expected} as in {origin!r}"
                )
        if declared.finite and not np.isfinite(array).all():
            raise ArtifactError(f"{label} holds NaN or infinity, expected finite numbers")


def _last_line(body: bytes | memoryview) -> bytes:
    return CHECKSUM + hashlib.sha256(body).hexdigest().encode() + b"\n"


def _encode(schema: Schema, arrays: Mapping[str, NDArray[Any]], provenance: Provenance) -> bytes:
    buffer = io.BytesIO()
    # Every choice that h5py would take from its defaults or its global configuration and that
    # changes the bytes is made here. In the "earliest" format the root group carries no times.
    with h5py.File(buffer, "w", libver=("earliest", "v110"), track_order=False) as file:
        file.attrs["schema"] = schema.name
        file.attrs["schema_version"] = schema.version
        file.attrs["producer"] = provenance.producer
        file.attrs["package_version"] = provenance.package_version
        file.attrs["config_sha256"] = provenance.config_sha256
        file.attrs["seed"] = provenance.seed
        file.attrs["inputs"] = json.dumps(dict(provenance.inputs), sort_keys=True)
        for declared in schema.datasets:
            if declared.name not in arrays:
                continue
            array = arrays[declared.name].astype(declared.dtype)
            large = schema.compressed and array.nbytes >= COMPRESS_FROM_BYTES
            stored = file.create_dataset(
                declared.name,
                data=array,
                compression="gzip" if large else None,
                shuffle=large,
                track_order=False,
                track_times=False,
            )
            stored.attrs["units"] = declared.units
            stored.attrs["description"] = declared.description
            stored.attrs["dims"] = " ".join(declared.dims)
        _attach_scales(file, {d.name: d.dims for d in schema.datasets if d.name in arrays})
    body = buffer.getvalue()
    return body + _last_line(body)


def _attach_scales(file: h5py.File, dims: Mapping[str, tuple[str, ...]]) -> None:
    """Make the dimensions, given by dataset, those of netCDF-4."""
    for name in dims:
        for axis, (dimension, size) in enumerate(zip(dims[name], file[name].shape, strict=True)):
            if dimension not in file:
                # HDF5 reserves no space for a dataset that is never written to.
                scale = file.create_dataset(
                    dimension, (size,), ">f4", track_order=False, track_times=False
                )
                scale.make_scale(WITHOUT_COORDINATES % size)
            if not file[dimension].is_scale:
                file[dimension].make_scale(dimension)
            if name != dimension:
                file[name].dims[axis].attach_scale(file[dimension])


def _decode(schema: Schema, content: bytes) -> Content:
    start = content.rfind(CHECKSUM)
    if content[start:] != _last_line(memoryview(content)[:start]):
        raise ArtifactError(
            f"not an nd2fd artifact, damaged or edited: its {len(content)} bytes do not end with "
            f"the checksum that a {schema.name!r} artifact has"
        )
    arrays = {}
    with h5py.File(io.BytesIO(content), "r") as file:
        root = file.attrs
        if root["schema"] != schema.name:
            raise ArtifactError(f"has schema {root['schema']!r}, expected {schema.name!r}")
        if root["schema_version"] != schema.version:
            age = "newer" if root["schema_version"] > schema.version else "older"
            raise ArtifactError(
                f"has version {root['schema_version']} of schema {schema.name!r}, written by nd2fd "
                f"{root['package_version']}: {age} than the expected version {schema.version}"
            )
        # What has no units is a dimension without coordinates.
        _check_names(schema, [name for name in file if "units" in file[name].attrs])
        for declared in schema.datasets:
            if declared.name not in file:
                continue
            stored = file[declared.name]
            expected = {"units": declared.units, "dims": " ".join(declared.dims)}
            for attribute, value in expected.items():
                if stored.attrs[attribute] != value:
                    raise ArtifactError(
                        f"dataset {declared.name!r} has {attribute} {stored.attrs[attribute]!r}, "
                        f"expected {value!r}"
                    )
            arrays[declared.name] = np.asarray(stored[()])
        provenance = Provenance(
            producer=root["producer"],
            config_sha256=root["config_sha256"],
            seed=int(root["seed"]),
            inputs=json.loads(root["inputs"]),
            package_version=root["package_version"],
        )
    _check_arrays(schema, arrays, casting="no")
    return Content(arrays, provenance)
