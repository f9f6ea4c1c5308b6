"""The whole configuration: its sections, and what they must have to do with each other."""

from functools import cached_property
from typing import Annotated

from pydantic import Field, model_validator

from nd2fd.beam.builtin import BEAMS
from nd2fd.beam.builtin_modes import flux_modes, refuse_modes_of_another_beam
from nd2fd.beam.checks import (
    looks_oscillated,
    refuse_negative_draws,
    refuse_unresolved,
    refuse_vain_modes,
)
from nd2fd.beam.flux import FluxTable
from nd2fd.beam.fluxes import read_fluxes, remarks
from nd2fd.beam.modes import remove_normalisation
from nd2fd.config.ensembles import EnsembleSection, SystematicName
from nd2fd.config.events import EventSampleSection, refuse_impossible
from nd2fd.config.fields import EnsembleName, Section, WithoutNulls, key, usable
from nd2fd.config.joint import JointSection, refuse_impossible_beams
from nd2fd.config.leptons import LeptonSection, refuse_unusable
from nd2fd.config.measurements import MeasurementSection
from nd2fd.config.needs_of_truth import needs_of_truth
from nd2fd.config.sections import (
    CoverageSection,
    FarDetectorSection,
    FiguresSection,
    FitsSection,
    FluxSection,
    GridSection,
    NearDetectorSection,
    NodesSection,
    OscillationSection,
    PdfSection,
    RegionsSection,
    SetupSection,
    SmearingSection,
    TruthSection,
)
from nd2fd.config.training import FlowSection, TrainingSection
from nd2fd.cross_sections.truths import TRUTHS
from nd2fd.physics.baseline import Experiment
from nd2fd.physics.setup import Setup
from nd2fd.streams import nuisance_draw
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
    joint: JointSection
    events: Annotated[dict[EnsembleName, EventSampleSection], WithoutNulls]
    measurements: Annotated[dict[EnsembleName, MeasurementSection], WithoutNulls]
    leptons: Annotated[dict[EnsembleName, LeptonSection], WithoutNulls]
    figures: FiguresSection

    @property
    def _setup(self) -> Setup:
        return Setup.from_config(self.setup.model_dump(mode="json"))

    @cached_property
    def fluxes(self) -> tuple[FluxTable, FluxTable | None]:
        """Near flux, and far one if there is a far detector."""
        flux = self.flux.model_dump(mode="json")
        return read_fluxes(flux, self._setup, self.far_detector is not None)

    @property
    def warnings(self) -> list[str]:
        """What is allowed, but may not be meant."""
        (near, far), setup = self.fluxes, self._setup
        lines = remarks(self.flux.model_dump(mode="json"), near, far, setup)[1]
        if far is not None and far is not near:
            oscillation = self.oscillation.model_dump(mode="json")
            experiment = Experiment.from_config(oscillation, antineutrino=setup.antineutrino)
            if looks_oscillated(near, far, experiment.true_survival, setup.energy_max):
                lines.append(
                    f"flux.far: {self.flux.far} looks like the near flux after oscillation; it "
                    "must be without, or neutrinos oscillate twice"
                )
        return lines

    @model_validator(mode="after")
    def _lepton_can_be_made(self) -> "Config":
        if self._setup.lepton == "electron" and self.far_detector is not None:
            raise ValueError(
                "setup.lepton is electron, but there is a far detector: its electrons come from "
                "the appearance of electron neutrinos, and fits know the disappearance of muon "
                "neutrinos alone; use setup.lepton: muon or far_detector: null"
            )
        return self

    @model_validator(mode="after")
    def _splines_are_resolved_by_nodes(self) -> "Config":
        splines = any(ensemble.model == "splines" for ensemble in self.ensembles.values())
        for axis in ("n_xi", "n_tau") if self.joint.fits or splines else ():
            most = getattr(self.nodes, axis) - 3
            if self.joint.intervals > most:
                raise ValueError(
                    f"joint.intervals is {self.joint.intervals}, but the splines are evaluated on "
                    f"nodes.{axis} = {most + 3} nodes; it must be at most {most}"
                )
        return self

    @model_validator(mode="after")
    def _splines_have_a_far_detector(self) -> "Config":
        names = [name for name, ensemble in self.ensembles.items() if ensemble.model == "splines"]
        if names and self.far_detector is None:
            raise ValueError(
                f"ensembles.{names[0]}.model is splines, whose linear maps are made for both "
                "detectors, but far_detector is null; use structure_functions"
            )
        return self

    @model_validator(mode="after")
    def _fluxes_are_usable(self) -> "Config":
        usable(lambda: self.fluxes)
        return self

    @model_validator(mode="after")
    def _truth_is_of_the_neutrinos(self) -> "Config":
        model, fitting = self.truth.model, [n for n, t in TRUTHS.items() if t.antineutrinos]
        if self.setup.helicity == "antineutrino" and model not in (None, *fitting):
            raise ValueError(
                f"truth.model: antineutrinos have a negative cross section somewhere in {model}; "
                f"use {' or '.join(fitting)}"
            )
        return self

    @model_validator(mode="after")
    def _nothing_needs_an_absent_truth(self) -> "Config":
        sections = (self.ensembles, self.coverage, self.joint.fits, self.events)
        needs = list(needs_of_truth(self.near_detector, self.far_detector, *sections))
        needs += [f"leptons.{name}, whose events are drawn; use null" for name in self.leptons]
        if self.truth.model is None and needs:
            raise ValueError(
                "truth.model is null, but a truth is needed (config/data_alone.yaml takes out what "
                "needs one by default):\n    " + "\n    ".join(needs)
            )
        return self

    @model_validator(mode="after")
    def _grids_resolve_the_fluxes(self) -> "Config":
        far = self.far_detector
        grids = {"grid.n_energy": self.grid.n_energy}
        if far is not None:
            grids["far_detector.n_energy"] = far.n_energy
            grids["coverage.n_energy"] = self.coverage.n_energy
        for name, table in zip(("near", "far"), self.fluxes, strict=True):
            for where, n_cells in grids.items():
                averaged = where == "grid.n_energy"
                if table is None or (name == "near" and not averaged):
                    continue
                try:
                    refuse_unresolved(table, n_cells, self.setup.energy_max, where, averaged)
                except ValueError as error:
                    raise ValueError(f"flux.{name}: {error}") from None
        return self

    @model_validator(mode="after")
    def _modes_fit_the_flux(self) -> "Config":
        name, near_name, setup = self.flux.uncertainty, self.flux.near, self._setup
        near, far = self.fluxes
        try:
            modes = flux_modes(name, setup.energy_max)
            if modes is None:
                return self
            neutrinos = setup.lepton, setup.antineutrino
            refuse_modes_of_another_beam(name, near_name, near, neutrinos, setup.energy_max)
            refuse_vain_modes(modes, near, setup.energy_max)
            if self.flux.remove_normalisation:
                modes = remove_normalisation(modes, near, setup.energy_max)
            sizes = [e.size for e in self.ensembles.values() if "flux" in e.vary]
            z = [
                nuisance_draw(self.seed, "flux", number, len(modes.near))
                for number in range(max(sizes, default=0))
            ]
            refuse_negative_draws(near, far, modes, z)
        except (ValueError, OSError) as error:
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
    def _joint_fits_are_beside_ensembles(self) -> "Config":
        for name, fit in self.joint.fits.items():
            beside = fit.compared_with
            if beside is None:
                continue
            where = f"joint.fits.{name}.compared_with: "
            if beside not in self.ensembles:
                raise ValueError(
                    f"{where}there is no ensemble {beside}; there are {', '.join(self.ensembles)}"
                )
            smeared = self.ensembles[beside].smeared
            if smeared != fit.smeared:
                raise ValueError(
                    f"{where}{beside} has smeared: {str(smeared).lower()}, {name} has smeared: "
                    f"{str(fit.smeared).lower()}; they must be the same; else use null"
                )
        return self

    @model_validator(mode="after")
    def _off_axis_is_beside_the_axis(self) -> "Config":
        for name, fit in self.joint.fits.items():
            where, near = f"joint.fits.{name}.off_axis", self.flux.near
            if not fit.off_axis:
                continue
            if near in BEAMS and BEAMS[near].off_axis:
                raise ValueError(
                    f"{where}: the fluxes follow from one on the axis, but flux.near is {near}, "
                    f"{BEAMS[near].title}; use []"
                )
            if len({*fit.off_axis}) < len(fit.off_axis):
                raise ValueError(f"{where}: {list(fit.off_axis)} has an angle twice")
            if self.near_detector.data is not None:
                raise ValueError(
                    f"{where}: near_detector.data has events on the axis alone; use []"
                )
            if {*fit.pulls} != {"flux"}:
                raise ValueError(
                    f"{where}: maps at angles to the axis know the pulls of the flux alone; use "
                    f"joint.fits.{name}.pulls: [flux]"
                )
        return self

    @model_validator(mode="after")
    def _beams_can_be_fitted(self) -> "Config":
        data, beams, fits = self.near_detector.data, self.joint.beams, self.joint.fits
        usable(lambda: refuse_impossible_beams(beams, fits, data, self._setup))
        return self

    @model_validator(mode="after")
    def _events_can_be_made(self) -> "Config":
        has_far = self.far_detector is not None
        fits = self.joint.fits if has_far and self.flux.uncertainty is not None else {}
        usable(lambda: refuse_impossible(self.events, self.ensembles, fits, has_far, self._setup))
        return self

    @model_validator(mode="after")
    def _leptons_can_be_made(self) -> "Config":
        truth = self.truth.model
        # Without one there are no such analyses: they have been refused.
        if truth is not None:
            usable(lambda: refuse_unusable(self.leptons, truth, self.setup.energy_max))
        return self

    @model_validator(mode="after")
    def _pulls_move_something(self) -> "Config":
        for name, fit in self.joint.fits.items():
            for systematic in sorted({*fit.pulls} - {"flux"}):
                where = f"joint.fits.{name}.pulls: {systematic} "
                needed = SYSTEMATICS[systematic].needs_resolution
                if needed and not fit.smeared:
                    raise ValueError(
                        f"{where}moves nothing with smeared: false; take it out, or use smeared: "
                        "true"
                    )
                if needed and not getattr(self.smearing, needed):
                    raise ValueError(
                        f"{where}moves nothing with smearing.{needed} = 0; take it out, or give "
                        "the resolution"
                    )
                if systematic not in self.systematics:
                    raise ValueError(
                        f"{where}has no size; give one standard deviation in "
                        f"systematics.{systematic}"
                    )
        return self

    @model_validator(mode="after")
    def _fits_can_find_the_truth(self) -> "Config":
        if self.far_detector is None:
            return self
        truth = self.oscillation
        if truth.sin2_theta23 in (0.0, 1.0):
            raise ValueError(
                f"oscillation.sin2_theta23 = {truth.sin2_theta23}: no muon neutrino oscillates, "
                "and there is nothing to fit; it must lie in (0, 1) with a far detector"
            )
        values = {"sin2_theta23": truth.sin2_theta23, "dm2_32": truth.dm2_31 - truth.dm2_21}
        for parameter, where in FITTED.items():
            limits = getattr(self.fits, parameter)
            if limits is not None and not limits[0] < values[parameter] < limits[1]:
                raise ValueError(
                    f"fits.{parameter} = [{limits[0]:g}, {limits[1]:g}] does not hold the truth, "
                    f"{values[parameter]:.5g} ({where}): fits would end at its edge; with null the "
                    "range follows from the truth"
                )
        return self
