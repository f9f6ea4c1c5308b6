"""Keys of a detector whose events come from a file, and what such a file says in their place."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import field_validator

from nd2fd.config.fields import Section, key


class EventDataSection(Section):
    """Where the events of a detector come from."""

    data: str | None = key(
        "File of events (docs/howto/event-files.md): HDF5, CSV, HepMC3, GENIE gst or NUISANCE flat "
        "tree; null: events are drawn from the truth",
        "choice",
    )
    data_unit: Literal["GeV", "MeV"] | None = key(
        "Of energies and momenta in `data`; null: what the file says, else GeV", "choice"
    )
    beam_direction: tuple[float, float, float] | None = key(
        "Of the beam, in the coordinates of the momenta in `data`; null: each neutrino's where the "
        "file has it, else the third axis",
        "choice",
        strict=False,
    )

    @field_validator("data")
    @classmethod
    def _is_a_file(cls, path: str | None) -> str | None:
        if path is not None and not Path(path).is_file():
            raise ValueError("there is no such file")
        return path

    @field_validator("beam_direction")
    @classmethod
    def _points_somewhere(cls, direction: tuple[float, ...] | None) -> tuple[float, ...] | None:
        if direction is not None and not any(direction):
            raise ValueError("must not be zero; for a beam along the third axis use [0, 0, 1]")
        return direction


def with_events_of_data(raw: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration, with `near_detector.n_events` for all ND events if they are from a file.

    Ensembles and joint fits with `near_events` all have the events of that file, members with
    ND events of their own have bootstraps of them; what trains on the Asimov density (null) still
    does.
    """
    config, near = dict(raw), raw.get("near_detector")
    if not isinstance(near, Mapping) or near.get("data") is None:
        return config
    n_events = near.get("n_events")
    config["ensembles"] = _with_events(raw.get("ensembles"), n_events)
    if isinstance(joint := raw.get("joint"), Mapping):
        config["joint"] = {**joint, "fits": _with_events(joint.get("fits"), n_events)}
    return config


def _with_events(entries: Any, n_events: Any) -> Any:
    if not isinstance(entries, Mapping):
        return entries

    def with_events(entry: Any) -> Any:
        if not isinstance(entry, Mapping) or entry.get("near_events") is None:
            return entry
        vary = entry.get("vary")
        own = isinstance(vary, list) and "near_statistics" in vary
        return {**entry, "near_events": n_events} | ({"near_sample": "bootstrap"} if own else {})

    return {name: with_events(entry) for name, entry in entries.items()}
