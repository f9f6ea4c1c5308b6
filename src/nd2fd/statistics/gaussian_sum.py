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
    """Σ_k w_k exp(-|x - y_k|²/2) as a function of x; several such sums side by side.

    Parameters
    ----------
    centres
        y, shape (n_sums, n_centres, n_dim), with n_dim 1 or 2.
    weights
        w, shape (n_sums, n_centres); None: all one.
    """

    def __init__(self, centres: Array, weights: Array | None = None) -> None:
        self._centres = centres
        self._weights = np.ones(centres.shape[:2]) if weights is None else weights
        low, high = centres.min(axis=1), centres.max(axis=1)
        # All sums have the nodes of the widest one.
        n_nodes = np.ceil((high - low + 2 * _REACH).max(axis=0) / _SPACING)
        self._axes: list[Array] | None = None
        if n_nodes.max() < _MOST_NODES:
            self._axes = [
                first[:, np.newaxis] - _REACH + _SPACING * np.arange(n + 1)
                for first, n in zip(low.T, n_nodes, strict=True)
            ]
            self._own = self._at_nodes(centres)
            given = self._own[0] * self._weights.astype(np.float32)[..., np.newaxis]
            self._unit = np.float32((math.sqrt(2 / math.pi) * _SPACING) ** len(self._axes))
            self._on_lattice = self._unit * (given.swapaxes(1, 2) @ _last(self._own))

    def at(self, points: Array) -> Array:
        """The sums at points (n_sums, n_points, n_dim): shape (n_sums, n_points)."""
        n_columns = (
            self._weights.size if self._axes is None else max(axis.size for axis in self._axes)
        )
        chunk = max(1, CHUNK_ELEMENTS // n_columns)
        parts = [points[:, i : i + chunk] for i in range(0, points.shape[1], chunk)]
        return np.concatenate([self._at(part) for part in parts], axis=1)

    def at_centres(self) -> Array:
        """The sums at each centre without its own kernel, shape (n_sums, n_centres)."""
        if self._axes is None:
            return self.at(self._centres) - self._weights
        return self._from(self._own) - self._weights * self._kernels(self._own)

    def at_images(self, images: Array) -> Array:
        """The sums at an image of each centre, as `centres`, without that centre's kernel."""
        if self._axes is None:
            distance2 = ((images - self._centres) ** 2).sum(axis=2)
            return self.at(images) - self._weights * np.exp(-distance2 / 2)
        at_nodes = self._at_nodes(images)
        return self._from(at_nodes) - self._weights * self._kernels(at_nodes)

    def _at(self, points: Array) -> Array:
        if self._axes is not None:
            return self._from(self._at_nodes(points))
        # -|x - y|²/2 by parts, which a matrix product makes fast.
        exponent = points @ self._centres.swapaxes(1, 2)
        exponent -= (points**2).sum(axis=2)[..., np.newaxis] / 2
        exponent -= (self._centres**2).sum(axis=2)[:, np.newaxis] / 2
        return np.asarray(np.vecdot(np.exp(exponent, out=exponent), self._weights[:, np.newaxis]))

    def _at_nodes(self, points: Array) -> list[Single]:
        assert self._axes is not None
        return [_bells(x, u) for x, u in zip(np.moveaxis(points, 2, 0), self._axes, strict=True)]

    def _from(self, at_nodes: list[Single]) -> Array:
        """The sums at points with these Gaussians at the nodes."""
        return np.vecdot(at_nodes[0] @ self._on_lattice, _last(at_nodes)).astype(np.float64)

    def _kernels(self, at_nodes: list[Single]) -> Array:
        """The kernel of each centre at its own point, as it is in the sum."""
        kernel = self._unit.astype(np.float64)
        for point, centre in zip(at_nodes, self._own, strict=True):
            kernel = kernel * np.vecdot(point, centre)
        return np.asarray(kernel)


def _last(at_nodes: list[Single]) -> Single:
    """Of the second dimension; without one, a single node that holds all."""
    if len(at_nodes) == 2:
        return at_nodes[1]
    return np.ones((*at_nodes[0].shape[:2], 1), np.float32)


def _bells(values: Array, nodes: Array) -> Single:
    """exp(-(x - u)²), (n_sums, n_values, n_nodes), of (n_sums, n_values) and (n_sums, n_nodes)."""
    # About their middle, where single precision has most digits.
    centre = nodes.mean(axis=1, keepdims=True)
    distance = (values - centre).astype(np.float32)[..., np.newaxis] - (nodes - centre).astype(
        np.float32
    )[:, np.newaxis]
    distance *= -distance
    return np.exp(distance, out=distance)
