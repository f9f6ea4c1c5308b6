"""The whole configuration: its sections, and what they must have to do with each other."""

from functools import partial
from math import inf
from typing import Annotated

from pydantic import Field, model_validator

from nd2fd.beam.builtin import BEAMS, flux_table
from nd2fd.beam.builtin_modes import check_modes, flux_modes
from nd2fd.config.ensembles import EnsembleSection, SystematicName
from nd2fd.config.fields import EnsembleName, Section, WithoutNulls, key, usable
from nd2fd.config.sections import (
    CoverageSection,
    FarDetectorSection,
    FiguresSection,
    FitsSection,
    FlowSection,
    FluxSection,
    GridSection,
    NearDetectorSection,
    NodesSection,
    OscillationSection,
    PdfSection,
    RegionsSection,
    SetupSection,
    SmearingSection,
    TrainingSection,
    TruthSection,
)
from nd2fd.cross_sections.truths import TRUTHS
from nd2fd.physics.setup import Setup
from nd2fd.systematics import SYSTEMATICS

FITTED = {
    "sin2_theta23": "oscillation.sin2_theta23",
    "dm2_32": "oscillation.dm2_31 − oscillation.dm2_21",
}
"""Parameters of the fits, and where their true values are configured."""


class Config(Section):
    """The whole configuration."""

    experiment: str = key(
        "Name of the experiment in headings of figures and report", "paper", min_length=1
    )
    results: str = key(
        "Folder of all results, relative to where Snakemake runs or absolute",
        "choice",
        pattern=r"^[^<>{}~]+$",
    )
    toy: bool = key(
        "Whether results are too small to mean anything, for tests; figures and report say so, and "
        "a toy and a full run cannot share a folder",
        "choice",
    )
    seed: int = key("Root seed of all random numbers", "choice", ge=0, lt=2**63)
    setup: SetupSection
    truth: TruthSection
    pdf: PdfSection
    flux: FluxSection
    oscillation: OscillationSection
    grid: GridSection
    nodes: NodesSection
    smearing: SmearingSection
    training: TrainingSection
    flow: FlowSection
    near_detector: NearDetectorSection
    far_detector: FarDetectorSection | None
    fits: FitsSection
    regions: RegionsSection
    systematics: Annotated[
        dict[SystematicName, Annotated[float, Field(gt=0, le=1)]], WithoutNulls
    ] = key(
        "One standard deviation of the nuisance parameter of each systematic that has one; null "
        "takes one out",
        "choice",
    )
    ensembles: dict[EnsembleName, EnsembleSection] = Field(min_length=1)
    coverage: CoverageSection
    figures: FiguresSection

    @model_validator(mode="after")
    def _lepton_can_be_made(self) -> "Config":
        setup = Setup.from_config(self.setup.model_dump(mode="json"))
        if setup.lepton == "electron" and self.far_detector is not None:
            raise ValueError(
                "setup.lepton is electron, but there is a far detector: its electrons come from "
                "the appearance of electron neutrinos, and fits know the disappearance of muon "
                "neutrinos alone; use setup.lepton: muon or far_detector: null"
            )
        return self

    @model_validator(mode="after")
    def _fluxes_are_usable(self) -> "Config":
        wanted = self.setup.lepton, self.setup.helicity == "antineutrino"
        for name, beam in (("near", self.flux.near), ("far", self.flux.far)):
            if beam is None:
                continue
            try:
                usable(partial(flux_table, beam, *wanted))
            except ValueError as error:
                raise ValueError(f"flux.{name}: {error}") from None
            limit = BEAMS[beam].energy_limit if beam in BEAMS else inf
            if self.setup.energy_max > limit:
                raise ValueError(
                    f"flux.{name}: the beam {beam} is given up to {limit} GeV; setup.energy_max = "
                    f"{self.setup.energy_max} must not be above"
                )
        return self

    @model_validator(mode="after")
    def _truth_is_of_the_neutrinos(self) -> "Config":
        model, fitting = self.truth.model, [n for n, t in TRUTHS.items() if t.antineutrinos]
        if self.setup.helicity == "antineutrino" and model not in fitting:
            raise ValueError(
                f"truth.model: antineutrinos have a negative cross section somewhere in {model}; "
                f"use {' or '.join(fitting)}"
            )
        return self

    @model_validator(mode="after")
    def _modes_fit_the_flux(self) -> "Config":
        modes, setup = self.flux.uncertainty, self.setup
        try:
            usable(partial(flux_modes, modes, setup.energy_max))
            check_modes(modes, self.flux.near, setup.lepton, setup.helicity == "antineutrino")
        except ValueError as error:
            raise ValueError(f"flux.uncertainty: {error}") from None
        return self

    @model_validator(mode="after")
    def _flow_sees_energies(self) -> "Config":
        if self.flow.energy_stride > self.grid.n_energy:
            raise ValueError(
                f"flow.energy_stride is {self.flow.energy_stride}; it must be at most the "
                f"{self.grid.n_energy} energies of the grid (grid.n_energy)"
            )
        return self

    @model_validator(mode="after")
    def _what_varies_has_a_size(self) -> "Config":
        for name, ensemble in self.ensembles.items():
            if "flux" in ensemble.vary and self.flux.uncertainty is None:
                raise ValueError(
                    f"ensembles.{name}.vary: flux has no uncertainty, flux.uncertainty is null"
                )
            for systematic in sorted(ensemble.vary - {"flux"} - self.systematics.keys()):
                if SYSTEMATICS[systematic].n_parameters is not None:
                    raise ValueError(
                        f"ensembles.{name}.vary: {systematic} has no size; give one standard "
                        f"deviation in systematics.{systematic}"
                    )
        return self

    @model_validator(mode="after")
    def _references_are_known(self) -> "Config":
        for name, ensemble in self.ensembles.items():
            reference = ensemble.reference
            if reference is None:
                continue
            where = f"ensembles.{name}.reference: "
            if reference not in self.ensembles:
                raise ValueError(
                    f"{where}there is no ensemble {reference}; "
                    f"there are {', '.join(self.ensembles)}"
                )
            if reference == name:
                raise ValueError(f"{where}{name} cannot be compared with itself; use null")
            other = self.ensembles[reference]
            if other.cross_section != "known":
                raise ValueError(f"{where}the cross section of {reference} is not known")
            if other.smeared != ensemble.smeared:
                raise ValueError(
                    f"{where}{reference} has smeared: {str(other.smeared).lower()}, {name} has "
                    f"smeared: {str(ensemble.smeared).lower()}; they must be the same"
                )
        return self

    @model_validator(mode="after")
    def _coverage_is_of_ensembles(self) -> "Config":
        if unknown := sorted(self.coverage.experiments.keys() - self.ensembles.keys()):
            raise ValueError(
                f"coverage.experiments: there is no ensemble {', '.join(unknown)}; "
                f"there are {', '.join(self.ensembles)}"
            )
        return self

    @model_validator(mode="after")
    def _fits_can_find_the_truth(self) -> "Config":
        if self.far_detector is None:
            return self
        ranges = {f"fits.{name}": getattr(self.fits, name) for name in FITTED}
        for ensemble, section in self.ensembles.items():
            own = {f"ensembles.{ensemble}.{name}": getattr(section, name) for name in FITTED}
            ranges |= {where: limits for where, limits in own.items() if limits is not None}
        truth = self.oscillation
        values = {"sin2_theta23": truth.sin2_theta23, "dm2_32": truth.dm2_31 - truth.dm2_21}
        for where, (low, high) in ranges.items():
            parameter = where.rpartition(".")[2]
            if not low < values[parameter] < high:
                raise ValueError(
                    f"{where} = [{low:g}, {high:g}] does not hold the truth, "
                    f"{values[parameter]:.5g} ({FITTED[parameter]}): fits would end at its edge"
                )
        return self
