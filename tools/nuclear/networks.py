"""Networks trained on counts of the near detector, the flux being known."""

from functools import partial

import numpy as np
import scipy.sparse as sp
from nuclear.case import N_NEAR, Array, Case

from nd2fd.forward.nodes import NodeGrid
from nd2fd.forward.operator import ForwardOperator
from nd2fd.learning.start import Start
from nd2fd.learning.training import TrainedModels, TrainingData, train
from nd2fd.learning.training_settings import TrainingSettings
from nd2fd.learning.weights import poisson_weights
from nd2fd.physics.density import total_variation

SEEDS = 3
BANDS = ((0.3, 0.5), (0.5, 1.0), (1.0, 2.0), (2.0, 5.0), (5.0, 9.0))
"""Of E_ν [GeV]."""


def train_on(
    case: Case,
    nodes: NodeGrid,
    matrix: sp.csr_array,
    counts: Array,
    settings: TrainingSettings,
    start: Start | None = None,
    seed: int = 0,
) -> TrainedModels:
    """One network on counts (n_v1, n_v2), with A(Φ) of the near detector."""
    expected = density = counts / (counts.sum() * case.grid.cell_area)
    if start is not None:
        expected = start.events(matrix, None).reshape(counts.shape) / case.grid.cell_area
    data = TrainingData(
        [matrix],
        density.reshape(1, -1),
        poisson_weights(expected[None]).reshape(1, -1),
        None,
        case.grid.cell_area,
        nodes,
        [seed],
        start=start,
    )
    return train(data, settings, lambda _: 0.0, lambda *_: None)


def networks(case: Case) -> None:
    """Several seeds on expected events: total variation, σ(E_ν), shift of the fit."""
    truth = case.impulse()
    events, sigma = case.events(truth)
    k, n_far = len(case.near_fluxes), case.raw["far_detector"]["n_events"]
    slopes = case.slopes(truth)
    near = np.maximum(events[0], 0.0)
    counts = (N_NEAR * near / near.sum()).reshape(case.grid.n_v1, case.grid.n_v2)
    nodes = case.nodes(64, case.raw["nodes"]["Q2_scale"])
    (matrix,) = ForwardOperator.build(case.grid, nodes).event_matrices(case.near_fluxes[:1])
    settings = TrainingSettings.for_statistics(case.raw["training"], N_NEAR)
    energy = case.grid.energy
    bands = [(energy > low) & (energy < high) for low, high in BANDS]
    for seed in range(SEEDS):
        values = train_on(case, nodes, matrix, counts, settings, seed=seed).structure_functions[0]
        found, sigma_found = case.events(partial(nodes.interpolate, values))
        ratio = sigma_found / np.where(sigma > 0.0, sigma, 1.0)
        ratio /= np.average(ratio, weights=sigma * case.near_fluxes[0])
        shift = case.fit(events[k], found[k], slopes, n_far)
        print(
            f"seed {seed}: TV ND {total_variation(found[0], events[0]):.1e} "
            f"FD {total_variation(found[k], events[k]):.1e}; "
            f"shift {shift[0]:+.2f} {shift[1]:+.2f}; σ off by "
            + ", ".join(
                f"{100 * np.abs(ratio[band] - 1.0).mean():.1f} % at {low} to {high} GeV"
                for (low, high), band in zip(BANDS, bands, strict=True)
                if band.any()
            ),
            flush=True,
        )
