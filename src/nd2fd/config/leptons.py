"""Analyses of all leptons: samples, fluxes, and what is fitted."""

from collections.abc import Mapping
from typing import Literal

from pydantic import Field, field_validator, model_validator

from nd2fd.beam.builtin_modes import BUILT_IN_MODES, flux_modes
from nd2fd.config.fields import Section, key
from nd2fd.config.sections import FormatSection
from nd2fd.cross_sections.truths import TRUTHS
from nd2fd.leptons.beams import DUNE, read_beams
from nd2fd.leptons.flux_errors import Sharing
from nd2fd.leptons.parameters import NAMES
from nd2fd.leptons.samples import Functions, Horn, Lepton

ParameterName = Literal["sin2_theta23", "dm2_32", "delta_cp", "sin2_theta13"]


class HornSection(Section):
    """Fluxes of all flavours with one horn current."""

    near: str = key(
        f"Near detector: `{DUNE}`, which comes with the package, or a file that has all flavours "
        "(docs/flux.md)",
        "choice",
        default=DUNE,
    )
    far: str | None = key(
        "Far detector, without oscillation: likewise; null: shapes of the near one",
        "choice",
        default=None,
    )
    near_format: FormatSection = Field(default_factory=FormatSection)
    far_format: FormatSection = Field(default_factory=FormatSection)


