"""Print the tables of docs/studies/measured-data.md from the published data.

    python tools/measured_data_study.py FOLDER

FOLDER holds the folders microboone_ccinc_3d and t2k_ccinc_2018, as in config/experiments. A few
minutes on one core.
"""

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2 as chi2_distribution

from nd2fd.io.schemas.measurements import Measurement, MeasurementFit
from nd2fd.measurements import covariance as covariances
from nd2fd.measurements.fit import (
    FitSettings,
    Maps,
    fit_measurement,
    fit_values,
    fit_with_maps,
    of_coefficients,
)
from nd2fd.measurements.forward import flux_in_bins
from nd2fd.measurements.measurement import BinnedMeasurement, bins_of, smeared, true_map
from nd2fd.measurements.quadrature import Precision
from nd2fd.measurements.readers import READERS
from nd2fd.measurements.transfer import predict_from
from nd2fd.physics.setup import Setup, Target

Array = NDArray[np.float64]

ARGON, CH = (Target.parse(text) for text in ("Ar40", "C12 + H1"))
SETTINGS = FitSettings()
T2K = FitSettings(normalisation_error=0.08)


def argon(x_max: float = 2.0) -> Setup:
    """Setup of MicroBooNE."""
    return Setup(ARGON, "muon", antineutrino=False, energy_max=4.0, x_max=x_max)


def hydrocarbon(x_max: float = 2.0) -> Setup:
    """Setup of T2K."""
    return Setup(CH, "muon", antineutrino=False, energy_max=24.0, x_max=x_max)


def with_values(measurement: Measurement, **changes: Any) -> Measurement:
    """A measurement with other datasets."""
    values = {d.name: getattr(measurement, d.name) for d in Measurement.schema.datasets}
    return Measurement(**values | changes)


def row(label: str, fit: MeasurementFit) -> None:
    """A line: all bins; the energy-integrated data; what these predict."""
    columns = [
        f"{label:34s} | {fit.strength[0]:.1e} | {fit.chi2[0]:5.1f}/{fit.n_data[0]} "
        f"| {fit.effective_parameters[0]:.1f}"
    ]
    if fit.conditional_chi2 is not None and fit.n_conditional is not None:
        p = chi2_distribution.sf(fit.conditional_chi2[0], fit.n_conditional)
        columns += [
            f"{fit.strength[1]:.1e} | {fit.chi2[1]:.1f}/{fit.n_data[1]} "
            f"| {fit.effective_parameters[1]:.1f}",
            f"{fit.conditional_chi2[0]:.1f}/{fit.n_conditional} | {p:.3g} "
            f"| {fit.conditional_chi2[1]:.0f} | {fit.conditional_chi2[2]:.0f}",
        ]
    print(" | ".join(columns), flush=True)


def accuracy(measurement: Measurement, setup: Setup, settings: FitSettings) -> None:
    """Of the quadrature: the fit's prediction with more points, in units of errors."""
    basis = settings.basis(setup.x_max, setup.Q2_max)
    maps = [
        smeared(
            measurement,
            of_coefficients(true_map(measurement, basis.nodes, setup, precision), basis),
        )
        for precision in (Precision(), Precision(6, 0.025, 24, 24))
    ]
    fitted = fit_values(maps[0], measurement.values, measurement.covariance, basis, settings)
    change = (maps[1] - maps[0]) @ fitted.posterior.mean
    error = np.sqrt(np.diag(measurement.covariance))
    white = covariances.whitening(measurement.covariance) @ change
    print(f"largest change: {np.abs(change / error).max():.1e} of a bin's error, "
          f"{np.abs(white).max():.1e} of a principal component's")  # fmt: skip


