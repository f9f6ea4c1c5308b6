"""Quadrature over E_ν with the flux as weight function."""

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import PPoly

from nd2fd.beam.flux import FluxTable

Array = NDArray[np.float64]

_NARROW = 1e-3
"""Panels narrower than this share of their energy: moments about their mean would cancel."""


def weighted_rule(table: FluxTable, edges: Array) -> tuple[Array, Array]:
    """Nodes and weights for ∫ Φ(E) f(E) dE over panels: exact for cubic f, whatever the flux does.

    This is Gauss's rule of two points with the flux as weight function, from its first four
    moments (e.g. Rosenblueth, PNAS 72 (1975) 3812). Steps and peaks of a flux cost no accuracy.

    Parameters
    ----------
    table
        Φ ≥ 0.
    edges
        Of the panels [GeV], ascending along the last axis, shape (…, n_panels + 1).

    Returns
    -------
    energy, weight
        Each of shape (2, …, n_panels). Without flux in a panel the weights are 0.
    """
    inside = np.clip(edges, table.energy[0], table.energy[-1])
    x = table.energy
    # Φ E^k between the points, as a polynomial in the distance from the point below.
    polynomial = np.stack([np.diff(table.flux) / np.diff(x), table.flux[:-1]])
    moments = []
    for _ in range(4):
        moments.append(np.diff(PPoly(polynomial, x).antiderivative()(inside), axis=-1))
        zero = np.zeros((1, x.size - 1))
        polynomial = np.vstack([polynomial, zero]) + np.vstack([zero, polynomial * x[:-1]])
    lit = moments[0] > 0.0
    content = np.where(lit, moments[0], 1.0)
    first, second, third = (moment / content for moment in moments[1:])
    variance = second - first**2
    lower, upper = edges[..., :-1], edges[..., 1:]
    narrow = ~((upper - lower > _NARROW * upper) & lit & (variance > 0.0))
    mean = np.where(narrow, 0.5 * (lower + upper), first)
    deviation = np.sqrt(np.where(narrow, (upper - lower) ** 2 / 12.0, variance))
    central = np.where(narrow, 0.0, third - 3.0 * first * second + 2.0 * first**3)
    half = 0.5 * central / np.where(narrow, 1.0, deviation) ** 3
    root = np.hypot(1.0, half)
    sign = np.array([1.0, -1.0]).reshape(2, *(1,) * edges.ndim)
    energy = np.clip(mean + deviation * (half + sign * root), lower, upper)
    return energy, np.where(lit, moments[0], 0.0) * 0.5 * (1.0 - sign * half / root)
