"""The project's own forms of a measured cross section: a folder of CSV files, or an HDF5 file.

docs/howto/measurement.md says what is in them.
"""

from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from nd2fd.measurements.bins import Bins
from nd2fd.measurements.covariance import check_covariance, check_order
from nd2fd.measurements.measurement import BinnedMeasurement, smearing_of_migration
from nd2fd.measurements.readers import READERS
from nd2fd.measurements.readers.description import Description
from nd2fd.measurements.readers.files import described, matrix, refusing, table

Array = NDArray[np.float64]

_DESCRIPTION = "measurement.yaml"


def read(path: Path) -> BinnedMeasurement:
    """The measurement in a folder, or an HDF5 file.

    Raises
    ------
    FileNotFoundError, ValueError
        Naming the file that is missing, or file, line or bin, value and what is allowed.
    """
    if path.is_dir():
        return _read_folder(path)
    READERS["plain"].needed(path)
    return _read_hdf5(path)


def _read_folder(path: Path) -> BinnedMeasurement:
    for name in (_DESCRIPTION, "bins.csv", "covariance.csv", "flux.csv"):
        if not (path / name).is_file():
            raise FileNotFoundError(f"{path / name} is missing; {READERS['plain'].source}")
    with refusing(path / _DESCRIPTION):
        description = Description.of(described(path / _DESCRIPTION))
    flux_edges, flux = _flux(path / "flux.csv")
    bins, columns = _bins(path / "bins.csv", description, flux_edges, with_values=True)
    covariance = matrix(path / "covariance.csv")
    with refusing(path / "covariance.csv"):
        check_covariance(covariance, bins.n_bins)
        if "error" in columns:
            check_order(covariance, columns["error"])
    true_bins = None
    if (path / "true_bins.csv").is_file():
        true_bins, _ = _bins(path / "true_bins.csv", description, flux_edges, with_values=False)
    smearing = None
    if (path / "smearing.csv").is_file():
        smearing = matrix(path / "smearing.csv")
    if (path / "migration.csv").is_file():
        if smearing is not None:
            raise ValueError(f"{path}: has smearing.csv and migration.csv; only one can be meant")
        with refusing(path / "migration.csv"):
            smearing = smearing_of_migration(
                matrix(path / "migration.csv"), bins, true_bins or bins, flux_edges, flux
            )
    with refusing(path):
        return _measurement(
            description, bins, columns["value"], covariance, flux_edges, flux, smearing, true_bins
        )


def _bins(
    path: Path, description: Description, flux_edges: Array, *, with_values: bool
) -> tuple[Bins, dict[str, Array]]:
    names = [f"{name}_{side}" for name in description.edges for side in ("low", "high")]
    energies = ["neutrino_energy_low", "neutrino_energy_high"]
    given = table(
        path,
        [*names, "value"] if with_values else names,
        [*energies, "error"] if with_values else energies,
    )
    columns = [given[name] for name in names]
    if energies[0] in given and energies[1] in given:
        energy = np.stack([given[name] for name in energies], axis=1)
    else:
        energy = np.array(np.broadcast_to(flux_edges[[0, -1]], (columns[0].size, 2)))
    with refusing(path):
        first, second = np.stack(columns[:2], axis=1), np.stack(columns[2:4], axis=1)
        return Bins(description.variables, first, second, energy), given


def _flux(path: Path) -> tuple[Array, Array]:
    given = table(path, ["low", "high", "flux"])
    if not np.allclose(given["low"][1:], given["high"][:-1], rtol=1e-9):
        k = int(np.argmin(np.isclose(given["low"][1:], given["high"][:-1], rtol=1e-9)))
        raise ValueError(
            f"{path}: bin {k} ends at {given['high'][k]:g}, the next begins at "
            f"{given['low'][k + 1]:g}; bins must leave neither gaps nor overlaps"
        )
    return np.append(given["low"], given["high"][-1]), given["flux"]


def _read_hdf5(path: Path) -> BinnedMeasurement:
    needed = ("first", "second", "values", "covariance", "flux_edges", "flux")
    optional = ("energy", "errors", "smearing", "migration", "true_first", "true_second",
                "true_energy")  # fmt: skip
    try:
        with h5py.File(path) as file:
            keys: dict[str, Any] = {
                name: value.item() if isinstance(value, np.generic) else value
                for name, value in file.attrs.items()
            }
            given = {name: np.asarray(file[name], dtype=np.float64) for name in file}
    except (OSError, TypeError, ValueError) as error:
        raise ValueError(f"{path}: cannot be read as an HDF5 file of arrays: {error}") from None
    with refusing(path):
        description = Description.of(keys)
        if missing := [name for name in needed if name not in given]:
            raise ValueError(f"has no dataset {', '.join(missing)}; it has {', '.join(given)}")
        if unknown := [name for name in given if name not in {*needed, *optional}]:
            raise ValueError(
                f"dataset {', '.join(unknown)} is not known; there are "
                f"{', '.join([*needed, *optional])}"
            )
        flux_edges, flux = given["flux_edges"], given["flux"]
        whole = flux_edges[[0, -1]]

        def bins_of(prefix: str) -> Bins:
            first, second = given[f"{prefix}first"], given[f"{prefix}second"]
            every = np.array(np.broadcast_to(whole, (len(first), 2)))
            energy = given.get(f"{prefix}energy", every)
            return Bins(description.variables, first, second, energy)

        bins = bins_of("")
        check_covariance(given["covariance"], bins.n_bins)
        if "errors" in given:
            check_order(given["covariance"], given["errors"])
        true_bins = bins_of("true_") if "true_first" in given else None
        smearing = given.get("smearing")
        if "migration" in given:
            if smearing is not None:
                raise ValueError("has smearing and migration; only one can be meant")
            smearing = smearing_of_migration(
                given["migration"], bins, true_bins or bins, flux_edges, flux
            )
        return _measurement(
            description,
            bins,
            given["values"],
            given["covariance"],
            flux_edges,
            flux,
            smearing,
            true_bins,
        )


def _measurement(
    description: Description,
    bins: Bins,
    values: Array,
    covariance: Array,
    flux_edges: Array,
    flux: Array,
    smearing: Array | None,
    true_bins: Bins | None,
) -> BinnedMeasurement:
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
        true_bins,
    )
