"""Captions whose words follow from the configuration: what varies, and what is smeared."""

from collections.abc import Iterable

from nd2fd.figures.roles import Roles
from nd2fd.plan import Plan
from nd2fd.systematics import SYSTEMATICS


def listed(words: list[str]) -> str:
    """a, b and c."""
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def nouns(plan: Plan, names: Iterable[str]) -> list[str]:
    """What the members of ensembles differ in."""
    vary = {systematic for name in names for systematic in plan.ensemble(name).vary}
    return [entry.noun for name, entry in SYSTEMATICS.items() if name in vary]


def _that_differ(plan: Plan, names: Iterable[str]) -> str:
    what = nouns(plan, names)
    return f" that differ in {listed(what)}" if what else ""


def _smeared(plan: Plan, names: list[str]) -> str:
    which = [plan.ensemble(name).smeared for name in names]
    return " (smeared)" if all(which) else " (some of them smeared)" if any(which) else ""


def procedure(plan: Plan, roles: Roles) -> str:
    """Of figure 1."""
    what = nouns(plan, roles["final"])
    final = f"[; those of the final ensemble, {{final/members}}, differ in {listed(what)}]"
    return (
        "A network with the known kinematics and flux predicts the near-detector (ND) density and "
        "is trained on it alone. Frozen, it predicts the far detector (FD), whose "
        "{setting/far_events} events are fitted unbinned with {setting/replicas} bootstrap "
        f"replicas. All of it is done for each member of an ensemble{final if what else ''}."
    )


def marginals(plan: Plan, roles: Roles) -> str:
    """Of figure 3."""
    return (
        f"Truth (dashed) and {{learned/members:network}}{_that_differ(plan, roles['learned'])}, "
        "with their deviation below. Where a density is above {setting/populated} % of its peak, "
        "marginals are off by at most {learned/marginals_near} % at the ND[ and "
        "{learned/marginals_far} % at the FD]."
    )


def total_cross_section(plan: Plan, roles: Roles) -> str:
    """Of figure 5."""
    text = (
        "The energy dependence of the cross section follows from the structure functions, "
        "though the ND is integrated over the spectrum (grey). "
    )
    if not plan.has_truth:
        return f"{text}The unit is the average over the ND flux ({{learned/members:network}})."
    return (
        f"{text}Between {{setting/sigma_low}} and "
        "{setting/sigma_high} GeV the largest deviation from the truth is {learned/sigma/best} "
        "to {learned/sigma/worst} % ({learned/members:network}, median {learned/sigma/median} "
        "%). Ratios are drawn where the ND has events."
    )


def structure_functions(plan: Plan, roles: Roles) -> str:
    """Of figure 7."""
    which = "learned and true (dashed)" if plan.has_truth else "learned"
    text = (
        f"Above: {which} structure functions at three Q²; dotted where there are "
        "almost no ND events and nothing is learned. Below: the same times their weight in the ND "
        "density."
    )
    if not plan.has_truth:
        return text
    return (
        f"{text} W1', W2' and W3' contribute {{share/w1_near}}, {{share/w2_near}} and "
        "{share/w3_near} % to the ND events[ and {share/w1_far}, {share/w2_far} and "
        "{share/w3_far} % to the FD events; the region where nothing is learned holds "
        "{share/unconstrained_far} % of the FD events]."
    )


def losses(plan: Plan, roles: Roles) -> str:
    """Of figure 6."""
    if not plan.has_truth:
        return (
            "The training loss with {sampled/near_events} million ND events ends at "
            "{sampled/loss/median} (median). Points: weights kept."
        )
    by_errors = plan.config.training.weighting == "poisson"
    counting = ", whose cells count by their Poisson errors," if by_errors else ""
    return (
        "[Asimov ND density: the training loss ends at {asimov/loss/median}, the test loss, that "
        "of the three-dimensional cross section, which is not used in training, at "
        "{asimov/test_loss/median} (medians). ][With {sampled/near_events} million ND events"
        f"{counting} they end at {{sampled/loss/median}} and {{sampled/test_loss/median}}. ]"
        "Points: weights kept."
    )


