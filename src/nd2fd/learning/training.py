"""Training the structure functions on the near-detector density.

Three optimisers minimise the loss of `nd2fd.learning.problem`:

adam
    All weights at once with Adam's default hyperparameters (arXiv:2412.16303).
lbfgs
    All weights at once with L-BFGS.
varpro
    Variable projection (Golub & Pereyra, SIAM J. Numer. Anal. 10 (1973) 413): the density is
    linear in W_i' and W_i' linear in the last layer, so the best last layer for given hidden
    layers is the solution of a linear least-squares problem. L-BFGS then moves the hidden layers
    only; by the envelope theorem the gradient is the one at fixed last layer.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, cast

import numpy as np
import scipy.sparse as sp
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from nd2fd.forward.nodes import NodeGrid
from nd2fd.learning.network import (
    N_STRUCTURE_FUNCTIONS,
    Activation,
    network_inputs,
    structure_function_network,
)
from nd2fd.learning.problem import DensityProblem

Array = NDArray[np.float64]
Progress = Callable[[int, float], None]
"""Called with (number of evaluations so far, lowest loss)."""

_LBFGS_HISTORY = 50
_LBFGS_ITERATIONS_PER_CALL = 20
_TEST_LOSS_RECORDS = 100
_RIDGE = 1e-10
_DTYPES = {"float32": torch.float32, "float64": torch.float64}


@dataclass(frozen=True)
class TrainingSettings:
    """How to train; meaning, range and defaults stand in the configuration section `training`."""

    optimizer: Literal["adam", "lbfgs", "varpro"]
    activation: Activation
    precision: Literal["float32", "float64"]
    hidden_layers: int
    width: int
    evaluations: int
    device: str


@dataclass(frozen=True)
class TrainedModel:
    """Result of a training.

    structure_functions
        (W1', W2', W3') on the nodes, shape (3, n_xi, n_tau), scaled so that Σ A(Φ) w = 1.
    weights
        Network parameters of the best evaluation, flat, in the order of `Module.parameters`.
    loss
        Training loss at every evaluation, shape (n_evaluations,).
    test_step, test_loss
        Evaluations at which the test loss was recorded, and its values; shape (n_records,).
    best_step
        Index into `loss` of the evaluation whose weights were kept.
    """

    structure_functions: Array
    weights: Array
    loss: Array
    test_step: NDArray[np.int64]
    test_loss: Array
    best_step: int


class _BudgetSpentError(Exception):
    """Leaves an optimiser in the middle of a line search."""


def train(
    event_matrix: sp.csr_array,
    density: Array,
    cell_area: float,
    nodes: NodeGrid,
    settings: TrainingSettings,
    seed: int,
    test_loss: Callable[[Array], float],
    progress: Progress,
) -> TrainedModel:
    """Learn the structure functions from a near-detector density.

    Parameters
    ----------
    event_matrix
        A(Φ) of the assumed flux, shape (n_cells, 3 n_nodes).
    density
        ND density per dv1 dv2 of unit integral, flat, shape (n_cells,).
    cell_area
        dv1 dv2 of a cell.
    nodes
        The node grid.
    settings, seed
        How to train, and the seed of the initial weights.
    test_loss
        Loss against the truth for node values (3 n_nodes,), recorded but never used to train.
    progress
        Called after every evaluation.

    Returns
    -------
    TrainedModel
        With the weights of the lowest training loss; the overall sign, which normalised densities
        do not see, is the one that makes the total positive.

    Raises
    ------
    FloatingPointError
        If the loss is not finite.
    """
    dtype = _DTYPES[settings.precision]
    network = structure_function_network(
        settings.hidden_layers, settings.width, settings.activation, dtype, seed
    ).to(settings.device)
    problem = DensityProblem(event_matrix, density, cell_area, dtype, settings.device)
    all_inputs = network_inputs(torch.from_numpy(nodes.xi), torch.from_numpy(nodes.tau))
    inputs = all_inputs[torch.from_numpy(problem.reachable_nodes)].to(settings.device, dtype)

    losses: list[float] = []
    records: list[tuple[int, float]] = []
    record_every = max(1, settings.evaluations // _TEST_LOSS_RECORDS)
    best_loss, best_step, best_state = np.inf, 0, network.state_dict()
    objective = _projected if settings.optimizer == "varpro" else _plain

    def evaluate() -> float:
        nonlocal best_loss, best_step, best_state
        if len(losses) == settings.evaluations:
            raise _BudgetSpentError
        optimizer.zero_grad()
        value, loss, outputs = objective(network, inputs, problem)
        value.backward()  # type: ignore[no-untyped-call]
        if not np.isfinite(loss):
            raise FloatingPointError(f"loss is {loss} at evaluation {len(losses)}, seed {seed}")
        if loss < best_loss:
            best_loss, best_step = loss, len(losses)
            best_state = {name: tensor.clone() for name, tensor in network.state_dict().items()}
        if len(losses) % record_every == 0:
            node_values = np.zeros((N_STRUCTURE_FUNCTIONS, nodes.n_nodes))
            node_values[:, problem.reachable_nodes] = outputs.detach().T.cpu().numpy()
            records.append((len(losses), test_loss(node_values.ravel())))
        losses.append(loss)
        progress(len(losses), best_loss)
        return value.item()

    optimizer = _optimizer(settings, network)
    try:
        while True:
            optimizer.step(evaluate)
    except _BudgetSpentError:
        network.load_state_dict(best_state)

    with torch.no_grad():
        outputs = network(all_inputs.to(settings.device, dtype)).T.cpu().double().numpy()
    structure_functions = outputs / (event_matrix @ outputs.ravel()).sum()
    weights = torch.cat([p.detach().flatten() for p in network.parameters()]).cpu().double()
    test_step, test_values = zip(*records, strict=True)
    return TrainedModel(
        structure_functions=structure_functions.reshape(-1, nodes.n_xi, nodes.n_tau),
        weights=weights.numpy(),
        loss=np.array(losses),
        test_step=np.array(test_step),
        test_loss=np.array(test_values),
        best_step=best_step,
    )


def _plain(
    network: nn.Sequential, inputs: Tensor, problem: DensityProblem
) -> tuple[Tensor, float, Tensor]:
    """What to minimise, the loss, and the outputs (n_reachable, 3)."""
    outputs = network(inputs)
    loss = problem.loss(problem.density(outputs))
    return loss, loss.item(), outputs


def _projected(
    network: nn.Sequential, inputs: Tensor, problem: DensityProblem
) -> tuple[Tensor, float, Tensor]:
    """The same with the best last layer, which is put into the network."""
    features = network[:-1](inputs)
    with torch.no_grad():
        bias_feature = torch.ones_like(features[:, :1])
        coefficients = problem.solve_last_layer(torch.cat([features, bias_feature], 1), _RIDGE)
        last = cast("nn.Linear", network[-1])
        last.weight.copy_(coefficients[:, :-1])
        last.bias.copy_(coefficients[:, -1])
    outputs = last(features)
    density = problem.density(outputs)
    return problem.squared_distance(density), problem.loss(density.detach()).item(), outputs


def _optimizer(settings: TrainingSettings, network: nn.Sequential) -> torch.optim.Optimizer:
    if settings.optimizer == "adam":
        return torch.optim.Adam(network.parameters())
    trained = network[:-1] if settings.optimizer == "varpro" else network
    return torch.optim.LBFGS(
        trained.parameters(),
        max_iter=_LBFGS_ITERATIONS_PER_CALL,
        history_size=_LBFGS_HISTORY,
        line_search_fn="strong_wolfe",
        # The stopping rule is the number of evaluations; these would stop at a mere plateau.
        tolerance_grad=0.0,
        tolerance_change=0.0,
    )
