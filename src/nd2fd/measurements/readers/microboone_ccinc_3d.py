"""MicroBooNE's ν_μ CC inclusive cross section on argon in (E_ν, p_μ, cosθ_μ), arXiv:2307.06413.

Values are d²σ/dp dcosθ [1e-36 cm²/GeV/Ar], averaged over the flux in ranges of E_ν, unfolded with
an additional smearing matrix A_c: a prediction is to be multiplied with it from the left.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nd2fd.measurements.bins import Bins
from nd2fd.measurements.measurement import BinnedMeasurement
from nd2fd.measurements.readers import READERS
from nd2fd.measurements.readers.files import histogram, open_root, refusing

Array = NDArray[np.float64]

_PREFIX = "MicroBooNE_CCInc3D_"
_COLUMNS = "GlobalBin Bin row_lo row_hi subrow_lo subrow_hi element_lo element_hi"


def read(path: Path) -> BinnedMeasurement:
    """The measurement from the folder with its three files; raises as `Reader.needed`, ValueError
    naming the file for what they do not hold."""
    release, table, beam = map(Path, READERS["microboone_ccinc_3d"].needed(path))
    bins = _bins(table)
    contents = open_root(release)
    values, covariance, smearing = (
        histogram(release, contents, _PREFIX + name)[0] for name in ("data", "unfcov", "Ac")
    )
    flux, (edges,) = histogram(beam, open_root(beam), "numu_hist")
    with refusing(release):
        return BinnedMeasurement(
            bins,
            values,
            covariance,
            1e-36,
            "nucleus",
            absolute=True,
            flux_edges=edges,
            flux=flux / np.diff(edges),
            smearing=smearing,
        )


def _bins(table: Path) -> Bins:
    lines = table.read_text(encoding="utf-8").splitlines()
    if not lines or lines[0].split() != _COLUMNS.split():
        raise ValueError(f"{table}, line 1: the columns must be {_COLUMNS}")
    rows: list[list[float]] = []
    for number, line in enumerate(lines[1:], start=2):
        if not line.strip():
            continue
        try:
            row = [float(word) for word in line.split()]
        except ValueError:
            row = []
        if len(row) != len(_COLUMNS.split()):
            raise ValueError(f"{table}, line {number}: eight numbers are expected, not {line!r}")
        if row[1] != len(rows):
            raise ValueError(
                f"{table}, line {number}: bin {row[1]:g} where {len(rows)} is due; bins must be in "
                "the order of the histograms"
            )
        rows.append(row)
    edges = np.array(rows)
    with refusing(table):
        return Bins("momentum_angle", edges[:, 2:4], edges[:, 4:6], edges[:, 6:8])
