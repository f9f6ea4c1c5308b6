"""Figures of oscillation fits, systematic uncertainties, inputs and calibration."""

from collections.abc import Callable
from typing import Final

from nd2fd.figures import words
from nd2fd.figures.entries.shared import calibrated, compared, contour_inputs, setup, shown
from nd2fd.figures.entry import Figure, Inputs, Params
from nd2fd.figures.roles import Roles, drawn, roles_of
from nd2fd.plan import Plan

_FITS = "3 Oscillation parameters"
_SYSTEMATICS = "5 Systematic uncertainties"
_CHECKS = "6 Inputs and calibration"


def _contour_figure(*needed: str) -> Callable[[Plan, Roles], Inputs | None]:
    """Contours of all ensembles shown, if there is one for each of these roles."""

    def needs(plan: Plan, roles: Roles) -> Inputs | None:
        if not plan.has_far or not all(roles[role] for role in needed):
            return None
        return contour_inputs(plan, compared(roles))

    return needs


def _final_contours(plan: Plan, roles: Roles) -> Inputs | None:
    """Contours beside those of the known cross section, where one is known."""
    needed = ("reference", "learned") if plan.has_truth else ("learned",)
    return _contour_figure(*needed)(plan, roles)


def _shown_with_reference(plan: Plan, roles: Roles) -> Params:
    return shown(plan, roles) | {"reference": roles["reference"][0]}


def noisy(plan: Plan, roles: Roles) -> list[str]:
    """Ensembles whose ND histograms can be compared with the true density, which is not smeared."""
    return [name for name in roles["sampled"] if not plan.ensemble(name).smeared]


def _near_statistics(plan: Plan, roles: Roles) -> Inputs | None:
    names = noisy(plan, roles)
    if not (plan.has_far and roles["reference"] and names):
        return None
    return {
        **contour_inputs(plan, compared(roles)),
        "densities": plan.path("truth/densities.h5"),
        **{f"{name}_near": plan.batches("near", name)[0] for name in names},
        **{f"{name}_prediction": plan.batches("predictions", name)[0] for name in names},
    }


def _smearing(plan: Plan, roles: Roles) -> Inputs | None:
    smeared = [name for name in roles["learned"] if plan.ensemble(name).smeared]
    if not (plan.has_far and roles["reference"] and smeared):
        return None
    return {**contour_inputs(plan, compared(roles)), **plan.response(smeared[0])}


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


def _calibration(plan: Plan, roles: Roles) -> Inputs | None:
    names = calibrated(plan, roles)
    if not (plan.has_far and names):
        return None
    return {f"{name}_coverage": plan.path(f"coverage/{name}.h5") for name in names}


FIGURES: Final = (
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
        settings=shown,
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
            **shown(plan, roles),
            "true_point": plan.true_octant_point,
        },
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
        settings=lambda plan, roles: shown(plan, roles) | {"sampled": noisy(plan, roles)},
    ),
    Figure(
        "fig13",
        "smearing",
        _SYSTEMATICS,
        "Smearing by the detectors",
        words.smearing,
        needs=_smearing,
        settings=lambda plan, roles: shown(plan, roles) | setup(plan, roles),
    ),
    Figure(
        "fig14",
        "fluxes",
        _SYSTEMATICS,
        "Fluxes and their uncertainty",
        "Nominal flux, 1σ band and {drawn/members:draw}. At its peak the flux is uncertain by "
        "{flux_uncertainty/near} % at the ND[ and by {flux_uncertainty/far} % at the FD].",
        needs=_fluxes,
        settings=setup,
        others=lambda plan: {"drawn": _with_drawn_fluxes(plan, roles_of(plan, "fig14"))[:1]},
    ),
    Figure(
        "fig15",
        "ensemble_contours",
        _SYSTEMATICS,
        "Oscillation contours, varied assumptions",
        words.assumptions,
        needs=_contour_figure("reference", "varied", "learned"),
        settings=shown,
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
        settings=shown,
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
        settings=setup,
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
        settings=lambda plan, roles: {"shown": drawn(plan, calibrated(plan, roles))},
    ),
)
