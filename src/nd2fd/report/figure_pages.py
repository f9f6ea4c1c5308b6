"""Pages of single figures in Snakemake's report, in reStructuredText: captions and sources.

Links are relative to the folder of results, where `make report` writes the report.
"""

import textwrap
from collections.abc import Iterable
from dataclasses import dataclass
from os.path import relpath
from pathlib import Path
from typing import Any

import yaml

from nd2fd.report.numbers_file import FigureText


@dataclass(frozen=True)
class FigureSource:
    """Where a figure comes from.

    files : the figure and its data
    artifacts : files that it is drawn from
    settings : slice of the configuration that its rule sees
    module : of `nd2fd.figures`
    """

    files: list[str]
    artifacts: list[str]
    settings: dict[str, Any]
    module: str


def caption(name: str, text: FigureText) -> str:
    """Title and caption of a figure."""
    return f"**Figure {name.removeprefix('fig')}: {text.title}.** {text.caption}\n"


def figure_page(
    name: str, text: FigureText, source: FigureSource, results: Path, package: Path, rules: Path
) -> str:
    """Title and caption, and links to files, artifacts and code, with the slice of configuration.

    Parameters
    ----------
    name, text, source
        Of the figure.
    results
        Folder of results.
    package
        Folder of the package nd2fd.
    rules
        File of the rules of figures.
    """
    module = package / "figures" / f"{source.module}.py"
    settings = yaml.safe_dump(source.settings, sort_keys=False, allow_unicode=True)
    parts = [
        caption(name, text),
        f"**Figure and data:** {_links(source.files, results)}",
        f"**Made from:** {_links(source.artifacts, results) or 'nothing'}",
        f"**Code:** {_link(module.name, module, results)}, "
        f"rule ``{name}`` in {_link(rules.name, rules, results)}",
        "**Configuration** that the rule sees, besides what its artifacts were made with:",
        ".. code-block:: yaml\n\n" + textwrap.indent(settings, "   "),
    ]
    # Snakemake takes its texts for Jinja templates.
    return "{% raw %}\n" + "\n\n".join(parts) + "\n{% endraw %}\n"


def _links(paths: Iterable[str], results: Path) -> str:
    return ", ".join(_link(relpath(path, results), Path(path), results) for path in paths)


def _link(words: str, path: Path, results: Path) -> str:
    return f"`{words} <{Path(relpath(path, results)).as_posix()}>`__"
