"""All figures: what each is called and says, and which files it is drawn from.

A figure is an entry here and a module with `draw` and `from_job`. The workflow reads this when it
starts, so that nothing heavy may be imported.
"""

from collections.abc import Callable
from typing import Final

from nd2fd.figures import words
from nd2fd.figures.entry import Figure, Inputs, Params
from nd2fd.figures.roles import Roles, drawn, roles_of
from nd2fd.plan import Plan

PAPER: Final = "DUNE"
"""Experiment of arXiv:2412.16303, whose figures need not say so."""


def present(plan: Plan) -> dict[str, Figure]:
    """The figures that have something to show."""
    return {name: figure for name, figure in CATALOGUE.items() if figure.inputs(plan) is not None}


def note(plan: Plan) -> str:
    """What stands in the corner of every figure."""
    words = [] if plan.config.experiment == PAPER else [plan.config.experiment]
    return ", ".join([*words, "toy run"] if plan.config.toy else words)


# Inputs and parameters that several figures share.


def contour_inputs(plan: Plan, names: list[str]) -> Inputs:
    """Regions and fits of ensembles."""
    return {
        **{f"{name}_intervals": plan.path(f"intervals/{name}.h5") for name in names},
        **{f"{name}_fits": plan.batches("fits", name) for name in names},
    }


def _contour_figure(*needed: str) -> Callable[[Plan, Roles], Inputs | None]:
    """Contours of all ensembles shown, if there is one for each of these roles."""

    def needs(plan: Plan, roles: Roles) -> Inputs | None:
        if not plan.has_far or not all(roles[role] for role in needed):
            return None
        return contour_inputs(plan, _compared(roles))

    return needs


def _final_contours(plan: Plan, roles: Roles) -> Inputs | None:
    """Contours beside those of the known cross section, where one is known."""
    needed = ("reference", "learned") if plan.has_truth else ("learned",)
    return _contour_figure(*needed)(plan, roles)


def _compared(roles: Roles) -> list[str]:
    """All ensembles shown, once each."""
    return [
        name
        for role in ("reference", "known", "varied", "learned", "splines", "flow")
        for name in roles[role]
    ]


def _shown(plan: Plan, roles: Roles) -> Params:
    """What is drawn in contours, and where the truth is."""
    names = [name for name in plan.ensembles if name in _compared(roles)]
    return {"shown": drawn(plan, names), "true_point": plan.true_point if plan.has_truth else None}


def _shown_with_reference(plan: Plan, roles: Roles) -> Params:
    return _shown(plan, roles) | {"reference": roles["reference"][0]}


def _setup(plan: Plan, roles: Roles) -> Params:
    return {"setup": plan.section("setup")}


# Inputs and parameters of single figures.


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


def noisy(plan: Plan, roles: Roles) -> list[str]:
    """Ensembles whose ND histograms can be compared with the true density, which is not smeared."""
    return [name for name in roles["sampled"] if not plan.ensemble(name).smeared]


def _near_statistics(plan: Plan, roles: Roles) -> Inputs | None:
    names = noisy(plan, roles)
    if not (plan.has_far and roles["reference"] and names):
        return None
    return {
        **contour_inputs(plan, _compared(roles)),
        "densities": plan.path("truth/densities.h5"),
        **{f"{name}_near": plan.batches("near", name)[0] for name in names},
        **{f"{name}_prediction": plan.batches("predictions", name)[0] for name in names},
    }


def _smearing(plan: Plan, roles: Roles) -> Inputs | None:
    smeared = [name for name in roles["learned"] if plan.ensemble(name).smeared]
    if not (plan.has_far and roles["reference"] and smeared):
        return None
    return {**contour_inputs(plan, _compared(roles)), **plan.response(smeared[0])}


def _with_drawn_fluxes(plan: Plan, roles: Roles) -> list[str]:
    """Ensembles that tell which fluxes they assume; the known cross section does by its fits."""
    names = [*(roles["varied"] if plan.has_far else []), *roles["learned"]]
    return [name for name in names if "flux" in plan.ensemble(name).vary]


def _fluxes(plan: Plan, roles: Roles) -> Inputs | None:
    names = _with_drawn_fluxes(plan, roles)[:1]
    if not names:
        return None
    (name,) = names
    kind = "fits" if name in roles["varied"] else "near"
    return {**plan.spectra_files, kind: plan.batches(kind, name)}


def _inputs(plan: Plan, roles: Roles) -> Inputs | None:
    return {
        **plan.spectra_files,
        "truth": plan.path("truth/densities.h5"),
        "weights": plan.path("truth/weights.h5"),
    }


