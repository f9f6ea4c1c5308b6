"""The numbers that captions, README and papers quote, with units, errors and where they come from.

Each function takes what artifacts or tables hold and returns numbers by name. Names are paths such
as ``nominal/dm2_32/shift``: what it is of, of which quantity, which property. A number that does
not exist, as the scatter of one member or an edge of an empty interval, has no entry.

Percentages are numbers in %, mass splittings in 1e-3 eV², shifts in σ_stat, the spread of the
bootstrap replicas with the known cross section.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sp
from numpy.typing import NDArray

from nd2fd import __version__
from nd2fd.figures.fig7 import UNCONSTRAINED
from nd2fd.figures.fig12 import FEWEST_EVENTS
from nd2fd.physics.density import total_variation
from nd2fd.statistics.coverage import REGIONS, at_physical_limit, wilson_interval

Array = NDArray[np.float64]
Arrays = Mapping[str, NDArray[Any]]
"""Arrays of an artifact."""

_POPULATED = 0.01
"""Density, relative to its peak, from which on deviations of marginals count."""


@dataclass(frozen=True)
class Number:
    """A quoted number.

    Attributes
    ----------
    value : float
        The number, in `unit`.
    unit : str
        Unit; "1" if dimensionless.
    spec : str
        Format specification with which value and uncertainty are quoted.
    description : str
        What it is.
    sources : tuple of (str, str)
        Input of the rule `numbers_table`, and dataset or column in it.
    uncertainty : float, optional
        One standard deviation, in `unit`.
    """

    value: float
    unit: str
    spec: str
    description: str
    sources: tuple[tuple[str, str], ...]
    uncertainty: float | None = None

    def __format__(self, spec: str) -> str:
        """As quoted; ``{:±}`` adds the uncertainty, any other specification replaces `spec`."""
        if spec != "±":
            return quote(self.value, spec or self.spec)
        value = quote(self.value, self.spec)
        error = self.uncertainty
        return value if error is None else f"{value} ± {quote(error, self.spec)}"


Numbers = dict[str, Number]


def quote(value: float, spec: str) -> str:
    """A formatted number; with ``#.2g``, two significant digits without a positive exponent."""
    text = format(value, spec).removesuffix(".")
    return f"{value:.0f}" if "e+" in text else text


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


def setting_numbers(
    far_events: Arrays, truth_fits: Arrays, true_sin2_theta23: float, true_point: Sequence[float]
) -> Numbers:
    """What the data are: number of FD events and replicas, and the parameters they were made at.

    `far_events` and `truth_fits` are the artifacts `events` and `fit`; `true_point` is sin²2θ23 and
    Δm²32 [eV²].
    """
    configured = (("configuration", "oscillation"),)
    numbers = {
        "setting/far_events": Number(
            far_events["v1"].size, "events", "d", "far-detector events", (("far_events", "v1"),)
        ),
        "setting/replicas": Number(
            truth_fits["dm2_32"].shape[1],
            "replicas",
            "d",
            "bootstrap replicas of each fit",
            (("truth_fits", "dm2_32"),),
        ),
        "true/sin2_theta23": Number(
            true_sin2_theta23, "1", ".3f", "sin²θ23 at which the data were made", configured
        ),
    }
    for (name, parameter), value in zip(_PARAMETERS.items(), true_point, strict=True):
        numbers[f"true/{name}"] = Number(
            value * parameter.scale,
            parameter.unit,
            ".4f",
            f"{parameter.symbol} at which the data were made",
            configured,
        )
    return numbers


