"""Tables on the terminal, and `docs/performance.md` from the results."""

import json
from pathlib import Path
from typing import Any

from rich.table import Table

from bench.harness import Comparison, Measurement

_HEADER = """\
# Performance

Generated from `results/bench/*.json` by `make bench`; `make bench-quick` is a smaller run for the
terminal only. Contestants of a table take turns, each in a process of its own, with the same number
of threads; *memory* is the peak above the interpreter's own after imports, preparation included;
*ratio* is the median over that of the first row.
"""

_VERDICT = {True: "yes", False: "**no**", None: "not measured"}


def _cells(comparison: Comparison) -> tuple[list[str], list[list[str]]]:
    """Header and rows of a comparison's table."""
    reported = list(dict.fromkeys(key for row in comparison.rows for key in row.summary))
    unit = comparison.unit
    header = ["", f"median ({unit})", "min", "max", "ratio", "memory (MiB)"]
    header += [key.replace("_", " ") for key in reported] + ["note"]
    first = comparison.rows[0]
    return header, [_row(row, first, reported) for row in comparison.rows]


def _row(row: Measurement, first: Measurement, reported: list[str]) -> list[str]:
    numbers = ["", "", "", ""]
    if row.values:
        ratio = f"{row.median / first.median:.3g}" if first.values else ""
        times = [f"{value:.3g}" for value in (row.median, min(row.values), max(row.values))]
        numbers = [*times, ratio]
    memory = "" if row.memory_mib is None else f"{row.memory_mib:.0f}"
    summary = [f"{row.summary[key]:.4g}" if key in row.summary else "" for key in reported]
    return [row.name, *numbers, memory, *summary, row.note]


def terminal_tables(comparison: Comparison) -> list[Table]:
    """The comparison and its targets."""
    header, rows = _cells(comparison)
    table = Table(*header, title=comparison.title)
    for row in rows:
        table.add_row(*row)
    targets = Table("target", "measured", "met", "remark")
    for target in comparison.targets:
        verdict = _VERDICT[target.met].strip("*")
        targets.add_row(target.what, target.measured, verdict, target.remark)
    return [table, targets]


def performance_page(directory: Path, order: list[str]) -> str:
    """The page, in Markdown, from the JSON files of the named entries that are there."""
    files = [directory / f"{name}.json" for name in order]
    contents = [json.loads(file.read_text()) for file in files if file.exists()]
    comparisons = [Comparison.from_json(content) for content in contents]
    targets = [
        [target.what, target.measured, _VERDICT[target.met], target.remark]
        for comparison in comparisons
        for target in comparison.targets
    ]
    lines = [_HEADER, *_machines(contents), "", "## Targets", ""]
    lines += _markdown_table(["target", "measured", "met", "remark"], targets)
    for comparison in comparisons:
        lines += ["", f"## {comparison.title}", "", comparison.description, ""]
        lines += _markdown_table(*_cells(comparison))
    return "\n".join(lines) + "\n"


def _machines(contents: list[dict[str, Any]]) -> list[str]:
    """A sentence for each machine that measured, normally one."""
    sentences = []
    for content in contents:
        machine = content["machine"]
        versions = ", ".join(f"{name} {number}" for name, number in machine["versions"].items())
        sentences.append(
            f"Machine: {machine['cpu']}, {machine['cores']} cores, {machine['memory_gib']} GiB, "
            f"{machine['system']}; {machine['threads']} threads; {versions}."
        )
    return list(dict.fromkeys(sentences))


def _markdown_table(header: list[str], rows: list[list[str]]) -> list[str]:
    return [
        f"| {' | '.join(header)} |",
        f"|{'---|' * len(header)}",
        *(f"| {' | '.join(row)} |" for row in rows),
    ]
