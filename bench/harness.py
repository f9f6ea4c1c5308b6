"""Runs contestants side by side and measures time and memory.

Each contestant lives in a process of its own. The processes take turns, one run each, so that a
slow minute of the machine hits all of them; only one works at any time. Memory is the peak of the
process less what it had after its imports.
"""

import json
import multiprocessing
import os
import platform
import resource
import statistics
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Console

console = Console(stderr=True)

_PACKAGES = ("numpy", "scipy", "torch")
_THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMBA_NUM_THREADS",
)
_SHORTEST_TURN = 0.3
"""Seconds; shorter runs are repeated within a turn, and their mean counts."""

MIB = 1 << 20


class Task(NamedTuple):
    """What a contestant does in its process.

    run : the timed part
    summary : what to report of the result of `run`, by name; not timed
    """

    run: Callable[[], Any]
    summary: Callable[[Any], dict[str, float]] = lambda _: {}


@dataclass(frozen=True)
class Contestant:
    """A contestant of a comparison.

    name
        Of its row in the table.
    factory
        Function of a module, which prepares the task in the contestant's process.
    arguments
        Of `factory`.
    note
        Remark for the table.
    """

    name: str
    factory: Callable[..., Task]
    arguments: dict[str, Any] = field(default_factory=dict)
    note: str = ""


@dataclass(frozen=True)
class Measurement:
    """Row of a table.

    name, note
        As of the contestant; the note of one that failed says why.
    values
        One per turn, in the unit of the table: seconds, unless the entry converts them.
    memory_mib
        Peak memory above the interpreter's own [MiB], preparation included; None where unknown.
    summary
        What the task reported; medians over the turns.
    """

    name: str
    values: list[float]
    memory_mib: float | None = None
    summary: dict[str, float] = field(default_factory=dict)
    note: str = ""

    @property
    def median(self) -> float:
        """Median of the values; NaN where there are none."""
        return statistics.median(self.values) if self.values else float("nan")


@dataclass(frozen=True)
class Target:
    """A number of the project's list of targets.

    what
        The target in words, with its bound.
    measured
        The number with its unit, in words.
    met
        Whether the target is met; None where it could not be measured.
    remark
        How the number was obtained, or why the target is missed.
    """

    what: str
    measured: str
    met: bool | None
    remark: str = ""


@dataclass(frozen=True)
class Comparison:
    """Result of one entry: a table, and what it says about the targets.

    The ratio of a row is its median over that of the first row.
    """

    name: str
    title: str
    description: str
    unit: str
    rows: list[Measurement]
    targets: list[Target] = field(default_factory=list)

    def write(self, directory: Path, *, threads: int, quick: bool) -> None:
        """Write `name`.json with a description of the machine."""
        directory.mkdir(parents=True, exist_ok=True)
        content = {**asdict(self), "quick": quick, "machine": describe_machine(threads)}
        (directory / f"{self.name}.json").write_text(json.dumps(content, indent=1) + "\n")

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> "Comparison":
        """From what `write` wrote."""
        return cls(
            **{key: content[key] for key in ("name", "title", "description", "unit")},
            rows=[Measurement(**row) for row in content["rows"]],
            targets=[Target(**target) for target in content["targets"]],
        )


def take_turns(
    contestants: Sequence[Contestant], turns: int, *, warm_up: bool = True
) -> list[Measurement]:
    """Measure contestants, interleaved; a contestant that fails gets no values and a note.

    Parameters
    ----------
    contestants
        Who takes part.
    turns
        Turns of each contestant.
    warm_up
        Whether the first, slower run of each contestant is left out; not worth it for long runs.
    """
    workers = [_Worker(contestant) for contestant in contestants]
    try:
        for worker in workers:
            worker.prepare(warm_up=warm_up)
        for _ in range(turns):
            for worker in workers:
                worker.take_turn()
    finally:
        for worker in workers:
            worker.stop()
    return [worker.measurement() for worker in workers]


