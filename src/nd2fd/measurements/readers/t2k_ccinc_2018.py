"""T2K's ν_μ CC inclusive cross section on CH in (cosθ_μ, p_μ), arXiv:1801.05148, text release.

d²σ/dcosθ dp [1e-39 cm²/GeV/nucleon] averaged over the whole flux, unfolded with the prior of NEUT;
flux per 50 MeV also where its bins are wider: only so is its integral that of the release.
"""

import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nd2fd.measurements.bins import Bins
from nd2fd.measurements.covariance import check_covariance, check_order
from nd2fd.measurements.measurement import BinnedMeasurement
from nd2fd.measurements.readers import READERS
from nd2fd.measurements.readers.files import refusing

Array = NDArray[np.float64]

_UNIT = 1e-39
_RANGE = r"\[\s*(\S+?)\s*,\s*(\S+?)\s*\]"


def read(path: Path) -> BinnedMeasurement:
    """The measurement from the folder with its three files; raises as `Reader.needed`, ValueError
    naming file and line for what they do not hold."""
    data, errors, beam = map(Path, READERS["t2k_ccinc_2018"].needed(path))
    values = _rows(data, rf"(\d+)\s+{_RANGE}\s+{_RANGE}\s+(\S+)\s+(\S+)", 2)
    flux = _rows(beam, rf"(\d+)\s+{_RANGE}\s+(\S+)", 2)
    edges = np.append(flux[:, 1], flux[-1, 2])
    if not np.allclose(flux[1:, 1], flux[:-1, 2]):
        k = int(np.argmin(np.isclose(flux[1:, 1], flux[:-1, 2])))
        raise ValueError(f"{beam}: bin {k} ends at {flux[k, 2]:g}, bin {k + 1} begins at "
                         f"{flux[k + 1, 1]:g}")  # fmt: skip
    covariance = _matrix(errors) / _UNIT**2
    used = edges[: int(np.flatnonzero(flux[:, 3]).max()) + 2]
    whole = np.broadcast_to(used[[0, -1]], (len(values), 2))
    with refusing(data):
        bins = Bins("momentum_angle", values[:, 3:5], values[:, 1:3], np.array(whole))
    with refusing(errors):
        check_covariance(covariance, bins.n_bins)
        check_order(covariance, values[:, 6])
    with refusing(path):
        return BinnedMeasurement(
            bins,
            values[:, 5],
            covariance,
            _UNIT,
            "nucleon",
            absolute=True,
            flux_edges=used,
            flux=flux[: used.size - 1, 3],
        )


def _rows(path: Path, pattern: str, header: int) -> Array:
    """Numbers of all lines after the header, the first of which counts the lines."""
    rows: list[list[float]] = []
    lines = path.read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(lines[header:], start=header + 1):
        if not line.strip():
            continue
        found = re.fullmatch(pattern, line.strip())
        try:
            row = [float(word) for word in found.groups()] if found else []
        except ValueError:
            row = []
        if not row or not np.isfinite(row).all():
            raise ValueError(f"{path}, line {number}: cannot be read: {line!r}")
        if row[0] != len(rows):
            raise ValueError(f"{path}, line {number}: bin {row[0]:g} where {len(rows)} is due")
        rows.append(row)
    if not rows:
        raise ValueError(f"{path}: has no bins")
    return np.array(rows)


def _matrix(path: Path) -> Array:
    """A table with a number in front of each row, its columns between bars."""
    rows: list[list[float]] = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        first, *words = line.strip().rstrip("|").split("|")
        if not first.strip().isdigit():
            continue
        try:
            rows.append([float(word) for word in words])
        except ValueError:
            raise ValueError(f"{path}, line {number}: not all of it are numbers") from None
        if int(first) != len(rows) - 1 or len(rows[-1]) != len(rows[0]):
            raise ValueError(
                f"{path}, line {number}: row {first.strip()} of {len(rows[-1])} numbers, where row "
                f"{len(rows) - 1} of {len(rows[0])} is due"
            )
    return np.array(rows)
