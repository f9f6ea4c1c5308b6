"""Samples of events for others: what they are made from."""

from typing import Any

from nd2fd.beam.builtin import BEAMS
from nd2fd.config.events import OF_DETECTORS, EventSampleSection, source_of
from nd2fd.plan.common import PlanError
from nd2fd.plan.ensembles import EnsemblePlan
from nd2fd.plan.joint import JointPlan


class EventPlan(EnsemblePlan, JointPlan):
    """What samples of events are made from.

    Methods with the name of a sample raise PlanError if there is none of that name.
    """

    def event_sample(self, name: str) -> EventSampleSection:
        """Configuration of a sample."""
        if name not in self.config.events:
            raise PlanError(
                f"there are no events {name!r} in the configuration (section events); "
                f"there are {', '.join(self.config.events) or 'none'}"
            )
        return self.config.events[name]

    def event_section(self, name: str) -> dict[str, Any]:
        """The same, as plain values."""
        return self.event_sample(name).model_dump(mode="json")

    def event_inputs(self, name: str) -> dict[str, str]:
        """Files of the cross section and the flux."""
        sample = self.event_sample(name)
        source = source_of(sample.cross_section)
        files = {"flux": self.path("inputs/flux.h5")}
        if source.kind == "truth":
            files["cross_section"] = self.path("truth/densities.h5")
        elif source.member is None:
            files["cross_section"] = self.path(f"joint/fits/{source.name}.h5")
        else:
            batch = source.member // self.config.training.members_per_job
            files["cross_section"] = self.cross_section(source.name, batch)
        if sample.flux == "far":
            files["oscillation"] = self.path("inputs/oscillation.h5")
        elif sample.flux not in (*OF_DETECTORS, *BEAMS):
            files["flux_file"] = sample.flux
        return files

    def event_source(self, name: str) -> dict[str, Any]:
        """Kind of the cross section, and number of the member where there are several."""
        source = source_of(self.event_sample(name).cross_section)
        return {"kind": source.kind, "member": source.member}
