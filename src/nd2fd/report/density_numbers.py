"""Numbers of event densities, true and learned, of the flux and of the detector.

Each function takes artifacts or tables and returns numbers by name (`nd2fd.report.numbers`). What
an experiment without a far detector lacks has no number.
"""

import math

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from nd2fd.beam.checks import share_above, uncovered_share
from nd2fd.beam.flux import FluxTable
from nd2fd.figures.thresholds import FEWEST_EVENTS, POPULATED, UNCONSTRAINED, sigma_window
from nd2fd.io.schemas.inputs import Flux, Response
from nd2fd.io.schemas.learned import Marginals, Predictions, Slices
from nd2fd.io.schemas.near import NearData
from nd2fd.io.schemas.truth import NodeWeights, Truth
from nd2fd.physics.density import total_variation
from nd2fd.report.numbers import Number, Numbers

Array = NDArray[np.float64]
BoolArray = NDArray[np.bool_]


def threshold_numbers(truth: Truth) -> Numbers:
    """Where deviations count."""
    low, high = sigma_window(truth)
    source = (("densities", "near_flux"), ("densities", "sigma_total"))
    return {
        "setting/sigma_low": Number(
            low, "GeV", "g", "E_ν from which on deviations of σ(E_ν) count", source
        ),
        "setting/sigma_high": Number(
            high, "GeV", "g", "E_ν up to which deviations of σ(E_ν) count", source
        ),
        "setting/populated": Number(
            100.0 * POPULATED,
            "%",
            "g",
            "density, relative to its peak, from which on deviations of marginals count",
            (("configuration", "setup"),),
        ),
    }


def learning_numbers(learning: pd.DataFrame, truth: Truth | None) -> Numbers:
    """How well networks learned, over the members of each ensemble, from the table `learning`."""
    low, high = (math.nan, math.nan) if truth is None else sigma_window(truth)
    quantities = (
        ("loss", "loss", "training loss", 1.0, "1", ".1e"),
        ("test_loss", "test_loss", "loss of the three-dimensional cross section", 1.0, "1", ".1e"),
        ("near", "near_total_variation", "total variation at the ND", 100.0, "%", "#.2g"),
        ("far", "far_total_variation", "total variation at the FD", 100.0, "%", "#.2g"),
        (
            "sigma",
            "max_sigma_deviation",
            f"largest deviation of σ(E_ν) from the truth, {low:g} to {high:g} GeV",
            100.0,
            "%",
            "#.2g",
        ),
    )
    numbers = {}
    for ensemble, rows in learning.groupby("ensemble", sort=False):
        for name, column, meaning, scale, unit, spec in quantities:
            if column not in rows:
                continue
            values = rows[column].dropna() * scale
            # Flows have no test loss.
            if values.empty and name == "test_loss":
                continue
            undefined = f"no member has a finite {column}" if values.empty else None
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
                    undefined=undefined,
                )
    return numbers


def share_numbers(truth: Truth, weights: NodeWeights) -> Numbers:
    """Shares of the structure functions in the events of the detectors.

    And the share of events where the ND has almost none, so that nothing is learned.
    """
    numbers = {}
    detectors = {"near": ("ND", weights.near * truth.structure_functions)}
    if weights.far is not None:
        detectors["far"] = ("FD", weights.far * truth.structure_functions)
    sources = (
        ("densities", "structure_functions"),
        *(("weights", key) for key in detectors),
    )
    for key, (detector, events) in detectors.items():
        for i, share in enumerate(events.sum(axis=(1, 2))):
            numbers[f"share/w{i + 1}_{key}"] = Number(
                100.0 * float(share),
                "%",
                ".0f",
                f"contribution of W{i + 1}' to the {detector} events; negative where it interferes",
                sources,
            )
    density = detectors["near"][1].sum(axis=0)
    unconstrained = density < UNCONSTRAINED * density.max()
    for key, (detector, events) in detectors.items():
        numbers[f"share/unconstrained_{key}"] = Number(
            _share(events.sum(axis=0), unconstrained),
            "%",
            "#.2g",
            f"{detector} events at (x, Q²) where the ND density is below {UNCONSTRAINED:g} of its "
            "peak",
            sources,
        )
    return numbers


def _share(events: Array, where: BoolArray) -> float:
    """Events there [%]; a density that sums of nodes leave just below zero is none."""
    positive = np.maximum(events, 0.0)
    return 100.0 * float(positive[where].sum() / positive.sum())