class _Worker:
    """A contestant's process, seen from outside."""

    def __init__(self, contestant: Contestant) -> None:
        self.contestant = contestant
        self.turns: list[_Turn] = []
        self.failure = ""
        self.calls = 1

    def prepare(self, *, warm_up: bool) -> None:
        # A fresh interpreter rather than a fork: nothing of this process counts as its memory.
        context = multiprocessing.get_context("spawn")
        self.connection, other_end = context.Pipe()
        self.process = context.Process(
            target=_serve,
            args=(other_end, self.contestant.factory, self.contestant.arguments),
            daemon=True,
        )
        self.process.start()
        other_end.close()
        self._receive()
        if warm_up and (turn := self._run()):
            self.calls = max(1, round(_SHORTEST_TURN / turn.seconds))

    def take_turn(self) -> None:
        if turn := self._run():
            console.log(f"{self.contestant.name}: {turn.seconds:.4g} s")
            self.turns.append(turn)

    def stop(self) -> None:
        if hasattr(self, "process"):
            self.process.terminate()
            self.process.join()

    def measurement(self) -> Measurement:
        note = "; ".join(filter(None, [self.contestant.note, self.failure]))
        if not self.turns:
            return Measurement(self.contestant.name, [], note=note)
        return Measurement(
            self.contestant.name,
            [turn.seconds for turn in self.turns],
            max(turn.memory for turn in self.turns) / MIB,
            {
                key: statistics.median(turn.summary[key] for turn in self.turns)
                for key in self.turns[0].summary
            },
            note,
        )

    def _run(self) -> "_Turn | None":
        if self.failure:
            return None
        self.connection.send(self.calls)
        return self._receive()

    def _receive(self) -> "_Turn | None":
        try:
            answer = self.connection.recv()
        except (EOFError, ConnectionError):
            self.process.join()
            self.failure = f"process ended with exit code {self.process.exitcode}"
            return None
        if isinstance(answer, str):
            self.failure = answer.splitlines()[-1]
            console.log(f"{self.contestant.name} failed: {answer}", markup=False)
            return None
        turn: _Turn | None = answer
        return turn


class _Turn(NamedTuple):
    seconds: float
    memory: int
    summary: dict[str, float]


def _serve(connection: Connection, factory: Callable[..., Task], arguments: dict[str, Any]) -> None:
    """A contestant's process: prepare, then run as often as asked until the pipe closes."""
    # Libraries greet at length; what matters goes through the pipe.
    for descriptor in (1, 2):
        os.dup2(os.open(os.devnull, os.O_WRONLY), descriptor)
    imported = _peak_memory()
    try:
        task = factory(**arguments)
        connection.send(None)
        while True:
            calls = connection.recv()
            start = time.perf_counter()
            for _ in range(calls):
                result = task.run()
            seconds = (time.perf_counter() - start) / calls
            connection.send(_Turn(seconds, _peak_memory() - imported, task.summary(result)))
    except EOFError:
        pass
    except Exception:
        # Not every exception can be pickled; its text can.
        connection.send(traceback.format_exc())


def _peak_memory() -> int:
    """Peak resident memory of this process [bytes]."""
    status = Path("/proc/self/status")
    if status.exists():
        # Linux's ru_maxrss starts at the size of the process that started this one.
        (line,) = (line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def set_threads(threads: int) -> None:
    """Threads of all contestants started from now on."""
    os.environ.update(dict.fromkeys(_THREAD_VARIABLES, str(threads)))


def describe_machine(threads: int) -> dict[str, Any]:
    """What a reader needs to know to compare numbers."""
    cpu_info = Path("/proc/cpuinfo")
    models = [
        line.partition(":")[2].strip()
        for line in (cpu_info.read_text().splitlines() if cpu_info.exists() else [])
        if line.startswith("model name")
    ]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "cpu": models[0] if models else platform.processor(),
        "cores": os.cpu_count(),
        "memory_gib": round(memory / 2**30, 1),
        "system": f"{platform.system()} {platform.machine()}",
        "threads": threads,
        "versions": {"python": platform.python_version()} | {p: version(p) for p in _PACKAGES},
    }
