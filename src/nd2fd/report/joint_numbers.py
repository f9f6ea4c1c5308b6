"""Numbers of joint fits: best fits, half-widths, what the prior costs, and coverage.

Each function takes artifacts and returns numbers by name (`nd2fd.report.numbers`). σ_stat is half
of the 1σ interval with the known cross section, of the same data or experiments.
"""

import math

import numpy as np
from numpy.typing import NDArray

from nd2fd.io.schemas.fits import Intervals
from nd2fd.io.schemas.joint import JointCoverage, JointFit, JointToys
from nd2fd.report.fit_numbers import REGION_WORDS, fraction_number
from nd2fd.report.numbers import Number, Numbers
from nd2fd.statistics.feldman_cousins import thresholds_at
from nd2fd.statistics.profile_regions import FOR_ONE, REGIONS, half_width, interval

Array = NDArray[np.float64]

_REGION_WORDS = REGION_WORDS | {"sin2_theta23": "interval of sin²θ23"}

_MILLI = 1e3
_LEARNED, _KNOWN = 0, 1
"""Places of the dimension `cross_section`."""


def has_known(fit: JointFit) -> bool:
    """Whether a known cross section was fitted, too, which gives the unit σ_stat."""
    return fit.best_dm2_32.size > _KNOWN


def fit_numbers(name: str, fit: JointFit) -> Numbers:
    """Best fit of Δm²32, its interval, which octant the data prefer, and what the prior costs."""
    source, start = f"{name}_joint", f"joint/{name}"

    def number(value: float, unit: str, spec: str, description: str, *datasets: str) -> Number:
        sources = tuple((source, dataset) for dataset in datasets)
        return Number(float(value), unit, spec, description, sources)

    numbers = {
        f"{start}/near_events": number(
            int(fit.near_events) / 1e6, "1e6 events", ".3g", "near-detector events", "near_events"
        )
    }
    profile = ("dm2_32", "profile_dm2_32")
    widths = [half_width(fit.dm2_32, one) for one in fit.profile_dm2_32]
    best = fit.best_dm2_32
    for which, key in ((_LEARNED, "best"), (_KNOWN, "best_known"))[: len(best)]:
        what = "known cross section" if which == _KNOWN else "joint fit"
        numbers[f"{start}/dm2_32/{key}"] = Number(
            float(best[which]) * _MILLI,
            "1e-3 eV2",
            ".4f",
            f"best fit of Δm²32, {what}; its error is half of the 1σ interval",
            tuple((source, dataset) for dataset in ("best_dm2_32", *profile)),
            widths[which] * _MILLI,
        )
    for level, threshold in enumerate(FOR_ONE, start=1):
        edges = interval(fit.dm2_32, fit.profile_dm2_32[_LEARNED], threshold)
        for edge, value in zip(("low", "high"), edges, strict=True):
            numbers[f"{start}/dm2_32/{edge}_{level}sigma"] = number(
                value * _MILLI,
                "1e-3 eV2",
                ".4f",
                f"{edge} edge of the {level}σ interval of Δm²32",
                *profile,
            )
    if has_known(fit):
        numbers[f"{start}/dm2_32/half_width"] = number(
            _ratio(widths[_LEARNED], widths[_KNOWN]),
            "sigma_stat",
            ".2f",
            "half of the 1σ interval of Δm²32",
            *profile,
        )
        numbers[f"{start}/dm2_32/shift"] = number(
            _ratio(best[_LEARNED] - best[_KNOWN], widths[_KNOWN]),
            "sigma_stat",
            ".3f",
            "best fit of Δm²32 less that with the known cross section",
            "best_dm2_32",
            *profile,
        )
    numbers[f"{start}/dm2_32/linear_error"] = number(
        fit.error_ratio[-1, 1],
        "sigma_stat",
        ".2f",
        "error of Δm²32 in linear theory, with all directions of the posterior",
        "error_ratio",
    )
    numbers[f"{start}/dm2_32/linear_error_few"] = number(
        fit.error_ratio[0, 1],
        "sigma_stat",
        ".2f",
        "the same with the directions that are profiled",
        "error_ratio",
    )
    numbers[f"{start}/sin2_theta23/best"] = number(
        fit.best_sin2_theta23[_LEARNED], "1", ".4f", "best fit of sin²θ23", "best_sin2_theta23"
    )
    lower = fit.sin2_theta23 <= 0.5
    numbers[f"{start}/octant"] = number(
        np.min(fit.profile_sin2_theta23[_LEARNED][lower])
        - np.min(fit.profile_sin2_theta23[_LEARNED][~lower]),
        "1",
        ".2f",
        "least −2 ln L in the lower octant of θ23 less that in the upper one",
        "sin2_theta23",
        "profile_sin2_theta23",
    )
    numbers[f"{start}/largest_pull"] = number(
        np.abs(fit.mode_best).max(initial=0.0),
        "1",
        ".2f",
        "largest nuisance parameter at the best fit, in standard deviations of its prior; above 4 "
        "the log of the fit names it",
        "mode_best",
    )
    for key, spec, description in (
        ("strength", ".2e", "strength of the smoothness prior, of the largest marginal likelihood"),
        ("chi2", ".0f", "χ² of the ND histogram"),
        ("paid", ".1f", "χ² that the structure functions pay to the prior"),
        ("effective_parameters", ".1f", "parameters that the ND histogram determines"),
    ):
        numbers[f"{start}/{key}"] = number(float(getattr(fit, key)), "1", spec, description, key)
    return numbers


