"""Analyses of all leptons: what they are made from."""

from typing import Any

from nd2fd.config.leptons import LeptonSection
from nd2fd.leptons.beams import DUNE
from nd2fd.plan.common import CommonPlan, PlanError

_NOT_COMPUTED = ("label", "experiments")


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

    def lepton_files(self, name: str) -> dict[str, str | list[str]]:
        """What its truth is computed from, and flux files that it reads."""
        section = self.lepton_analysis(name)
        named = [getattr(section, horn) for horn in section.horn_currents]
        files = [path for of in named for path in (of.near, of.far) if path not in (None, DUNE)]
        return self.truth_files | {"fluxes": sorted(set(files))}

    def lepton_settings(self, name: str) -> dict[str, Any]:
        """What it depends on."""
        values = self.lepton_analysis(name).model_dump(mode="json")
        return {key: value for key, value in values.items() if key not in _NOT_COMPUTED}

    def lepton_experiments(self, name: str) -> int:
        """How many pseudo-experiments."""
        return self.lepton_analysis(name).experiments
