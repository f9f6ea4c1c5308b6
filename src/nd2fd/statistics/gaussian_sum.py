"""Sums of Gaussian kernels at many points, by way of a lattice.

A Gaussian is the product of two narrower ones, summed over a lattice u of spacing h,

    exp(-(x - y)²/2) = √(2/π) h Σ_u exp(-(x - u)²) exp(-(y - u)²),

up to a relative error of 2 exp(-π²/2h²) (Poisson's summation formula). Centres give to the nodes of
the lattice, points take from them: n points and n centres cost n, not n², exponentials. In two
dimensions the lattice is a tensor product.
"""

import math

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Single = NDArray[np.float32]

_SPACING = 0.6
"""h: a relative error of 2e-6, about that of rounding in single precision."""

_REACH = 4.0
"""How far the lattice goes on beyond the centres: some 1e-7 of a kernel is left out."""

_MOST_NODES = 400
"""Nodes in one dimension; where centres are spread more widely all pairs are summed."""

CHUNK_ELEMENTS = 2**20
"""Largest (point, node) or (point, centre) array handled in one piece."""


class GaussianSum:
    """Σ_k w_k exp(-|x - y_k|²/2) as a function of x.

    Parameters
    ----------
    centres
        y, shape (n_centres, n_dim), with n_dim 1 or 2.
    weights
        w, shape (n_centres,); None: all one.
    """

    def __init__(self, centres: Array, weights: Array | None = None) -> None:
        self._centres = centres
        self._weights = np.ones(len(centres)) if weights is None else weights
        sides = zip(centres.min(axis=0), centres.max(axis=0), strict=True)
        axes = [
            (low - _REACH, math.ceil((high - low + 2 * _REACH) / _SPACING)) for low, high in sides
        ]
        self._axes: list[Array] | None = None
        if max(n for _, n in axes) < _MOST_NODES:
            self._axes = [low + _SPACING * np.arange(n + 1) for low, n in axes]
            self._own = [_bells(y, u) for y, u in zip(centres.T, self._axes, strict=True)]
            given = self._own[0] * self._weights.astype(np.float32)[:, np.newaxis]
            unit = (math.sqrt(2 / math.pi) * _SPACING) ** len(axes)
            self._unit = np.float32(unit)
            last = self._own[1] if len(axes) == 2 else np.ones((len(centres), 1), np.float32)
            self._on_lattice = self._unit * (given.T @ last)

    def at(self, points: Array) -> Array:
        """The sum at points (n_points, n_dim): shape (n_points,)."""
        n_columns = len(self._centres) if self._axes is None else max(map(len, self._axes))
        chunk = max(1, CHUNK_ELEMENTS // n_columns)
        parts = [points[first : first + chunk] for first in range(0, len(points), chunk)]
        return np.concatenate([self._at(part) for part in parts])

    def at_centres(self) -> Array:
        """The sum at each centre without its own kernel, shape (n_centres,)."""
        if self._axes is None:
            return self.at(self._centres) - self._weights
        return self._from(self._own) - self._weights * self._kernels(self._own)

    def at_images(self, images: Array) -> Array:
        """The sum at an image of each centre, (n_centres, n_dim), without that centre's kernel."""
        if self._axes is None:
            distance2 = ((images - self._centres) ** 2).sum(axis=1)
            return self.at(images) - self._weights * np.exp(-distance2 / 2)
        at_nodes = [_bells(x, u) for x, u in zip(images.T, self._axes, strict=True)]
        return self._from(at_nodes) - self._weights * self._kernels(at_nodes)

    def _at(self, points: Array) -> Array:
        if self._axes is not None:
            return self._from([_bells(x, u) for x, u in zip(points.T, self._axes, strict=True)])
        # -|x - y|²/2 by parts, which a matrix product makes fast.
        exponent = points @ self._centres.T
        exponent -= (points**2).sum(axis=1, keepdims=True) / 2
        exponent -= (self._centres**2).sum(axis=1) / 2
        return np.asarray(np.exp(exponent, out=exponent) @ self._weights)

    def _from(self, at_nodes: list[Single]) -> Array:
        """The sum at points with these Gaussians at the nodes."""
        taken = at_nodes[0] @ self._on_lattice
        last = at_nodes[1] if len(at_nodes) == 2 else np.ones_like(taken)
        return np.vecdot(taken, last).astype(np.float64)

    def _kernels(self, at_nodes: list[Single]) -> Array:
        """The kernel of each centre at its own point, as it is in the sum."""
        kernel = self._unit.astype(np.float64)
        for point, centre in zip(at_nodes, self._own, strict=True):
            kernel = kernel * np.vecdot(point, centre)
        return np.asarray(kernel)


def _bells(values: Array, nodes: Array) -> Single:
    """exp(-(x - u)²), shape (n_values, n_nodes)."""
    # About their middle, where single precision has most digits.
    centre = nodes.mean()
    distance = (values - centre).astype(np.float32)[:, np.newaxis] - (nodes - centre).astype(
        np.float32
    )
    distance *= -distance
    return np.exp(distance, out=distance)
