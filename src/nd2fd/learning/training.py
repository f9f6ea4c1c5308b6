"""Training the structure functions of many members on near-detector densities.

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

On a GPU members are evaluated together, in one batch of matrix products, and nothing inside a step
waits for the host. On a CPU that gains nothing, and they are trained one after the other: there a
member's bytes do not depend on its batch. On a GPU they do as far as round-off is amplified, which
is far: the last layer solves a nearly degenerate system, and L-BFGS then takes another path.

A member ends before the last evaluation where it gains little: on a histogram less than 6.5 units
of χ² (penalties included) in ten evaluations, with flux errors less than 20.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields, replace
from functools import partial

import numpy as np
import scipy.sparse as sp
import torch
from numpy.typing import NDArray
from torch import Tensor

from nd2fd.forward.nodes import NodeGrid
from nd2fd.io.checkpoint import Checkpoint
from nd2fd.learning.compression import TestFunctions
from nd2fd.learning.evaluation import plain_loss, projected_loss
from nd2fd.learning.lbfgs import LBFGS
from nd2fd.learning.network import (
    Architecture,
    network_inputs,
)
from nd2fd.learning.problem import DensityProblem
from nd2fd.learning.start import Start
from nd2fd.learning.steppers import Adam, Stepper, restore, state_of
from nd2fd.learning.training_settings import TrainingSettings

Array = NDArray[np.float64]
Progress = Callable[[int, float], None]
"""Called now and then with (evaluations of all members so far, highest of their lowest values)."""

_LBFGS_HISTORY = 50
_TEST_LOSS_RECORDS = 20
_REPORT_EVERY = 10

_GAIN_OVER = 10
"""Evaluations over which a gain counts. A member may end where the test loss is recorded."""

_DTYPES = {"float32": torch.float32, "float64": torch.float64}


@dataclass(frozen=True)
class TrainingData:
    """What m members learn from.

    event_matrices
        A(Φ) of the assumed flux, shape (n_cells, n_functions n_nodes); one for all members, or one
        each. Three functions of one lepton, or five of all.
    densities
        ND densities per dv1 dv2 of unit integral, shape (m, n_cells).
    weights
        Weights of the cells in the loss, shape (m, n_cells).
    response
        Detector response S, shape (n_cells, n_cells), of smeared data; None: no smearing.
    cell_area
        dv1 dv2 of a cell.
    nodes
        The node grid.
    seeds
        Seeds of the initial weights, one per member.
    common_errors
        Errors that all cells of a density share, as `DensityProblem` takes them; None: none.
    test_functions
        Of the search, as `DensityProblem` takes them; None: it looks at all cells.
    initial
        Weights to begin with, shape (m, n_weights); None: random ones.
    start
        Of all members: weights to begin with, in place of random ones, and as `DensityProblem`
        takes it.
    """

    event_matrices: Sequence[sp.csr_array]
    densities: Array
    weights: Array
    response: sp.csr_array | None
    cell_area: float
    nodes: NodeGrid
    seeds: Sequence[int]
    common_errors: Array | None = None
    test_functions: TestFunctions | None = None
    initial: Array | None = None
    start: Start | None = None

    def of_member(self, member: int) -> "TrainingData":
        """The part of one member."""
        one = slice(member, member + 1)
        # What all members share is not copied.
        matrices = self.event_matrices
        return replace(
            self,
            event_matrices=[matrices[member]] if len(matrices) > 1 else matrices,
            densities=self.densities[one],
            weights=self.weights[one],
            seeds=[self.seeds[member]],
            common_errors=None if self.common_errors is None else self.common_errors[one],
            initial=None if self.initial is None else self.initial[one],
        )


@dataclass(frozen=True)
class TrainedModels:
    """Result of a training of m members.

    structure_functions
        On the nodes, shape (m, n_functions, n_xi, n_tau), scaled so that Σ A(Φ) w = 1.
    weights
        Network parameters of the best evaluation, layer by layer: matrix (out, in), then biases;
        shape (m, n_weights).
    loss
        Training loss at every evaluation, shape (m, n_evaluations); infinite where it overflowed,
        not a number where the last layer had no solution, and after the last evaluation of a
        member.
    test_step, test_loss
        Evaluations at which the test loss was recorded, shape (n_records,), and its values,
        shape (m, n_records); not a number after the last evaluation of a member.
    best_step
        Index into `loss` of the evaluation whose weights were kept, shape (m,): that with the
        lowest sum of loss and penalties.
    """

    structure_functions: Array
    weights: Array
    loss: Array
    test_step: NDArray[np.int64]
    test_loss: Array
    best_step: NDArray[np.int64]


@dataclass
class _Record:
    """What is kept of a training in progress; tensors of m members on the training's device.

    Those of `TrainedModels`; `best_values`, shape (m, n_evaluations), is the lowest value up to
    each evaluation, and `going_on` (m,) says who has not ended.
    """

    loss: Tensor
    test_loss: Tensor
    best_values: Tensor
    going_on: Tensor
    best_value: Tensor
    best_step: Tensor
    best_weights: Tensor


def train(
    data: TrainingData,
    settings: TrainingSettings,
    test_loss: Callable[[Array], float],
    progress: Progress,
    checkpoint: Checkpoint | None = None,
) -> TrainedModels:
    """Learn the structure functions of m members; on a CPU one member after the other.

    Parameters, result and errors are those of `train_together`.
    """
    if settings.device != "cpu":
        return train_together(data, settings, test_loss, progress, checkpoint)
    return joined(
        [
            train_together(
                data.of_member(member),
                settings,
                test_loss,
                partial(_report, progress, member * settings.evaluations),
                None if checkpoint is None else checkpoint.of_member(member),
            )
            for member in range(len(data.seeds))
        ]
    )


def joined(parts: Sequence[TrainedModels]) -> TrainedModels:
    """Results of several trainings with the same settings as one."""
    together = {
        field.name: np.concatenate([getattr(part, field.name) for part in parts])
        for field in fields(TrainedModels)
        if field.name != "test_step"
    }
    return TrainedModels(test_step=parts[0].test_step, **together)


def _report(progress: Progress, before: int, done: int, loss: float) -> None:
    progress(before + done, loss)


def problem_of(data: TrainingData, settings: TrainingSettings) -> DensityProblem:
    """What a training minimises."""
    return DensityProblem(
        data.event_matrices,
        data.densities,
        data.weights,
        data.response,
        data.cell_area,
        data.nodes,
        _DTYPES[settings.precision],
        settings.device,
        data.common_errors,
        data.test_functions,
        data.start,
    )


def train_together(
    data: TrainingData,
    settings: TrainingSettings,
    test_loss: Callable[[Array], float],
    progress: Progress,
    checkpoint: Checkpoint | None = None,
    problem: DensityProblem | None = None,
) -> TrainedModels:
    """Learn the structure functions of m members in one batch.

    Parameters
    ----------
    data, settings
        What to learn, and how.
    test_loss
        Loss against the truth for node values (n_functions n_nodes,), recorded but never used to
        train.
    progress
        Called every few evaluations.
    checkpoint
        Where to save the state now and then, and to go on from if there is one.
    problem
        `problem_of` data and settings, where it is known already.

    Returns
    -------
    TrainedModels
        With each member's best weights; the overall sign, which normalised densities do not see,
        is the one that makes the total positive.

    Raises
    ------
    FloatingPointError
        If a member never had a finite loss.
    """
    nodes, seeds, event_matrices = data.nodes, data.seeds, data.event_matrices
    dtype, device = _DTYPES[settings.precision], settings.device
    if problem is None:
        problem = problem_of(data, settings)
    architecture = Architecture(
        settings.hidden_layers, settings.width, settings.activation, problem.n_functions
    )
    all_inputs = network_inputs(torch.from_numpy(nodes.xi), torch.from_numpy(nodes.tau))
    inputs = all_inputs[torch.from_numpy(problem.reachable_nodes)].to(device, dtype)
    initial = architecture.initial_weights(seeds).to(device, dtype)
    if data.initial is not None:
        initial = torch.tensor(data.initial).to(initial)
    elif data.start is not None:
        of_start = torch.tensor(data.start.weights_of(architecture.layer_sizes))
        initial = of_start.to(initial).repeat(len(seeds), 1)
    stepper: Stepper
    if settings.optimizer == "adam":
        stepper = Adam(initial)
    elif settings.optimizer == "lbfgs":
        stepper = LBFGS.start(initial, _LBFGS_HISTORY)
    else:
        stepper = LBFGS.start(initial[:, : -architecture.n_last_layer], _LBFGS_HISTORY)
    evaluate = (
        partial(projected_loss, ridge=settings.ridge)
        if settings.optimizer == "varpro"
        else plain_loss
    )
    n_members, n_evaluations = len(seeds), settings.evaluations
    record_every = max(1, n_evaluations // _TEST_LOSS_RECORDS)
    test_step = np.unique([*range(0, n_evaluations, record_every), n_evaluations - 1])
    infinite = torch.full((n_members,), torch.inf, dtype=dtype, device=device)
    record = _Record(
        loss=torch.full((n_members, n_evaluations), torch.nan, dtype=dtype, device=device),
        test_loss=torch.full((n_members, test_step.size), torch.nan, dtype=torch.float64),
        best_values=infinite[:, None].repeat(1, n_evaluations),
        going_on=torch.ones(n_members, dtype=torch.bool, device=device),
        best_value=infinite,
        best_step=torch.zeros(n_members, dtype=torch.int64, device=device),
        best_weights=initial,
    )
    start = 0
    if checkpoint is not None and (state := checkpoint.load()) is not None:
        start = state["evaluation"]
        record = _Record(**{name: tensor.to(device) for name, tensor in state["record"].items()})
        record.test_loss = record.test_loss.cpu()
        restore(stepper, state["stepper"])

    for evaluation in range(start, n_evaluations):
        here = evaluate(
            architecture, stepper.point, inputs, problem, smoothness=settings.smoothness
        )
        going_on = record.going_on
        better = going_on & here.reliable & (here.value < record.best_value)
        record.loss[:, evaluation] = torch.where(going_on, here.loss, torch.nan)
        record.best_value = torch.where(better, here.value, record.best_value)
        record.best_values[:, evaluation] = record.best_value
        record.best_step = torch.where(better, evaluation, record.best_step)
        record.best_weights = torch.where(better[:, None], here.weights, record.best_weights)
        done = evaluation + 1
        ended = False
        if evaluation in test_step:
            for member in going_on.nonzero()[:, 0].tolist():
                node_values = np.zeros((problem.n_functions, nodes.n_nodes))
                values = here.outputs[member].mT.cpu().double().numpy()
                node_values[:, problem.reachable_nodes] = values
                column = np.searchsorted(test_step, evaluation)
                record.test_loss[member, column] = test_loss(node_values.ravel())
            if evaluation >= _GAIN_OVER:
                gain = record.best_values[:, evaluation - _GAIN_OVER] - record.best_value
                record.going_on = going_on & ~(gain < settings.least_gain)
                ended = not record.going_on.any().item()
        stepper.update(here.value, here.gradient, here.reliable)
        ended |= done == n_evaluations
        if done % _REPORT_EVERY == 0 or ended:
            progress((n_evaluations if ended else done) * n_members, record.best_value.max().item())
        if checkpoint is not None and (checkpoint.due() or ended):
            checkpoint.save(
                {
                    "evaluation": n_evaluations if ended else done,
                    "record": asdict(record),
                    "stepper": state_of(stepper),
                }
            )
        if ended:
            break

    if not torch.isfinite(record.best_value).all():
        failed = [
            seed for seed, ok in zip(seeds, record.best_value.isfinite(), strict=True) if not ok
        ]
        raise FloatingPointError(f"the loss was never finite for network seeds {failed}")
    with torch.no_grad():
        last = record.best_weights[:, -architecture.n_last_layer :]
        features = architecture.features(record.best_weights, all_inputs.to(device, dtype))
        outputs = architecture.outputs(last, features).mT.cpu().double()
    node_values = outputs.numpy().reshape(n_members, -1)
    matrices = (
        event_matrices if len(event_matrices) == n_members else [event_matrices[0]] * n_members
    )
    totals = np.array([(a @ w).sum() for a, w in zip(matrices, node_values, strict=True)])
    structure_functions = node_values / totals[:, None]
    return TrainedModels(
        structure_functions=structure_functions.reshape(n_members, -1, nodes.n_xi, nodes.n_tau),
        weights=record.best_weights.cpu().double().numpy(),
        loss=record.loss.cpu().double().numpy(),
        test_step=test_step,
        test_loss=record.test_loss.numpy(),
        best_step=record.best_step.cpu().numpy(),
    )