def marginal_numbers(
    ensemble: str, reference: str, truth: Marginals, members: Marginals
) -> Numbers:
    """Largest deviation of the members' marginals over all variables, where there are events.

    `reference` is the ensemble with the known cross section that `truth` is of.
    """
    numbers = {}
    for detector, label in (("near", "ND"), ("far", "FD")):
        datasets = [
            f"{detector}_{name}" for name in ("energy", "e_lepton", "cos_theta", "v1", "v2")
        ]
        if getattr(truth, datasets[0]) is None:
            continue
        largest = np.nan
        for dataset in datasets:
            true = getattr(truth, dataset)[0]
            populated = true > POPULATED * true.max()
            deviation = np.abs(getattr(members, dataset)[:, populated] / true[populated] - 1.0)
            if populated.any():
                largest = np.fmax(largest, deviation.max())
        numbers[f"{ensemble}/marginals_{detector}"] = Number(
            100.0 * largest,
            "%",
            "#.2g",
            f"largest deviation of a {label} marginal where it is above {100 * POPULATED:g} % of "
            "its peak",
            tuple(
                (f"{name}_marginals", dataset)
                for name in (ensemble, reference)
                for dataset in datasets
            ),
            undefined=f"there are no {label} events" if np.isnan(largest) else None,
        )
    return numbers


def slice_numbers(ensemble: str, reference: str, truth: Slices, learned: Slices) -> Numbers:
    """Total variation at fixed energies of the first member.

    `reference` is the ensemble with the known cross section that `truth` is of.
    """
    pairs = list(zip(learned.density[0], truth.density[0], strict=True))
    # Below the threshold of the lepton there is nothing to compare.
    empty = [number for number, (_, true) in enumerate(pairs) if not true.any()]
    undefined = f"no cross section at {truth.energy[empty[0]]:g} GeV" if empty else None
    variations = [np.nan] if empty else [100.0 * total_variation(p, q) for p, q in pairs]
    energies = ", ".join(f"{energy:g}" for energy in truth.energy)
    return {
        f"{ensemble}/slices_{label}": Number(
            value,
            "%",
            "#.2g",
            f"total variation of the cross section at fixed E_ν = {energies} GeV: {label}",
            ((f"{ensemble}_slices", "density"), (f"{reference}_slices", "density")),
            undefined=undefined,
        )
        for label, value in (("best", min(variations)), ("worst", max(variations)))
    }


def noise_numbers(ensemble: str, truth: Truth, near: NearData, prediction: Predictions) -> Numbers:
    """How far histogram and learned density are from the truth, in Poisson errors of a cell.

    Of the first member of the ensemble.
    """
    expected = int(near.n_events) * truth.near / truth.near.size
    populated = expected >= FEWEST_EVENTS
    undefined = None if populated.any() else f"no cell has {FEWEST_EVENTS:g} expected events"
    numbers = {}
    for name, density, source in (
        ("histogram", near.density[0], (f"{ensemble}_near", "density")),
        ("learned", prediction.near[0], (f"{ensemble}_prediction", "near")),
    ):
        deviation = (density - truth.near)[populated] / truth.near[populated]
        squares = deviation**2 * expected[populated]
        numbers[f"{ensemble}/noise_{name}"] = Number(
            float(np.sqrt(squares.mean())) if populated.any() else np.nan,
            "1",
            ".2f",
            f"rms difference of the {name} ND density from the truth, in Poisson errors of a cell",
            (source, ("densities", "near")),
            undefined=undefined,
        )
    return numbers


def smearing_numbers(truth: Truth, response: Response) -> Numbers:
    """Share of ND events measured in their own cell."""
    near = truth.near.ravel()
    cells = " × ".join(map(str, truth.near.shape))
    return {
        "smearing/own_cell": Number(
            100.0 * float(response.matrix().diagonal() @ near / near.sum()),
            "%",
            ".0f",
            f"ND events measured in their own cell of the {cells} grid",
            (("response", "data"), ("densities", "near")),
        )
    }


def spectrum_numbers(flux: Flux, energy_max: float) -> Numbers:
    """What the fluxes have outside of E_max [GeV], and outside of each other."""
    near = FluxTable(flux.energy, flux.near)
    far = None if flux.far is None else FluxTable(flux.energy, flux.far)
    numbers = {}
    for key, label, table in (("near", "ND", near), ("far", "FD", far)):
        if table is not None:
            numbers[f"setting/{key}_above"] = Number(
                100.0 * share_above(table, energy_max),
                "%",
                "#.2g",
                f"{label} neutrinos of the tabulated flux above E_max, which are left out",
                (("flux", key),),
            )
    if far is not None:
        numbers["setting/uncovered"] = Number(
            100.0 * uncovered_share(near, far, energy_max),
            "%",
            "#.2g",
            "FD events, without oscillation, at energies where the ND has (almost) no neutrinos",
            (("flux", "near"), ("flux", "far")),
        )
    return numbers


def flux_numbers(flux: Flux) -> Numbers:
    """Uncertainty of the flux where it is largest, if it has one."""
    numbers = {}
    for key, label, values, modes in (
        ("near", "ND", flux.near, flux.near_modes),
        ("far", "FD", flux.far, flux.far_modes),
    ):
        if values is None or modes is None:
            continue
        peak = int(values.argmax())
        numbers[f"flux_uncertainty/{key}"] = Number(
            100.0 * float(np.sqrt(np.sum(modes[:, peak] ** 2))),
            "%",
            ".1f",
            f"1σ uncertainty of the {label} flux at its peak, {flux.energy[peak]:.3g} GeV",
            (("flux", f"{key}_modes"),),
        )
    return numbers
