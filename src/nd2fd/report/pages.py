"""Texts of Snakemake's report, in reStructuredText: its front page and the figures' captions."""

import base64
import textwrap
from collections.abc import Mapping

from nd2fd.report.captions import FIGURES, caption
from nd2fd.report.numbers import Number
from nd2fd.report.tables import TABLES, cells


def caption_page(figure: str, numbers: Mapping[str, Number]) -> str:
    """Title and caption of a figure."""
    return f"**{_heading(figure)}.** {caption(figure, numbers)}\n"


def front_page(
    numbers: Mapping[str, Number],
    images: Mapping[str, bytes],
    versions: Mapping[str, str],
    configuration: str,
) -> str:
    """Headline numbers, all figures with captions, software versions, and the configuration.

    Parameters
    ----------
    numbers
        All numbers.
    images
        PNG of each figure, to be embedded.
    versions
        Versions of programs by name.
    configuration
        The configuration as YAML.
    """
    parts = [
        _title("nd2fd", "="),
        "From near-detector data to far-detector oscillation parameters, with a neutrino-nucleus "
        "cross section that a network learned from the near detector "
        "(`arXiv:2412.16303 <https://arxiv.org/abs/2412.16303>`_).",
        "Figures at full resolution, all numbers with their sources, and the code that made them "
        "are in the menu on the left; run times are under *Statistics*.",
        _title("Numbers", "-"),
    ]
    for title, table in TABLES.items():
        parts += [
            f"{title}:",
            _table([[_literal(text) for text in row] for row in cells(table, numbers)]),
        ]
    parts.append(_title("Figures", "-"))
    group = None
    for name, figure in FIGURES.items():
        if figure.group != group:
            group = figure.group
            parts.append(_title(group, "~"))
        # In short lines: docutils refuses long ones.
        data = textwrap.indent(base64.encodebytes(images[name]).decode(), "   ")
        parts += [
            f".. image:: data:image/png;base64,\n{data}   :alt: {figure.title}",
            caption_page(name, numbers),
        ]
    parts += [
        _title("Software", "-"),
        _table([["program", "version"], *(list(item) for item in versions.items())]),
        _title("Configuration", "-"),
        ".. code-block:: yaml\n\n" + textwrap.indent(configuration, "   "),
    ]
    # Snakemake takes its texts for Jinja templates, and may add to them.
    return "{% raw %}\n" + "\n\n".join(parts) + "\n{% endraw %}\n"


def _heading(figure: str) -> str:
    return f"Figure {figure.removeprefix('fig')}: {FIGURES[figure].title}"


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
