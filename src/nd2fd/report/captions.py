"""Title, group and caption of each figure; captions take their numbers from the numbers file."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:  # The workflow reads titles each time it starts: no need to load Matplotlib.
    from nd2fd.report.numbers import Number


class Figure(NamedTuple):
    """What is said of a figure: its group in the report, title, and caption with numbers' names."""

    group: str
    title: str
    text: str


_METHOD = "1 Method"
_LEARNED = "2 Learned cross section"
_FITS = "3 Oscillation parameters"
_FLOW = "4 How not to learn it"
_SYSTEMATICS = "5 Systematic uncertainties"
_CHECKS = "6 Inputs and calibration"

# Plain text, without markup: captions go into reStructuredText and Markdown alike.
FIGURES = {
    "fig1": Figure(
        _METHOD,
        "The analysis procedure",
        "A network with the known kinematics and flux predicts the near-detector (ND) density and "
        "is trained on it alone. Frozen, it predicts the far detector (FD), whose "
        "{setting/far_events} events are fitted unbinned with {setting/replicas} bootstrap "
        "replicas per member. Members differ in network seed, ND events and flux; the final "
        "ensemble has {systematics/members} of them.",
    ),
    "fig2": Figure(
        _LEARNED,
        "Event densities at both detectors",
        "Truth and learned density look the same at the ND, where the network was trained, and at "
        "the FD, which it has not seen. The differences are shown in % of the peak; the total "
        "variation is {nominal/near/median} % at the ND and {nominal/far/median} % at the FD.",
    ),
    "fig3": Figure(
        _LEARNED,
        "One-dimensional marginals",
        "Truth (dashed) and {seeds/members} networks that differ in their initial weights, with "
        "their deviation below. Where a density is above 1 % of its peak, no marginal is off by "
        "more than {seeds/marginals_near} % at the ND and {seeds/marginals_far} % at the FD.",
    ),
    "fig4": Figure(
        _LEARNED,
        "Cross section at fixed energies",
        "Truth, learned cross section and difference at fixed neutrino energy, which no detector "
        "measures. The total variation lies between {nominal/slices_best} % and "
        "{nominal/slices_worst} %.",
    ),
    "fig5": Figure(
        _LEARNED,
        "Total cross section",
        "The energy dependence of the cross section follows from the structure functions, though "
        "the ND is integrated over the spectrum (grey). Between 1.5 and 9 GeV the largest "
        "deviation from the truth is {seeds/sigma/median} % for the median of {seeds/members} "
        "networks and {seeds/sigma/worst} % for the worst.",
    ),
    "fig6": Figure(
        _LEARNED,
        "Training and test loss",
        "Left: on the exact ND density the training loss falls to {seeds/loss/median}, and the "
        "test loss of the three-dimensional cross section, never used, with it, to "
        "{seeds/test_loss/median} (medians). Right: with {nd30m/near_events} million ND events, "
        "cells count by their Poisson errors and the loss stops at the noise, "
        "{nd30m/loss/median}, with a test loss of {nd30m/test_loss/median}. Points: weights kept.",
    ),
    "fig7": Figure(
        _LEARNED,
        "Structure functions",
        "Above: learned and true (dashed) structure functions at three Q²; dotted where there are "
        "almost no ND events and nothing is learned. Below: the same times their weight in the ND "
        "density. W1', W2' and W3' make {share/w1_near}, {share/w2_near} and {share/w3_near} % of "
        "the ND events and {share/w1_far}, {share/w2_far} and {share/w3_far} % of the FD events; "
        "the region where nothing is learned holds {share/unconstrained_far} % of the FD events.",
    ),
    "fig8": Figure(
        _FITS,
        "Oscillation contours, true and learned cross section",
        "Regions at 1σ and 2σ and bootstrap distributions. The contour with the learned cross "
        "section lies on that with the true one: the best fit moves by "
        "{nominal/sin2_2theta23/shift} σ_stat in sin²2θ23 and by {nominal/dm2_32/shift} σ_stat in "
        "Δm²32. With the true cross section sin²2θ23 = {truth/sin2_2theta23/best:±}, "
        "Δm²32 = ({truth/dm2_32/best:±})·10⁻³ eV².",
    ),
    "fig9": Figure(
        _FITS,
        "Octants of θ23",
        "The same fit in sin²θ23 has two solutions, {truth/octant/lower_sin2_theta23} and "
        "{truth/octant/upper_sin2_theta23}, which differ by {truth/octant/log_likelihood} in "
        "log-likelihood: the data do not tell the octants apart, and the bootstrap distribution "
        "of fits in either octant is bimodal (grey). Contours and lines are those of the better "
        "octant of each replica: the lower one for {truth/octant/lower:±} % with the true cross "
        "section and {nominal/octant/lower:±} % with the learned one (the truth is "
        "{true/sin2_theta23}). The small difference is much the same in all replicas, so that this "
        "choice says more than the data do.",
    ),
    "fig10": Figure(
        _FLOW,
        "Normalising flow at the near detector",
        "A flow over (E_ν, v1, v2), trained on the same ND density without the structure "
        "functions, fits it to {flow/near/median} % in total variation. Its loss reaches "
        "{flow/loss/median}, that of the structure functions {seeds/loss/median}: by the ND alone "
        "both are good fits.",
    ),
    "fig11": Figure(
        _FLOW,
        "Normalising flow at the far detector and at fixed energies",
        "The same flow is wrong where the energy matters: the FD by {flow/far/best} to "
        "{flow/far/worst} % in total variation, σ(E_ν) by up to {flow/sigma/worst} %, cross "
        "sections at fixed energy by {flow/slices_best} to {flow/slices_worst} %. The oscillation "
        "fit is off by {flow/sin2_2theta23/shift:.1f} σ_stat in sin²2θ23 and by "
        "{flow/dm2_32/shift:.1f} σ_stat in Δm²32 (mean over members). The ND does not "
        "hold the information on E_ν that the structure functions supply: the problem is ill-posed "
        "without them.",
    ),
    "fig12": Figure(
        _SYSTEMATICS,
        "Finite near-detector statistics",
        "Left: regions with {nd30m/near_events} and {nd3m/near_events} million ND events; best "
        "fits of Δm²32 scatter by {nd30m/dm2_32/scatter:.2f} and {nd3m/dm2_32/scatter:.2f} σ_stat "
        "between samples. Right: the histogram differs from the truth by {nd30m/noise_histogram} "
        "Poisson errors of a cell, the density learned from it by {nd30m/noise_learned} "
        "({nd3m/noise_histogram} and {nd3m/noise_learned} with fewer events): most of the "
        "noise is averaged out.",
    ),
    "fig13": Figure(
        _SYSTEMATICS,
        "Smearing by the detectors",
        "Left: where muons of a few energies and angles are measured; {smearing/own_cell} % of the "
        "ND events stay in their cell. Right: against the known cross section with the same "
        "smearing, learned ones shift Δm²32 by {smeared/dm2_32/shift:.2f} σ_stat and scatter by "
        "{smeared/dm2_32/scatter:.2f} σ_stat; smearing itself changes the error from "
        "{truth/dm2_32/sigma} to {truth_smeared/dm2_32/sigma}·10⁻³ eV².",
    ),
    "fig14": Figure(
        _SYSTEMATICS,
        "Fluxes and their uncertainty",
        "Nominal flux, 1σ band and {flux_truth/members} draws at both detectors. At its peak the "
        "flux is uncertain by {flux_uncertainty/near} % at the ND and by {flux_uncertainty/far} % "
        "at the FD.",
    ),
    "fig15": Figure(
        _SYSTEMATICS,
        "Oscillation contours, uncertainty of the flux shape",
        "With fluxes that are not the true one, best fits of Δm²32 scatter by "
        "{flux_truth/dm2_32/scatter:.2f} σ_stat with the known cross section and by "
        "{flux/dm2_32/scatter:.2f} σ_stat with cross sections learned with the same flux. For "
        "comparison: {nd30m/dm2_32/scatter:.2f} σ_stat between samples of {nd30m/near_events} "
        "million ND events, {seeds/dm2_32/scatter:.2f} σ_stat between network seeds.",
    ),
    "fig16": Figure(
        _SYSTEMATICS,
        "Oscillation contours, network seeds",
        "Networks that differ in their initial weights only: best fits scatter by "
        "{seeds/sin2_2theta23/scatter} σ_stat in sin²2θ23 and by {seeds/dm2_32/scatter} σ_stat in "
        "Δm²32, around mean shifts of {seeds/sin2_2theta23/shift} and {seeds/dm2_32/shift} σ_stat.",
    ),
    "fig17": Figure(
        _SYSTEMATICS,
        "Oscillation contours, all systematic uncertainties",
        "{systematics/members} members that differ in network seed, ND events and flux, all "
        "smeared, against the known cross section. Best fits of Δm²32 shift by "
        "{systematics/dm2_32/shift:.2f} σ_stat and scatter by "
        "{systematics/dm2_32/scatter:.2f} σ_stat; the half-width of its 1σ interval changes by "
        "{systematics/dm2_32/added_width:+.2f} σ_stat. The 2σ region has "
        "{systematics/area_ratio_2sigma} times the area. {systematics/holds_1sigma} % of the 1σ "
        "region and {systematics/holds_2sigma} % of the 2σ region of the known cross section lie "
        "inside.",
    ),
    "fig18": Figure(
        _CHECKS,
        "Inputs and kinematic coverage",
        "Left: the fluxes and the survival probability at sin²2θ23 = {true/sin2_2theta23}, "
        "Δm²32 = {true/dm2_32}·10⁻³ eV². Right: ND and FD events fill the same region of (x, Q²); "
        "{share/unconstrained_far} % of the FD events are where the ND has almost none.",
    ),
    "fig19": Figure(
        _CHECKS,
        "Calibration",
        "Intervals of Δm²32 hold the truth in {coverage/truth/dm2_32_1sigma:±} % (1σ) and "
        "{coverage/truth/dm2_32_2sigma:±} % (2σ) of {coverage/truth/experiments} "
        "pseudo-experiments with the known cross section, and in "
        "{coverage/systematics/dm2_32_1sigma:±} % and {coverage/systematics/dm2_32_2sigma:±} % of "
        "{coverage/systematics/experiments} with all systematic uncertainties. Two-dimensional "
        "regions do in {coverage/truth/both_1sigma:±} % and {coverage/truth/both_2sigma:±} % with "
        "the known cross section: {coverage/truth/at_limit} % of the data sets fit best at the "
        "physical limit of sin²2θ23 (filled), where regions are too small.",
    ),
}


class _Missing:
    """Stands for a number that does not exist, as the scatter of a single member."""

    def __format__(self, spec: str) -> str:
        return "n/a"


class _Lookup(dict[str, "Number | _Missing"]):
    def __missing__(self, name: str) -> _Missing:
        return _Missing()


def caption(figure: str, numbers: "Mapping[str, Number]") -> str:
    """Caption of a figure with its numbers; "n/a" for those that do not exist."""
    return FIGURES[figure].text.format_map(_Lookup(numbers))
