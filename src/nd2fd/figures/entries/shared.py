"""Inputs and parameters that several figures share."""

from nd2fd.figures.entry import Inputs, Params
from nd2fd.figures.roles import Roles, drawn
from nd2fd.plan import Plan


def contour_inputs(plan: Plan, names: list[str]) -> Inputs:
    """Regions and fits of ensembles."""
    return {
        **{f"{name}_intervals": plan.path(f"intervals/{name}.h5") for name in names},
        **{f"{name}_fits": plan.batches("fits", name) for name in names},
    }


def compared(roles: Roles) -> list[str]:
    """All ensembles shown, once each."""
    return [
        name
        for role in ("reference", "known", "varied", "learned", "splines", "flow")
        for name in roles[role]
    ]


def shown(plan: Plan, roles: Roles) -> Params:
    """What is drawn in contours, and where the truth is."""
    names = [name for name in plan.ensembles if name in compared(roles)]
    return {"shown": drawn(plan, names), "true_point": plan.true_point if plan.has_truth else None}


def setup(plan: Plan, roles: Roles) -> Params:
    """Of kinematics."""
    return {"setup": plan.section("setup")}


def calibrated(plan: Plan, roles: Roles) -> list[str]:
    """Ensembles with pseudo-experiments."""
    return [name for name in plan.with_coverage if name in compared(roles)]
