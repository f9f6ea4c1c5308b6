"""Texts of Snakemake's report, in reStructuredText: its front page, and one of each figure."""

import base64
import platform
import subprocess
import textwrap
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from nd2fd.config.labels import described
from nd2fd.figures.entry import cut_fits
from nd2fd.report.captions import fill
from nd2fd.report.figure_pages import FigureSource, caption, figure_page
from nd2fd.report.images import small_png
from nd2fd.report.numbers import Number
from nd2fd.report.numbers_file import (
    TOY_RUN,
    Summary,
    numbers_from_json,
    summary_from_json,
)
from nd2fd.report.tables import TABLES, columns, with_true_values

_PROGRAMS = (
    "nd2fd",
    "snakemake",
    "numpy",
    "scipy",
    "torch",
    "zuko",
    "HOPPET",
    "neopdf-hep",
    "h5py",
    "matplotlib",
)
"""Those whose versions may change a result."""

_TRUE = {
    "true/sin2_theta23": ("sin²θ23", ""),
    "true/sin2_2theta23": ("sin²2θ23", ""),
    "true/dm2_32": ("Δm²32", "·10⁻³ eV²"),
}
"""Numbers that are true values: symbol and unit."""


def program_versions() -> dict[str, str]:
    """Installed versions by name."""
    return {"Python": platform.python_version()} | {name: version(name) for name in _PROGRAMS}


def commit_of(root: Path) -> str:
    """The commit of a checkout, and whether its files differ from it; "unknown" for other folders.

    Results need not have been made by it: they say what code they were made by themselves.
    """
    command = [
        "git",
        "-C",
        str(root),
        "describe",
        "--always",
        "--abbrev=40",
        "--exclude=*",
        "--dirty",
    ]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError:
        return "unknown"
    # A folder in another project's checkout is not that project.
    if done.returncode != 0 or not (root / ".git").exists():
        return "unknown"
    commit, _, dirty = done.stdout.strip().partition("-")
    return f"{commit}, with changes that are not committed" if dirty else commit


def report_pages(
    text: str,
    images: Sequence[str],
    sources: Mapping[str, Mapping[str, Any]],
    results: Path,
    configuration: str,
    clone: Path,
) -> dict[str, str]:
    """All pages: `front`, and one for each figure by its name.

    Parameters
    ----------
    text
        The numbers file.
    images
        PNG files of all figures.
    sources
        What `FigureSource` takes, by figure.
    results
        Folder of results.
    configuration
        The configuration as YAML.
    clone
        Folder of the workflow.
    """
    numbers, summary = numbers_from_json(text), summary_from_json(text)
    code = (Path(__file__).parents[1], clone / "workflow/rules/figures.smk")
    pages = {
        name: figure_page(name, figure, FigureSource(**sources[name]), results, *code)
        for name, figure in summary.figures.items()
    }
    small = {n: small_png(Path(f)) for n, f in zip(summary.figures, images, strict=True)}
    made = (program_versions(), commit_of(clone), configuration)
    return pages | {"front": front_page(numbers, summary, small, *made)}


def front_page(
    numbers: Mapping[str, Number],
    summary: Summary,
    images: Mapping[str, bytes],
    versions: Mapping[str, str],
    commit: str,
    configuration: str,
) -> str:
    """Ensembles, true values, numbers, all figures with captions, versions, and configuration.

    Parameters
    ----------
    numbers, summary
        All numbers, and what they are of.
    images
        PNG of each figure, to be embedded.
    versions
        Versions of programs by name.
    commit
        Of the code.
    configuration
        The configuration as YAML.
    """
    parts = [_title(f"nd2fd: {summary.experiment}", "=")]
    if summary.toy:
        parts.append(f"**{TOY_RUN}**")
    cut = [fill(cut_fits(name), numbers).strip() for name in summary.ensembles]
    parts += [f"**{text}**" for text in cut if text]
    parts += [
        "From near-detector data to far-detector oscillation parameters, with a neutrino-nucleus "
        "cross section that a network learned from the near detector "
        "(`arXiv:2412.16303 <https://arxiv.org/abs/2412.16303>`_).",
        "Figures at full resolution, all numbers with their sources, and the code that made them "
        "are in the menu on the left; there the circled i of a figure leads to its data, "
        "artifacts, code and configuration. Run times are under *Statistics*.",
        _title("Ensembles", "-"),
        _ensembles(summary),
        _title("Numbers", "-"),
    ]
    true = [
        (symbol, numbers[name], unit) for name, (symbol, unit) in _TRUE.items() if name in numbers
    ]
    if true:
        listed = ", ".join(f"{symbol} = {number}{unit}" for symbol, number, unit in true)
        parts.append(f"The far-detector data were made with the true values {listed}.")
    for title, table in TABLES.items():
        heading, *rows = with_true_values(table, numbers, summary.ensembles)
        # Without a far detector there are fewer numbers.
        rows = [row for row in rows if any(row[1:])]
        if rows and columns(table, numbers, summary.ensembles):
            parts += [
                f"{title}:",
                _table([[_literal(text) for text in row] for row in [heading, *rows]]),
            ]
    parts.append(_title("Figures", "-"))
    group = None
    for name, text in summary.figures.items():
        if text.group != group:
            group = text.group
            parts.append(_title(group, "~"))
        # In short lines: docutils refuses long ones.
        data = textwrap.indent(base64.encodebytes(images[name]).decode(), "   ")
        parts += [
            f".. image:: data:image/png;base64,\n{data}   :alt: {text.title}",
            caption(name, text),
        ]
    parts += [
        _title("Software", "-"),
        f"Commit: {commit}",
        _table([["program", "version"], *(list(item) for item in versions.items())]),
        _title("Configuration", "-"),
        ".. code-block:: yaml\n\n" + textwrap.indent(configuration, "   "),
    ]
    # Snakemake takes its texts for Jinja templates, and may add to them.
    return "{% raw %}\n" + "\n\n".join(parts) + "\n{% endraw %}\n"


def _ensembles(summary: Summary) -> str:
    """What is behind the names of ensembles, by their keys."""
    rows = [
        [
            f"``{name}``",
            described(
                "known" if ensemble.kind == "known" else "learned",
                ensemble.kind,
                ensemble.near_events,
                ensemble.smeared,
                ensemble.vary,
                ensemble.size,
            ),
            str(ensemble.size),
            "" if ensemble.reference is None else f"``{ensemble.reference}``",
        ]
        for name, ensemble in summary.ensembles.items()
    ]
    return _table([["name", "what it is", "members", "compared with"], *rows])


def _title(text: str, line: str) -> str:
    return f"{text}\n{line * len(text)}"


def _literal(text: str) -> str:
    """Markdown's `code` as reStructuredText's."""
    return text.replace("`", "``")


def _table(rows: list[list[str]]) -> str:
    lines = [".. list-table::", "   :header-rows: 1", "   :widths: auto", ""]
    for row in rows:
        lines += [f"   {'* -' if index == 0 else '  -'} {text}" for index, text in enumerate(row)]
    return "\n".join(lines)