def ensemble_numbers(name: str, fit: JointFit, ensemble: str, intervals: Intervals) -> Numbers:
    """Half-width of the interval of the ensemble beside which a joint fit is shown."""
    if not has_known(fit):
        return {}
    low, high = intervals.interval_dm2_32[0]
    known = half_width(fit.dm2_32, fit.profile_dm2_32[_KNOWN])
    return {
        f"joint/{name}/dm2_32/half_width_ensemble": Number(
            _ratio(0.5 * (high - low), known),
            "sigma_stat",
            ".2f",
            f"half of the 1σ interval of Δm²32 of {ensemble}",
            ((f"{ensemble}_intervals", "interval_dm2_32"), (f"{name}_joint", "profile_dm2_32")),
        )
    }


def toy_numbers(name: str, fit: JointFit, toys: JointToys) -> Numbers:
    """Thresholds of Feldman and Cousins at the best fit, and half of an interval with them."""
    of_toys, of_fit = f"{name}_toys", f"{name}_joint"
    limits = thresholds_at(toys, fit.best_sin2_theta23[:1])[0, _LEARNED, :, 0]
    numbers = {
        f"joint/{name}/threshold_{region}": Number(
            float(limit),
            "1",
            ".2f",
            f"threshold of the 1σ {_REGION_WORDS[region]} after Feldman and Cousins",
            ((of_toys, "tests"), (of_fit, "best_sin2_theta23")),
        )
        for region, limit in zip(REGIONS, limits, strict=True)
    }
    if not has_known(fit):
        return numbers
    threshold = float(limits[REGIONS.index("dm2_32")])
    low, high = interval(fit.dm2_32, fit.profile_dm2_32[_LEARNED], threshold)
    known = half_width(fit.dm2_32, fit.profile_dm2_32[_KNOWN])
    numbers[f"joint/{name}/dm2_32/half_width_fc"] = Number(
        _ratio(0.5 * (high - low), known),
        "sigma_stat",
        ".2f",
        "half of the 1σ interval of Δm²32 after Feldman and Cousins",
        ((of_toys, "tests"), (of_fit, "dm2_32"), (of_fit, "profile_dm2_32")),
    )
    return numbers


def coverage_numbers(name: str, coverage: JointCoverage) -> Numbers:
    """How often regions hold the truth, half-widths and pulls; errors of pulls are Gaussian."""
    source, start = f"{name}_joint_coverage", f"joint/{name}"
    n = int(coverage.n_experiments)
    numbers = {
        f"{start}/experiments": Number(
            n, "experiments", "d", "pseudo-experiments", ((source, "n_experiments"),)
        )
    }
    widths = coverage.half_width_dm2_32.T
    for which, end in ((_LEARNED, ""), (_KNOWN, "_known")):
        known = ", known cross section" if which == _KNOWN else ""
        for dataset, rule, suffix in (
            ("coverage", "", ""),
            ("calibrated", " after Feldman and Cousins", "_fc"),
        ):
            held = getattr(coverage, dataset)
            for level, n_sigma in enumerate(coverage.n_sigma if held is not None else []):
                for region, value in zip(REGIONS, held[which, level], strict=True):
                    numbers[f"{start}/{region}_{n_sigma:g}sigma{suffix}{end}"] = fraction_number(
                        float(value),
                        n,
                        f"pseudo-experiments whose {n_sigma:g}σ {_REGION_WORDS[region]}{rule} "
                        f"holds the truth{known}",
                        ((source, dataset),),
                    )
        pulls = (coverage.best_dm2_32[:, which] - coverage.true_dm2_32) / widths[which]
        numbers |= _moments(
            f"{start}/pull_dm2_32",
            end,
            pulls,
            f"(best fit - truth)/half-width of Δm²32{known}",
            ((source, "best_dm2_32"), (source, "half_width_dm2_32")),
        )
    numbers[f"{start}/half_width_mean"] = Number(
        _ratio(widths[_LEARNED].mean(), widths[_KNOWN].mean()),
        "sigma_stat",
        ".2f",
        "half of the 1σ interval of Δm²32, mean over pseudo-experiments",
        ((source, "half_width_dm2_32"),),
        float(widths[_LEARNED].std() / widths[_KNOWN].mean() / math.sqrt(n)),
    )
    shift = (coverage.best_dm2_32[:, _LEARNED] - coverage.true_dm2_32) / widths[_KNOWN].mean()
    numbers |= _moments(
        f"{start}/deviation_dm2_32",
        "",
        shift,
        "best fit of Δm²32 less the truth",
        ((source, "best_dm2_32"), (source, "half_width_dm2_32")),
        "sigma_stat",
    )
    if coverage.mode_pull.size:
        numbers |= _moments(
            f"{start}/pull_modes",
            "",
            coverage.mode_pull.ravel(),
            "(posterior mean - nature)/error of flux modes and other pulls",
            ((source, "mode_pull"),),
        )
    return numbers


def _moments(
    start: str,
    end: str,
    values: Array,
    what: str,
    sources: tuple[tuple[str, str], ...],
    unit: str = "1",
) -> Numbers:
    """Mean and standard deviation, with errors that hold for Gaussian values."""
    spread = float(values.std())
    return {
        f"{start}_{moment}{end}": Number(
            value, unit, ".2f", f"{moment} of {what}", sources, spread / math.sqrt(counts)
        )
        for moment, value, counts in (
            ("mean", float(values.mean()), values.size),
            ("std", spread, 2 * values.size),
        )
    }


def _ratio(value: float, unit: float) -> float:
    """A value in a unit; NaN where the unit is zero or not defined."""
    return value / unit if unit > 0.0 else math.nan
