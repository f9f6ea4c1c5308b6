"""A network trained on counts of the near detector, the flux being known."""

import scipy.sparse as sp
from nuclear.case import Array, Case

from nd2fd.forward.nodes import NodeGrid
from nd2fd.learning.start import Start
from nd2fd.learning.training import TrainedModels, TrainingData, TrainingSettings, train
from nd2fd.learning.weights import poisson_weights


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
