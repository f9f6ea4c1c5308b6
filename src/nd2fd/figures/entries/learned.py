"""Figures of what was learned: networks and flows."""

from typing import Final

from nd2fd.figures import words
from nd2fd.figures.entries.shared import setup
from nd2fd.figures.entry import Figure, Inputs, Params
from nd2fd.figures.roles import Roles, roles_of
from nd2fd.plan import Plan

_METHOD = "1 Method"
_LEARNED = "2 Learned cross section"
_FLOW = "4 How not to learn it"


def _procedure(plan: Plan, roles: Roles) -> Inputs | None:
    return {} if plan.has_far else None


def _event_densities(plan: Plan, roles: Roles) -> Inputs | None:
    if not roles["learned"]:
        return None
    prediction = plan.batches("predictions", roles["learned"][0])[0]
    return {"truth": plan.path("truth/densities.h5"), "prediction": prediction}


def _marginals(plan: Plan, roles: Roles) -> Inputs | None:
    if not (roles["reference"] and roles["learned"]):
        return None
    return {
        "truth": plan.batches("marginals", roles["reference"][0]),
        "members": plan.batches("marginals", roles["learned"][0]),
    }


def _energy_slices(plan: Plan, roles: Roles) -> Inputs | None:
    if not (roles["reference"] and roles["learned"]):
        return None
    return {
        "truth": plan.batches("slices", roles["reference"][0])[0],
        "learned": plan.batches("slices", roles["learned"][0])[0],
    }


def _total_cross_section(plan: Plan, roles: Roles) -> Inputs | None:
    if not roles["learned"]:
        return None
    return {
        **(plan.known_files or {"flux": plan.path("inputs/flux.h5")}),
        "predictions": plan.batches("predictions", roles["learned"][0]),
    }


def _losses(plan: Plan, roles: Roles) -> Inputs | None:
    return {f"{name}_networks": plan.models(name) for name in roles["learned"]} or None


def _near_events(plan: Plan, roles: Roles) -> Params:
    return {"near_events": {name: plan.near_events(name) for name in roles["learned"]}}


def _structure_functions(plan: Plan, roles: Roles) -> Inputs | None:
    if not roles["learned"]:
        return None
    return {
        **plan.known_files,
        "members": plan.models(roles["learned"][0]),
        "weights": plan.path("truth/weights.h5"),
    }


def _flow_near(plan: Plan, roles: Roles) -> Inputs | None:
    if not (roles["flow"] and roles["learned"]):
        return None
    return {
        "truth": plan.path("truth/densities.h5"),
        "prediction": plan.batches("predictions", roles["flow"][0])[0],
        "flows": plan.models(roles["flow"][0]),
        "members": plan.models(roles["learned"][0]),
    }


def _flow_far(plan: Plan, roles: Roles) -> Inputs | None:
    if not (plan.has_far and roles["reference"] and roles["flow"] and roles["learned"]):
        return None
    return {
        "truth": plan.path("truth/densities.h5"),
        "flow_predictions": plan.batches("predictions", roles["flow"][0]),
        "predictions": plan.batches("predictions", roles["learned"][0]),
        "true_slices": plan.batches("slices", roles["reference"][0])[0],
        "flow_slices": plan.batches("slices", roles["flow"][0])[0],
    }


FIGURES: Final = (
    Figure(
        "fig1",
        "procedure",
        _METHOD,
        "The analysis procedure",
        words.procedure,
        needs=_procedure,
        settings=lambda plan, roles: {
            **setup(plan, roles),
            "varied": words.nouns(plan, plan.ensembles),
        },
        others=lambda plan: {"final": roles_of(plan, "fig17")["learned"]},
    ),
    Figure(
        "fig2",
        "event_densities",
        _LEARNED,
        "Event densities, true and learned",
        "Truth, learned density and their difference in % of the peak; the network was trained at "
        "the ND and has seen nothing else. The total variation is {learned/near/median} % at the "
        "ND[ and {learned/far/median} % at the FD] (median over members).",
        needs=_event_densities,
        single=True,
        settings=setup,
    ),
    Figure(
        "fig3",
        "marginals",
        _LEARNED,
        "One-dimensional marginals",
        words.marginals,
        needs=_marginals,
        single=True,
        settings=setup,
    ),
    Figure(
        "fig4",
        "energy_slices",
        _LEARNED,
        "Cross section at fixed energies",
        "Truth, learned cross section and difference at fixed neutrino energy, which no "
        "detector measures. The total variation is {learned/slices_best} to "
        "{learned/slices_worst} %.",
        needs=_energy_slices,
        single=True,
        settings=setup,
    ),
    Figure(
        "fig5",
        "total_cross_section",
        _LEARNED,
        "Total cross section",
        words.total_cross_section,
        needs=_total_cross_section,
        single=True,
    ),
    Figure(
        "fig6",
        "losses",
        _LEARNED,
        "Training and test loss",
        words.losses,
        needs=_losses,
        settings=_near_events,
    ),
    Figure(
        "fig7",
        "structure_functions",
        _LEARNED,
        "Structure functions",
        words.structure_functions,
        needs=_structure_functions,
        single=True,
    ),
    Figure(
        "fig10",
        "flow_near",
        _FLOW,
        "Normalising flow at the near detector",
        "A flow over (E_ν, v1, v2), trained on the same ND density without the structure "
        "functions, differs from it by {flow/near/median} % in total variation. Its loss "
        "reaches {flow/loss/median}, that of the structure functions {learned/loss/median} "
        "(medians).",
        needs=_flow_near,
        single=True,
        settings=setup,
    ),
    Figure(
        "fig11",
        "flow_far",
        _FLOW,
        "Normalising flow at the far detector and at fixed energies",
        "What the same flow says of energies: the FD is off by {flow/far/best} to "
        "{flow/far/worst} % in total variation, σ(E_ν) by up to {flow/sigma/worst} %, cross "
        "sections at fixed energy by {flow/slices_best} to {flow/slices_worst} %. The "
        "oscillation fit shifts by {flow/sin2_2theta23/shift:.1f} σ_stat in sin²2θ23 and by "
        "{flow/dm2_32/shift:.1f} σ_stat in Δm²32 (mean over members). Without the structure "
        "functions the ND does not tell how events depend on E_ν.",
        needs=_flow_far,
        single=True,
        settings=setup,
    ),
)