def _calibrated(plan: Plan, roles: Roles) -> list[str]:
    return [name for name in plan.with_coverage if name in _compared(roles)]


def _calibration(plan: Plan, roles: Roles) -> Inputs | None:
    names = _calibrated(plan, roles)
    if not (plan.has_far and names):
        return None
    return {f"{name}_coverage": plan.path(f"coverage/{name}.h5") for name in names}


def _joint_contours(plan: Plan, roles: Roles) -> Inputs | None:
    beside = [plan.joint_fit(name).compared_with for name in plan.joint_fits]
    return {
        **{f"{name}_joint": plan.path(f"joint/fits/{name}.h5") for name in plan.joint_fits},
        **{f"{name}_toys": plan.joint_toys(name) for name in plan.with_toys},
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
    for name in _calibrated(plan, roles):
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
            for name in _calibrated(plan, roles)
        },
        "joint": {
            name: {"label": plan.joint_legend(name), "known_label": words.profile_of(plan, name)}
            for name in plan.with_joint_coverage
        },
    }


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


def lepton_inputs(plan: Plan) -> Inputs:
    """Results of all analyses of leptons."""
    return {f"{n}_lepton_fit": plan.path(f"leptons/{n}/fit.h5") for n in plan.lepton_analyses}


def _leptons(plan: Plan, roles: Roles) -> Inputs | None:
    return lepton_inputs(plan) or None


