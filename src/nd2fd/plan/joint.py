"""Joint fits of both detectors: their files, parameters and pseudo-experiments."""

from typing import Any

from nd2fd.beam.builtin import BEAMS
from nd2fd.beam.builtin_modes import BUILT_IN_MODES
from nd2fd.config.joint import BeamSection, JointFitSection
from nd2fd.plan.common import DETECTORS, CommonPlan, PlanError, experiments_of_block
from nd2fd.systematics import PULLS

_TOY_POINTS, _TOWARDS_MAXIMUM = 13, 1.5
"""Values of sin²θ23 at which toys are made, from that of maximal disappearance to the end of the
range of the fits, and the power with which they are denser near it, where thresholds change."""


class JointPlan(CommonPlan):
    """What joint fits are made from.

    Methods with the name of a joint fit raise PlanError if there is none of that name.
    """

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
        if angles := len(self.joint_fit(name).off_axis):
            smeared = f", {angles} off-axis sample{'s' if angles > 1 else ''}{smeared}"
        if beams := self.joint_fit(name).beams:
            smeared = f", with {' and '.join(beams)}{smeared}"
        numbers = {self.joint_fit(other).near_events for other in self.joint_fits}
        events = f", {self.joint_fit(name).near_events / 1e6:g} M ND events"
        return f"joint fit{events if len(numbers) > 1 else ''}{smeared}"

    def joint_design(self, name: str) -> str:
        """Linear maps that a joint fit needs."""
        return self._design(self.joint_fit(name).smeared)

    def joint_off_axis(self, name: str) -> dict[str, list[str]]:
        """Linear maps at angles to the beam axis, for joint fits with samples there."""
        fit = self.joint_fit(name)
        folder = self.path(f"joint/off_axis/{DETECTORS[fit.smeared]}")
        files = [f"{folder}/{angle:g}.h5" for angle in fit.off_axis]
        return {"off_axis": files} if files else {}

    def joint_beams(self, name: str) -> dict[str, list[str]]:
        """Linear maps and events of the other beams that a joint fit has samples of."""
        fit = self.joint_fit(name)
        detector = DETECTORS[fit.smeared]
        if not fit.beams:
            return {}
        return {
            "beams": [self.path(f"joint/beams/{detector}/{beam}.h5") for beam in fit.beams],
            "beam_events": [self.path(f"near/beams/{detector}/{beam}.h5") for beam in fit.beams],
        }

    def beam(self, name: str) -> BeamSection:
        """Configuration of another beam."""
        beams = self.config.joint.beams
        if name not in beams:
            raise PlanError(
                f"there is no beam {name!r} in joint.beams; there are {', '.join(beams) or 'none'}"
            )
        return beams[name]

    def beam_section(self, name: str) -> dict[str, Any]:
        """What is known of its flux."""
        section = self.beam(name).model_dump(mode="json")
        return {key: section[key] for key in ("flux", "flux_format", "uncertainty")}

    def beam_files(self, name: str) -> dict[str, str]:
        """Files of the flux and its modes given by the user."""
        beam = self.beam(name)
        files = {"near": beam.flux, "uncertainty": beam.uncertainty}
        built_in = {*BEAMS, *BUILT_IN_MODES, None}
        return {role: path for role, path in files.items() if path not in built_in and path}

    def beam_data(self, name: str) -> str:
        """File of its events; PlanError if they are drawn."""
        data = self.beam(name).data
        if data is None:
            raise PlanError(f"joint.beams.{name}.data is null: its events are drawn")
        return data

    def beam_reading(self, name: str) -> dict[str, Any]:
        """How that file is read."""
        section = self.beam(name).model_dump(mode="json")
        return {key: section[key] for key in ("data_unit", "beam_direction")}

    def beam_number(self, name: str) -> int:
        """Number of its events."""
        return self.beam(name).n_events

    @property
    def beams_of_files(self) -> list[str]:
        """Names of the beams whose events are from files."""
        return [name for name, beam in self.config.joint.beams.items() if beam.data is not None]

    def detector_design(self, detector: str) -> str:
        """Linear maps of the `smeared` or `exact` one of the detectors."""
        return self._design(detector == DETECTORS[True])

    def detector_response(self, detector: str) -> dict[str, str]:
        """The detector response, for the `smeared` one of the detectors."""
        return self._response(detector == DETECTORS[True])

    def detector_smearing(self, detector: str) -> dict[str, Any]:
        """Section `smearing`, for the `smeared` one of the detectors."""
        return self._smearing(detector == DETECTORS[True])

    def joint_response(self, name: str) -> dict[str, str]:
        """The detector response, for joint fits with smearing."""
        return self._response(self.joint_fit(name).smeared)

    def joint_smearing(self, name: str) -> dict[str, Any]:
        """Section `smearing`, for joint fits with smearing."""
        return self._smearing(self.joint_fit(name).smeared)

    def joint_near_data(self, name: str) -> dict[str, str]:
        """Histogram of the file's ND events, if they are from a file."""
        self.joint_fit(name)
        return {} if self.near_file is None else {"near": self.path("near/histogram.h5")}

    def joint_pulls(self, name: str) -> list[str]:
        """Systematics that are pulls of a joint fit, in the order of the registry."""
        pulls = self.joint_fit(name).pulls
        return [systematic for systematic in PULLS if systematic in pulls]

    def design_pulls(self, detector: str) -> list[str]:
        """Those of all joint fits with such detectors, whose effects their design holds."""
        of_fits = {
            systematic
            for name in self.joint_fits
            if DETECTORS[self.joint_fit(name).smeared] == detector
            for systematic in self.joint_pulls(name)
        }
        return [systematic for systematic in PULLS if systematic in of_fits]

    def chosen_pulls(self, name: str) -> dict[str, Any]:
        """Names of the pulls of a joint fit, of those of its design, and the sizes of these."""
        detector = DETECTORS[self.joint_fit(name).smeared]
        return {
            "names": self.joint_pulls(name),
            "of_design": self.design_pulls(detector),
            "sizes": self.design_sizes(detector),
        }

    def design_sizes(self, detector: str) -> dict[str, float]:
        """One standard deviation of the nuisance parameters of joint fits with such detectors."""
        sizes = self.config.systematics
        # Those of others must rerun nothing.
        return {name: sizes[name] for name in self.design_pulls(detector) if name in sizes}

    def joint_far_data(self, name: str) -> str:
        """Far-detector events as a joint fit sees them."""
        return self._far_data(self.joint_fit(name).smeared)

    @property
    def with_toys(self) -> list[str]:
        """Names of the joint fits with toys for thresholds."""
        return [name for name in self.joint_fits if self.joint_fit(name).toys is not None]

    def n_toys(self, name: str) -> int:
        """Number of toys at each value of sin²θ23."""
        number = self.joint_fit(name).toys
        if number is None:
            raise PlanError(f"joint.fits.{name}.toys is null: there are no toys of {name!r}")
        return number

    def joint_toys(self, name: str) -> dict[str, str]:
        """Toys of a joint fit, if it has some."""
        return {"toys": self.path(f"joint/toys/{name}.h5")} if name in self.with_toys else {}

    @property
    def toy_mixing(self) -> list[float]:
        """Values of sin²θ23 at which toys are made."""
        low, high = self.joint_range("sin2_theta23")
        # P is the same on either side of it.
        maximal = 0.5 / (1.0 - self.config.oscillation.sin2_theta13)
        farthest = max(maximal - low, high - maximal)
        shares = [(point / (_TOY_POINTS - 1)) ** _TOWARDS_MAXIMUM for point in range(_TOY_POINTS)]
        return [maximal - farthest * share for share in shares]

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
        return experiments_of_block(name, block, self._n_joint_experiments(name), per_job)