def oscillation_numbers(oscillation: pd.DataFrame, systematics: pd.DataFrame) -> Numbers:
    """Best fits, widths, shifts and scatter of all ensembles, from the tables of these names.

    Shifts are against the known cross section with the same data where the table `systematics` has
    the ensemble, otherwise against `truth`.
    """
    numbers = {}
    of_systematic = systematics.set_index("systematic")
    for row in oscillation.to_dict("records"):
        ensemble, size = str(row["ensemble"]), int(row["members"])
        listed = ensemble in of_systematic.index
        numbers[f"{ensemble}/members"] = Number(
            size, "members", "d", f"members of {ensemble}", (("oscillation", "members"),)
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
            if listed:
                reference = of_systematic.loc[ensemble, "reference"]
                columns = {key: f"{name}_{key}" for key in ("shift", "scatter", "added_width")}
                table, values = "systematics", of_systematic.loc[ensemble]
            elif ensemble != "truth":
                reference = "truth"
                columns = {key: f"{name}_{key}_in_sigma" for key in ("shift", "scatter")}
                table, values = "oscillation", row
            else:
                continue
            scatter = float(values[columns["scatter"]])
            meaning = {
                "shift": f"shift of {symbol} against {reference}, mean over members",
                "scatter": f"standard deviation of the best fits of {symbol} between members",
                "added_width": f"1σ half-width in {symbol} less that of {reference}",
            }
            for key, column in columns.items():
                value = float(values[column])
                if math.isnan(value):
                    continue
                numbers[f"{ensemble}/{name}/{key}"] = Number(
                    value,
                    "sigma_stat",
                    ".3f",
                    meaning[key],
                    ((table, column),),
                    scatter / math.sqrt(size) if key == "shift" and size > 1 else None,
                )
    return numbers


def learning_numbers(learning: pd.DataFrame) -> Numbers:
    """How well networks learned, over the members of each ensemble, from the table `learning`."""
    quantities = (
        ("loss", "loss", "training loss", 1.0, "1", ".1e"),
        ("test_loss", "test_loss", "loss of the three-dimensional cross section", 1.0, "1", ".1e"),
        ("near", "near_total_variation", "total variation at the ND", 100.0, "%", "#.2g"),
        ("far", "far_total_variation", "total variation at the FD", 100.0, "%", "#.2g"),
        (
            "sigma",
            "max_sigma_deviation",
            "largest deviation of σ(E_ν) from the truth, 1.5 to 9 GeV",
            100.0,
            "%",
            "#.2g",
        ),
    )
    numbers = {}
    for ensemble, rows in learning.groupby("ensemble", sort=False):
        for name, column, meaning, scale, unit, spec in quantities:
            values = rows[column].dropna() * scale
            if values.empty:
                continue
            for label, value in (
                ("best", values.min()),
                ("median", values.median()),
                ("worst", values.max()),
            ):
                numbers[f"{ensemble}/{name}/{label}"] = Number(
                    float(value),
                    unit,
                    spec,
                    f"{meaning}: {label} of {len(values)} members",
                    (("learning", column),),
                )
    return numbers


def region_numbers(ensemble: str, intervals: Arrays) -> Numbers:
    """Edges of intervals and areas of regions at 1σ and 2σ, from an artifact `intervals`."""
    source = f"{ensemble}_intervals"
    numbers = {}
    cell = np.diff(intervals["sin2_2theta23"])[0] * np.diff(intervals["dm2_32"])[0]
    area_scale = math.prod(parameter.scale for parameter in _PARAMETERS.values())
    for level, n_sigma in enumerate(intervals["n_sigma"]):
        for name, parameter in _PARAMETERS.items():
            for edge, value in zip(
                ("low", "high"), intervals[f"interval_{name}"][level], strict=True
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
            float(intervals["mask"][level].sum() * cell * area_scale),
            "1e-3 eV2",
            ".2e",
            f"area of the {n_sigma:g}σ region in sin²2θ23 and Δm²32",
            ((source, "mask"),),
        )
    return numbers


def area_ratios(numbers: Mapping[str, Number], references: Mapping[str, str]) -> Numbers:
    """Areas of regions relative to those of the reference, by ensemble, from `region_numbers`."""
    ratios = {}
    for ensemble, reference in references.items():
        for level in ("1sigma", "2sigma"):
            area, known = (numbers[f"{name}/area_{level}"] for name in (ensemble, reference))
            if known.value > 0:
                ratios[f"{ensemble}/area_ratio_{level}"] = Number(
                    area.value / known.value,
                    "1",
                    ".2f",
                    f"area of the {level[0]}σ region, that of {reference} being 1",
                    area.sources + known.sources,
                )
    return ratios


def octant_numbers(ensemble: str, fits: Arrays) -> Numbers:
    """Which octant of θ23 data and replicas of the first member prefer, from an artifact `fit`."""
    source = f"{ensemble}_fits"
    log_likelihood = fits["octant_log_likelihood"][0]
    lower = float((log_likelihood[:, 0] > log_likelihood[:, 1]).mean())
    of_data = fits["best_octant_log_likelihood"][0]
    numbers = {
        f"{ensemble}/octant/lower": Number(
            100.0 * lower,
            "%",
            ".0f",
            "replicas that fit better in the lower octant",
            ((source, "octant_log_likelihood"),),
            100.0 * math.sqrt(lower * (1.0 - lower) / len(log_likelihood)),
        ),
        f"{ensemble}/octant/log_likelihood": Number(
            float(of_data[0] - of_data[1]),
            "1",
            ".2f",
            "log-likelihood of the data in the lower octant less that in the upper one",
            ((source, "best_octant_log_likelihood"),),
        ),
    }
    for octant, value in zip(("lower", "upper"), fits["best_octant_sin2_theta23"][0], strict=True):
        numbers[f"{ensemble}/octant/{octant}_sin2_theta23"] = Number(
            float(value),
            "1",
            ".3f",
            f"best fit of sin²θ23 in the {octant} octant",
            ((source, "best_octant_sin2_theta23"),),
        )
    return numbers


def coverage_numbers(ensemble: str, coverage: Arrays) -> Numbers:
    """How often regions hold the truth, and pulls, from an artifact `coverage`.

    Errors of fractions are half of Wilson's 68 % interval of the binomial probability, which is not
    zero where all or none of the regions do; those of pulls hold for Gaussian pulls.
    """
    source = f"{ensemble}_coverage"
    n = int(coverage["n_experiments"])
    name = f"coverage/{ensemble}"
    numbers = {
        f"{name}/experiments": Number(
            n, "experiments", "d", "pseudo-experiments", ((source, "n_experiments"),)
        )
    }

    def fraction(value: float, description: str, dataset: str) -> Number:
        low, high = wilson_interval(np.array(value), n)
        error = 50.0 * float(high - low)
        return Number(100.0 * value, "%", ".1f", description, ((source, dataset),), error)

    regions = {"both": "two-dimensional region"} | {
        key: f"interval of {parameter.symbol}" for key, parameter in _PARAMETERS.items()
    }
    for level, n_sigma in enumerate(coverage["n_sigma"]):
        for region, value in zip(REGIONS, coverage["coverage"][level], strict=True):
            numbers[f"{name}/{region}_{n_sigma:g}sigma"] = fraction(
                float(value),
                f"pseudo-experiments whose {n_sigma:g}σ {regions[region]} holds the truth",
                "coverage",
            )
    for key, parameter in _PARAMETERS.items():
        error = coverage[f"best_{key}"] - coverage[f"true_{key}"]
        pulls = error / coverage[f"sigma_{key}"]
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
            )
    at_limit = at_physical_limit(coverage["best_sin2_2theta23"])
    numbers[f"{name}/at_limit"] = fraction(
        float(at_limit.mean()),
        "pseudo-experiments that fit best at sin²2θ23 = 1",
        "best_sin2_2theta23",
    )
    return numbers


