"""Analyses of all leptons: what they are made from."""

from typing import Any

from nd2fd.beam.builtin_modes import BUILT_IN_MODES
from nd2fd.config.leptons import LeptonSection
from nd2fd.leptons.beams import DUNE
from nd2fd.leptons.samples import samples
from nd2fd.plan.common import CommonPlan, PlanError

_NOT_COMPUTED = ("label", "experiments", "networks")

_NOT_OF_LEPTONS = (
    *("members_per_job", "weighting", "flux_errors"),
    *("smoothness", "smoothness_with_flux_errors"),
)
"""Of the section `training`: networks of leptons have the errors and the price of splines."""


class LeptonPlan(CommonPlan):
    """What becomes of analyses of leptons.

    Methods with the name of an analysis raise PlanError if there is none of that name.
    """

    @property
    def lepton_analyses(self) -> list[str]:
        """Names of all."""
        return list(self.config.leptons)

    def lepton_analysis(self, name: str) -> LeptonSection:
        """Configuration of one."""
        if name not in self.config.leptons:
            raise PlanError(
                f"there is no analysis {name!r} in the configuration (section leptons); there are "
                f"{', '.join(self.config.leptons) or 'none'}"
            )
        return self.config.leptons[name]

    @property
    def with_electrons(self) -> str | None:
        """The first analysis with a sample of electrons, if there is one."""
        return next((n for n in self.lepton_analyses if self._electron_rows(n)), None)

    @property
    def electron_rows(self) -> list[tuple[str, bool, int]]:
        """Its samples of electrons: name, whether at the far detector, and place there."""
        return self._electron_rows(self.with_electrons) if self.with_electrons else []

    def _electron_rows(self, name: str) -> list[tuple[str, bool, int]]:
        section = self.lepton_analysis(name)
        rows = []
        for far, detector in ((False, "ND"), (True, "FD")):
            every = samples(far, section.far if far else section.near, section.horn_currents)
            for k, sample in enumerate(every):
                if sample.lepton == "electron":
                    horn = "" if len(section.horn_currents) == 1 else f", {sample.horn}"
                    rows.append((f"{detector} electrons{horn}", far, k))
        return rows

    def lepton_files(self, name: str) -> dict[str, str | list[str]]:
        """What its truth is computed from, and flux files that it reads."""
        section = self.lepton_analysis(name)
        named = [getattr(section, horn) for horn in section.horn_currents]
        files = [path for of in named for path in (of.near, of.far) if path not in (None, DUNE)]
        if section.flux_modes not in (None, *BUILT_IN_MODES):
            files.append(section.flux_modes)
        return self.truth_files | {"fluxes": sorted(set(files))}

    def lepton_settings(self, name: str) -> dict[str, Any]:
        """What it depends on."""
        values = self.lepton_analysis(name).model_dump(mode="json")
        return {key: value for key, value in values.items() if key not in _NOT_COMPUTED}

    @property
    def with_lepton_networks(self) -> list[str]:
        """Analyses of which networks are trained."""
        return [name for name, section in self.config.leptons.items() if section.networks]

    def lepton_networks(self, name: str) -> list[list[str | int]]:
        """Names of the random streams of its networks' initial weights."""
        number = self.lepton_analysis(name).networks
        if number == 0:
            raise PlanError(f"leptons.{name}.networks is 0: no networks are trained")
        return [[f"leptons/{name}", k] for k in range(number)]

    @property
    def lepton_training(self) -> dict[str, Any]:
        """What section `training` says about networks of all leptons."""
        training = self.section("training")
        return {key: value for key, value in training.items() if key not in _NOT_OF_LEPTONS}

    def lepton_experiments(self, name: str) -> int:
        """How many pseudo-experiments."""
        return self.lepton_analysis(name).experiments
