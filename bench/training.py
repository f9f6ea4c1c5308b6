"""Training: one step on the nodes against one in three dimensions, solvers, and the GPU."""

import itertools
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from torch import Tensor, nn

from bench.direct import DirectProblem
from bench.harness import Comparison, Contestant, Measurement, Target, Task, take_turns
from bench.inputs import NODES, cubic_grid, near_density, near_flux
from nd2fd.forward.operator import ForwardOperator
from nd2fd.learning.network import network_inputs
from nd2fd.learning.problem import DensityProblem
from nd2fd.learning.training import TrainedModels, TrainingData, train
from nd2fd.learning.training_settings import TrainingSettings

_PAPER_LOSS = 3e-6
"""Adam's loss after 10,000 steps is 3e-6 to 4e-6; stands for it where Adam takes fewer steps."""

PAPER_SIZES = (2, 64, 64, 64, 64, 3)
"""Units per layer of the paper's network."""

_SEEDS = range(1, 11)
_DIRECT_BATCH = 1 << 13
"""The fastest on CPUs: the activations of a batch stay near the caches."""


def settings(*files: str) -> TrainingSettings:
    """Section `training` of the default configuration, with that of further files on top."""
    section: dict[str, Any] = {}
    for file in ("config.yaml", *files):
        section |= yaml.safe_load((Path("config") / file).read_text(encoding="utf-8"))["training"]
    return TrainingSettings.for_statistics(section, n_events=0)


def paper_network() -> nn.Sequential:
    """Four hidden layers of 64 with LeakyReLU."""
    torch.manual_seed(1)
    hidden = [
        layer
        for n_in, n_out in itertools.pairwise(PAPER_SIZES[:-1])
        for layer in (nn.Linear(n_in, n_out), nn.LeakyReLU())
    ]
    return nn.Sequential(*hidden, nn.Linear(*PAPER_SIZES[-2:]))


def _step(network: nn.Module, loss: Callable[[], Tensor], device: str) -> Task:
    """Loss and gradient."""

    def run() -> None:
        network.zero_grad()
        loss().backward()  # type: ignore[no-untyped-call]
        if device == "cuda":
            torch.cuda.synchronize()

    return Task(run)


def direct_step(n: int, device: str, batch_size: int | None = None) -> Task:
    """The network at all quadrature points of an n³ grid; float32."""
    grid = cubic_grid(n)
    network = paper_network().to(device)
    # Neither time nor memory depends on the data.
    uniform = np.ones(n * n)
    problem = DirectProblem(
        grid, NODES, near_flux(grid), uniform, torch.float32, device, batch_size
    )
    return _step(network, lambda: problem.loss(network), device)


def event_problem(n: int, device: str) -> tuple[DensityProblem, Tensor]:
    """The learning problem of an n³ grid in float32, and the nodes that events can reach."""
    grid = cubic_grid(n)
    matrix = ForwardOperator.build(grid, NODES).event_matrix(near_flux(grid))
    uniform = np.ones((1, n * n))
    problem = DensityProblem(
        [matrix], uniform, np.ones_like(uniform), None, grid.cell_area, NODES, torch.float32, device
    )
    return problem, torch.from_numpy(problem.reachable_nodes)


def operator_step(n: int, device: str, network_alone: bool = False) -> Task:
    """The network on the nodes, and unless it is alone the event matrix of an n³ grid; float32."""
    network = paper_network().to(device)
    problem, nodes = event_problem(n, device)
    inputs = network_inputs(torch.from_numpy(NODES.xi), torch.from_numpy(NODES.tau))[nodes]
    inputs = inputs.to(device, torch.float32)

    def loss() -> Tensor:
        outputs: Tensor = network(inputs)
        return outputs.sum() if network_alone else problem.loss(problem.densities(outputs[None]))

    return _step(network, loss, device)


