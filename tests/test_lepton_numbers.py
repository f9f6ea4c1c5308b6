"""Numbers of analyses of leptons."""

from types import SimpleNamespace

import numpy as np
import pytest

from nd2fd.report.lepton_numbers import experiment_numbers, network_numbers


def test_shares_of_pseudo_experiments_that_hold_the_truth():
    """Ten experiments; Δ(−2 ln L) of 0.5 is within, 1.5 within 2σ or of two, 7 is not."""
    above = np.full((2, 10, 3), 0.5)
    above[1, :3] = 1.5
    above[1, 3:5] = 7.0
    drawn = SimpleNamespace(above=above, theta=np.zeros((2, 10, 4)))
    numbers = experiment_numbers("both", drawn)
    held = {
        key.removeprefix("lepton/both/learned/"): numbers[key].value
        for key in numbers
        if "learned" in key
    }
    assert held == pytest.approx(
        {
            **{f"{name}_1sigma": 50.0 for name in ("sin2_theta23", "delta_cp")},
            **{f"{name}_2sigma": 80.0 for name in ("sin2_theta23", "delta_cp")},
            "both_1sigma": 80.0,
            "both_2sigma": 80.0,
        }
    )
    number = numbers["lepton/both/learned/delta_cp_1sigma"]
    assert number.uncertainty == pytest.approx(100.0 * np.sqrt(0.25 / 10))


def test_shifts_of_networks_are_those_of_best_fits():
    theta = np.array([0.47, 2.44e-3, 3.7, 0.022])
    shifts = np.array([[0.01, 1e-5, 0.1, 0.0], [0.03, -4e-5, 0.2, 0.0]])
    trained = SimpleNamespace(chi2=np.array([1.0, 2.0]), best=theta + shifts, true_theta=theta)
    numbers = network_numbers("both", trained)
    found = {key.removeprefix("lepton/both/networks/"): n.value for key, n in numbers.items()}
    expected = {"chi2": 1.5, "sin2_theta23": 0.02, "dm2_32": -1.5, "delta_cp": 0.15}
    assert found == pytest.approx(expected)
