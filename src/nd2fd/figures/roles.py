"""Which part an ensemble has in a figure: from what the configuration says of it, not its name."""

from typing import Any

from nd2fd.plan import Plan

Roles = dict[str, list[str]]
"""Names of ensembles by their part."""

FIRST = ("reference", "known")
"""Drawn first; all others stand in the order of the configuration."""


def roles_of(plan: Plan, figure: str) -> Roles:
    """Parts of the ensembles that a figure shows, each in the order of the configuration.

    reference
        The known cross section that others of the figure are compared with, one at most.
    known
        Other ensembles with the known cross section in which nothing varies.
    varied
        Ensembles with the known cross section whose members differ.
    learned
        Structure functions that networks learned.
    asimov, sampled
        Those of them that train on the Asimov density, and those that train on events.
    splines
        Structure functions learned in closed form.
    flow
        Normalising flows.
    """
    return _roles(plan, plan.shown_in(figure))


def _roles(plan: Plan, shown: list[str]) -> Roles:
    known = [name for name in shown if plan.kind(name) == "known"]
    fixed = [name for name in known if not plan.ensemble(name).vary]
    compared = {plan.reference(name) for name in shown}
    reference = ([name for name in fixed if name in compared] or fixed)[:1]
    learned = [name for name in shown if plan.kind(name) == "structure_functions"]
    return {
        "reference": reference,
        "known": [name for name in fixed if name not in reference],
        "varied": [name for name in known if name not in fixed],
        "learned": learned,
        "asimov": [name for name in learned if name in plan.asimov],
        "sampled": [name for name in learned if name not in plan.asimov],
        "splines": [name for name in shown if plan.kind(name) == "splines"],
        "flow": [name for name in shown if plan.kind(name) == "flow"],
    }


def drawn(plan: Plan, shown: list[str]) -> dict[str, dict[str, Any]]:
    """Role, label and size of ensembles, in the order in which they are drawn."""
    roles = _roles(plan, shown)
    of = {
        name: role
        for role in ("reference", "known", "varied", "learned", "splines", "flow")
        for name in roles[role]
    }
    return {
        name: {
            "role": "learned" if of[name] in ("splines", "flow") else of[name],
            "label": plan.ensemble(name).legend,
            "size": plan.ensemble(name).size,
        }
        for name in sorted(shown, key=lambda name: of[name] not in FIRST)
    }
