"""The figure of measured cross sections."""

from typing import Final

from nd2fd.figures import words
from nd2fd.figures.entry import Figure, Inputs, Params
from nd2fd.figures.roles import Roles
from nd2fd.plan import Plan

_MEASURED = "8 Measured data"


def _measured_slices(plan: Plan, roles: Roles) -> Inputs | None:
    return measurement_inputs(plan) or None


def measurement_inputs(plan: Plan) -> Inputs:
    """Measurements, their fits, and what they predict of one another."""
    return {
        **{f"{n}_measurement": plan.path(f"measurements/{n}.h5") for n in plan.measurements},
        **{f"{n}_fit": plan.path(f"measurements/{n}/fit.h5") for n in plan.measurements},
        **{f"{of}_from_{source}": path for (of, source), path in plan.transfers.items()},
    }


def _measured_slices_shown(plan: Plan, roles: Roles) -> Params:
    return {
        "measurements": {
            name: {
                "label": plan.measurement(name).label,
                "setup": plan.measurement_setup(name),
                "transfers": {
                    source: plan.measurement(source).label
                    for of, source in plan.transfers
                    if of == name
                },
            }
            for name in plan.measurements
        }
    }


FIGURES: Final = (
    Figure(
        "fig22",
        "measured_slices",
        _MEASURED,
        "Structure functions from measured cross sections",
        words.measurements,
        needs=_measured_slices,
        settings=_measured_slices_shown,
    ),
)
