"""Cross sections in bins as a linear map of the structure functions on the nodes."""

import numpy as np
from numpy.typing import NDArray

from nd2fd.forward.nodes import NodeGrid, stencil_weights
from nd2fd.measurements.bins import Bins
from nd2fd.measurements.quadrature import Precision, bin_points
from nd2fd.physics.setup import Setup

Array = NDArray[np.float64]


def cross_section_map(
    bins: Bins,
    edges: Array,
    flux: Array,
    nodes: NodeGrid,
    setup: Setup,
    precision: Precision | None = None,
) -> Array:
    """Flux-averaged d²σ [1e-38 cm² per nucleon and unit of the bins' variables] from node values.

    The flux, a histogram with `edges` [GeV] and heights of any unit, is averaged over within the
    energy range of each bin. Shape (n_bins, 3, n_nodes).
    """
    result = np.zeros((bins.n_bins, 3, nodes.n_nodes))
    points = bin_points(bins, edges, flux, setup, precision or Precision())
    for k, p in enumerate(points):
        first_xi, weights_xi, first_tau, weights_tau = nodes.stencil(p.bjorken_x, p.Q2)
        node = ((first_xi * nodes.n_tau + first_tau)[:, None] + nodes.stencil_offsets).ravel()
        stencil = stencil_weights(weights_xi, weights_tau)
        for i, factor in enumerate(p.factors):
            result[k, i] = np.bincount(node, (stencil * factor[:, None]).ravel(), nodes.n_nodes)
    neutrinos = flux_in_bins(edges, flux, bins)
    return result / (neutrinos * bins.area)[:, None, None]


def total_cross_section_map(energy: Array, nodes: NodeGrid, setup: Setup) -> Array:
    """σ(E_ν) [1e-38 cm² per nucleon] at energies [GeV] from node values, (n_energy, 3 n_nodes)."""
    step = 1e-6 * energy
    edges = np.array([0.0, 2.0 * energy[-1]])
    bins = Bins(
        "momentum_angle",
        np.stack([np.zeros_like(energy), 2.0 * energy], axis=1),
        np.broadcast_to([-1.0, 1.0], (energy.size, 2)).copy(),
        np.stack([energy - step, energy + step], axis=1),
    )
    precision = Precision(energy=1, outer=48, inner=24)
    averages = cross_section_map(bins, edges, np.ones(1), nodes, setup, precision)
    return averages.reshape(energy.size, -1) * bins.area[:, None]


def flux_in_bins(edges: Array, flux: Array, bins: Bins) -> Array:
    """Integral of the flux over the energy range of each bin, shape (n_bins,)."""
    cumulative = np.concatenate([[0.0], np.cumsum(flux * np.diff(edges))])
    at_edges = np.interp(bins.energy, edges, cumulative)
    return np.asarray(np.diff(at_edges)[:, 0])
