"""Networks with the structure functions of all leptons, trained on all near samples at once.

They learn from the same contents with the same errors and the same price for bending as splines do,
and come to the same minimum; they have no posterior, and fits take splines.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from nd2fd.io.schemas.leptons import LeptonNetworks
from nd2fd.learning.spline_posterior import SplinePosterior
from nd2fd.learning.training import TrainedModels, TrainingData, train
from nd2fd.learning.training_settings import TrainingSettings
from nd2fd.leptons.analysis import LeptonAnalysis
from nd2fd.leptons.far import FarDetector, learned_kernels
from nd2fd.leptons.near import NearDetector
from nd2fd.leptons.profiles import best, expected_data

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


def lepton_networks(
    analysis: LeptonAnalysis,
    seeds: Sequence[int],
    section: Mapping[str, Any],
    progress: Callable[[int, str], None],
) -> LeptonNetworks:
    """Networks of expected near contents, and what the far detector finds with each of them.

    `section` is that of the training, without keys that say nothing of these networks.
    """
    near, posterior, model = analysis.near, analysis.posterior, analysis.near.model
    shares = analysis.near_shares
    variance = near.variance(shares, analysis.n_near)
    settings = TrainingSettings.for_statistics(
        {**section, "smoothness": 0.0}, round(analysis.n_near)
    )
    shown = partial(_shown, progress)
    trained = train_networks(near, posterior, shares, variance, seeds, settings, shown)
    theta, nodes = analysis.parameters.theta, model.nodes
    shape = (model.n_sets, model.n_functions, nodes.n_xi, nodes.n_tau)
    functions = [values.reshape(shape) for values in trained.structure_functions]
    known = analysis.detectors[0]
    found, chi2 = [], []
    for values in functions:
        events = (near.node_map @ model.related(values).ravel())[near.design.cells]
        chi2.append(np.sum((shares - events / events.sum()) ** 2 / variance))
        learned = FarDetector(known.samples, known.spectra, learned_kernels(model, values[None]))
        data = expected_data(replace(analysis, detectors=(known, learned)), 1)
        found.append(best(data, theta).theta)
    return LeptonNetworks(
        **nodes.stored,
        structure_functions=model.related(np.stack(functions)),
        chi2=np.array(chi2),
        best=np.stack(found),
        true_theta=theta,
    )


def _shown(progress: Callable[[int, str], None], done: int, loss: float) -> None:
    progress(done, f"loss {loss:.3g}")
