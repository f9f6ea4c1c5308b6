"""Figures of analyses of leptons."""

from typing import Final

from nd2fd.figures.entry import Figure, Inputs, Params
from nd2fd.figures.roles import Roles
from nd2fd.plan import Plan

_LEPTONS = "9 All leptons"


def lepton_inputs(plan: Plan) -> Inputs:
    """Results of all analyses of leptons."""
    return {f"{n}_lepton_fit": plan.path(f"leptons/{n}/fit.h5") for n in plan.lepton_analyses}


def _leptons(plan: Plan, roles: Roles) -> Inputs | None:
    return lepton_inputs(plan) or None


def _leptons_shown(plan: Plan, roles: Roles) -> Params:
    mixing, mass = plan.true_octant_point
    return {
        "analyses": {name: plan.lepton_analysis(name).label for name in plan.lepton_analyses},
        "true_point": (mixing, plan.section("oscillation")["delta_cp"], mass),
    }


def _lepton_densities(plan: Plan, roles: Roles) -> Inputs | None:
    name = plan.with_electrons
    return None if name is None else {f"{name}_lepton_fit": plan.path(f"leptons/{name}/fit.h5")}


def _lepton_densities_shown(plan: Plan, roles: Roles) -> Params:
    return {
        "analysis": plan.with_electrons,
        "setup": plan.section("setup"),
        "rows": plan.electron_rows,
    }


FIGURES: Final = (
    Figure(
        "fig23",
        "lepton_structure_functions",
        _LEPTONS,
        "Five structure functions of all leptons",
        "Learned from expected near-detector contents of the samples named, with posterior "
        "standard deviations; dotted the truth. Top, middle: at two Q², relative to the largest "
        "true W2. Bottom: weighted with what they count in the first near sample. Muons alone tell "
        "W1, W4 and W5, and W3 and W5, apart by smoothness only.",
        needs=_leptons,
        settings=_leptons_shown,
    ),
    Figure(
        "fig24",
        "lepton_densities",
        _LEPTONS,
        "Densities of electron events",
        "Expected densities of electron events, each of unit integral: true, learned, difference.",
        needs=_lepton_densities,
        settings=_lepton_densities_shown,
    ),
    Figure(
        "fig25",
        "lepton_octant",
        _LEPTONS,
        "Octant, CP phase and mass ordering",
        "Least −2 ln L of expected data above its minimum. Left: far muons alone (dashed) see both "
        "octants alike; with electrons (solid) they differ as far as δ_CP is known. Middle, right: "
        "root, with the true mass ordering (solid) and the other one (dashed), all else profiled.",
        needs=_leptons,
        settings=_leptons_shown,
    ),
    Figure(
        "fig26",
        "lepton_regions",
        _LEPTONS,
        "Mixing, CP phase and mass splitting",
        "Regions at 1σ (solid) and 2σ (dashed) of expected data with the true ordering, all other "
        "parameters and the structure functions profiled. The star is the truth.",
        needs=_leptons,
        settings=_leptons_shown,
    ),
    Figure(
        "fig27",
        "lepton_sensitivity",
        _LEPTONS,
        "Sensitivity to CP violation and mass ordering",
        "Root of what CP conservation, and the other ordering, are in −2 ln L above the best fit "
        "of expected data, against the true δ_CP. Statistical errors and those of the structure "
        "functions only.",
        needs=_leptons,
        settings=_leptons_shown,
    ),
)