def share_numbers(truth: Arrays, weights: Arrays) -> Numbers:
    """Shares of the structure functions in the events, from artifacts `truth` and `weights`.

    And the share of FD events where the ND has almost none, so that nothing is learned.
    """
    numbers = {}
    sources = (("densities", "structure_functions"), ("weights", "near"), ("weights", "far"))
    near, far = (weights[key] * truth["structure_functions"] for key in ("near", "far"))
    for key, detector, events in (("near", "ND", near), ("far", "FD", far)):
        for i, share in enumerate(events.sum(axis=(1, 2))):
            numbers[f"share/w{i + 1}_{key}"] = Number(
                100.0 * float(share),
                "%",
                ".0f",
                f"share of W{i + 1}' in {detector} events",
                sources,
            )
    density = near.sum(axis=0)
    unconstrained = density < UNCONSTRAINED * density.max()
    for key, detector, events in (("near", "ND", near), ("far", "FD", far)):
        numbers[f"share/unconstrained_{key}"] = Number(
            100.0 * float(events.sum(axis=0)[unconstrained].sum() / events.sum()),
            "%",
            "#.2g",
            f"{detector} events at (x, Q²) where the ND density is below {UNCONSTRAINED:g} of its "
            "peak",
            sources,
        )
    return numbers