def step(quick: bool) -> Comparison:
    """Loss and gradient, operator against direct."""
    n = 96
    rows = take_turns(
        [
            Contestant("operator", operator_step, {"n": n, "device": "cpu"}),
            Contestant(
                "its network alone",
                operator_step,
                {"n": n, "device": "cpu", "network_alone": True},
                "on the nodes that events can reach; the rest is sparse products and loss",
            ),
            Contestant("direct, one pass", direct_step, {"n": n, "device": "cpu"}),
            Contestant(
                "direct, batches",
                direct_step,
                {"n": n, "device": "cpu", "batch_size": _DIRECT_BATCH},
                f"{_DIRECT_BATCH} points at a time, two forward passes",
            ),
        ],
        turns=3 if quick else 9,
    )
    operator, network, one_pass, batches = rows
    targets = []
    if all(row.values for row in rows):
        # Against the direct way at its best in either respect: fast in batches, and its memory
        # without them, since batches trade memory for a second forward pass.
        direct = min(one_pass, batches, key=lambda row: row.median)
        speed = direct.median / operator.median
        targets.append(
            Target(
                f"operator step ≥ 120× faster than direct, {n}³",
                f"{speed:.0f}×",
                speed >= 120,
                f"against `{direct.name}`; {one_pass.median / operator.median:.0f}× "
                f"against one pass; the network alone takes {network.median / operator.median:.0%} "
                "of the operator's step, sparse products and loss the rest",
            )
        )
        assert operator.memory_mib is not None
        assert one_pass.memory_mib is not None
        assert batches.memory_mib is not None
        targets.append(
            Target(
                "its peak memory ≤ 1/5 of the direct step's",
                f"1/{one_pass.memory_mib / operator.memory_mib:.1f}",
                operator.memory_mib <= one_pass.memory_mib / 5,
                "against one pass, preparation of both included; "
                f"1/{batches.memory_mib / operator.memory_mib:.1f} against batches",
            )
        )
    return Comparison(
        "step",
        f"One training step, {n}³ grid",
        "Loss and gradient of the paper's network (4 × 64, LeakyReLU), float32, one point per "
        "cell. `operator`: network on the nodes and event matrix (`learning/problem.py`); "
        "`direct`: network at every physical point (`bench/direct.py`).",
        "s",
        rows,
        targets,
    )


def _train(how: TrainingSettings, n_members: int, seed: int, n: int) -> Callable[[], TrainedModels]:
    """Training of members that differ in their seeds, as the workflow does it."""
    grid = cubic_grid(n)
    matrix = ForwardOperator.build(grid, NODES).event_matrix(near_flux(grid))
    densities = np.tile(near_density(grid), (n_members, 1))
    seeds = range(seed, seed + n_members)
    data = TrainingData(
        [matrix], densities, np.ones_like(densities), None, grid.cell_area, NODES, seeds
    )

    def run() -> TrainedModels:
        return train(data, how, test_loss=lambda _: 0.0, progress=lambda *_: None)

    return run


def training(how: TrainingSettings, n_members: int, seed: int, n: int) -> Task:
    """A whole training; reports the losses reached."""
    run = _train(how, n_members, seed, n)

    def summary(models: TrainedModels) -> dict[str, float]:
        lowest = models.loss.min(axis=1)
        return {"median_loss": float(np.median(lowest)), "highest_loss": float(lowest.max())}

    return Task(run, summary)


def training_to_loss(how: TrainingSettings, seed: int, n: int, target: float) -> Task:
    """A training that stops at the first evaluation with a loss below `target`.

    Training is deterministic: a full run, which is not timed, tells how many evaluations it takes.
    """
    (loss,) = _train(how, 1, seed, n)().loss
    below = np.flatnonzero(loss <= target)
    if below.size == 0:
        raise RuntimeError(f"lowest loss {loss.min():.2g}, above {target:.2g}")
    evaluations = int(below[0]) + 1
    run = _train(replace(how, evaluations=evaluations), 1, seed, n)
    return Task(run, lambda _: {"evaluations": evaluations})


