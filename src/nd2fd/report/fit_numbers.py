"""Numbers of data, oscillation fits, regions and their coverage.

Each function takes artifacts or tables and returns numbers by name (`nd2fd.report.numbers`).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from nd2fd.io.schemas.coverage import Coverage
from nd2fd.io.schemas.events import Events
from nd2fd.io.schemas.fits import Fits, Intervals
from nd2fd.report.numbers import Number, Numbers
from nd2fd.report.numbers_file import Ensemble
from nd2fd.statistics.coverage import REGIONS, at_physical_limit, wilson_interval
from nd2fd.statistics.ensemble import octant_weights


@dataclass(frozen=True)
class _Parameter:
    symbol: str
    unit: str
    scale: float
    spec: str


_PARAMETERS = {
    "sin2_2theta23": _Parameter("sin²2θ23", "1", 1.0, ".5f"),
    "dm2_32": _Parameter("Δm²32", "1e-3 eV2", 1e3, ".4f"),
}


REGION_WORDS = {"both": "two-dimensional region"} | {
    key: f"interval of {parameter.symbol}" for key, parameter in _PARAMETERS.items()
}
"""What the regions of `REGIONS` are."""


def fraction_number(
    value: float, n: int, description: str, sources: tuple[tuple[str, str], ...]
) -> Number:
    """A fraction of `n` experiments in %.

    Its error is half of Wilson's 68 % interval of the binomial probability, which is not zero where
    all or none were successes; where that would lead beyond 0 or 100 %, the interval is given.
    """
    percent = 100.0 * value
    # Rounding must not lead beyond the limits, nor take the value out of the interval.
    edges = wilson_interval(np.array(value), n)
    low, high = min(100.0 * float(edges[0]), percent), max(100.0 * float(edges[1]), percent)
    error = 0.5 * (high - low)
    possible = 0.0 <= percent - error and percent + error <= 100.0
    return Number(
        percent,
        "%",
        ".1f",
        description,
        sources,
        uncertainty=error if possible else None,
        interval=None if possible else (max(low, 0.0), min(high, 100.0)),
    )


def ensemble_numbers(ensembles: Mapping[str, Ensemble]) -> Numbers:
    """Sizes of ensembles, and the numbers of near-detector events of those that have some."""
    source = (("configuration", "ensembles"),)
    numbers = {}
    for name, ensemble in ensembles.items():
        numbers[f"{name}/members"] = Number(
            ensemble.size, "members", "d", f"members of {name}", source
        )
        if ensemble.near_events is not None:
            numbers[f"{name}/near_events"] = Number(
                ensemble.near_events / 1e6, "1e6 events", "g", "near-detector events", source
            )
    return numbers


def data_numbers(
    far_events: Events,
    ensemble: str,
    fits: Fits,
    true_sin2_theta23: float,
    true_point: Sequence[float] | None,
) -> Numbers:
    """What the data are: number of FD events and replicas, and the parameters they were made at.

    Parameters
    ----------
    far_events
        The data.
    ensemble, fits
        Any ensemble, and its fits.
    true_sin2_theta23, true_point
        sin²θ23; sin²2θ23 and Δm²32 [eV²], None where they are not known.
    """
    configured = (("configuration", "oscillation"),)
    numbers = {
        "setting/far_events": Number(
            far_events.v1.size, "events", "d", "far-detector events", (("far_events", "v1"),)
        ),
        "setting/replicas": Number(
            fits.dm2_32.shape[1],
            "replicas",
            "d",
            "bootstrap replicas of each fit",
            ((f"{ensemble}_fits", "dm2_32"),),
        ),
    }
    if true_point is None:
        return numbers
    numbers["true/sin2_theta23"] = Number(
        true_sin2_theta23, "1", ".3f", "sin²θ23 at which the data were made", configured
    )
    for (name, parameter), value in zip(_PARAMETERS.items(), true_point, strict=True):
        numbers[f"true/{name}"] = Number(
            value * parameter.scale,
            parameter.unit,
            ".4f",
            f"{parameter.symbol} at which the data were made",
            configured,
        )
    return numbers


def oscillation_numbers(oscillation: pd.DataFrame, systematics: pd.DataFrame | None) -> Numbers:
    """Best fits, widths, shifts and scatter of all ensembles, from the tables of these names.

    Shifts are those of the table `systematics` where it has the ensemble: the other one compares
    means over members.
    """
    numbers = {}
    spreads = oscillation.set_index("ensemble")
    of_systematic = (
        {}
        if systematics is None
        else {str(row["systematic"]): row for row in systematics.to_dict("records")}
    )
    for row in oscillation.to_dict("records"):
        ensemble, size = str(row["ensemble"]), int(row["members"])
        reference = row["reference"]
        if row["replicas_at_edge"] > 0:
            numbers[f"{ensemble}/at_edge"] = Number(
                100.0 * float(row["replicas_at_edge"]),
                "%",
                ".2g",
                "replicas that end at an edge of the fit ranges, so that their spread is cut",
                (("oscillation", "replicas_at_edge"),),
            )
        for name, parameter in _PARAMETERS.items():
            symbol = parameter.symbol
            numbers[f"{ensemble}/{name}/best"] = Number(
                row[f"{name}_best"] * parameter.scale,
                parameter.unit,
                parameter.spec,
                f"best fit of {symbol}, mean over members; its error is the spread of the replicas",
                (("oscillation", f"{name}_best"), ("oscillation", f"{name}_sigma")),
                row[f"{name}_sigma"] * parameter.scale,
            )
            numbers[f"{ensemble}/{name}/sigma"] = Number(
                row[f"{name}_sigma"] * parameter.scale,
                parameter.unit,
                parameter.spec,
                f"spread of the bootstrap replicas in {symbol}, mean over members",
                (("oscillation", f"{name}_sigma"),),
            )
            if not isinstance(reference, str):
                continue
            if ensemble in of_systematic:
                columns = {key: f"{name}_{key}" for key in ("shift", "scatter", "added_width")}
                table, values = "systematics", of_systematic[ensemble]
            else:
                columns = {key: f"{name}_{key}_in_sigma" for key in ("shift", "scatter")}
                table, values = "oscillation", row
            scatter = float(values[columns["scatter"]])
            meaning = {
                "shift": f"shift of {symbol} against {reference}, mean over members",
                "scatter": f"standard deviation of the best fits of {symbol} between members",
                "added_width": f"1σ half-width in {symbol} less that of {reference}",
            }
            for key, column in columns.items():
                value = float(values[column])
                # One member has no scatter.
                if key == "scatter" and size == 1:
                    continue
                undefined = None
                if not math.isfinite(value):
                    no_spread = spreads[f"{name}_sigma"].get(reference) == 0.0
                    undefined = (
                        f"all replicas of {reference} fit best at the same {symbol}"
                        if no_spread
                        else "a 1σ interval is empty"
                    )
                numbers[f"{ensemble}/{name}/{key}"] = Number(
                    value,
                    "sigma_stat",
                    ".3f",
                    meaning[key],
                    ((table, column),),
                    scatter / math.sqrt(size) if key == "shift" and size > 1 else None,
                    undefined,
                )
    return numbers


def region_numbers(ensemble: str, intervals: Intervals) -> Numbers:
    """Edges of intervals and areas of regions at 1σ and 2σ."""
    source = f"{ensemble}_intervals"
    numbers = {}
    cell = np.diff(intervals.sin2_2theta23)[0] * np.diff(intervals.dm2_32)[0]
    area_scale = math.prod(parameter.scale for parameter in _PARAMETERS.values())
    for level, n_sigma in enumerate(intervals.n_sigma):
        for name, parameter in _PARAMETERS.items():
            for edge, value in zip(
                ("low", "high"), getattr(intervals, f"interval_{name}")[level], strict=True
            ):
                if math.isnan(value):
                    continue
                numbers[f"{ensemble}/{name}/{edge}_{n_sigma:g}sigma"] = Number(
                    value * parameter.scale,
                    parameter.unit,
                    parameter.spec,
                    f"{edge} edge of the {n_sigma:g}σ interval of {parameter.symbol}",
                    ((source, f"interval_{name}"),),
                )
        numbers[f"{ensemble}/area_{n_sigma:g}sigma"] = Number(
            float(intervals.mask[level].sum() * cell * area_scale),
            "1e-3 eV2",
            ".2e",
            f"area of the {n_sigma:g}σ region in sin²2θ23 and Δm²32",
            ((source, "mask"),),
        )
    return numbers


def overlap_numbers(
    ensemble: str, reference: str, intervals: Intervals, known: Intervals
) -> Numbers:
    """How regions compare with those of the reference; nothing if they are on another grid."""
    if not all(
        np.array_equal(getattr(intervals, axis), getattr(known, axis)) for axis in _PARAMETERS
    ):
        return {}
    sources = ((f"{ensemble}_intervals", "mask"), (f"{reference}_intervals", "mask"))
    numbers = {}
    for mask, of_reference, n_sigma in zip(intervals.mask, known.mask, known.n_sigma, strict=True):
        area = of_reference.sum()
        if area == 0:
            continue
        numbers[f"{ensemble}/area_ratio_{n_sigma:g}sigma"] = Number(
            float(mask.sum() / area),
            "1",
            ".2f",
            f"area of the {n_sigma:g}σ region, that of {reference} being 1",
            sources,
        )
        numbers[f"{ensemble}/holds_{n_sigma:g}sigma"] = Number(
            100.0 * float((mask & of_reference).sum() / area),
            "%",
            ".1f",
            f"share of the {n_sigma:g}σ region of {reference} inside that of {ensemble}",
            sources,
        )
    return numbers


def octant_numbers(ensemble: str, fits: Fits) -> Numbers:
    """Which octant of θ23 the data prefer with the first member."""
    source = f"{ensemble}_fits"
    of_data = fits.best_octant_log_likelihood[0]
    weights = octant_weights(fits.best_octant_log_likelihood[:1], fits.octant_sin2_theta23[:1])
    numbers = {
        f"{ensemble}/octant/lower": Number(
            100.0 * float(weights[..., 0].mean()),
            "%",
            ".0f",
            "weight of the lower octant in the regions of sin²θ23",
            ((source, "best_octant_log_likelihood"), (source, "octant_sin2_theta23")),
        ),
        f"{ensemble}/octant/log_likelihood": Number(
            float(of_data[0] - of_data[1]),
            "1",
            ".2f",
            "log-likelihood of the data in the lower octant less that in the upper one",
            ((source, "best_octant_log_likelihood"),),
        ),
    }
    for octant, value in zip(("lower", "upper"), fits.best_octant_sin2_theta23[0], strict=True):
        numbers[f"{ensemble}/octant/{octant}_sin2_theta23"] = Number(
            float(value),
            "1",
            ".3f",
            f"best fit of sin²θ23 in the {octant} octant",
            ((source, "best_octant_sin2_theta23"),),
        )
    return numbers


def coverage_numbers(ensemble: str, coverage: Coverage) -> Numbers:
    """How often regions hold the truth, and pulls.

    Errors of pulls hold for Gaussian pulls.
    """
    source = f"{ensemble}_coverage"
    n = int(coverage.n_experiments)
    name = f"coverage/{ensemble}"
    numbers = {
        f"{name}/experiments": Number(
            n, "experiments", "d", "pseudo-experiments", ((source, "n_experiments"),)
        )
    }

    def fraction(value: float, description: str, dataset: str) -> Number:
        return fraction_number(value, n, description, ((source, dataset),))

    for level, n_sigma in enumerate(coverage.n_sigma):
        for region, value in zip(REGIONS, coverage.coverage[level], strict=True):
            numbers[f"{name}/{region}_{n_sigma:g}sigma"] = fraction(
                float(value),
                f"pseudo-experiments whose {n_sigma:g}σ {REGION_WORDS[region]} holds the truth",
                "coverage",
            )
    for key, parameter in _PARAMETERS.items():
        error = getattr(coverage, f"best_{key}") - getattr(coverage, f"true_{key}")
        spread = getattr(coverage, f"sigma_{key}")
        without = int(np.count_nonzero(spread == 0.0))
        pulls = error / np.where(spread == 0.0, np.nan, spread)
        undefined = (
            f"in {without} of {n} pseudo-experiments all replicas fit best at the same value"
            if without
            else None
        )
        sources = ((source, f"best_{key}"), (source, f"sigma_{key}"))
        for moment, value, uncertainty in (
            ("mean", pulls.mean(), pulls.std() / math.sqrt(n)),
            ("std", pulls.std(), pulls.std() / math.sqrt(2 * n)),
        ):
            numbers[f"{name}/pull_{key}_{moment}"] = Number(
                float(value),
                "1",
                ".2f",
                f"{moment} of (best fit - truth)/error of {parameter.symbol}",
                sources,
                float(uncertainty),
                undefined,
            )
    at_limit = at_physical_limit(coverage.best_sin2_2theta23)
    numbers[f"{name}/at_limit"] = fraction(
        float(at_limit.mean()),
        "pseudo-experiments that fit best at sin²2θ23 = 1",
        "best_sin2_2theta23",
    )
    return numbers
