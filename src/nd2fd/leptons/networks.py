"""Networks with the structure functions of all leptons, trained on all near samples at once.

They learn from the same contents with the same errors and the same price for bending as splines do,
and come to the same minimum; they have no posterior, and fits take splines.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from nd2fd.learning.spline_posterior import SplinePosterior
from nd2fd.learning.training import TrainedModels, TrainingData, TrainingSettings, train
from nd2fd.leptons.near import NearDetector

Array = NDArray[np.float64]


def train_networks(
    near: NearDetector,
    posterior: SplinePosterior,
    shares: Array,
    variance: Array,
    seeds: Sequence[int],
    settings: TrainingSettings,
    progress: Callable[[int, float], None],
) -> TrainedModels:
    """Networks of several seeds; their functions are those learned, of all sets.

    Parameters
    ----------
    near
        Near detector.
    posterior
        What it learned from these contents: bending has the same price.
    shares, variance
        Of the events in the cells of its design, and their errors squared, shape (n_cells,).
    seeds
        Of the initial weights.
    settings
        But for the price of bending.
    progress
        As `nd2fd.learning.training.train` calls it.
    """
    model, cells = near.model, near.design.cells
    n_cells = near.node_map.shape[0]
    cell_area = 1.0 / near.n_cells
    density, weights = np.zeros((2, 1, n_cells))
    density[0, cells] = shares / cell_area
    weights[0, cells] = cell_area / variance
    learned = sp.kron(
        sp.eye_array(model.n_sets), sp.kron(model.relations, sp.eye_array(model.nodes.n_nodes))
    )
    data = TrainingData(
        event_matrices=[sp.csr_array(near.node_map @ learned)],
        densities=np.repeat(density, len(seeds), axis=0),
        weights=np.repeat(weights, len(seeds), axis=0),
        response=None,
        cell_area=cell_area,
        nodes=model.nodes,
        seeds=seeds,
    )
    # The loss is a χ², and the splines' unit of bending is that of one event.
    price = float(posterior.prior[0, 0] * variance.sum())
    return train(data, replace(settings, smoothness=price), lambda values: 0.0, progress)
