"""Ensembles: their files, members, random streams, draws and pseudo-experiments."""

from collections.abc import Collection
from typing import Any, Literal

from nd2fd.config.ensembles import EnsembleSection
from nd2fd.plan.common import CommonPlan, PlanError, experiments_of_block
from nd2fd.streams import NO_DRAW
from nd2fd.systematics import SYSTEMATICS, VARIED

Kind = Literal["known", "structure_functions", "splines", "flow"]
"""What the cross sections of an ensemble are made of."""

MODELS = {"structure_functions": "members", "splines": "splines", "flow": "flows"}
"""Folders of what ensembles learned, by what it is."""


class EnsemblePlan(CommonPlan):
    """What ensembles are made from.

    Methods with the name of an ensemble raise PlanError if there is none of that name.
    """

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

    def fit_range(self, name: str, parameter: str) -> list[float]:
        """Range of a parameter, sin2_theta23 or dm2_32 [eV²], in the fits of an ensemble."""
        return self._fit_range(parameter, self.ensemble(name).fit_range_factor)

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
        ensemble = self.ensemble(name)
        if ensemble.near_events is None:
            return []
        if ensemble.near_sample == "bootstrap":
            return [["", 0]] * len(self.members(name, batch))
        return self._streams("near_statistics", name, batch)

    def near_bootstraps(self, name: str, batch: int) -> list[list[str | int]]:
        """Names of the random streams that resample the members' ND events; none: as they are."""
        if self.ensemble(name).near_sample == "fresh":
            return []
        return [[name, member] for member in self.members(name, batch)]

    def _streams(self, systematic: str, name: str, batch: int) -> list[list[str | int]]:
        vary = systematic in self.ensemble(name).vary
        return [[name, member] if vary else ["", 0] for member in self.members(name, batch)]

    def near_events(self, name: str) -> int:
        """Number of ND events of an ensemble; 0 stands for the Asimov density."""
        return self.ensemble(name).near_events or 0

    @property
    def with_near_events(self) -> list[str]:
        """Names of the ensembles whose networks train on ND events, not on the Asimov density."""
        return [name for name in self.learned if self.ensemble(name).near_events is not None]

    def near_events_of_file(self, name: str) -> dict[str, str]:
        """The file's events in cells; the file itself where members calibrate each lepton."""
        assert self.near_file is not None
        varied = [SYSTEMATICS[systematic] for systematic in self.ensemble(name).vary]
        if any(entry.assume and entry.needs_near_events for entry in varied):
            return {"events": self.near_file}
        return {"histogram": self.path("near/histogram.h5")}

    def draws(self, name: str, batch: int | None = None) -> dict[str, list[int]]:
        """Numbers of the draws of each systematic with nuisance parameters, member by member.

        NO_DRAW for a systematic that the ensemble does not vary. A draw has the same number in
        every ensemble. Without a batch: of all members.
        """
        ensemble = self.ensemble(name)
        members = range(ensemble.size) if batch is None else self.members(name, batch)
        return {
            systematic: [m if systematic in ensemble.vary else NO_DRAW for m in members]
            for systematic in VARIED
            if SYSTEMATICS[systematic].n_parameters is not None
        }

    # What the files of an ensemble are made from.

    def response(self, name: str) -> dict[str, str]:
        """The detector response, for ensembles with smearing."""
        return self._response(self.ensemble(name).smeared)

    def far_data(self, name: str) -> str:
        """Far-detector events as an ensemble sees them."""
        return self._far_data(self.ensemble(name).smeared)

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
                f"{actual}, and what is learned in {self.path(MODELS[actual])}/{name}"
            )
        return self.path(f"near/{name}/{batch}.h5")

    def start(self, name: str) -> dict[str, str]:
        """What an ensemble starts from, where it does not learn from nothing."""
        start = self.ensemble(name).start
        return {} if start is None else {"start": start}

    def spline_design(self, name: str) -> str:
        """Linear maps that the splines of an ensemble need."""
        return self._design(self.ensemble(name).smeared)

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

    def draws_flux_of_nature(self, name: str) -> bool:
        """Whether pseudo-experiments with an ensemble have another flux each."""
        return self.config.coverage.draw_flux and "flux" in self.ensemble(name).vary

    def pseudo_experiments(self, name: str, block: int) -> list[int]:
        """Numbers of the pseudo-experiments in a block."""
        per_job = self.config.coverage.experiments_per_job
        return experiments_of_block(name, block, self._n_experiments(name), per_job)
