"""How networks are trained, and where a training ends."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Literal

from nd2fd.learning.network import Activation

_LEAST_GAIN = 6.5
_LEAST_GAIN_WITH_FLUX_ERRORS = 20.0
"""A member of a histogram ends where it gains less χ² than this in ten evaluations. What follows
moves oscillation parameters by less than another network does (docs/studies/optimisers.md)."""


@dataclass(frozen=True)
class TrainingSettings:
    """How to train; meaning, range and defaults stand in the configuration section `training`."""

    optimizer: Literal["adam", "lbfgs", "varpro"]
    activation: Activation
    precision: Literal["float32", "float64"]
    hidden_layers: int
    width: int
    evaluations: int
    ridge: float
    smoothness: float
    device: str
    least_gain: float = 0.0
    """Of loss and penalties in ten evaluations; a member that gains less ends."""

    @classmethod
    def for_statistics(
        cls,
        section: Mapping[str, Any],
        n_events: int,
        *,
        with_start: bool = False,
        with_flux_errors: bool = False,
    ) -> "TrainingSettings":
        """Settings for a histogram of `n_events` events, or for the Asimov density (0 events).

        A solver that finds the minimum finds the noise, too. For a histogram bending a structure
        function costs something in units of χ², which counts the less the more events there are;
        with a start it is the difference that costs, in these units.
        """
        names = [field.name for field in fields(cls) if field.name != "least_gain"]
        settings = cls(**{name: section[name] for name in names})
        if n_events == 0:
            return replace(settings, smoothness=0.0)
        return replace(
            settings,
            smoothness=(1.0 if with_start else settings.smoothness) / n_events,
            least_gain=(_LEAST_GAIN_WITH_FLUX_ERRORS if with_flux_errors else _LEAST_GAIN)
            / n_events,
        )
