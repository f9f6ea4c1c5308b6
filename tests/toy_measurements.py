"""Toy structure functions, and measurements of them in bins."""

from functools import cache

import numpy as np

import toy
from nd2fd.forward.nodes import NodeGrid
from nd2fd.measurements.bins import Bins
from nd2fd.measurements.fit import FitSettings
from nd2fd.measurements.forward import cross_section_map
from nd2fd.measurements.measurement import BinnedMeasurement

SETUP = toy.setup(energy_max=4.0, x_max=2.0)


NODES = NodeGrid.for_setup(SETUP, 24, 24)


EDGES = np.array([0.0, 0.4, 0.8, 1.3, 2.0, 4.0])


FLUX = np.array([1.0, 3.0, 4.0, 2.0, 0.3])


def quadratic(x, Q2):
    """Structure functions that splines on the nodes have exactly; W2 vanishes at Q² = 0."""
    xi, tau = np.sqrt(x / 2.0), np.log1p(Q2 / 0.3) / np.log1p(16.0 / 0.3)
    return np.stack(
        [
            1.0 + 2.0 * tau - xi * tau,
            tau * (0.8 + 0.5 * xi - 0.4 * tau),
            0.2 + 0.7 * xi - 0.4 * xi**2 + 0.1 * tau**2,
        ]
    )


def on_nodes(structure_functions):
    x, Q2 = NODES.x_and_Q2()
    # τ and ξ of the nodes, not of the positive numbers that stand for zero.
    return structure_functions(
        np.where(NODES.xi[:, None] == 0.0, 0.0, x), np.where(NODES.tau == 0.0, 0.0, Q2)
    ).reshape(-1)


TWO_SLICES = Bins(
    "momentum_angle",
    np.array([[0.0, 0.3], [0.3, 1.0], [0.0, 0.2], [0.2, 0.3], [0.3, 0.5], [0.5, 1.0]]),
    np.tile([0.0, 0.5], (6, 1)),
    np.array([[0.4, 0.8]] * 2 + [[0.8, 2.0]] * 4),
)


@cache
def every_bin():
    """Bins with ranges of E_ν, and their map from node values."""
    p = [[0.0, 0.2], [0.2, 0.4], [0.4, 0.6], [0.6, 0.9], [0.9, 1.4]]
    c = [[-1.0, 0.0], [0.0, 0.5], [0.5, 0.8], [0.8, 0.92], [0.92, 1.0]]
    e = [[0.4, 0.8], [0.8, 1.3], [1.3, 4.0]]
    rows = [(a, b, d) for d in e for b in c for a in p]
    bins = Bins("momentum_angle", *(np.array([row[k] for row in rows]) for k in range(3)))
    return bins, cross_section_map(bins, EDGES, FLUX, NODES, SETUP).reshape(bins.n_bins, -1)


def binned(scale=1.0, noise=0.0, relative=0.05, smearing=None, truth=quadratic, **changes):
    """A measurement of a known cross section with ranges of E_ν."""
    bins, true = every_bin()
    values = true @ on_nodes(truth)
    kept = np.flatnonzero(values > 1e-3 * values.max())
    bins, values = bins.take(kept), scale * values[kept]
    if smearing is not None:
        smearing = smearing(bins.n_bins)
        values = smearing @ values
    error = relative * np.abs(values) + 1e-3
    drawn = values + noise * error * np.random.default_rng(4).normal(size=values.size)
    given = {"unit": 1e-38, "per": "nucleon", "absolute": True} | changes
    return BinnedMeasurement(
        bins, drawn, np.diag(error**2), flux_edges=EDGES, flux=FLUX, smearing=smearing, **given
    )


SETTINGS = FitSettings(nodes=24, intervals=10)
