"""Tables of HEPData, as YAML or in the ROOT file of a record; measurement.yaml says which.

Besides the keys of `Description` that file has

    values: one table, or a list of tables whose bins follow one another
    covariance: a table of two bin numbers, row by row, or a TH2
    flux: a table of one independent variable, or a TH1; heights per GeV
    smearing: optional, as the covariance

Each is {file: NAME, variable: NAME of a dependent variable} for YAML, and {file: NAME,
histogram: NAME} for ROOT. A table of values has both lepton variables, or one and, beside `file`,
`second: [low, high]`, the range of the other; likewise `energy: [low, high]`.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

from nd2fd.measurements.bins import Bins
from nd2fd.measurements.covariance import check_covariance, check_order
from nd2fd.measurements.measurement import BinnedMeasurement
from nd2fd.measurements.readers import READERS
from nd2fd.measurements.readers.description import Description
from nd2fd.measurements.readers.files import described, histogram, open_root, refusing

Array = NDArray[np.float64]

_DESCRIPTION = "measurement.yaml"


def read(path: Path) -> BinnedMeasurement:
    """The measurement in a folder.

    Raises
    ------
    FileNotFoundError, ValueError
        Naming the file that is missing, or file, bin or key, value and what is allowed.
    """
    file = path / _DESCRIPTION
    if not file.is_file():
        raise FileNotFoundError(f"{file} is missing; {READERS['hepdata'].source}")
    given = described(file)
    with refusing(file):
        description = Description.of(given)
        if missing := [key for key in ("values", "covariance", "flux") if key not in given]:
            raise ValueError(f"{missing[0]} is missing: the table with it")
    flux, flux_edges = _one_dimension(path, file, given, "flux")
    tables = given["values"] if isinstance(given["values"], list) else [given["values"]]
    whole = flux_edges[[0, -1]]
    parts = [_values(path, file, table, whole) for table in tables]
    first, second, energy, values = (
        np.concatenate([getattr(part, name) for part in parts])
        for name in ("first", "second", "energy", "values")
    )
    with refusing(file):
        bins = Bins(description.variables, first, second, energy)
    covariance = _square(path, file, given, "covariance", bins.n_bins)
    errors = [part.errors for part in parts if part.errors is not None]
    with refusing(path / given["covariance"]["file"]):
        check_covariance(covariance, bins.n_bins)
        if len(errors) == len(parts):
            check_order(covariance, np.concatenate(errors))
    smearing = _square(path, file, given, "smearing", bins.n_bins) if "smearing" in given else None
    with refusing(path):
        return BinnedMeasurement(
            bins,
            values,
            covariance,
            description.unit,
            description.per,
            description.absolute,
            flux_edges,
            flux,
            smearing,
        )


class _Part:
    """Values of one table with their edges, (n, 2) each, and total errors if it has them."""

    def __init__(
        self,
        first: Array,
        second: Array,
        energy: Array,
        values: Array,
        errors: Array | None,
    ) -> None:
        self.first, self.second, self.energy = first, second, energy
        self.values, self.errors = values, errors


def _values(path: Path, file: Path, table: Any, whole: Array) -> _Part:
    source = _source(path, file, table, "values")
    if "histogram" in table:
        values, axes = histogram(source, open_root(source), table["histogram"])
        ranges = [np.stack([edges[:-1], edges[1:]], axis=1) for edges in axes]
        first = np.repeat(ranges[0], values.size // len(ranges[0]), axis=0)
        others = [np.tile(ranges[1], (len(ranges[0]), 1))] if values.ndim == 2 else []
        columns, errors = [first, *others], None
        values = values.ravel()
    else:
        columns, values, errors = _yaml_table(source, table)
    n = values.size
    if len(columns) == 1:
        columns.append(_range(file, table, "second", n))
    if len(columns) == 2:
        columns.append(
            _range(file, table, "energy", n)
            if "energy" in table
            else np.array(np.broadcast_to(whole, (n, 2)))
        )
    if len(columns) != 3:
        raise ValueError(f"{source}: {len(columns)} independent variables; there must be 1 to 3")
    return _Part(columns[0], columns[1], columns[2], values, errors)


def _range(file: Path, table: Mapping[str, Any], key: str, n: int) -> Array:
    try:
        low, high = (float(edge) for edge in table[key])
    except (KeyError, TypeError, ValueError):
        raise ValueError(
            f"{file}: values of {table['file']} need {key}: [low, high]; it is {table.get(key)!r}"
        ) from None
    return np.array(np.broadcast_to([low, high], (n, 2)))


def _source(path: Path, file: Path, table: Any, key: str) -> Path:
    if not isinstance(table, dict) or "file" not in table:
        raise ValueError(f"{file}: {key} is {table!r}; it must have file, and variable or "
                         "histogram")  # fmt: skip
    source = path / str(table["file"])
    if not source.is_file():
        raise FileNotFoundError(f"{source}, which {file} names, is missing; "
                                f"{READERS['hepdata'].source}")  # fmt: skip
    if ("variable" in table) == ("histogram" in table):
        raise ValueError(f"{file}: {key} needs variable (YAML) or histogram (ROOT), not both")
    return source


def _yaml_table(source: Path, table: Mapping[str, Any]) -> tuple[list[Array], Array, Array | None]:
    """Edges of the independent variables, values, and total errors if all are symmetric."""
    try:
        content = yaml.load(source.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
        independent = [list(axis["values"]) for axis in content["independent_variables"]]
        dependent = {str(v["header"]["name"]): v["values"] for v in content["dependent_variables"]}
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ValueError(f"{source}: not YAML: {error}") from None
    except (KeyError, TypeError):
        raise ValueError(
            f"{source}: not a HEPData table; it must have independent_variables and "
            "dependent_variables, each with header and values"
        ) from None
    if table["variable"] not in dependent:
        raise ValueError(
            f"{source}: has no variable {table['variable']!r}; it has {', '.join(dependent)}"
        )
    rows = dependent[table["variable"]]
    for axis in independent:
        if len(axis) != len(rows):
            raise ValueError(f"{source}: {len(rows)} values in {len(axis)} bins")
    columns = [
        np.array([[_number(source, k, given, side) for side in ("low", "high")]
                  if isinstance(given, dict) and "low" in given
                  else [_number(source, k, given, "value")] * 2
                  for k, given in enumerate(axis)])
        for axis in independent
    ]  # fmt: skip
    values = np.array([_number(source, k, given, "value") for k, given in enumerate(rows)])
    errors = [
        [float(e["symerror"]) for e in given.get("errors", []) if _is_number(e.get("symerror"))]
        for given in rows
    ]
    total = np.array([np.sqrt(np.sum(np.square(e))) for e in errors]) if all(errors) else None
    return columns, values, total


def _is_number(given: Any) -> bool:
    try:
        float(given)
    except (TypeError, ValueError):
        return False
    return True


def _number(source: Path, row: int, given: Any, key: str) -> float:
    try:
        value = float(given[key])
    except (KeyError, TypeError, ValueError):
        value = np.nan
    if not np.isfinite(value):
        raise ValueError(f"{source}, bin {row}: {key} is missing or no number, in {given!r}")
    return value


def _one_dimension(
    path: Path, file: Path, given: Mapping[str, Any], key: str
) -> tuple[Array, Array]:
    """Heights and edges of a histogram."""
    source = _source(path, file, given[key], key)
    if "histogram" in given[key]:
        values, axes = histogram(source, open_root(source), given[key]["histogram"])
        if values.ndim != 1:
            raise ValueError(f"{source}: {given[key]['histogram']} is no TH1")
        return values, axes[0]
    columns, values, _ = _yaml_table(source, given[key])
    if len(columns) != 1 or not np.allclose(columns[0][1:, 0], columns[0][:-1, 1]):
        raise ValueError(f"{source}: must have one independent variable, in bins without gaps")
    return values, np.append(columns[0][:, 0], columns[0][-1, 1])


def _square(path: Path, file: Path, given: Mapping[str, Any], key: str, n: int) -> Array:
    source = _source(path, file, given[key], key)
    if "histogram" in given[key]:
        return histogram(source, open_root(source), given[key]["histogram"])[0]
    columns, values, _ = _yaml_table(source, given[key])
    if values.size != n * n:
        raise ValueError(f"{source}: {values.size} values; of {n} bins there must be {n * n}")
    if len(columns) == 2:
        # Bins by number, or by centre: the order of the rows follows from them.
        order = np.lexsort([column.mean(axis=1) for column in reversed(columns)])
        values = values[order]
    return values.reshape(n, n)
