"""Joint fits of both detectors: their files, parameters and pseudo-experiments."""

from typing import Any

from nd2fd.config.sections import JointFitSection
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
