"""Numbers of event densities, true and learned, of the flux and of the detector.

Each function takes what artifacts or tables hold and returns numbers by name
(`nd2fd.report.numbers`).
"""

import numpy as np
import pandas as pd
import scipy.sparse as sp

from nd2fd.figures.fig7 import UNCONSTRAINED
from nd2fd.figures.fig12 import FEWEST_EVENTS
from nd2fd.physics.density import total_variation
from nd2fd.report.numbers import Arrays, Number, Numbers

_POPULATED = 0.01
"""Density, relative to its peak, from which on deviations of marginals count."""


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
