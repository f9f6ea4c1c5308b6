"""Joint fits: their sections, and near-detector samples of other beams."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field

from nd2fd.beam.builtin import BEAMS
from nd2fd.beam.builtin_modes import (
    BUILT_IN_MODES,
    flux_modes,
    refuse_modes_of_another_beam,
)
from nd2fd.beam.fluxes import read_flux_of
from nd2fd.config.ensembles import PullName
from nd2fd.config.event_files import EventDataSection
from nd2fd.config.fields import EnsembleName, Section, WithoutNulls, key
from nd2fd.config.sections import FormatSection
from nd2fd.physics.setup import Setup
from nd2fd.systematics import PULLS, SYSTEMATICS


class JointFitSection(Section):
    """One fit of both detectors at once."""

    near_events: int = key(
        "ND events; the sample is that of ensembles which share one",
        "30 M: paper",
        ge=1,
        le=10_000_000_000,
    )
    smeared: bool = key(
        "Whether both detectors measure muons with the resolution of section `smearing`",
        "paper",
        default=False,
    )
    experiments: int | None = key(
        "Pseudo-experiments in which flux, ND and FD events are drawn; null: none",
        "choice",
        default=None,
        ge=1,
        le=1_000_000,
    )
    off_axis: tuple[Annotated[float, Field(gt=0, le=100)], ...] = key(
        "Angles to the beam axis of further ND samples, each with the exposure of that on it; "
        "their fluxes follow from the near one (docs/studies/off-axis.md)",
        "choice",
        unit="mrad",
        default=(),
        strict=False,
    )
    beams: tuple[EnsembleName, ...] = key(
        "Samples of `joint.beams` that it fits, too",
        "choice",
        default=(),
        strict=False,
    )
    toys: int | None = key(
        "Toys at each of thirteen values of sin²θ23, from which thresholds of regions are taken, "
        "after Feldman and Cousins; ten thousand take a second; null: none",
        "choice",
        default=None,
        ge=1,
        le=1_000_000,
    )
    pulls: tuple[PullName, ...] = key(
        "Systematic uncertainties that both detectors share, of "
        + ", ".join(f"`{name}` ({SYSTEMATICS[name].prior})" for name in PULLS),
        "choice",
        default=("flux",),
        strict=False,
        min_length=1,
    )
    compared_with: EnsembleName | None = key(
        "Ensemble, smeared alike, beside whose regions it is shown; null: none",
        "choice",
        default=None,
    )


class BeamSection(EventDataSection):
    """A near-detector sample of another beam, of the same target, lepton and neutrinos."""

    flux: str = key(f"A built-in beam, {', '.join(BEAMS)}, or a file (docs/flux.md)", "choice")
    flux_format: FormatSection = key(
        "How to read a file, as `flux.near_format`", "choice", default=FormatSection()
    )
    uncertainty: str | None = key(
        f"Its modes, independent of those of section `flux`: {', '.join(BUILT_IN_MODES)}, or a "
        "file; null: the flux is taken for exact",
        "choice",
    )
    n_events: int = key(
        "Events; with `data`, selected events of that file", "choice", ge=1, le=10_000_000_000
    )
    data: str | None = key(
        "File of events, as `near_detector.data`; null: drawn from the truth",
        "choice",
        default=None,
    )
    data_unit: Literal["GeV", "MeV"] | None = key(
        "As `near_detector.data_unit`", "choice", default=None
    )
    beam_direction: tuple[float, float, float] | None = key(
        "As `near_detector.beam_direction`", "choice", default=None, strict=False
    )


class JointSection(Section):
    """Joint fits of near and far detector, with splines as structure functions."""

    intervals: int = key("Intervals of the splines, along ξ and along τ", "choice", ge=4, le=64)
    price: float = key(
        "χ² that structure functions as bent as those of a smooth first fit pay to the prior",
        "choice",
        gt=0,
        le=1e6,
    )
    experiments_per_job: int = key("Pseudo-experiments in one job", "choice", ge=1, le=1_000_000)
    beams: Annotated[dict[EnsembleName, BeamSection], WithoutNulls] = key(
        "ND samples of other beams by name; null takes one out (docs/howto/second-beam.md)",
        "choice",
    )
    fits: Annotated[dict[EnsembleName, JointFitSection], WithoutNulls] = key(
        "The fits by name; null takes one out", "choice"
    )


def refuse_impossible_beams(
    beams: Mapping[str, BeamSection],
    fits: Mapping[str, JointFitSection],
    near_data: str | None,
    setup: Setup,
) -> None:
    """Raise ValueError or OSError for beams that cannot be used, and fits that cannot use them."""
    for name, beam in beams.items():
        where = f"joint.beams.{name}"
        table = read_flux_of(f"{where}.flux", beam.flux, beam.flux_format.model_dump(), setup)
        try:
            flux_modes(beam.uncertainty, setup.energy_max)
            neutrinos = setup.lepton, setup.antineutrino
            refuse_modes_of_another_beam(
                beam.uncertainty, beam.flux, table, neutrinos, setup.energy_max
            )
        except (ValueError, OSError) as error:
            raise ValueError(f"{where}.uncertainty: {error}") from None
        if (beam.data is None) != (near_data is None):
            words = {True: "are drawn", False: "are those of a file"}
            raise ValueError(
                f"{where}.data: its events {words[beam.data is None]}, but those of near_detector "
                f"{words[near_data is None]}; give files for both, or for neither"
            )
    for name, fit in fits.items():
        where = f"joint.fits.{name}"
        if unknown := sorted({*fit.beams} - beams.keys()):
            raise ValueError(
                f"{where}.beams: there is no beam {', '.join(unknown)} in joint.beams; there are "
                f"{', '.join(beams) or 'none'}"
            )
        if not fit.beams:
            continue
        for key_, value, wanted in (
            ("off_axis", list(fit.off_axis), []),
            ("pulls", list(fit.pulls), ["flux"]),
            ("experiments", fit.experiments, None),
        ):
            if value != wanted:
                written = "null" if wanted is None else f"[{', '.join(wanted)}]"
                raise ValueError(
                    f"{where}.{key_} is {value}, which knows no other beams; use {written}, or "
                    f"{where}.beams: []"
                )
