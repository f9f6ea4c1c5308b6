"""The file of all numbers: what is quoted, what it was computed from, and what figures say."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import h5py
import numpy as np

from nd2fd import __version__
from nd2fd.io.checksums import sha256_of_file
from nd2fd.io.declarations import ArtifactError
from nd2fd.report.captions import fill
from nd2fd.report.numbers import Number, Numbers

_OF_ARTIFACTS = ("schema", "producer", "config_sha256", "seed")

TOY_RUN = "Toy run, too small to mean anything."
"""Said of all results of one."""


@dataclass(frozen=True)
class Ensemble:
    """What an ensemble is.

    kind : of its cross sections, `known`, `structure_functions` or `flow`
    reference : the ensemble it is compared with, if there is one
    smeared, near_events, vary : as in the configuration
    """

    kind: str
    reference: str | None
    smeared: bool
    near_events: int | None
    vary: list[str]
    size: int


@dataclass(frozen=True)
class FigureText:
    """What is said of a figure; in `caption` numbers may still be names in braces."""

    group: str
    title: str
    caption: str


@dataclass(frozen=True)
class Summary:
    """What was analysed, and what figures show of it.

    experiment : its name
    toy : whether it was a toy run
    ensembles, figures : by name
    """

    experiment: str
    toy: bool
    ensembles: Mapping[str, Ensemble]
    figures: Mapping[str, FigureText]

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> "Summary":
        """From nested mappings, as `dataclasses.asdict` makes them."""
        return cls(
            plain["experiment"],
            plain["toy"],
            {name: Ensemble(**entry) for name, entry in plain["ensembles"].items()},
            {name: FigureText(**entry) for name, entry in plain["figures"].items()},
        )

    def with_numbers(self, numbers: Mapping[str, Number]) -> "Summary":
        """With the numbers in the captions."""
        start = f"{TOY_RUN} " if self.toy else ""
        figures = {
            name: FigureText(text.group, text.title, start + fill(text.caption, numbers))
            for name, text in self.figures.items()
        }
        return Summary(self.experiment, self.toy, self.ensembles, figures)


def record(path: str) -> dict[str, Any]:
    """Checksum of a file, and where an artifact comes from."""
    described: dict[str, Any] = {"sha256": sha256_of_file(path)}
    if path.endswith(".h5"):
        try:
            with h5py.File(path) as file:
                attributes = {key: file.attrs[key] for key in _OF_ARTIFACTS}
        except (OSError, KeyError) as error:
            raise ArtifactError(f"{path}: not an nd2fd artifact, or damaged: {error}") from None
        for key, value in attributes.items():
            described[key] = value.item() if isinstance(value, np.integer) else value
    return described


def as_json(
    numbers: Mapping[str, Number],
    summary: Summary,
    paths: Mapping[str, Sequence[str]],
    records: Mapping[str, Mapping[str, Any]],
    seed: int,
) -> str:
    """The numbers file; a value that is not defined is null, with the reason in `undefined`.

    Parameters
    ----------
    numbers
        All numbers.
    summary
        Its captions get their numbers.
    paths
        Files of each input that `sources` of the numbers name.
    records
        What is to be said of each file: checksum, and provenance where it has one.
    seed
        Root seed of all random numbers.
    """

    def entry(number: Number) -> dict[str, Any]:
        value: dict[str, Any] = {"value": number.value, "unit": number.unit, "format": number.spec}
        if number.undefined is not None:
            value |= {"value": None, "undefined": number.undefined}
        if number.uncertainty is not None:
            value["uncertainty"] = number.uncertainty
        if number.interval is not None:
            value["interval"] = list(number.interval)
        return value | {
            "description": number.description,
            "sources": [
                f"{path}:{dataset}" for name, dataset in number.sources for path in paths[name]
            ],
        }

    content = {
        "package_version": __version__,
        "seed": seed,
        **asdict(summary.with_numbers(numbers)),
        "artifacts": records,
        "numbers": {name: entry(number) for name, number in numbers.items()},
    }
    return json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def numbers_from_json(text: str) -> Numbers:
    """The numbers in a numbers file."""
    return {
        name: Number(
            math.nan if entry["value"] is None else entry["value"],
            entry["unit"],
            entry["format"],
            entry["description"],
            tuple(tuple(source.rsplit(":", 1)) for source in entry["sources"]),
            entry.get("uncertainty"),
            entry.get("undefined"),
            tuple(entry["interval"]) if "interval" in entry else None,
        )
        for name, entry in json.loads(text)["numbers"].items()
    }


def summary_from_json(text: str) -> Summary:
    """What a numbers file says besides; captions have their numbers."""
    return Summary.from_plain(json.loads(text))
