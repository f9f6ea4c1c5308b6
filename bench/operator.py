"""The forward operator: time and memory of its construction, and how all grows with the grid."""

import time
from dataclasses import replace

import numpy as np

from bench.harness import Comparison, Contestant, Target, Task, take_turns
from bench.inputs import NODES, cubic_grid, near_flux
from bench.training import operator_step
from nd2fd.forward.operator import ForwardOperator


def build_task(n: int) -> Task:
    """Quadrature points and event matrix of an n³ grid; reports the time of each."""
    grid = cubic_grid(n)
    flux = near_flux(grid)

    def run() -> dict[str, float]:
        start = time.perf_counter()
        operator = ForwardOperator.build(grid, NODES)
        built = time.perf_counter()
        matrix = operator.event_matrix(flux)
        end = time.perf_counter()
        return {
            "build_s": built - start,
            "event_matrix_s": end - built,
            "million_points": operator.energy_index.size / 1e6,
            "million_nonzeros": matrix.nnz / 1e6,
        }

    return Task(run, dict)


def build(quick: bool) -> Comparison:
    """Construction at 256³, the grid of the paper's figures."""
    n = 256
    (row,) = take_turns(
        [Contestant(f"build and event matrix, {n}³", build_task, {"n": n})],
        turns=1 if quick else 3,
        warm_up=False,
    )
    targets = []
    if row.values:
        assert row.memory_mib is not None
        gib = row.memory_mib / 1024
        seconds = f"{row.median:.1f} s"
        targets = [
            Target(f"operator build at {n}³ ≤ 30 s", seconds, row.median <= 30),
            Target(f"operator build at {n}³ ≤ 4 GB", f"{gib:.2f} GiB", gib * 1.074 <= 4),
        ]
    return Comparison(
        "build",
        f"Building the operator, {n}³ grid",
        "`ForwardOperator.build` and `event_matrix`, 64 × 64 nodes, one point per cell.",
        "s",
        [row],
        targets,
    )


def scaling(quick: bool) -> Comparison:
    """Time against the number n of cells per axis."""
    sizes = (64, 96, 128) if quick else (64, 96, 128, 192, 256)
    turns = 1 if quick else 3
    builds = take_turns(
        [Contestant(f"build and event matrix, {n}³", build_task, {"n": n}) for n in sizes],
        turns,
        warm_up=False,
    )
    steps = take_turns(
        [Contestant(f"step, {n}³", operator_step, {"n": n, "device": "cpu"}) for n in sizes],
        turns,
    )
    rows = [
        replace(
            build,
            name=f"{n}³",
            values=step.values,
            summary=build.summary,
            note="; ".join(filter(None, [build.note, step.note])),
        )
        for n, build, step in zip(sizes, builds, steps, strict=True)
    ]
    measured = {
        "build": [row.summary.get("build_s", np.nan) for row in rows],
        "event_matrix": [row.summary.get("event_matrix_s", np.nan) for row in rows],
        "step": [row.median for row in rows],
    }
    targets = []
    for name, seconds in measured.items():
        exponent = float(np.polyfit(np.log(sizes), np.log(seconds), 1)[0])
        targets.append(
            Target(
                f"scaling of {name} with n = {sizes[0]} … {sizes[-1]} measured",
                f"n^{exponent:.2f}",
                bool(np.isfinite(exponent)),
                "exponent of the least-squares power law; the grid has n³ points and n² cells",
            )
        )
    return Comparison(
        "scaling",
        "Growth with the grid",
        "n³ grids, one point per cell, 64 × 64 nodes. Times are those of a training step, memory "
        "is that of the construction.",
        "s",
        rows,
        targets,
    )