def _leptons_shown(plan: Plan, roles: Roles) -> Params:
    oscillation = plan.section("oscillation")
    return {
        "analyses": {name: plan.lepton_analysis(name).label for name in plan.lepton_analyses},
        "true_mixing": oscillation["sin2_theta23"],
        "true_point": (oscillation["sin2_theta23"], oscillation["delta_cp"]),
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


_METHOD = "1 Method"
_LEARNED = "2 Learned cross section"
_FITS = "3 Oscillation parameters"
_FLOW = "4 How not to learn it"
_SYSTEMATICS = "5 Systematic uncertainties"
_CHECKS = "6 Inputs and calibration"
_JOINT = "7 Joint fit"
_MEASURED = "8 Measured data"
_LEPTONS = "9 All leptons"

_FIGURES = (
    Figure(
        "fig1",
        "procedure",
        _METHOD,
        "The analysis procedure",
        words.procedure,
        needs=_procedure,
        settings=lambda plan, roles: {
            **_setup(plan, roles),
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
        settings=_setup,
    ),
    Figure(
        "fig3",
        "marginals",
        _LEARNED,
        "One-dimensional marginals",
        words.marginals,
        needs=_marginals,
        single=True,
        settings=_setup,
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
        settings=_setup,
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
        "fig8",
        "oscillation_contours",
        _FITS,
        "Oscillation contours, true and learned cross section",
        "Regions at 1σ and 2σ and bootstrap distributions. With the learned cross section the "
        "best fit moves by {learned/sin2_2theta23/shift} σ_stat in sin²2θ23 and by "
        "{learned/dm2_32/shift} σ_stat in Δm²32. With the true cross section sin²2θ23 = "
        "{reference/sin2_2theta23/best:±}, Δm²32 = ({reference/dm2_32/best:±})·10⁻³ eV²; the "
        "true values are {true/sin2_2theta23} and {true/dm2_32}·10⁻³ eV².",
        needs=_contour_figure("reference", "learned"),
        settings=_shown,
    ),
    Figure(
        "fig9",
        "octants",
        _FITS,
        "Octants of θ23",
        "The same fit in sin²θ23 has two solutions, {reference/octant/lower_sin2_theta23} and "
        "{reference/octant/upper_sin2_theta23}, which differ by {reference/octant/log_likelihood} "
        "in log-likelihood. Each replica is fitted in both octants, which count by the likelihood "
        "of the data in them: the lower one for {reference/octant/lower} % with the true cross "
        "section and {learned/octant/lower} % with the learned one (the truth is "
        "{true/sin2_theta23}). Replicas with fewer events than at the largest disappearance have "
        "one solution, which is there.",
        needs=_contour_figure("reference", "learned"),
        settings=lambda plan, roles: {
            **_shown(plan, roles),
            "true_point": plan.true_octant_point,
        },
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
        settings=_setup,
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
        settings=_setup,
    ),
    Figure(
        "fig12",
        "near_statistics",
        _SYSTEMATICS,
        "Finite near-detector statistics",
        "Left: regions with {sampled/near_events} million ND events[; best fits of Δm²32 "
        "scatter by {sampled/dm2_32/scatter:.2f} σ_stat between members]. Right: histograms "
        "differ from the truth by {sampled/noise_histogram} Poisson errors of a cell (rms), "
        "the densities learned from them by {sampled/noise_learned}.",
        needs=_near_statistics,
        settings=lambda plan, roles: _shown(plan, roles) | {"sampled": noisy(plan, roles)},
    ),
    Figure(
        "fig13",
        "smearing",
        _SYSTEMATICS,
        "Smearing by the detectors",
        words.smearing,
        needs=_smearing,
        settings=lambda plan, roles: _shown(plan, roles) | _setup(plan, roles),
    ),
    Figure(
        "fig14",
        "fluxes",
        _SYSTEMATICS,
        "Fluxes and their uncertainty",
        "Nominal flux, 1σ band and {drawn/members:draw}. At its peak the flux is uncertain by "
        "{flux_uncertainty/near} % at the ND[ and by {flux_uncertainty/far} % at the FD].",
        needs=_fluxes,
        settings=_setup,
        others=lambda plan: {"drawn": _with_drawn_fluxes(plan, roles_of(plan, "fig14"))[:1]},
    ),
    Figure(
        "fig15",
        "ensemble_contours",
        _SYSTEMATICS,
        "Oscillation contours, varied assumptions",
        words.assumptions,
        needs=_contour_figure("reference", "varied", "learned"),
        settings=_shown,
        others=lambda plan: {
            "samples": roles_of(plan, "fig12")["sampled"][:1],
            "seeds": roles_of(plan, "fig16")["learned"][:1],
        },
    ),
    Figure(
        "fig16",
        "seeds",
        _SYSTEMATICS,
        "Oscillation contours, scatter of members",
        words.scatter,
        needs=_contour_figure("reference", "learned"),
        settings=_shown_with_reference,
    ),
    Figure(
        "fig17",
        "ensemble_contours",
        _SYSTEMATICS,
        "Oscillation contours, final ensemble",
        words.final,
        needs=_final_contours,
        settings=_shown,
    ),
    Figure(
        "fig18",
        "inputs",
        _CHECKS,
        "Inputs and kinematic coverage",
        "Left: the fluxes[ and the survival probability at sin²2θ23 = {true/sin2_2theta23}, "
        "Δm²32 = {true/dm2_32}·10⁻³ eV²]. Right: where events are in (x, Q²)[; "
        "{share/unconstrained_far} % of the FD events are where the ND has almost none].",
        needs=_inputs,
        settings=_setup,
    ),
    Figure(
        "fig19",
        "calibration",
        _CHECKS,
        "Calibration",
        "[Intervals of Δm²32 hold the truth in {coverage/reference/dm2_32_1sigma:±} % (1σ) and "
        "{coverage/reference/dm2_32_2sigma:±} % (2σ) of {coverage/reference/experiments} "
        "pseudo-experiments with the known cross section. ][With learned cross sections they do in "
        "{coverage/learned/dm2_32_1sigma:±} % and {coverage/learned/dm2_32_2sigma:±} % of "
        "{coverage/learned/experiments}. ][Two-dimensional regions hold it in "
        "{coverage/reference/both_1sigma:±} % and {coverage/reference/both_2sigma:±} % with "
        "the known cross section. {coverage/reference/at_limit} % of the data sets fit best at the "
        "physical limit of sin²2θ23 (filled).]",
        needs=_calibration,
        settings=lambda plan, roles: {"shown": drawn(plan, _calibrated(plan, roles))},
    ),
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
    Figure(
        "fig22",
        "measured_slices",
        _MEASURED,
        "Structure functions from measured cross sections",
        words.measurements,
        needs=_measured_slices,
        settings=_measured_slices_shown,
    ),
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
        "The octant, before and after electrons",
        "Least −2 ln L of expected data above its minimum: far muons alone (dashed) see both "
        "octants alike; with electrons (solid) they differ.",
        needs=_leptons,
        settings=_leptons_shown,
    ),
    Figure(
        "fig26",
        "lepton_regions",
        _LEPTONS,
        "CP phase and mixing",
        "Regions at 1σ (solid) and 2σ (dashed) of expected data, all other parameters and the "
        "structure functions profiled. The star is the truth.",
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

CATALOGUE: Final = {figure.name: figure for figure in _FIGURES}
"""All figures by name, in the order of the report."""
