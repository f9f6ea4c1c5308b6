"""Bounds of a density in the cells of a lattice, from its values at their corners."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

Array = NDArray[np.float64]

_CURVATURE_MARGIN = 1.0
"""Margin of the bounds in units of the second differences of the values at the corners: a parabola
leaves the range of its values at the corners by 1/8 of them at most, a kink by 1/2."""

_ROUNDING_MARGIN = 1e-9
"""Margin relative to the values, for functions that are constant or linear within a cell."""


class BoundsError(RuntimeError):
    """A density is outside of the bounds of its cell; the message says which, and how far."""


def cell_bounds(values: Array, margin: float = _CURVATURE_MARGIN) -> tuple[Array, Array]:
    """Bounds, at least 0, of max(0, f) in every cell of a lattice with f = `values` at the corners.

    `values` has one more entry along each axis than there are cells, at least 3.
    """
    bend = np.zeros_like(values)
    for axis in range(values.ndim):
        ends = [(int(i == axis),) * 2 for i in range(values.ndim)]
        bend += np.pad(np.abs(np.diff(values, 2, axis)), ends, mode="edge")

    def largest(corners: Array) -> Array:
        window = sliding_window_view(corners, (2,) * corners.ndim)
        return window.max(axis=tuple(range(corners.ndim, 2 * corners.ndim)))

    more = margin * largest(bend) + _ROUNDING_MARGIN * largest(np.abs(values))
    return np.maximum(-largest(-values) - more, 0.0), np.maximum(largest(values) + more, 0.0)


def check_bounds(name: str, values: Array, lower: Array, upper: Array) -> None:
    """Raise BoundsError, with the name of the values, if one of them is out of its bounds."""
    wrong = ~((values >= lower) & (values <= upper))
    if wrong.any():
        i = int(np.argmax(wrong))
        raise BoundsError(
            f"{name} {values[i]:.6g} outside of its bounds [{lower[i]:.6g}, {upper[i]:.6g}] in a "
            "cell of the sampling grid: the sample would be biased; it varies too fast for the grid"
        )