def marginal_numbers(ensemble: str, truth: Arrays, members: Arrays) -> Numbers:
    """Largest deviation of the members' marginals, from artifacts `marginals` of both.

    Over all variables of figure 3, where the density is at least 1 % of its peak.
    """
    numbers = {}
    for detector, label in (("near", "ND"), ("far", "FD")):
        datasets = [
            f"{detector}_{name}" for name in ("energy", "e_lepton", "cos_theta", "v1", "v2")
        ]
        largest = 0.0
        for dataset in datasets:
            true = truth[dataset][0]
            populated = true > _POPULATED * true.max()
            deviation = np.abs(members[dataset][:, populated] / true[populated] - 1.0)
            largest = max(largest, float(deviation.max()))
        numbers[f"{ensemble}/marginals_{detector}"] = Number(
            100.0 * largest,
            "%",
            "#.2g",
            f"largest deviation of a {label} marginal where it is above 1 % of its peak",
            tuple((f"{ensemble}_marginals", dataset) for dataset in datasets),
        )
    return numbers


def slice_numbers(ensemble: str, truth: Arrays, learned: Arrays) -> Numbers:
    """Total variation at fixed energies of the first member, from artifacts `slices` of both."""
    variations = [
        100.0 * total_variation(p, q)
        for p, q in zip(learned["density"][0], truth["density"][0], strict=True)
    ]
    energies = ", ".join(f"{energy:g}" for energy in truth["energy"])
    return {
        f"{ensemble}/slices_{label}": Number(
            value,
            "%",
            "#.2g",
            f"total variation of the cross section at fixed E_ν = {energies} GeV: {label}",
            ((f"{ensemble}_slices", "density"), ("truth_slices", "density")),
        )
        for label, value in (("best", min(variations)), ("worst", max(variations)))
    }


def noise_numbers(ensemble: str, truth: Arrays, near: Arrays, prediction: Arrays) -> Numbers:
    """How far histogram and learned density are from the truth, in Poisson errors of a cell.

    From artifacts `truth`, and `near` and `prediction` of the ensemble, whose first members are
    taken.
    """
    n_events = int(near["n_events"])
    expected = n_events * truth["near"] / truth["near"].size
    populated = expected >= FEWEST_EVENTS
    numbers = {
        f"{ensemble}/near_events": Number(
            n_events / 1e6,
            "1e6 events",
            "g",
            "near-detector events",
            ((f"{ensemble}_near", "n_events"),),
        )
    }
    for name, density, source in (
        ("histogram", near["density"][0], (f"{ensemble}_near", "density")),
        ("learned", prediction["near"][0], (f"{ensemble}_prediction", "near")),
    ):
        deviation = (density - truth["near"])[populated] / truth["near"][populated]
        numbers[f"{ensemble}/noise_{name}"] = Number(
            float(np.sqrt(np.mean(deviation**2 * expected[populated]))),
            "1",
            ".2f",
            f"rms difference of the {name} ND density from the truth, in Poisson errors of a cell",
            (source, ("densities", "near")),
        )
    return numbers


def smearing_numbers(truth: Arrays, response: sp.csr_array) -> Numbers:
    """Share of ND events measured in their own cell, from `truth` and S[c', c], cells v1-major."""
    near = truth["near"].ravel()
    cells = " × ".join(map(str, truth["near"].shape))
    return {
        "smearing/own_cell": Number(
            100.0 * float(response.diagonal() @ near / near.sum()),
            "%",
            ".0f",
            f"ND events measured in their own cell of the {cells} grid",
            (("response", "data"), ("densities", "near")),
        )
    }