def microboone(read: BinnedMeasurement) -> Measurement:
    """Tables of MicroBooNE."""
    measured = read.artifact(ARGON)
    print("label | λ | χ² | eff. | λ marg. | χ² | eff. | predicted χ² | p | data errors | no E_nu")
    maps = Maps.build(measured, argon(), SETTINGS)
    row("default", fit_with_maps(measured, maps, SETTINGS))
    for strength in (1e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1, 1.0):
        chosen = replace(SETTINGS, strength=strength)
        row(f"λ = {strength:g}", fit_with_maps(measured, maps, chosen))
    for nodes, intervals in ((32, 14), (96, 14), (64, 10), (64, 20)):
        chosen = replace(SETTINGS, nodes=nodes, intervals=intervals)
        row(f"{nodes} nodes, {intervals} intervals", fit_measurement(measured, argon(), chosen))
    for x_max in (1.0, 1.3, 1.6, 2.5, 3.0):
        row(f"x_max = {x_max:g}", fit_measurement(measured, argon(x_max), SETTINGS))
    smearing = measured.smearing
    assert smearing is not None
    same = replace(SETTINGS, strength=7e-3)
    variance = np.diag(np.diag(measured.covariance))
    scale = measured.covariance + 0.05**2 * np.outer(measured.values, measured.values)
    for label, changes, settings in (
        ("A_c transposed", {"smearing": smearing.T}, same),
        ("A_c ignored", {"smearing": None}, same),
        ("correlations ignored", {"covariance": variance}, SETTINGS),
        ("5 % more of the scale", {"covariance": scale}, SETTINGS),
        ("normalisation_error = 0.03", {}, replace(SETTINGS, normalisation_error=0.03)),
    ):
        row(label, fit_with_maps(with_values(measured, **changes), maps, settings))
    accuracy(measured, argon(), SETTINGS)
    return measured


def t2k(read: BinnedMeasurement) -> Measurement:
    """Tables of T2K."""
    measured = read.artifact(CH)
    white = covariances.whitening(measured.covariance) @ measured.values
    print(f"T2K: largest error of the scale that bins can share {1 / np.linalg.norm(white):.4f}")
    area = bins_of(measured).area
    total = area @ measured.values
    maps = Maps.build(measured, hydrocarbon(), T2K)
    for error in (0.0, 0.04, 0.06, 0.08, 0.0819):
        fit = fit_with_maps(measured, maps, replace(T2K, normalisation_error=error))
        row(f"normalisation_error = {error:g}", fit)
        average, spread = area @ fit.fitted, np.sqrt(area @ measured.covariance @ area)
        print(f"    flux average {average:.4f}, data {total:.4f} +- {spread:.4f}")
    for strength in (1e-3, 1e-2, 1e-1):
        row(f"λ = {strength:g}", fit_with_maps(measured, maps, replace(T2K, strength=strength)))
    variance = np.diag(np.diag(measured.covariance))
    uncorrelated = with_values(measured, covariance=variance)
    row("correlations ignored", fit_with_maps(uncorrelated, maps, SETTINGS))
    row("x_max = 1", fit_measurement(measured, hydrocarbon(1.0), T2K))
    accuracy(measured, hydrocarbon(), T2K)
    return measured


def main(folder: Path) -> None:
    """All tables."""
    names = ("microboone_ccinc_3d", "t2k_ccinc_2018")
    read = {name: READERS[name].read(folder / name) for name in names}
    beam = read[names[0]]
    bins = beam.bins
    print("flux in ranges of E_nu:", np.unique(flux_in_bins(beam.flux_edges, beam.flux, bins)))
    of_argon, of_carbon = microboone(read[names[0]]), t2k(read[names[1]])
    for label, one, other, setups, settings in (
        ("T2K from MicroBooNE", of_carbon, of_argon, (hydrocarbon(), argon()), (T2K, SETTINGS)),
        ("MicroBooNE from T2K", of_argon, of_carbon, (argon(), hydrocarbon()), (SETTINGS, T2K)),
    ):
        t = predict_from(one, other, setups, settings)
        print(f"{label}: χ² {t.chi2[0]:.1f}, data errors alone {t.chi2[1]:.0f}, of {t.n_data}; "
              f"scale {t.scale:.3f} +- {t.scale_error:.3f}, χ² {t.scaled_chi2:.1f}")  # fmt: skip


if __name__ == "__main__":
    main(Path(sys.argv[1]))
