"""Whose results a folder holds: a toy run and a full run never share one."""

import json
from collections.abc import Collection
from pathlib import Path

from nd2fd.config.model import Config
from nd2fd.config.reading import ConfigError
from nd2fd.io.atomic import write_atomically

MARKER = "run.json"
"""File in the results folder that says whether they are a toy's."""

WITHOUT_RESULTS = frozenset(
    {"--unlock", "--lint", "--list-rules", "--list-target-rules", "--cleanup-metadata"}
)
"""Options with which Snakemake reads the workflow but neither makes nor plans to make results."""


def _size(toy: bool) -> str:
    return "a toy run" if toy else "a full run"


def refuse_folder_inside_a_file(config: Config) -> None:
    """Refuse a folder of results that cannot be made, as there is a file in its place.

    Raises
    ------
    ConfigError
        Naming the file.
    """
    folder = Path(config.results).absolute()
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    if not existing.is_dir():
        raise ConfigError(f"results = {config.results!r}: {existing} is not a folder")


def refuse_results_of_another_size(config: Config, arguments: Collection[str]) -> None:
    """Refuse to put results of a toy run into a folder of a full one, or the reverse.

    Parameters
    ----------
    config
        The configuration of this run.
    arguments
        Snakemake's command line.

    Raises
    ------
    ConfigError
        Naming folder and remedy.
    """
    marker = Path(config.results, MARKER)
    if not marker.is_file() or not WITHOUT_RESULTS.isdisjoint(arguments):
        return
    try:
        toy = json.loads(marker.read_text(encoding="utf-8"))["toy"]
    except (ValueError, KeyError, TypeError):
        raise ConfigError(
            f"{marker} is damaged; delete it if {config.results} may be overwritten"
        ) from None
    if toy != config.toy:
        raise ConfigError(
            f"the folder {config.results} holds results of {_size(toy)}, and this is "
            f"{_size(config.toy)} (toy: {str(config.toy).lower()}): choose another folder with "
            f"--config results=PATH, or remove {config.results} if its results are not needed"
        )


def mark_results(config: Config) -> None:
    """Write down, for later runs, whether the results in the folder are a toy's."""
    marker = Path(config.results, MARKER)
    if not marker.is_file():
        write_atomically(marker, (json.dumps({"toy": config.toy}) + "\n").encode())
