"""What depends on what: from the configuration to files, members, random streams and draws.

The rules of the workflow ask a `Plan` and decide nothing themselves. A plan reads no files.
"""

from nd2fd.plan.common import PlanError
from nd2fd.plan.ensembles import MODELS
from nd2fd.plan.events import EventPlan
from nd2fd.plan.leptons import LeptonPlan
from nd2fd.plan.measurements import MeasurementPlan

__all__ = ["MODELS", "Plan", "PlanError"]


class Plan(EventPlan, MeasurementPlan, LeptonPlan):
    """What a configuration makes, and from what."""

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
