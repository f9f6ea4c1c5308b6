"""Structure functions in a table of x and Q², and between its points."""

import numpy as np
from numpy.typing import NDArray

from nd2fd.io.schemas.truth import StructureFunctionTable
from nd2fd.physics.setup import Setup
from nd2fd.physics.structure_functions import FiveStructureFunctions

Array = NDArray[np.float64]

N_X, N_Q2 = 512, 384
"""Points of a table that is made here (docs/method/nuclear-truth.md says how exact it is)."""

_Q2_SCALE = 0.02
"""Q² [GeV²] below which a table is linear in Q², and above in its logarithm."""

_SMALLEST_X, _SMALLEST_Q2 = 1e-5, 1e-6


def tabulate(
    neutrino: FiveStructureFunctions,
    antineutrino: FiveStructureFunctions,
    setup: Setup,
    n_x: int = N_X,
    n_Q2: int = N_Q2,
) -> StructureFunctionTable:
    """(W1, …, W5)(x, Q²) on n_x × n_Q2 points that reach x_max and Q²_max of the setup."""
    x = np.linspace(np.sqrt(_SMALLEST_X), np.sqrt(setup.x_max), n_x) ** 2
    Q2 = _Q2_SCALE * np.expm1(np.linspace(0.0, np.log1p(setup.Q2_max / _Q2_SCALE), n_Q2))
    x[-1], Q2[0], Q2[-1] = setup.x_max, _SMALLEST_Q2, setup.Q2_max
    points = [v.ravel() for v in np.meshgrid(x, Q2, indexing="ij")]
    shape = (5, n_x, n_Q2)
    return StructureFunctionTable(
        x=x,
        Q2=Q2,
        neutrino=neutrino(*points).reshape(shape),
        antineutrino=antineutrino(*points).reshape(shape),
    )


def interpolated_table(
    table: StructureFunctionTable, *, antineutrino: bool
) -> FiveStructureFunctions:
    """(W1, …, W5)(x, Q²) between the points of a table; outside, those at its edge.

    Linear interpolation, since what it makes of positive cross sections is positive.

    Raises
    ------
    ValueError
        If the table has none of these neutrinos.
    """
    values = table.antineutrino if antineutrino else table.neutrino
    if values is None:
        raise ValueError(f"there is no dataset {'anti' * antineutrino}neutrino in the table")
    flat = values.reshape(5, -1)
    roots, logs = np.sqrt(table.x), np.log(table.Q2 + _Q2_SCALE)

    def structure_functions(x: Array, Q2: Array) -> Array:
        x, Q2 = np.broadcast_arrays(x, Q2)
        i, along_x = _cell(np.sqrt(x), roots)
        j, along_Q2 = _cell(np.log(Q2 + _Q2_SCALE), logs)
        corner = i * logs.size + j
        low = _between(flat[:, corner], flat[:, corner + 1], along_Q2)
        high = _between(flat[:, corner + logs.size], flat[:, corner + logs.size + 1], along_Q2)
        return _between(low, high, along_x)

    return structure_functions


def _cell(values: Array, points: Array) -> tuple[NDArray[np.int64], Array]:
    """Number of the cell of ascending points, and the share of its width that lies below."""
    position = np.interp(values, points, np.arange(points.size, dtype=np.float64))
    cell = np.minimum(position.astype(np.int64), points.size - 2)
    return cell, position - cell


def _between(low: Array, high: Array, share: Array) -> Array:
    return low + (high - low) * share