def smearing(plan: Plan, roles: Roles) -> str:
    """Of figure 13; known cross sections with and without smearing tell what it changes."""
    without = [name for name in roles["known"] if not plan.ensemble(name).smeared][:1]
    compared = "".join(
        f"[ The error with the known cross section is {{{name}/dm2_32/sigma}}·10⁻³ eV² without "
        "smearing and {reference/dm2_32/sigma}·10⁻³ eV² with it.]"
        for name in without
        if all(plan.ensemble(reference).smeared for reference in roles["reference"])
    )
    return (
        "Left: where muons of a few energies and angles are measured; {smearing/own_cell} % of the "
        "ND events stay in their cell. Right: against the known cross section"
        f"{_smeared(plan, roles['reference'])} learned ones{_smeared(plan, roles['learned'])} "
        "shift Δm²32 by {learned/dm2_32/shift:.2f} σ_stat[ and scatter by "
        f"{{learned/dm2_32/scatter:.2f}} σ_stat].{compared}"
    )


def assumptions(plan: Plan, roles: Roles) -> str:
    """Of figure 15."""
    compared = "".join(
        f"[ For comparison: {{{role}/dm2_32/scatter:.2f}} σ_stat between members"
        f"{_that_differ(plan, roles[role])}.]"
        for role in ("samples", "seeds")
    )
    return (
        "Best fits of Δm²32 scatter by {varied/dm2_32/scatter:.2f} σ_stat between members with the "
        f"known cross section{_that_differ(plan, roles['varied'])}, and by "
        "{learned/dm2_32/scatter:.2f} σ_stat between members with learned cross sections"
        f"{_that_differ(plan, roles['learned'])}.{compared}"
    )


def scatter(plan: Plan, roles: Roles) -> str:
    """Of figure 16."""
    return (
        f"{{learned/members:member}}{_that_differ(plan, roles['learned'])}: best fits scatter by "
        "{learned/sin2_2theta23/scatter} σ_stat in sin²2θ23 and by {learned/dm2_32/scatter} σ_stat "
        "in Δm²32, around mean shifts of {learned/sin2_2theta23/shift} and "
        "{learned/dm2_32/shift} σ_stat."
    )


def final(plan: Plan, roles: Roles) -> str:
    """Of figure 17."""
    members = (
        f"{{learned/members:member}}{_that_differ(plan, roles['learned'])}"
        f"{_smeared(plan, roles['learned'])}"
    )
    if not plan.has_truth:
        return (
            f"{members}: sin²2θ23 = {{learned/sin2_2theta23/best:±}}, Δm²32 = "
            "({learned/dm2_32/best:±})·10⁻³ eV²; errors are those of FD statistics alone. The 1σ "
            "interval of Δm²32, with the scatter of the members, is "
            "{learned/dm2_32/low_1sigma} to {learned/dm2_32/high_1sigma}·10⁻³ eV²."
        )
    return (
        f"{members}, against the known cross section"
        f"{_smeared(plan, roles['reference'])}. Best fits of Δm²32 shift by "
        "{learned/dm2_32/shift:.2f} σ_stat and scatter by {learned/dm2_32/scatter:.2f} σ_stat; "
        "the half-width of its 1σ interval changes by {learned/dm2_32/added_width:+.2f} σ_stat. "
        "The 2σ region has {learned/area_ratio_2sigma} times the area. {learned/holds_1sigma} % of "
        "the 1σ region and {learned/holds_2sigma} % of the 2σ region of the known cross section "
        "lie inside."
    )


def rule_of(plan: Plan, name: str) -> str:
    """What a row of figure 21 calls an ensemble, in short."""
    what = "bootstrap, known" if plan.kind(name) == "known" else "ensemble"
    return what + _smeared(plan, [name])


def profile_of(plan: Plan, name: str) -> str:
    """What a row of figure 21 calls the known cross section beside a joint fit."""
    smeared = " (smeared)" if plan.joint_fit(name).smeared else ""
    return f"profile, known{smeared}"