def flux_numbers(flux: Arrays) -> Numbers:
    """Uncertainty of the flux where it is largest, from an artifact `flux`."""
    numbers = {}
    for key, label in (("near", "ND"), ("far", "FD")):
        peak = int(flux[key].argmax())
        shifts = flux[f"{key}_modes"][:, peak]
        numbers[f"flux_uncertainty/{key}"] = Number(
            100.0 * float(np.sqrt(np.sum(shifts**2))),
            "%",
            ".1f",
            f"1σ uncertainty of the {label} flux at its peak, {flux['energy'][peak]:.3g} GeV",
            (("flux", f"{key}_modes"),),
        )
    return numbers


def as_json(
    numbers: Mapping[str, Number],
    paths: Mapping[str, Sequence[str]],
    records: Mapping[str, Mapping[str, Any]],
    seed: int,
) -> str:
    """The numbers file.

    Parameters
    ----------
    numbers
        All numbers.
    paths
        Files of each input that `sources` of the numbers name.
    records
        What is to be said of each file: checksum, and provenance where it has one.
    seed
        Root seed of all random numbers.
    """

    def entry(number: Number) -> dict[str, Any]:
        value: dict[str, Any] = {"value": number.value, "unit": number.unit, "format": number.spec}
        if number.uncertainty is not None:
            value["uncertainty"] = number.uncertainty
        return value | {
            "description": number.description,
            "sources": [
                f"{path}:{dataset}" for name, dataset in number.sources for path in paths[name]
            ],
        }

    content = {
        "package_version": __version__,
        "seed": seed,
        "artifacts": records,
        "numbers": {name: entry(number) for name, number in numbers.items()},
    }
    return json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def from_json(text: str) -> Numbers:
    """The numbers in a numbers file."""
    return {
        name: Number(
            entry["value"],
            entry["unit"],
            entry["format"],
            entry["description"],
            tuple(tuple(source.rsplit(":", 1)) for source in entry["sources"]),
            entry.get("uncertainty"),
        )
        for name, entry in json.loads(text)["numbers"].items()
    }


_LATEX_UNITS = {
    "1": "",
    "%": r"\%",
    "1e-3 eV2": r"10^{-3}\,\mathrm{eV}^2",
    "1e6 events": "10^6",
    "sigma_stat": r"\sigma_\mathrm{stat}",
}


def as_latex(numbers: Mapping[str, Number]) -> str:
    r"""LaTeX macros: ``\ndfd{NAME}``, ``\ndfderror{NAME}`` and ``\ndfdunit{NAME}``."""
    lines = [
        r"% \ndfd{NAME} is a number of numbers.json, \ndfderror{NAME} its error, \ndfdunit{NAME}",
        r"% its unit; a NAME that does not exist is an error.",
    ]
    for macro, kind in (("ndfd", "value"), ("ndfderror", "error"), ("ndfdunit", "unit")):
        lines += [
            rf"\DeclareRobustCommand{{\{macro}}}[1]{{\ifcsname ndfd:{kind}:#1\endcsname",
            rf"\ensuremath{{\csname ndfd:{kind}:#1\endcsname}}\else",
            rf"\PackageError{{nd2fd}}{{numbers.json has no {kind} of #1}}{{}}\fi}}",
        ]
    for name, number in numbers.items():
        entries = {"value": _latex(f"{number}"), "unit": _LATEX_UNITS.get(number.unit, "")}
        if number.uncertainty is not None:
            entries["error"] = _latex(quote(number.uncertainty, number.spec))
        lines += [
            rf"\expandafter\def\csname ndfd:{kind}:{name}\endcsname{{{text}}}"
            for kind, text in entries.items()
        ]
    return "\n".join(lines) + "\n"


def _latex(text: str) -> str:
    mantissa, _, exponent = text.partition("e")
    return rf"{mantissa}\times10^{{{int(exponent)}}}" if exponent else text