def time_to_loss(quick: bool) -> Comparison:
    """Wall time until the loss that Adam reaches in 10,000 steps."""
    n = 96
    paper, default = settings("paper.yaml"), settings()
    steps = 500 if quick else paper.evaluations
    (adam,) = take_turns(
        [
            Contestant(
                "adam",
                training,
                {
                    "how": replace(paper, evaluations=steps),
                    "n_members": 1,
                    "seed": 1,
                    "n": n,
                },
            )
        ],
        turns=1,
        warm_up=False,
    )
    if not adam.values:
        raise RuntimeError(adam.note)
    if quick:
        scale = paper.evaluations / steps
        note = f"extrapolated from {steps} steps; the loss is a typical one, {_PAPER_LOSS:g}"
        target, extrapolated = _PAPER_LOSS, True
        adam = replace(adam, values=[scale * t for t in adam.values], note=note, summary={})
    else:
        target, extrapolated = adam.summary["median_loss"], False
    others = take_turns(
        [
            Contestant(
                f"{default.optimizer}, seed {seed}",
                training_to_loss,
                {"how": default, "seed": seed, "n": n, "target": target},
            )
            for seed in _SEEDS[: 2 if quick else None]
        ]
        + [
            Contestant(
                "direct step",
                direct_step,
                {"n": n, "device": "cpu", "batch_size": _DIRECT_BATCH},
            )
        ],
        turns=2 if quick else 3,
    )
    *ours, direct = others
    direct = replace(
        direct,
        name="direct, adam",
        values=[paper.evaluations * t for t in direct.values],
        note=f"extrapolated: 10,000 direct steps, {_DIRECT_BATCH} points at a time",
    )
    # A seed without values did not get there; it must count, as infinitely slow.
    typical = float(np.median([row.median if row.values else np.inf for row in ours]))
    targets = []
    for row, bound, remark in (
        (adam, 8, "Adam extrapolated" if extrapolated else ""),
        (direct, 1000, "direct extrapolated from one step"),
    ):
        ratio = row.median / typical
        targets.append(
            Target(
                f"time to Adam's 10,000-step loss ≥ {bound}× less than {row.name}",
                f"{ratio:.1f}×" if ratio < 100 else f"{ratio:.0f}×",
                bool(ratio >= bound) if row.values else None,
                "; ".join(filter(None, [f"median of {len(ours)} seeds", remark])),
            )
        )
    return Comparison(
        "time_to_loss",
        "Time to the loss that Adam reaches in 10,000 steps",
        f"{n}³ grid, true ND density from the embedded PDF set; the loss to reach is {target:.3g}. "
        "`adam`: the paper's setting on the operator; the others: the default setting, several "
        "network seeds, from the call of `train` to the first evaluation below that loss (an "
        "untimed run tells which one it is).",
        "s",
        [adam, *ours, direct],
        targets,
    )


def gpu(quick: bool) -> Comparison:
    """Steps and trainings of many members on one GPU, if there is one."""
    description = "One GPU; networks of the paper; 96³ grid."
    what = "one GPU: 100 members to a paper-quality loss (3.5e-6) in ≤ 60 s"
    if not torch.cuda.is_available():
        rows = [Measurement("GPU", [], note="no GPU at hand")]
        targets = [Target(what, "no GPU at hand", None)]
        return Comparison("gpu", "One GPU", description, "s", rows, targets)
    on_gpu = {"device": "cuda"}
    members = 10 if quick else 100
    paper, default = settings("paper.yaml"), settings()
    steps = take_turns(
        [
            Contestant("operator step", operator_step, {"n": 96, **on_gpu}),
            Contestant("direct step", direct_step, {"n": 96, **on_gpu}),
        ],
        turns=3,
    )
    ours, adam = take_turns(
        [
            Contestant(
                f"{how.optimizer}, {members} members",
                training,
                {
                    "how": replace(how, device="cuda"),
                    "n_members": members,
                    "seed": 1,
                    "n": 96,
                },
            )
            for how in (default, replace(paper, evaluations=500 if quick else paper.evaluations))
        ],
        turns=1,
        warm_up=False,
    )
    met = (
        ours.median <= 60 and ours.summary["highest_loss"] <= 3.5e-6 and members == 100
        if ours.values
        else None
    )
    measured = f"{ours.median:.1f} s" if ours.values else ours.note
    remark = f"{torch.cuda.get_device_name()}; {members} members, {default.evaluations} evaluations"
    targets = [Target(what, measured, met, remark)]
    rows = [*steps, ours, adam]
    return Comparison("gpu", "One GPU", description, "s", rows, targets)
