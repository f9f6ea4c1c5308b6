"""Where the time of a run went, by stage and rule.

Wall time and memory are those of Snakemake's benchmark files. They know the processor time only as
it was at their last look, up to 30 s before a job ended: each job says it exactly in its log.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from nd2fd.io.usage import Usage

STAGES: Mapping[str, tuple[str, ...]] = {
    "near samples": ("near_members", "near_events", "read_near_events", "near_members_of_file"),
    "training": ("train_members",),
    "flow": ("train_flows",),
    "prediction": ("predict_members", "marginals_members", "slice_members"),
    "fits and regions": ("fit_members", "ensemble_intervals"),
    "coverage": ("coverage_block", "coverage"),
    "joint fit": (
        "learn_splines",
        "joint_design",
        "joint_fit",
        "joint_toys",
        "joint_coverage_block",
        "joint_coverage",
    ),
    "measured cross sections": ("measurement", "measurement_fit", "measurement_transfer"),
    "all leptons": ("lepton_fit", "lepton_networks", "lepton_experiments"),
    "figures": ("figures",),
}
"""Rules by stage, in the order of the analysis; all others are `REST`."""

REST = "inputs, truth and tables"
SNAKEMAKE = "Snakemake itself"
START = "of all these, start of jobs"

OWN_FILE = "snakemake.json"
"""What Snakemake itself used in the last run, in the folder of the benchmarks."""

_SHOWN = 0.01
"""Ensembles with less than this share of the time have no row of their own."""


class JobRecord(NamedTuple):
    """What a job used.

    rule, ensemble
        Its rule, `figures` for all figures; the ensemble is empty where the rule has none.
    cpu, start
        CPU seconds, and those of them before its own work; None where its log does not say them.
    wall
        Seconds.
    memory
        Largest resident memory [MiB]; None where the job was too short to look.
    """

    rule: str
    ensemble: str
    cpu: float
    start: float | None
    wall: float
    memory: float | None


class Run(NamedTuple):
    """What Snakemake used besides its jobs: CPU seconds, and seconds from start to end."""

    cpu: float
    wall: float
    jobs: int


def job_records(results: Path) -> list[JobRecord]:
    """All jobs that left a benchmark file, in the order of their paths.

    Raises
    ------
    ValueError
        There are none.
    """
    folder = results / "benchmarks"
    files = sorted(folder.rglob("*.tsv"))
    if not files:
        raise ValueError(f"{folder} has no benchmarks: run the workflow first (make all)")
    return [_job_record(results, path.relative_to(folder)) for path in files]


_MEASURED = ("cpu_time", "max_rss")


def _job_record(results: Path, name: Path) -> JobRecord:
    lines = (results / "benchmarks" / name).read_text(encoding="utf-8").splitlines()
    values = dict(zip(lines[0].split("\t"), lines[1].split("\t"), strict=True))
    measured = {key: None if values[key] == "NA" else float(values[key]) for key in _MEASURED}
    log = results / "logs" / name.with_suffix(".log")
    text = log.read_text(encoding="utf-8", errors="replace") if log.is_file() else ""
    used = Usage.in_log(text)
    rule, *parts = name.with_suffix("").parts
    return JobRecord(
        "figures" if rule.startswith("fig") else rule,
        parts[0] if parts else "",
        used.cpu if used else measured["cpu_time"] or 0.0,
        used.start if used else None,
        float(values["s"]),
        measured["max_rss"],
    )


def own_record(results: Path) -> Run | None:
    """What Snakemake itself used in the last run, if that came to its end."""
    file = results / "benchmarks" / OWN_FILE
    return Run(**json.loads(file.read_text(encoding="utf-8"))) if file.is_file() else None


def stages(jobs: Sequence[JobRecord], run: Run | None) -> dict[str, float]:
    """CPU seconds of each stage, start of its jobs included; `START` is a part of these."""
    stage_of = {rule: stage for stage, rules in STAGES.items() for rule in rules}
    seconds = dict.fromkeys([*STAGES, REST], 0.0)
    for job in jobs:
        seconds[stage_of.get(job.rule, REST)] += job.cpu
    if run is not None:
        seconds[SNAKEMAKE] = run.cpu
    starts = [job.start for job in jobs if job.start is not None]
    if starts:
        seconds[START] = sum(starts)
    return seconds


def total(seconds: Mapping[str, float]) -> float:
    """CPU seconds of all stages."""
    return sum(value for stage, value in seconds.items() if stage != START)


def rows(jobs: Sequence[JobRecord]) -> list[list[str]]:
    """Rule, ensemble, jobs, CPU seconds, those to start, wall seconds, memory; largest first.

    A rule's ensembles with more than a hundredth of all time have rows of their own below it.
    """
    least = _SHOWN * sum(job.cpu for job in jobs)

    def by(part: Sequence[JobRecord], key: str) -> list[tuple[str, list[JobRecord]]]:
        names = dict.fromkeys(getattr(job, key) for job in part)
        groups = [(name, [job for job in part if getattr(job, key) == name]) for name in names]
        return sorted(groups, key=lambda group: -_sum(job.cpu for job in group[1]))

    found = []
    for rule, of_rule in by(jobs, "rule"):
        found.append([rule, "", *_cells(of_rule)])
        ensembles = by(of_rule, "ensemble")
        if len(ensembles) > 1:
            found += [
                ["", name, *_cells(group)]
                for name, group in ensembles
                if _sum(job.cpu for job in group) >= least
            ]
    return found


def _sum(values: Iterable[float | None]) -> float:
    return sum(value or 0.0 for value in values)


def _cells(jobs: Sequence[JobRecord]) -> list[str]:
    starts = [job.start for job in jobs]
    memory = [job.memory for job in jobs if job.memory is not None]
    return [
        str(len(jobs)),
        f"{_sum(job.cpu for job in jobs):.1f}",
        "–" if None in starts else f"{_sum(starts):.1f}",
        f"{_sum(job.wall for job in jobs):.1f}",
        f"{max(memory):.0f}" if memory else "–",
    ]


def stage_table(runs: Mapping[str, Mapping[str, float]]) -> list[list[str]]:
    """Core-minutes of each stage, one column per run, and their totals; header first."""
    names = list(dict.fromkeys(stage for seconds in runs.values() for stage in seconds))
    names.sort(key=lambda stage: stage == START)
    table = [["stage", *runs]]
    for stage in names:
        minutes = (seconds.get(stage) for seconds in runs.values())
        table.append([stage, *("" if m is None else f"{m / 60:.2f}" for m in minutes)])
    table.insert(-1 if START in names else len(table), _totals(runs))
    return table


def _totals(runs: Mapping[str, Mapping[str, float]]) -> list[str]:
    return ["**all**", *(f"**{total(seconds) / 60:.2f}**" for seconds in runs.values())]


def page(
    runs: Mapping[str, Mapping[str, float]], jobs: Sequence[JobRecord], run: Run | None
) -> str:
    """The profile in Markdown: stages of this run and earlier ones, and rules of this one."""
    header = ["rule", "ensemble", "jobs", "CPU s", "to start", "wall s", "MiB"]
    lines = [
        "# Profile of a full run",
        "",
        "Written by `make profile` from benchmark files and logs in the results. Core-minutes of",
        "each stage, user and system; the start of a job is Python and its imports. Figures of",
        "*before*, the first full run, are known with the start of its 205 jobs only.",
        "",
        *_markdown(stage_table(runs)),
        "",
        "## Rules of the last run",
        "",
        *_markdown([header, *rows(jobs)]),
    ]
    if run is not None:
        wall = sum(job.wall for job in jobs)
        lines += [
            "",
            f"Snakemake ran {run.jobs} jobs in {run.wall:.0f} s and used {run.cpu:.0f} s of CPU "
            f"itself; all {len(jobs)} jobs one after another take {wall:.0f} s.",
        ]
    return "\n".join(lines) + "\n"


def _markdown(table: list[list[str]]) -> list[str]:
    lines = [f"| {' | '.join(row)} |" for row in table]
    return [lines[0], f"|{'---|' * len(table[0])}", *lines[1:]]
