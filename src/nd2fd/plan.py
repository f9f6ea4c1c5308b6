"""What depends on what: from the configuration to files, members, random streams and draws.

The rules of the workflow ask a `Plan` and decide nothing themselves. A plan reads no files.
"""

from collections.abc import Collection
from os.path import normpath
from pathlib import Path
from typing import Any, Literal

from nd2fd.beam.builtin import BEAMS
from nd2fd.beam.builtin_modes import BUILT_IN_MODES
from nd2fd.config.ensembles import EnsembleSection
from nd2fd.config.model import Config
from nd2fd.config.sections import JointFitSection
from nd2fd.cross_sections.truths import TRUTHS
from nd2fd.statistics.fit_ranges import mass_range, mixing_range, widened_mass, widened_mixing
from nd2fd.statistics.octants import Octant, octant_of, sin2_2theta
from nd2fd.streams import NO_DRAW
from nd2fd.systematics import SYSTEMATICS

Kind = Literal["known", "structure_functions", "flow"]
"""What the cross sections of an ensemble are made of."""

MODELS = {"structure_functions": "members", "flow": "flows"}
"""Folders of what networks learned, by what the networks are of."""

FIT_RANGES = {"sin2_theta23": (mixing_range, widened_mixing), "dm2_32": (mass_range, widened_mass)}
"""How the range of a fitted parameter follows from the truth, and how it is made wider."""


_DETECTORS = {False: "exact", True: "smeared"}
"""What the files of a joint fit call its detectors, by whether they smear."""


class PlanError(ValueError):
    """What was asked for does not exist; the message says what does."""


