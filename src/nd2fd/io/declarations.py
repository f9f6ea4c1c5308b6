"""What is declared of artifacts: schemas with their datasets, and where a file comes from."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from numpy.typing import NDArray

from nd2fd import __version__

DType = Literal["float64", "int64", "bool"]


class ArtifactError(ValueError):
    """A file is missing, damaged, or does not follow its schema; the message says which and how."""


@dataclass(frozen=True)
class Dataset:
    """Declaration of one dataset.

    Attributes
    ----------
    name : str
        Name in the file.
    dtype : {"float64", "int64", "bool"}
        Stored type. The writer accepts whatever NumPy casts to it safely.
    units : str
        Units, "1" if dimensionless.
    dims : tuple of str
        Name of each dimension, () for a scalar.
    description : str
        What the numbers are.
    optional : bool
        Whether a file may lack it.
    finite : bool
        Whether NaN and infinity are refused.
    """

    name: str
    dtype: DType
    units: str
    dims: tuple[str, ...]
    description: str
    optional: bool = False
    finite: bool = True


@dataclass(frozen=True)
class Schema:
    """Declaration of one kind of artifact.

    Attributes
    ----------
    name : str
        Name, unique among schemas.
    version : int
        To be raised with every change of a dataset's name, dtype, units, dims or meaning.
    datasets : tuple of Dataset
        The datasets, in the order they are stored.
    compressed : bool
        Whether large datasets are. Files that are gone at the end of a run need not be: it takes
        longer than to compute them, or to read them.
    """

    name: str
    version: int
    datasets: tuple[Dataset, ...]
    compressed: bool = True


@dataclass(frozen=True)
class Provenance:
    """Where an artifact comes from.

    Attributes
    ----------
    producer : str
        Rule or stage that makes the artifact.
    config_sha256 : str
        `sha256_of_config` of the configuration it depends on.
    seed : int
        Root seed of the random streams.
    inputs : mapping of str to str
        Name of each input (its role, not its absolute path) to its `sha256_of_file`.
    package_version : str
        Version of nd2fd that makes the artifact.
    """

    producer: str
    config_sha256: str
    seed: int
    inputs: Mapping[str, str]
    package_version: str = __version__


@dataclass(frozen=True)
class Content:
    """What a file holds.

    Attributes
    ----------
    data : dict of str to ndarray
        The arrays by dataset name, with the dtypes and dimensions of the schema; scalars have
        shape (). Optional datasets the file lacks are left out.
    provenance : Provenance
        Where the artifact comes from.
    """

    data: dict[str, NDArray[Any]]
    provenance: Provenance
