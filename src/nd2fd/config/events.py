"""Samples of events that are made on request, for others."""

import re
from collections.abc import Collection, Mapping
from typing import Final, Literal, NamedTuple

from pydantic import field_validator

from nd2fd.beam.fluxes import read_flux_of
from nd2fd.config.ensembles import EnsembleSection
from nd2fd.config.fields import Section, key
from nd2fd.config.sections import FormatSection
from nd2fd.physics.setup import Setup

OF_DETECTORS: Final = ("near", "far")
"""Fluxes of the experiment itself."""

_LEARNED = re.compile(r"([a-z][a-z0-9_]*)/(0|[1-9][0-9]*)")
_JOINT = re.compile(r"joint/([a-z][a-z0-9_]*)")


class Source(NamedTuple):
    """Where a cross section comes from: the truth, a member of an ensemble, or a joint fit."""

    kind: Literal["truth", "member", "joint"]
    name: str = ""
    member: int | None = None


def source_of(cross_section: str) -> Source:
    """What `events.NAME.cross_section` means; ValueError if it means nothing."""
    if cross_section == "truth":
        return Source("truth")
    if found := _JOINT.fullmatch(cross_section):
        return Source("joint", found[1])
    if found := _LEARNED.fullmatch(cross_section):
        return Source("member", found[1], int(found[2]))
    raise ValueError(
        "must be truth, an ensemble and the number of its member, as seeds/3, or a joint fit, as "
        "joint/NAME"
    )


class EventSampleSection(Section):
    """Events of one cross section in one flux, made on request.

    Targets are `results/events/NAME.hepmc3`, `.h5` and `.csv`.
    """

    cross_section: str = key(
        "`truth`, the member of an ensemble, as `seeds/3`, or the mean of a joint fit, as "
        "`joint/NAME`",
        "choice",
    )
    flux: str = key(
        "`near`, `far` (with oscillation), a built-in beam, or a file (docs/flux.md)", "choice"
    )
    flux_format: FormatSection = key(
        "How to read a file, as `flux.near_format`", "choice", default=FormatSection()
    )
    number: int = key("Number of events", "choice", ge=1, le=1_000_000_000)

    @field_validator("cross_section")
    @classmethod
    def _means_something(cls, cross_section: str) -> str:
        source_of(cross_section)
        return cross_section


def refuse_impossible(
    samples: Mapping[str, EventSampleSection],
    ensembles: Mapping[str, EnsembleSection],
    joint_fits: Collection[str],
    has_far: bool,
    setup: Setup,
) -> None:
    """Raise ValueError or OSError for samples of cross sections or fluxes that there are not."""
    for name, sample in samples.items():
        where = f"events.{name}"
        try:
            _refuse_unknown(source_of(sample.cross_section), ensembles, joint_fits)
        except ValueError as error:
            raise ValueError(f"{where}.cross_section = {sample.cross_section!r}: {error}") from None
        if sample.flux == "far" and not has_far:
            raise ValueError(f"{where}.flux is far, but there is no far detector")
        if sample.flux not in OF_DETECTORS:
            read_flux_of(f"{where}.flux", sample.flux, sample.flux_format.model_dump(), setup)
        elif sample.flux_format != FormatSection():
            raise ValueError(f"{where}.flux_format: {where}.flux is {sample.flux}, not a file")


def _refuse_unknown(
    source: Source, ensembles: Mapping[str, EnsembleSection], joint_fits: Collection[str]
) -> None:
    if source.kind == "joint" and source.name not in joint_fits:
        raise ValueError(
            f"there is no joint fit {source.name}; there are {', '.join(joint_fits) or 'none'}"
        )
    if source.kind != "member":
        return
    if source.name not in ensembles:
        raise ValueError(f"there is no ensemble {source.name}; there are {', '.join(ensembles)}")
    ensemble = ensembles[source.name]
    if ensemble.cross_section == "known":
        raise ValueError(f"the cross section of {source.name} is the known one; write truth")
    if ensemble.model != "structure_functions":
        raise ValueError(
            f"the model of {source.name} is {ensemble.model}; events are drawn from what networks "
            "or joint fits learned of structure functions"
        )
    if source.member is not None and source.member >= ensemble.size:
        raise ValueError(f"{source.name} has members 0 to {ensemble.size - 1}")
