"""A nature of many fluxes, and its events, for all stages."""

import numpy as np
import pytest

from stage_runs import Run

MASS, E_MAX = 0.1056583755, 10.0


NUCLEON = 37.2247242 / 40


NEAR_MODES = np.array([[0.02, 0.10, -0.05], [-0.04, 0.02, 0.08]])


FAR_MODES = np.array([[-0.25, 0.20, -0.05], [0.30, -0.10, 0.08]])


MODE_CENTRES = [1.0, 3.0, 7.0]
"""Flux errors in three bins, and where the bins have their centres [GeV]."""


TRUE_MIXING, TRUE_MASS = 4 * 0.47 * 0.53, 2.513e-3 - 7.49e-5


# A detector, written out
def lepton(v1, v2):
    """E_l and cosθ: a = E_l - p cosθ = M v1², b = E_l + p cosθ = 2 E_max v2²."""
    a, b = NUCLEON * v1**2, 2 * E_MAX * v2**2
    energy = (a + b) / 2
    momentum = np.sqrt(np.maximum(energy**2 - MASS**2, 1e-300))
    return energy, np.clip((b - a) / 2 / momentum, -1, 1)


def density_variables(energy, cos_theta):
    momentum = np.sqrt(energy**2 - MASS**2)
    a, b = energy - momentum * cos_theta, energy + momentum * cos_theta
    return np.sqrt(np.maximum(a, 0) / NUCLEON), np.sqrt(b / (2 * E_MAX))


def measured(v1, v2, share, degrees, rng):
    """Events with energies off by a share and angles by degrees; those that are lost left out."""
    energy, cos_theta = lepton(v1, v2)
    energy = energy * (1 + share * rng.normal(size=energy.size))
    theta = np.arccos(cos_theta) + np.pi / 180 * degrees * rng.normal(size=energy.size)
    moves = energy > MASS
    v1, v2 = density_variables(energy[moves], np.cos(theta[moves]))
    inside = (v1 < 1) & (v2 < 1)
    return v1[inside], v2[inside]


def histogram(v1, v2, shape):
    return np.histogram2d(v1, v2, [np.linspace(0, 1, n + 1) for n in shape])[0]


# The stages
def run_of(folder, pdf_set, **overrides):
    pdf = {"set": pdf_set.name, "path": str(pdf_set.parent)}
    return Run(folder, pdf=pdf, **overrides)


@pytest.fixture(scope="module")
def nature(tmp_path_factory, pdf_set):
    """Fluxes of the user's, a truth, and events; nothing assumed nor learned yet."""
    folder = tmp_path_factory.mktemp("wiring")
    energy = np.arange(0.05, 10.2, 0.1)
    for name, peak in (("near", 2.5), ("far", 3.0)):
        values = np.exp(-0.5 * (energy - peak) ** 2) + 0.03
        np.savetxt(folder / f"{name}.csv", np.stack([energy, values], axis=1), delimiter=",")
    rows = [
        f"{detector},{k}," + ",".join(map(str, shifts))
        for detector, modes in (("ND", NEAR_MODES), ("FD", FAR_MODES))
        for k, shifts in enumerate(modes)
    ]
    (folder / "modes.csv").write_text("\n".join(["det,k,0-2GeV,2-4GeV,4-10GeV", *rows]))
    run = run_of(
        folder / "results",
        pdf_set,
        flux={
            "near": str(folder / "near.csv"),
            "far": str(folder / "far.csv"),
            "uncertainty": str(folder / "modes.csv"),
            "remove_normalisation": False,
        },
        smearing={"energy_resolution": 0.15, "angle_resolution": 6.0},
        near_detector={"n_events": 60_000},
        far_detector={"n_events": 2000, "n_energy": 60},
        fits={"sin2_theta23": [0.3, 0.7], "dm2_32": [1.9e-3, 2.9e-3]},
        grid={"n_energy": 40, "n_v1": 20, "n_v2": 24},
        ensembles={
            "smeared": {"size": 2, "near_events": 60_000},
            "flux_truth": {"size": 3},
            "flux": {"size": 3, "near_events": 60_000},
            "flow": {"size": 2},
        },
        coverage={
            "experiments": {"truth_smeared": 2, "flux_truth": 2},
            "experiments_per_job": 2,
            "n_energy": 60,
            "draw_flux": False,
        },
    )
    run.inputs()
    run.truth()
    run.far_events()
    run.near_event_file()
    return run


def user_flux(energy, peak):
    return np.exp(-0.5 * (energy - peak) ** 2) + 0.03
