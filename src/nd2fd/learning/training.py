"""Training the structure functions on the near-detector density.

The loss is the squared distance of normalised densities,

    L = ∫ dv1 dv2 (p_model - p_ND)²,    p_model = A(Φ) w / ∫ dv1 dv2 A(Φ) w,

deterministic and full-batch: the same function at every evaluation, so that quasi-Newton works as
well as the Adam of arXiv:2412.16303. The network is evaluated on the nodes only.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import scipy.sparse as sp
import torch
from numpy.typing import NDArray
from torch import Tensor

from nd2fd.forward.nodes import NodeGrid
from nd2fd.learning.network import (
    N_STRUCTURE_FUNCTIONS,
    Activation,
    network_inputs,
    structure_function_network,
)

Array = NDArray[np.float64]
Progress = Callable[[int, float], None]
"""Called with (number of evaluations so far, lowest loss)."""

_LBFGS_HISTORY = 50
_LBFGS_ITERATIONS_PER_CALL = 20
_TEST_LOSS_RECORDS = 100
_DTYPES = {"float32": torch.float32, "float64": torch.float64}


@dataclass(frozen=True)
class TrainingSettings:
    """How to train; meaning, range and defaults stand in the configuration section `training`."""

    optimizer: Literal["adam", "lbfgs"]
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


class _SparseProduct(torch.autograd.Function):
    """A w for a constant sparse A; its derivative is the product with Aᵀ, stored ready-made."""

    @staticmethod
    def forward(ctx: Any, matrix: Tensor, transposed: Tensor, vector: Tensor) -> Tensor:
        ctx.save_for_backward(transposed)
        return matrix @ vector

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[None, None, Tensor]:
        (transposed,) = ctx.saved_tensors
        return None, None, transposed @ gradients[0]


class DensityLoss:
    """The training loss as a function of the network's output on the nodes that matter.

    Parameters
    ----------
    event_matrix
        A(Φ), shape (n_cells, 3 n_nodes).
    density
        ND density per dv1 dv2, flat, shape (n_cells,).
    cell_area
        dv1 dv2 of a cell.
    dtype, device
        Of all tensors.
    """

    def __init__(
        self,
        event_matrix: sp.csr_array,
        density: Array,
        cell_area: float,
        dtype: torch.dtype,
        device: str,
    ) -> None:
        n_nodes = event_matrix.shape[1] // N_STRUCTURE_FUNCTIONS
        self.reachable_nodes = np.unique(event_matrix.indices % n_nodes)
        columns = np.arange(N_STRUCTURE_FUNCTIONS)[:, None] * n_nodes + self.reachable_nodes
        rows = np.flatnonzero(np.diff(event_matrix.indptr))
        compact = event_matrix[rows][:, columns.ravel()]
        self._matrix = _torch_csr(compact, dtype, device)
        self._transposed = _torch_csr(sp.csr_array(compact.T), dtype, device)
        self._density = torch.tensor(density[rows], dtype=dtype, device=device)
        self._cell_area = cell_area
        # Cells no event can reach cost the same whatever the model is.
        unreachable = np.delete(density, rows)
        self._constant = float(unreachable @ unreachable) * cell_area

    def __call__(self, outputs: Tensor) -> Tensor:
        """Loss for network outputs of shape (n_reachable, 3)."""
        events: Tensor = _SparseProduct.apply(  # type: ignore[no-untyped-call]
            self._matrix, self._transposed, outputs.T.reshape(-1)
        )
        difference = events / (events.sum() * self._cell_area) - self._density
        return difference.square().sum() * self._cell_area + self._constant


def _torch_csr(matrix: sp.csr_array, dtype: torch.dtype, device: str) -> Tensor:
    return torch.sparse_csr_tensor(
        torch.from_numpy(matrix.indptr),
        torch.from_numpy(matrix.indices),
        torch.from_numpy(matrix.data).to(dtype),
        size=matrix.shape,
        device=device,
        check_invariants=True,
    )


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
        A(Φ) of the assumed flux (left-multiplied by the smearing matrix where there is one),
        shape (n_cells, 3 n_nodes).
    density
        ND density per dv1 dv2 with unit integral, flat, shape (n_cells,).
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
        If the loss is not finite at the start.
    """
    dtype = _DTYPES[settings.precision]
    network = structure_function_network(
        settings.hidden_layers, settings.width, settings.activation, dtype, seed
    ).to(settings.device)
    loss_function = DensityLoss(event_matrix, density, cell_area, dtype, settings.device)
    all_inputs = network_inputs(torch.from_numpy(nodes.xi), torch.from_numpy(nodes.tau))
    reachable = torch.from_numpy(loss_function.reachable_nodes)
    inputs = all_inputs[reachable].to(settings.device, dtype)

    losses: list[float] = []
    records: list[tuple[int, float]] = []
    record_every = max(1, settings.evaluations // _TEST_LOSS_RECORDS)
    best_loss, best_step, best_state = np.inf, 0, network.state_dict()

    def evaluate() -> float:
        nonlocal best_loss, best_step, best_state
        optimizer.zero_grad()
        outputs = network(inputs)
        loss = loss_function(outputs)
        loss.backward()  # type: ignore[no-untyped-call]
        value = loss.item()
        if value < best_loss:
            best_loss, best_step = value, len(losses)
            best_state = {name: tensor.clone() for name, tensor in network.state_dict().items()}
        if len(losses) % record_every == 0:
            node_values = np.zeros((N_STRUCTURE_FUNCTIONS, nodes.n_nodes))
            node_values[:, loss_function.reachable_nodes] = outputs.detach().T.cpu().numpy()
            records.append((len(losses), test_loss(node_values.ravel())))
        losses.append(value)
        progress(len(losses), best_loss)
        return value

    optimizer = _optimizer(settings, network)
    while len(losses) < settings.evaluations:
        optimizer.step(evaluate)
        if not np.isfinite(best_loss):
            raise FloatingPointError(
                f"training loss is {losses[-1]} at evaluation {len(losses)}; seed {seed}"
            )

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


def _optimizer(settings: TrainingSettings, network: torch.nn.Module) -> torch.optim.Optimizer:
    if settings.optimizer == "adam":
        return torch.optim.Adam(network.parameters())
    return torch.optim.LBFGS(
        network.parameters(),
        max_iter=_LBFGS_ITERATIONS_PER_CALL,
        history_size=_LBFGS_HISTORY,
        line_search_fn="strong_wolfe",
        # The stopping rule is the number of evaluations; these would stop at a mere plateau.
        tolerance_grad=0.0,
        tolerance_change=0.0,
    )
