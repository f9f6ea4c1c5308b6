"""Published measurements: what their fits are made from."""

from itertools import permutations
from pathlib import Path
from typing import Any

from nd2fd.config.measurements import MeasurementSection
from nd2fd.measurements.readers import READERS
from nd2fd.plan.common import CommonPlan, PlanError

_OF_FILES = ("reader", "path", "target")
_OF_SETUP = ("target", "lepton", "helicity", "energy_max", "x_max")
_OF_FIT = ("normalisation_error", "nodes", "intervals", "strength")


class MeasurementPlan(CommonPlan):
    """What becomes of measurements.

    Methods with the name of a measurement raise PlanError if there is none of that name.
    """

    @property
    def measurements(self) -> list[str]:
        """Names of all measurements."""
        return list(self.config.measurements)

    def measurement(self, name: str) -> MeasurementSection:
        """Configuration of a measurement."""
        if name not in self.config.measurements:
            raise PlanError(
                f"there is no measurement {name!r} in the configuration (section measurements); "
                f"there are {', '.join(self.config.measurements) or 'none'}"
            )
        return self.config.measurements[name]

    def measurement_files(self, name: str) -> list[str]:
        """Files to be read; PlanError where one is missing, with where to get it."""
        section = self.measurement(name)
        try:
            return READERS[section.reader].needed(Path(section.path))
        except FileNotFoundError as error:
            raise PlanError(
                f"measurements.{name}: {error}; measurements.{name}.path says where it is looked "
                "for"
            ) from None

    def measurement_reading(self, name: str) -> dict[str, Any]:
        """What reading it depends on."""
        return self._part_of(name, _OF_FILES)

    def measurement_setup(self, name: str) -> dict[str, Any]:
        """As the configuration section `setup`, of a measurement."""
        return self._part_of(name, _OF_SETUP)

    def measurement_settings(self, name: str) -> dict[str, Any]:
        """Of its fit."""
        return self._part_of(name, _OF_FIT)

    def _part_of(self, name: str, keys: tuple[str, ...]) -> dict[str, Any]:
        values = self.measurement(name).model_dump(mode="json")
        return {key: values[key] for key in keys}

    @property
    def transfers(self) -> dict[tuple[str, str], str]:
        """File of each prediction of a measurement (first) from another's fit (second).

        Those of the same lepton and helicity, that is the same structure functions but for the
        nucleus.
        """
        return {
            pair: self.path(f"measurements/{pair[0]}/from_{pair[1]}.h5")
            for pair in permutations(self.measurements, 2)
            if len({(self.measurement(n).lepton, self.measurement(n).helicity) for n in pair}) == 1
        }
