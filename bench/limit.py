"""What limits the operator's step: its parts, and the least that this machine needs for them.

A step multiplies the network's matrices, three times forward and backward, and reads the event
matrix once in either direction. The limit is the sum of both, at the speed at which this machine
multiplies matrices of these shapes and reads memory: no activations, no loss, no overhead.
"""

import itertools

import numpy as np
import scipy.sparse as sp
import torch
from torch import Tensor

from bench.harness import Comparison, Contestant, Measurement, Target, Task, take_turns
from bench.inputs import NODES, cubic_grid, near_flux
from bench.training import PAPER_SIZES, event_problem, operator_step
from nd2fd.forward.operator import ForwardOperator

_BOUND = 1.5
_BYTES_PER_ENTRY = 8
"""Value in float32, and index of 32 bits."""


def products(n: int) -> Task:
    """The sparse products of a step alone, as the training makes them."""
    problem, nodes = event_problem(n, "cpu")
    outputs = torch.randn(1, len(nodes), 3, requires_grad=True)

    def run() -> None:
        outputs.grad = None
        problem.densities(outputs).sum().backward()  # type: ignore[no-untyped-call]

    return Task(run)


def _reachable(n: int) -> sp.csr_array:
    """Event matrix of the cells and nodes that events can reach."""
    grid = cubic_grid(n)
    matrix = ForwardOperator.build(grid, NODES).event_matrix(near_flux(grid))
    rows, columns = np.flatnonzero(np.diff(matrix.indptr)), np.unique(matrix.indices)
    return sp.csr_array(sp.csr_array(matrix[rows])[:, columns])


def narrow_products(n: int) -> Task:
    """The same with one matrix for all structure functions, 32-bit indices, and vectors."""
    matrix = _reachable(n)
    forward, backward = (_narrow(m) for m in (matrix, sp.csr_array(matrix.T)))
    values, gradient = torch.randn(matrix.shape[1]), torch.randn(matrix.shape[0])

    def run() -> tuple[Tensor, Tensor]:
        return forward @ values, backward @ gradient

    return Task(run)


def _narrow(matrix: sp.csr_array) -> Tensor:
    return torch.sparse_csr_tensor(
        torch.tensor(matrix.indptr.astype(np.int32)),
        torch.tensor(matrix.indices.astype(np.int32)),
        torch.tensor(matrix.data, dtype=torch.float32),
        size=matrix.shape,
    )


def network_arithmetic(n: int) -> Task:
    """The matrix products of the network, forward and twice backward; reports their speed."""
    _, nodes = event_problem(n, "cpu")
    n_nodes = len(nodes)
    layers = [
        (torch.randn(n_nodes, n_in), torch.randn(n_in, n_out), torch.randn(n_nodes, n_out))
        for n_in, n_out in itertools.pairwise(PAPER_SIZES)
    ]
    operations = sum(6.0 * n_nodes * w.numel() for _, w, _ in layers)

    def run() -> list[tuple[Tensor, Tensor, Tensor]]:
        return [(values @ w, gradient @ w.T, gradient.T @ values) for values, w, gradient in layers]

    return Task(run, lambda _: {"million_operations": operations / 1e6})


def memory_traffic(n: int) -> Task:
    """Reading as many bytes as the event matrix has, for either direction."""
    n_bytes = 2 * _BYTES_PER_ENTRY * _reachable(n).nnz
    memory = torch.ones(n_bytes // 4)
    return Task(memory.sum, lambda _: {"million_bytes": n_bytes / 1e6})


def limit(quick: bool) -> Comparison:
    """The operator's step, its parts, and what this machine needs at least."""
    n = 96
    rows = take_turns(
        [
            Contestant("operator", operator_step, {"n": n, "device": "cpu"}),
            Contestant(
                "its network alone", operator_step, {"n": n, "device": "cpu", "network_alone": True}
            ),
            Contestant("its sparse products alone", products, {"n": n}),
            Contestant(
                "the same products, lean",
                narrow_products,
                {"n": n},
                "one matrix for the three structure functions, 32-bit indices, vectors",
            ),
            Contestant(
                "least: arithmetic", network_arithmetic, {"n": n}, "dense products of the network"
            ),
            Contestant(
                "least: memory",
                memory_traffic,
                {"n": n},
                f"{_BYTES_PER_ENTRY} bytes per entry of the event matrix, read twice",
            ),
        ],
        turns=3 if quick else 9,
    )
    return Comparison(
        "limit",
        f"What limits a training step, {n}³ grid",
        "The step of the table above, its parts, and the least that this machine needs: dense "
        "matrix products of the network's shapes, and memory read in one stream. What is left of "
        "the step is activations, loss and overhead.",
        "s",
        rows,
        _targets(rows),
    )


def _targets(rows: list[Measurement]) -> list[Target]:
    if not all(row.values for row in rows):
        return []
    step, network, sparse, lean, arithmetic, memory = (row.median for row in rows)
    least = arithmetic + memory
    gflops = rows[4].summary["million_operations"] / arithmetic / 1e3
    bandwidth = rows[5].summary["million_bytes"] / memory / 1e3
    return [
        Target(
            f"operator step ≤ {_BOUND}× the limit of this machine",
            f"{step / least:.1f}×",
            step <= _BOUND * least,
            f"limit {1e3 * least:.2f} ms: {gflops:.0f} GFLOP/s in the network's products and "
            f"{bandwidth:.0f} GB/s; the network takes {network / arithmetic:.1f}× its arithmetic, "
            f"sparse products {sparse / memory:.1f}× their memory traffic (lean ones "
            f"{lean / memory:.1f}×); with these the step would be at "
            f"{(step - sparse + lean) / least:.1f}×",
        )
    ]
