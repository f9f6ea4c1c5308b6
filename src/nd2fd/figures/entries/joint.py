"""Figures of joint fits."""

from typing import Final

from nd2fd.figures import words
from nd2fd.figures.entries.shared import calibrated, contour_inputs
from nd2fd.figures.entry import Figure, Inputs, Params
from nd2fd.figures.roles import Roles
from nd2fd.plan import Plan

_JOINT = "7 Joint fit"


def _joint_contours(plan: Plan, roles: Roles) -> Inputs | None:
    beside = [plan.joint_fit(name).compared_with for name in plan.joint_fits]
    return {
        **{f"{name}_joint": plan.path(f"joint/fits/{name}.h5") for name in plan.joint_fits},
        **{f"{name}_toys": plan.joint_toys(name)["toys"] for name in plan.with_toys},
        **contour_inputs(plan, list(dict.fromkeys(name for name in beside if name is not None))),
    } or None


def _joint_contours_shown(plan: Plan, roles: Roles) -> Params:
    fits: Params = {}
    for name in plan.joint_fits:
        beside = plan.joint_fit(name).compared_with
        fits[name] = {
            "label": plan.joint_legend(name),
            "toys": name in plan.with_toys,
            "compared_with": beside,
            "ensemble_label": None if beside is None else words.rule_of(plan, beside),
        }
    return {"fits": fits, "true_point": plan.true_octant_point if plan.has_truth else None}


def _joint_calibration(plan: Plan, roles: Roles) -> Inputs | None:
    if not plan.with_joint_coverage:
        return None
    inputs: Inputs = {}
    for name in calibrated(plan, roles):
        inputs[f"{name}_coverage"] = plan.path(f"coverage/{name}.h5")
        inputs[f"{name}_intervals"] = plan.path(f"intervals/{name}.h5")
    for name in plan.with_joint_coverage:
        inputs[f"{name}_joint_coverage"] = plan.path(f"joint/coverage/{name}.h5")
    return inputs


def _joint_calibration_shown(plan: Plan, roles: Roles) -> Params:
    """Labels; half-widths of ensembles are in σ_stat of a joint fit that is smeared alike."""
    alike = {plan.joint_fit(n).smeared: n for n in reversed(plan.with_joint_coverage)}
    return {
        "ensembles": {
            name: {
                "label": words.rule_of(plan, name),
                "known": plan.kind(name) == "known",
                "sigma_stat": alike.get(plan.ensemble(name).smeared),
            }
            for name in calibrated(plan, roles)
        },
        "joint": {
            name: {"label": plan.joint_legend(name), "known_label": words.profile_of(plan, name)}
            for name in plan.with_joint_coverage
        },
    }


FIGURES: Final = (
    Figure(
        "fig20",
        "joint_contours",
        _JOINT,
        "Oscillation contours, joint fit",
        words.joint_fits,
        needs=_joint_contours,
        settings=_joint_contours_shown,
    ),
    Figure(
        "fig21",
        "joint_calibration",
        _JOINT,
        "Coverage and half-width",
        words.joint_coverage,
        needs=_joint_calibration,
        settings=_joint_calibration_shown,
    ),
)