class Plan:
    """What a configuration makes, and from what.

    Methods with the name of an ensemble raise PlanError if there is none of that name.
    """

    def __init__(self, config: Config) -> None:
        self.config = config

    # Files that belong to no ensemble.

    def path(self, name: str) -> str:
        """Path of a file in the results folder."""
        return normpath(f"{self.config.results}/{name}")

    @property
    def has_far(self) -> bool:
        """Whether there is a far detector; without one nothing is fitted."""
        return self.config.far_detector is not None

    @property
    def pdf_files(self) -> dict[str, str]:
        """Info file and grid of the PDF set, if the truth needs one."""
        pdf = self.config.pdf
        if not TRUTHS[self.config.truth.model].needs_pdf:
            return {}
        if pdf.path is None:
            base = Path(self.path("pdf/ct18nnlo_embedded"))
        else:
            base = Path(pdf.path, pdf.set)
        return {
            "pdf": str(base / f"{base.name}.info"),
            "pdf_grid": str(base / f"{base.name}_{pdf.member:04d}.dat"),
        }

    @property
    def flux_files(self) -> dict[str, str]:
        """Flux files given by the user; built-in beams are part of the package."""
        flux = self.config.flux
        far = flux.far if self.has_far else None
        files = {"near": flux.near, "far": far, "uncertainty": flux.uncertainty}
        built_in = {*BEAMS, *BUILT_IN_MODES}
        return {
            role: path for role, path in files.items() if path is not None and path not in built_in
        }

    @property
    def spectra_files(self) -> dict[str, str]:
        """Fluxes and, if there is a far detector, what oscillation makes of them."""
        files = {"flux": self.path("inputs/flux.h5")}
        if self.has_far:
            files["oscillation"] = self.path("inputs/oscillation.h5")
        return files

    @property
    def tables(self) -> list[str]:
        """Tables that can be made: without fits, or without networks, there are fewer."""
        names = ["numbers.json"]
        if self.learned:
            names.append("learning.csv")
        if self.has_far:
            names.append("oscillation.csv")
            if self.systematics:
                names.append("systematics.csv")
        return [self.path(f"tables/{name}") for name in names]

    # Parameters.

    def section(self, name: str) -> dict[str, Any]:
        """A section of the configuration, as plain values."""
        values = self.config.model_dump(mode="json", include={name})[name]
        return dict(values)

    @property
    def true_point(self) -> list[float]:
        """sin²2θ23 and Δm²32 [eV²] at which the far-detector data are made."""
        sin2_theta23, dm2_32 = self.true_octant_point
        return [sin2_2theta(sin2_theta23), dm2_32]

    @property
    def true_octant_point(self) -> list[float]:
        """The same with sin²θ23, which tells the octants apart."""
        truth = self.config.oscillation
        return [truth.sin2_theta23, truth.dm2_31 - truth.dm2_21]

    @property
    def true_octant(self) -> Octant:
        """The octant of θ23 in which fits give sin²2θ23."""
        return octant_of(self.config.oscillation.sin2_theta23)

    # Ensembles.

    def ensemble(self, name: str) -> EnsembleSection:
        """Configuration of an ensemble."""
        if name not in self.config.ensembles:
            raise PlanError(
                f"there is no ensemble {name!r} in the configuration; "
                f"there are {', '.join(self.config.ensembles)}"
            )
        return self.config.ensembles[name]

    def kind(self, name: str) -> Kind:
        """What the cross sections of an ensemble are made of."""
        ensemble = self.ensemble(name)
        return "known" if ensemble.cross_section == "known" else ensemble.model

    @property
    def ensembles(self) -> list[str]:
        """Names of all ensembles, in the order of the configuration, as everywhere here."""
        return list(self.config.ensembles)

    @property
    def learned(self) -> list[str]:
        """Names of the ensembles with networks."""
        return [name for name in self.ensembles if self.kind(name) != "known"]

    @property
    def asimov(self) -> list[str]:
        """Names of the ensembles whose networks train on the Asimov density, without events."""
        return [name for name in self.learned if self.ensemble(name).near_events is None]

    def shown_in(self, figure: str) -> list[str]:
        """Names of the ensembles that a figure shows."""
        return [name for name in self.ensembles if figure in self.ensemble(name).shown_in]

    def refuse_unknown_figures(self, figures: Collection[str]) -> None:
        """Raise PlanError if an ensemble is to be shown in a figure that is not among these."""
        for name in self.ensembles:
            if unknown := sorted(set(self.ensemble(name).shown_in).difference(figures)):
                raise PlanError(
                    f"ensembles.{name}.shown_in: there is no figure {', '.join(unknown)}; "
                    f"there are {', '.join(figures)}"
                )

    def reference(self, name: str) -> str | None:
        """The ensemble with the known cross section that fits of this one are compared with."""
        return self.ensemble(name).reference

    @property
    def references(self) -> dict[str, str]:
        """The same for all ensembles that are compared with one."""
        pairs = {name: self.reference(name) for name in self.ensembles}
        return {name: reference for name, reference in pairs.items() if reference is not None}

    @property
    def systematics(self) -> dict[str, str]:
        """Ensembles whose members differ, each with the one that says what the difference costs."""
        return {
            name: reference
            for name, reference in self.references.items()
            if self.ensemble(name).vary
        }

    def smearing(self, name: str) -> dict[str, Any]:
        """Section `smearing`, for ensembles with smearing."""
        return self._smearing(self.ensemble(name).smeared)

    def _smearing(self, smeared: bool) -> dict[str, Any]:
        return self.section("smearing") if smeared else {}

    def fit_range(self, name: str, parameter: str) -> list[float]:
        """Range of a parameter, sin2_theta23 or dm2_32 [eV²], in the fits of an ensemble."""
        return self._fit_range(parameter, self.ensemble(name).fit_range_factor)

    def _fit_range(self, parameter: str, factor: float) -> list[float]:
        far = self.config.far_detector
        if far is None:
            raise PlanError("without a far detector (far_detector: null) nothing is fitted")
        truth = dict(zip(("sin2_theta23", "dm2_32"), self.true_octant_point, strict=True))
        from_truth, widened = FIT_RANGES[parameter]
        limits = getattr(self.config.fits, parameter)
        if limits is None:
            limits = from_truth(truth[parameter], far.n_events)
        return list(widened(limits, truth[parameter], factor))

    def training(self, name: str) -> dict[str, Any]:
        """What section `training` says about an ensemble: other keys must retrain nothing."""
        ensemble, training = self.ensemble(name), self.section("training")
        smoothness_with_flux_errors = training.pop("smoothness_with_flux_errors")
        # The size of batches is in the list of members.
        del training["members_per_job"]
        if "flux" not in ensemble.vary or ensemble.near_events is None:
            training["flux_errors"] = False
        elif training["flux_errors"]:
            training["smoothness"] = smoothness_with_flux_errors
        return training

    # Members, in batches.

    def batches(self, kind: str, name: str) -> list[str]:
        """Files of one kind, a folder of the results, with all members of an ensemble."""
        n_batches = -(-self.ensemble(name).size // self.config.training.members_per_job)
        return [self.path(f"{kind}/{name}/{batch}.h5") for batch in range(n_batches)]

    def members(self, name: str, batch: int) -> list[int]:
        """Numbers of the members in a batch."""
        size, per_job = self.ensemble(name).size, self.config.training.members_per_job
        first = batch * per_job
        if first >= size:
            raise PlanError(
                f"ensemble {name!r} has no batch {batch}: its {size} members "
                f"(ensembles.{name}.size) are in batches of {per_job} "
                f"(training.members_per_job), numbered 0 to {(size - 1) // per_job}"
            )
        return list(range(first, min(first + per_job, size)))

    def network_streams(self, name: str, batch: int) -> list[list[str | int]]:
        """Names of the random streams of the initial weights of the members in a batch."""
        return self._streams("network_seed", name, batch)

    def near_streams(self, name: str, batch: int) -> list[list[str | int]]:
        """Names of the random streams of the members' ND events; none for the Asimov density."""
        if self.ensemble(name).near_events is None:
            return []
        return self._streams("near_statistics", name, batch)

    def _streams(self, systematic: str, name: str, batch: int) -> list[list[str | int]]:
        vary = systematic in self.ensemble(name).vary
        return [[name, member] if vary else ["", 0] for member in self.members(name, batch)]

    def near_events(self, name: str) -> int:
        """Number of ND events of an ensemble; 0 stands for the Asimov density."""
        return self.ensemble(name).near_events or 0

    def draws(self, name: str, batch: int | None = None) -> dict[str, list[int]]:
        """Numbers of the draws of each systematic with nuisance parameters, member by member.

        NO_DRAW for a systematic that the ensemble does not vary. A draw has the same number in
        every ensemble. Without a batch: of all members.
        """
        ensemble = self.ensemble(name)
        members = range(ensemble.size) if batch is None else self.members(name, batch)
        return {
            systematic: [m if systematic in ensemble.vary else NO_DRAW for m in members]
            for systematic, described in SYSTEMATICS.items()
            if described.n_parameters is not None
        }

    # What the files of an ensemble are made from.

    def response(self, name: str) -> dict[str, str]:
        """The detector response, for ensembles with smearing."""
        return self._response(self.ensemble(name).smeared)

    def _response(self, smeared: bool) -> dict[str, str]:
        return {"response": self.path("inputs/response.h5")} if smeared else {}

    def far_data(self, name: str) -> str:
        """Far-detector events as an ensemble sees them."""
        return self._far_data(self.ensemble(name).smeared)

    def _far_data(self, smeared: bool) -> str:
        return self.path(f"far/{'smeared' if smeared else 'events'}.h5")

    def near_data(self, name: str, batch: int, kind: str) -> str:
        """Near-detector data of a batch, for the rule that trains networks of a kind."""
        actual = self.kind(name)
        if actual == "known":
            raise PlanError(
                f"ensemble {name!r} has nothing to train: ensembles.{name}.cross_section is known"
            )
        if actual != kind:
            raise PlanError(
                f"there is no {self.path(MODELS[kind])}/{name}: ensembles.{name}.model is "
                f"{actual}, whose networks are in {self.path(MODELS[actual])}/{name}"
            )
        return self.path(f"near/{name}/{batch}.h5")

    def cross_section(self, name: str, batch: int) -> str:
        """Where the cross sections of a batch are: the truth, or what its networks learned."""
        self.members(name, batch)
        kind = self.kind(name)
        if kind == "known":
            return self.path("truth/densities.h5")
        return self.path(f"{MODELS[kind]}/{name}/{batch}.h5")

    def models(self, name: str) -> list[str]:
        """Files with what the networks of an ensemble learned; empty with the known one."""
        kind = self.kind(name)
        return [] if kind == "known" else self.batches(MODELS[kind], name)

    def fit_group(self, name: str) -> str | None:
        """On a cluster, the fits of an ensemble of one batch and its regions are one job."""
        one_batch = self.ensemble(name).size <= self.config.training.members_per_job
        return f"fit_{name}" if one_batch else None

    # Pseudo-experiments, in blocks.

    @property
    def with_coverage(self) -> list[str]:
        """Names of the ensembles with pseudo-experiments."""
        return [name for name in self.ensembles if name in self.config.coverage.experiments]

    def _n_experiments(self, name: str) -> int:
        self.ensemble(name)
        numbers = self.config.coverage.experiments
        if name not in numbers:
            raise PlanError(
                f"coverage.experiments has no number for {name!r}; it has numbers for "
                f"{', '.join(numbers)}"
            )
        return numbers[name]

    def coverage_blocks(self, name: str) -> list[str]:
        """Files of all pseudo-experiments with an ensemble."""
        n_blocks = -(-self._n_experiments(name) // self.config.coverage.experiments_per_job)
        return [self.path(f"coverage/{name}/{block}.h5") for block in range(n_blocks)]

    def pseudo_experiments(self, name: str, block: int) -> list[int]:
        """Numbers of the pseudo-experiments in a block."""
        per_job = self.config.coverage.experiments_per_job
        return _experiments_of_block(name, block, self._n_experiments(name), per_job)

    # Joint fits of both detectors.

    @property
    def joint_fits(self) -> list[str]:
        """Names of the joint fits; none without a far detector or an uncertainty of the flux."""
        possible = self.has_far and self.config.flux.uncertainty is not None
        return list(self.config.joint.fits) if possible else []

    def joint_fit(self, name: str) -> JointFitSection:
        """Configuration of a joint fit."""
        if name not in self.joint_fits:
            raise PlanError(
                f"there is no joint fit {name!r} in the configuration; "
                f"there are {', '.join(self.joint_fits) or 'none'}"
            )
        return self.config.joint.fits[name]

    def joint_legend(self, name: str) -> str:
        """What figures call a joint fit."""
        smeared = ", smeared" if self.joint_fit(name).smeared else ""
        numbers = {self.joint_fit(other).near_events for other in self.joint_fits}
        events = f", {self.joint_fit(name).near_events / 1e6:g} M ND events"
        return f"joint fit{events if len(numbers) > 1 else ''}{smeared}"

    def joint_design(self, name: str) -> str:
        """Linear maps that a joint fit needs."""
        return self.path(f"joint/designs/{_DETECTORS[self.joint_fit(name).smeared]}.h5")

    def detector_response(self, detector: str) -> dict[str, str]:
        """The detector response, for the `smeared` one of the detectors."""
        return self._response(detector == _DETECTORS[True])

    def detector_smearing(self, detector: str) -> dict[str, Any]:
        """Section `smearing`, for the `smeared` one of the detectors."""
        return self._smearing(detector == _DETECTORS[True])

    def joint_response(self, name: str) -> dict[str, str]:
        """The detector response, for joint fits with smearing."""
        return self._response(self.joint_fit(name).smeared)

    def joint_smearing(self, name: str) -> dict[str, Any]:
        """Section `smearing`, for joint fits with smearing."""
        return self._smearing(self.joint_fit(name).smeared)

    def joint_far_data(self, name: str) -> str:
        """Far-detector events as a joint fit sees them."""
        return self._far_data(self.joint_fit(name).smeared)

    def joint_near_events(self, name: str) -> int:
        """Number of ND events of a joint fit."""
        return self.joint_fit(name).near_events

    def joint_range(self, parameter: str) -> list[float]:
        """Range of a parameter, sin2_theta23 or dm2_32 [eV²], in joint fits."""
        return self._fit_range(parameter, 1.0)

    @property
    def with_joint_coverage(self) -> list[str]:
        """Names of the joint fits with pseudo-experiments."""
        return [name for name in self.joint_fits if self.joint_fit(name).experiments is not None]

    def _n_joint_experiments(self, name: str) -> int:
        number = self.joint_fit(name).experiments
        if number is None:
            raise PlanError(
                f"joint.fits.{name}.experiments is null: there are no pseudo-experiments with "
                f"{name!r}"
            )
        return number

    def joint_coverage_blocks(self, name: str) -> list[str]:
        """Files of all pseudo-experiments with a joint fit."""
        n_blocks = -(-self._n_joint_experiments(name) // self.config.joint.experiments_per_job)
        return [self.path(f"joint/coverage/{name}/{block}.h5") for block in range(n_blocks)]

    def joint_experiments(self, name: str, block: int) -> list[int]:
        """Numbers of the pseudo-experiments in a block of a joint fit."""
        per_job = self.config.joint.experiments_per_job
        return _experiments_of_block(name, block, self._n_joint_experiments(name), per_job)


def _experiments_of_block(name: str, block: int, total: int, per_job: int) -> list[int]:
    first = block * per_job
    if first >= total:
        raise PlanError(
            f"coverage of {name!r} has no block {block}: its {total} experiments are in "
            f"blocks of {per_job}, numbered 0 to {(total - 1) // per_job}"
        )
    return list(range(first, min(first + per_job, total)))