class LeptonSection(Section):
    """A fit of samples of electrons and muons: `results/leptons/NAME`, and figures.

    Structure functions are learned from the near samples in closed form, W1 … W5, which all leptons
    share; the far samples are fitted together (docs/method/leptons.md). Of the section `setup` it
    takes target, E_max and x_max.
    """

    label: str = key("What figures call it", "choice", min_length=1)
    near: list[Lepton] = key(
        "Leptons of the near samples", "choice", default=["muon", "electron"], min_length=1
    )
    far: list[Lepton] = key(
        "Leptons of the far samples", "choice", default=["muon", "electron"], min_length=1
    )
    horn_currents: list[Horn] = key(
        "Running modes, each with all these samples", "choice", default=["forward"], min_length=1
    )
    structure_functions: Functions = key(
        "Five W1 … W5; the three combinations that muons tell apart; or albright_jarlskog: W1, W2 "
        "and W3, with W4 = 0 and W5 = W2/2",
        "choice",
        default="five",
    )
    antineutrinos: Literal["none", "own", "shared"] = key(
        "Left out; with structure functions of their own; or with those of neutrinos, as if the "
        "target were isoscalar",
        "choice",
        default="none",
    )
    forward: HornSection = Field(default_factory=HornSection)
    reverse: HornSection = Field(default_factory=HornSection)
    flux_modes: str | None = key(
        f"Errors of the fluxes: built-in modes, {', '.join(BUILT_IN_MODES)}, or a file of modes "
        "(docs/flux.md), for all flavours and horn currents; null: fluxes are known",
        "choice",
        default=None,
    )
    flux_modes_of: Sharing = key(
        "Whether a mode moves all fluxes of the beam alike, or neutrinos of either flavour have "
        "modes of their own",
        "choice",
        default="beam",
    )
    near_events: float = key(
        "Events of all near samples together", "choice", default=3e7, gt=0, le=1e10
    )
    far_muons: float = key(
        "Expected far events with a muon, first horn current, at the true parameters; the other "
        "samples have their share with it",
        "choice",
        default=6200.0,
        gt=0,
        le=1e7,
    )
    intervals: int = key(
        "Intervals of the splines, along ξ and along τ", "choice", default=12, ge=4, le=40
    )
    price: float = key(
        "Units of χ² that structure functions as bent as the smooth fit pay to the prior",
        "choice",
        default=6.0,
        gt=0,
        le=1e4,
    )
    near_cells: int = key(
        "Cells of the near samples along v1 and along v2", "choice", default=40, ge=8, le=128
    )
    far_cells: int = key("The same of the far samples", "choice", default=24, ge=8, le=96)
    near_energies: int = key("Cells of E_ν, near detector", "choice", default=200, ge=20, le=600)
    far_energies: int = key("The same of the far detector", "choice", default=100, ge=20, le=600)
    parameters: dict[ParameterName, float | None] = key(
        "Standard deviation of what is known of each parameter beforehand: 0 fixed, null free",
        "choice",
        default={
            "sin2_theta23": None,
            "dm2_32": None,
            "delta_cp": None,
            "sin2_theta13": 0.00057,
        },
    )
    experiments: int = key("Pseudo-experiments", "choice", default=500, ge=1, le=100_000)
    networks: int = key(
        "Networks that learn the same expected contents, trained as section `training` says; 0: "
        "splines alone",
        "choice",
        default=0,
        ge=0,
        le=100,
    )

    @field_validator("near", "far", "horn_currents")
    @classmethod
    def _named_once(cls, names: list[str]) -> list[str]:
        if len(set(names)) < len(names):
            raise ValueError("a sample is named twice")
        return names

    @field_validator("parameters")
    @classmethod
    def _all_named(cls, errors: dict[str, float | None]) -> dict[str, float | None]:
        if any(error is not None and error < 0.0 for error in errors.values()):
            raise ValueError("a standard deviation is negative; 0 is fixed, null is free")
        if errors and all(errors.get(name) == 0.0 for name in NAMES):
            raise ValueError("all parameters are fixed: nothing is fitted")
        return errors

    @model_validator(mode="after")
    def _functions_are_of_all_leptons(self) -> "LeptonSection":
        electrons = [w for w in ("near", "far") if "electron" in getattr(self, w)]
        if electrons and self.structure_functions == "three":
            raise ValueError(
                f"{electrons[0]} has a sample of electrons, which needs the five structure "
                "functions, but structure_functions is three: those combinations are of muons"
            )
        if "reverse" in self.horn_currents and self.antineutrinos == "none":
            raise ValueError(
                "horn_currents has reverse, whose events are mostly of antineutrinos, but "
                "antineutrinos is none; use own or shared"
            )
        return self

    @model_validator(mode="after")
    def _currents_share_a_unit(self) -> "LeptonSection":
        named = [getattr(self, horn) for horn in self.horn_currents]
        for detector in ("near", "far"):
            built_in = {(getattr(of, detector) or of.near) == DUNE for of in named}
            if len(built_in) > 1:
                raise ValueError(
                    f"{detector} fluxes of both horn currents are normalised together and must "
                    f"have one unit, but one is a file and the other {DUNE}; name files for both, "
                    f"or {DUNE}"
                )
        return self

    @property
    def helicities(self) -> tuple[bool, ...]:
        """Neutrinos (False), and antineutrinos (True) unless they are left out."""
        return (False,) if self.antineutrinos == "none" else (False, True)


def refuse_unusable(sections: Mapping[str, LeptonSection], truth: str, energy_max: float) -> None:
    """Refuse fluxes and modes that cannot be read, and truths without the antineutrinos wanted.

    Raises
    ------
    ValueError, FileNotFoundError
        Naming the analysis, and flavour, detector and file, the modes, or the truth.
    """
    for name, section in sections.items():
        fluxes = {horn: getattr(section, horn).model_dump() for horn in section.horn_currents}
        try:
            read_beams(fluxes, section.helicities)
        except (FileNotFoundError, ValueError) as error:
            raise ValueError(f"leptons.{name}: {error}") from None
        try:
            flux_modes(section.flux_modes, energy_max)
        except (FileNotFoundError, ValueError) as error:
            raise ValueError(f"leptons.{name}.flux_modes: {error}") from None
        if section.antineutrinos != "none" and not TRUTHS[truth].antineutrinos:
            fitting = [other for other, of in TRUTHS.items() if of.antineutrinos]
            raise ValueError(
                f"leptons.{name}.antineutrinos is {section.antineutrinos}: they have a negative "
                f"cross section somewhere in truth.model {truth}; use {' or '.join(fitting)}"
            )
