"""What tables, numbers and report are made from, by the plan.

The workflow reads this when it starts, so that nothing heavy may be imported.
"""

from typing import Any

from nd2fd.figures.catalogue import present
from nd2fd.figures.entries.leptons import lepton_inputs
from nd2fd.figures.entries.measured import measurement_inputs
from nd2fd.figures.entries.oscillation import noisy
from nd2fd.figures.entries.shared import contour_inputs
from nd2fd.figures.entry import Inputs
from nd2fd.plan import Plan


def baseline(plan: Plan) -> str | None:
    """The ensemble that those without a reference are compared with.

    The first with the known cross section in which nothing varies, not smeared if there is one.
    """
    fixed = [n for n in plan.ensembles if plan.kind(n) == "known" and not plan.ensemble(n).vary]
    return min(fixed, key=lambda name: plan.ensemble(name).smeared, default=None)


def references(plan: Plan) -> dict[str, str]:
    """What each ensemble's best fits are compared with; nothing for the baseline."""
    start = baseline(plan)
    pairs = {name: plan.reference(name) or start for name in plan.ensembles if name != start}
    return {name: reference for name, reference in pairs.items() if reference is not None}


def systematics_inputs(plan: Plan) -> Inputs:
    """Of the table of systematics: they and what they are compared with."""
    pairs = plan.systematics
    return contour_inputs(plan, list(dict.fromkeys([*pairs, *pairs.values()])))


def learning_inputs(plan: Plan) -> Inputs:
    """Of the table of how well networks learned."""
    models: Inputs = {f"{name}_models": plan.models(name) for name in plan.learned}
    if not plan.has_truth:
        return models
    return {
        **models,
        **{f"{name}_predictions": plan.batches("predictions", name) for name in plan.learned},
        **plan.known_files,
    }


def quoted(plan: Plan) -> dict[str, Any]:
    """Of which ensembles numbers of a kind are quoted: of those that figures show.

    `marginals` and `slices` have the one with the known cross section for each.
    """
    roles = {name: figure.roles(plan) for name, figure in present(plan).items()}

    def pairs(figure: str, role: str) -> dict[str, str]:
        if figure not in roles:
            return {}
        (known,) = roles[figure]["reference"]
        return dict.fromkeys(roles[figure][role], known)

    octants = roles.get("fig9", {})
    return {
        "marginals": pairs("fig3", "learned"),
        "slices": pairs("fig4", "learned") | pairs("fig11", "flow"),
        "octants": [*octants.get("reference", []), *octants.get("learned", [])],
        "noise": noisy(plan, roles["fig12"]) if "fig12" in roles else [],
        "coverage": plan.with_coverage if plan.has_far else [],
    }


def numbers_inputs(plan: Plan) -> Inputs:
    """Of all numbers."""
    of = quoted(plan)
    inputs: Inputs = {
        **{f"{name}_marginals": plan.batches("marginals", name) for name in _both(of["marginals"])},
        **{f"{name}_slices": plan.batches("slices", name)[0] for name in _both(of["slices"])},
        "flux": plan.path("inputs/flux.h5"),
    }
    if plan.has_truth:
        inputs["densities"] = plan.path("truth/densities.h5")
        inputs["weights"] = plan.path("truth/weights.h5")
        for name in plan.ensembles:
            inputs |= plan.response(name)
    if plan.learned:
        inputs["learning"] = plan.path("tables/learning.csv")
    for name in of["noise"]:
        inputs[f"{name}_near"] = plan.batches("near", name)[0]
        inputs[f"{name}_prediction"] = plan.batches("predictions", name)[0]
    inputs |= measurement_inputs(plan) | lepton_inputs(plan)
    inputs |= {
        f"{name}_lepton_experiments": plan.path(f"leptons/{name}/experiments.h5")
        for name in plan.lepton_analyses
    }
    inputs |= {
        f"{name}_lepton_networks": plan.path(f"leptons/{name}/networks.h5")
        for name in plan.with_lepton_networks
    }
    if not plan.has_far:
        return inputs
    if plan.systematics:
        inputs["systematics"] = plan.path("tables/systematics.csv")
    return {
        **{f"{name}_intervals": plan.path(f"intervals/{name}.h5") for name in plan.ensembles},
        **{
            f"{name}_fits": plan.batches("fits", name)
            for name in dict.fromkeys([*of["octants"], plan.ensembles[0]])
        },
        **{f"{name}_coverage": plan.path(f"coverage/{name}.h5") for name in of["coverage"]},
        **{f"{name}_joint": plan.path(f"joint/fits/{name}.h5") for name in plan.joint_fits},
        **{f"{name}_toys": plan.joint_toys(name)["toys"] for name in plan.with_toys},
        **{
            f"{name}_joint_coverage": plan.path(f"joint/coverage/{name}.h5")
            for name in plan.with_joint_coverage
        },
        "oscillation": plan.path("tables/oscillation.csv"),
        "far_events": plan.path("far/events.h5"),
        **inputs,
    }


def _both(pairs: dict[str, str]) -> list[str]:
    return list(dict.fromkeys([*pairs.values(), *pairs]))


def numbers_params(plan: Plan) -> dict[str, Any]:
    """Parameters of the rule that makes the numbers."""
    return {
        "quoted": quoted(plan),
        "references": plan.references,
        "ensembles": plan.ensembles,
        "joint": {name: plan.joint_fit(name).compared_with for name in plan.joint_fits},
        "joint_toys": plan.with_toys,
        "joint_coverage": plan.with_joint_coverage,
        "measurements": plan.measurements,
        "leptons": plan.lepton_analyses,
        "lepton_networks": plan.with_lepton_networks,
        "transfers": list(plan.transfers),
        "energy_max": plan.config.setup.energy_max,
        "true_sin2_theta23": plan.config.oscillation.sin2_theta23,
        "true_point": plan.true_point if plan.has_truth else None,
        "summary": summary(plan),
        "seed": plan.config.seed,
    }


def summary(plan: Plan) -> dict[str, Any]:
    """`nd2fd.report.numbers_file.Summary` as plain values; numbers in captions are names still."""
    return {
        "experiment": plan.config.experiment,
        "toy": plan.config.toy,
        "ensembles": {
            name: {
                "kind": plan.kind(name),
                "reference": plan.reference(name),
                "smeared": plan.ensemble(name).smeared,
                "near_events": plan.ensemble(name).near_events,
                "vary": sorted(plan.ensemble(name).vary),
                "size": plan.ensemble(name).size,
            }
            for name in plan.ensembles
        },
        "figures": {
            name: {"group": figure.group, "title": figure.title, "caption": figure.caption(plan)}
            for name, figure in present(plan).items()
        },
    }


def figure_sources(plan: Plan) -> dict[str, dict[str, Any]]:
    """Where each figure comes from, as `nd2fd.report.figure_pages.FigureSource` has it."""
    return {
        name: {
            "files": [
                *(plan.path(f"figs/{name}.{suffix}") for suffix in ("pdf", "png")),
                *figure.data(plan),
            ],
            "artifacts": _flat(figure.inputs(plan) or {}),
            "settings": figure.params(plan),
            "module": figure.module,
        }
        for name, figure in present(plan).items()
    }


def _flat(inputs: Inputs) -> list[str]:
    """All files, once each."""
    files = ([value] if isinstance(value, str) else value for value in inputs.values())
    return list(dict.fromkeys(path for paths in files for path in paths))
