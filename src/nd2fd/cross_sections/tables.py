"""Truths from a file of the user: structure functions in a table of x and Q²."""

from pathlib import Path
from typing import Final

import h5py
import numpy as np
from numpy.typing import NDArray

from nd2fd.cross_sections.pdf.members import read_member
from nd2fd.io.schemas.truth import StructureFunctionTable
from nd2fd.physics.setup import Setup

Array = NDArray[np.float64]

LHAPDF_IDENTIFIERS: Final = {"neutrino": (1001, 1002, 1003), "antineutrino": (2001, 2002, 2003)}
"""F2, FL and xF3 in grids of structure functions, as NNSFν has them (arXiv:2302.08527)."""

_LARGEST_FIRST_X = 1e-3
_LARGEST_FIRST_Q2 = 0.02


def table_from_file(setup: Setup, path: str) -> StructureFunctionTable:
    """Read structure functions of a target's nucleon from HDF5, or from an LHAPDF grid (``.dat``).

    HDF5: datasets `x` (n_x,) and `Q2` [GeV²] (n_Q2,), ascending, and `neutrino` or `antineutrino`
    or both: (W1, …, W5) = (2xF1, F2, xF3, xF4, xF5) of shape (5, n_x, n_Q2). Whatever else the file
    holds is not looked at. LHAPDF: the file of one member, with `LHAPDF_IDENTIFIERS` in place of
    those of partons; W1 = (1 + 4M²x²/Q²) F2 - FL, and Albright-Jarlskog, W4 = 0, W5 = F2/2.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is of neither kind, lacks a dataset or an identifier, or does not reach as far
        as the setup's events; with what is wrong.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f"there is no file {path}")
    read = _read_lhapdf if path.endswith(".dat") else _read_hdf5
    found, of_helicities = read(path, setup)
    try:
        _check_axis("x", found["x"], _LARGEST_FIRST_X, setup.x_max)
        # No event has more Q² than x = x_max at E_max makes.
        _check_axis("Q2", found["Q2"], _LARGEST_FIRST_Q2, 2.0 * setup.a_max * setup.energy_max)
        wanted = "antineutrino" if setup.antineutrino else "neutrino"
        if wanted not in of_helicities:
            raise ValueError(f"there is no dataset {wanted}")
        shape = (5, found["x"].size, found["Q2"].size)
        for name, values in of_helicities.items():
            if values.shape != shape:
                raise ValueError(f"{name} has the shape {values.shape}; it must be {shape}")
            if not np.isfinite(values).all():
                raise ValueError(f"{name} has values that are no finite numbers")
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    return StructureFunctionTable(**found, **of_helicities)


def _read_hdf5(path: str, setup: Setup) -> tuple[dict[str, Array], dict[str, Array]]:
    """Axes, and values by helicity."""
    try:
        with h5py.File(path) as file:
            axes = {name: _dataset(file, name) for name in ("x", "Q2")}
            return axes, {name: _dataset(file, name) for name in LHAPDF_IDENTIFIERS if name in file}
    except OSError as error:
        raise ValueError(f"{path} is no HDF5 file: {error}") from None
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def _read_lhapdf(path: str, setup: Setup) -> tuple[dict[str, Array], dict[str, Array]]:
    """The same of an LHAPDF grid, at its knots: readers of partons know no such identifiers."""
    member = read_member(Path(path))
    # A subgrid begins at the last Q of the one before.
    q = np.concatenate([member.q[0], *(knots[1:] for knots in member.q[1:])])
    values = np.concatenate([member.values[0], *(v[:, 1:] for v in member.values[1:])], axis=1)
    axes = {"x": member.x, "Q2": q**2}
    gamma2 = (2.0 * setup.nucleon_mass * member.x[:, None]) ** 2 / q**2
    of_helicities = {}
    for name, identifiers in LHAPDF_IDENTIFIERS.items():
        if not set(identifiers) <= set(member.pids):
            continue
        f2, fl, xf3 = (values[..., member.pids.index(number)] for number in identifiers)
        of_helicities[name] = np.stack(
            [(1.0 + gamma2) * f2 - fl, f2, xf3, np.zeros_like(f2), 0.5 * f2]
        )
    wanted = "antineutrino" if setup.antineutrino else "neutrino"
    if wanted not in of_helicities:
        raise ValueError(
            f"{path} has the identifiers {member.pids}; structure functions of {wanted}s are "
            f"{', '.join(map(str, LHAPDF_IDENTIFIERS[wanted]))} (F2, FL, xF3)"
        )
    return axes, of_helicities


def _dataset(file: h5py.File, name: str) -> Array:
    found = file.get(name)
    if not isinstance(found, h5py.Dataset) or found.dtype.kind not in "fiu":
        raise ValueError(f"{name} is no dataset of numbers; there are {', '.join(file) or 'none'}")
    return np.asarray(found[()], dtype=np.float64)


def _check_axis(name: str, values: Array, largest_first: float, smallest_last: float) -> None:
    if values.ndim != 1 or values.size < 2 or not np.all(np.diff(values) > 0.0):
        raise ValueError(f"{name} must be one-dimensional and ascending, with 2 values or more")
    if not 0.0 <= values[0] <= largest_first:
        raise ValueError(f"{name} starts at {values[0]:g}; allowed is 0 to {largest_first:g}")
    if values[-1] < (1.0 - 1e-9) * smallest_last:
        raise ValueError(f"{name} ends at {values[-1]:g}; events reach {smallest_last:.6g}")