def joint_fits(plan: Plan, roles: Roles) -> str:
    """Of figure 20."""
    known = ", and with the known cross section" if plan.has_truth else ""
    text = (
        "Profile likelihood of {setting/far_events} FD events, with splines as structure functions "
        f"and the flux as nuisance parameters that the ND constrains{known}. Grey lines: heights "
        "at which intervals at 1σ and 2σ are read off."
    )
    for name in plan.joint_fits:
        of = f"joint/{name}/dm2_32"
        text += (
            f" {_capital(plan.joint_legend(name))}, {{joint/{name}/near_events}} million ND "
            f"events: Δm²32 = ({{{of}/best:±}})·10⁻³ eV²[, a half-width of {{{of}/half_width}} "
            f"σ_stat, {{{of}/shift:+.2f}} σ_stat from that with the known cross section]; −2 ln L "
            f"in the lower octant less that in the upper one is {{joint/{name}/octant:+.2f}}."
        )
        if name in plan.with_toys:
            text += (
                f" Dotted: thresholds of Feldman and Cousins from toys, for Δm²32 at 1σ "
                f"{{joint/{name}/threshold_dm2_32}} instead of 1[, with a half-width of "
                f"{{{of}/half_width_fc}} σ_stat]."
            )
        beside = plan.joint_fit(name).compared_with
        if beside is not None:
            members = f"{{{beside}/members:member}}{_that_differ(plan, [beside])}"
            text += (
                f" Beside it the regions of {members}[, with a half-width of "
                f"{{{of}/half_width_ensemble}} σ_stat]."
            )
    return text


def joint_coverage(plan: Plan, roles: Roles) -> str:
    """Of figure 21."""
    text = (
        "Fractions of pseudo-experiments in which regions hold the truth, with Wilson errors; half "
        "of the 1σ interval of Δm²32, in units of that with the known cross section (diamonds: of "
        "the one data set); and pulls of Δm²32, (best fit − truth)/half-width, of ensembles "
        "(best fit − truth)/spread of the replicas, with mean (thick: its error) and standard "
        "deviation (thin). In pseudo-experiments of joint fits nature's flux, ND and FD events are "
        "drawn, and mixing means sin²θ23, in both octants; in those of ensembles FD events alone, "
        "and mixing means sin²2θ23 in the octant of the truth."
    )
    for name in plan.with_joint_coverage:
        of = f"joint/{name}/"
        text += (
            f" {_capital(plan.joint_legend(name))}: of {{{of}experiments}} two-dimensional regions "
            f"hold the truth in {{{of}both_1sigma:±}} % (1σ) and {{{of}both_2sigma:±}} % (2σ), "
            f"intervals of Δm²32 in {{{of}dm2_32_1sigma:±}} % and {{{of}dm2_32_2sigma:±}} %; their "
            f"half-width is {{{of}half_width_mean}} σ_stat, their mean pull "
            f"{{{of}pull_dm2_32_mean:±}}."
        )
        if name in plan.with_toys:
            text += (
                f" With thresholds of Feldman and Cousins (squares) they hold it in "
                f"{{{of}both_1sigma_fc:±}} % and {{{of}both_2sigma_fc:±}} %, and in "
                f"{{{of}dm2_32_1sigma_fc:±}} % and {{{of}dm2_32_2sigma_fc:±}} %."
            )
    return text


def measurements(plan: Plan, roles: Roles) -> str:
    """Of figure 22."""
    text = (
        "Published cross sections, and what structure functions learned from them say, with errors "
        "of one standard deviation; errors of the flux are those of the published covariances."
    )
    for name in plan.measurements:
        label, of = plan.measurement(name).label, f"measurement/{name}/"
        text += (
            f" {label}: χ² = {{{of}chi2}} of {{{of}n_data}} data with {{{of}effective_parameters}} "
            f"effective parameters."
            f"[ The energy-integrated data alone ({{{of}marginal/n_data}}, χ² = "
            f"{{{of}marginal/chi2}}) predict the rest, shown as data and prediction given them, "
            f"with χ² = {{{of}conditional/chi2}} of {{{of}conditional/n_data}}; if events did not "
            f"depend on the energy (dashed), it would be {{{of}conditional/chi2_without_energy}}.]"
        )
    for of, source in plan.transfers:
        what = f"measurement/{of}/from_{source}/"
        text += (
            f" {plan.measurement(of).label} from structure functions of "
            f"{plan.measurement(source).label}, as if the nuclei were the same: χ² = "
            f"{{{what}chi2}} of {{{what}n_data}}, best with a scale of {{{what}scale:±}}."
        )
    return text


def _capital(words: str) -> str:
    return words[0].upper() + words[1:]
