"""The experiment: its survival probability of neutrinos and antineutrinos."""

import math
from dataclasses import replace

import numpy as np
import pytest

from nd2fd.physics.baseline import Experiment
from nd2fd.physics.oscillation import survival_probability
from nd2fd.physics.oscillation_parameters import NUFIT_6_0, OscillationParameters
from reference_data import reference_file

ENERGY = np.linspace(0.3, 10.0, 300)
SECTION = {
    "baseline": 1300.0,
    "matter_density": 2.848,
    "electron_fraction": 0.5,
    "sin2_theta12": 0.308,
    "sin2_theta13": 0.02215,
    "sin2_theta23": 0.470,
    "delta_cp": math.radians(212.0),
    "dm2_21": 7.49e-5,
    "dm2_31": 2.513e-3,
}
helicities = pytest.mark.parametrize("antineutrino", [False, True])


@helicities
def test_configuration(antineutrino):
    experiment = Experiment.from_config(SECTION, antineutrino=antineutrino)
    assert experiment == Experiment(1300.0, 1.424, NUFIT_6_0, antineutrino)


@helicities
def test_survival_is_nufast_s(antineutrino):
    """Rows of NuFast-LBL's own numbers; those of antineutrinos have a negative energy."""
    table = np.genfromtxt(reference_file("nufast_reference.csv"), delimiter=",", names=True)
    table = table[(table["E_GeV"] < 0) == antineutrino][:60]
    columns = ("s12sq", "s13sq", "s23sq", "delta_rad", "dmsq21_eV2", "dmsq31_eV2")
    opposite = []
    for row in table:
        truth = OscillationParameters(*(float(row[column]) for column in columns))
        args = (float(row["L_km"]), float(row["rhoYe_g_cm3"]), truth)
        energy = np.array([abs(row["E_GeV"])])
        found = Experiment(*args, antineutrino).true_survival(energy)
        assert found[0] == pytest.approx(row["Pmm_exact"], abs=1e-13)
        opposite.append(Experiment(*args, not antineutrino).true_survival(energy)[0] - found[0])
    # The wrong helicity would be noticed.
    assert abs(np.array(opposite)).max() > 1e-3


def test_antineutrinos_are_neutrinos_in_antimatter():
    """With the sign of the matter potential and of δ reversed."""
    experiment = Experiment.from_config(SECTION, antineutrino=True)
    mirrored = Experiment(
        experiment.baseline,
        -experiment.rho_ye,
        replace(experiment.truth, delta_cp=-experiment.truth.delta_cp),
    )
    np.testing.assert_allclose(
        experiment.true_survival(ENERGY), mirrored.true_survival(ENERGY), rtol=0, atol=1e-13
    )
    wrong = Experiment.from_config(SECTION, antineutrino=False)
    assert abs(wrong.true_survival(ENERGY) - experiment.true_survival(ENERGY)).max() > 3e-3


@helicities
def test_scan_varies_two_parameters_about_the_truth(antineutrino):
    experiment = Experiment.from_config(SECTION, antineutrino=antineutrino)
    scan = experiment.survival_scan(ENERGY)
    theta, mass = np.array([0.41, 0.47, 0.56]), np.array([2.4e-3, 2.513e-3 - 7.49e-5, -2.5e-3])
    found = scan(theta, mass)
    assert found.shape == (3, 300)
    for row, s, m in zip(found, theta, mass, strict=True):
        params = OscillationParameters(0.308, 0.02215, s, math.radians(212.0), 7.49e-5, m + 7.49e-5)
        expected = survival_probability(params, ENERGY, 1300.0, 1.424, antineutrino=antineutrino)
        np.testing.assert_allclose(row, expected, rtol=0, atol=1e-13)
    np.testing.assert_allclose(found[1], experiment.true_survival(ENERGY), rtol=0, atol=1e-12)
