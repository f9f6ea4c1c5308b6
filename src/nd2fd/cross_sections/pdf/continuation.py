"""Parton densities below the lowest scale of their grid."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nd2fd.cross_sections.pdf.grid import PdfGrid


def continued_xf(
    grid: PdfGrid, pids: Sequence[int], x: ArrayLike, q2: ArrayLike
) -> NDArray[np.float64]:
    """Momentum densities at any Q², continued below the grid as MSTW do.

    With r = Q²/Q²min and γ the logarithmic slope of xf at Q²min,

        xf(x, Q²) = xf(x, Q²min) · r^(γ r + 1 - r),
        γ = max(-2.5, [xf(1.01 Q²min) - xf(Q²min)] / (0.01 xf(Q²min))),  1 where |xf| < 1e-5:

    the slope runs from γ at the edge of the grid to 1 at Q² → 0, where xf vanishes like Q². This
    is the continuation of the MSTW 2008 code (arXiv:0901.0002) and the default one of LHAPDF 6
    (arXiv:1412.7420). `functools.partial(continued_xf, grid)` is a density of (pids, x, Q²).

    Parameters
    ----------
    grid : PdfGrid
        Densities within their grid.
    pids : sequence of int
        PDG identifiers.
    x, q2 : array_like
        Momentum fraction and Q² [GeV²], of shapes that broadcast. Where x >= 1, or above the last
        knot of the grid, the result is 0.

    Returns
    -------
    array, shape (len(pids), *broadcast shape)
        x f(x, Q²), dimensionless.

    Raises
    ------
    ValueError
        For an x below the grid, a Q² that is negative or above the grid, or NaN.
    """
    x, q2 = np.broadcast_arrays(np.asarray(x, dtype=float), np.asarray(q2, dtype=float))
    if np.isnan(x).any() or not np.all(q2 >= 0):
        raise ValueError("x must be a number and Q² a number of at least 0 GeV²")
    result = np.zeros((len(pids), *x.shape))
    inside = (x < 1) & (x <= grid.x_max)
    above = inside & (q2 >= grid.q2_min)
    below = inside & (q2 < grid.q2_min)
    result[:, above] = grid.xf(pids, x[above], q2[above])

    edge = grid.xf(pids, x[below], grid.q2_min)
    step = grid.xf(pids, x[below], 1.01 * grid.q2_min) - edge
    tiny = np.abs(edge) < 1e-5
    slope = np.where(tiny, 1.0, np.maximum(-2.5, step / (0.01 * np.where(tiny, 1.0, edge))))
    r = q2[below] / grid.q2_min
    result[:, below] = edge * r ** (slope * r + 1 - r)
    return result
