"""Numbers of fits, regions, densities and fluxes, and tables, from small arrays that are known."""

import math
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest

from nd2fd.report import density_numbers, fit_numbers
from nd2fd.report.numbers_file import Ensemble
from toy_numbers import WINDOW, number, toy_intervals


@pytest.mark.parametrize(
    ("spec", "text"), [("", "0.123"), (".1f", "0.1"), ("±", "0.123 ± 0.046"), (".2g", "0.12")]
)
def test_number_is_quoted(spec, text):
    assert format(number(0.12345, 0.0456), spec) == text


def test_two_digits_without_exponent():
    assert f"{number(104.2, spec='.2g')}" == "104"
    assert f"{number(1.23e-7, spec='.1e')}" == "1.2e-07"
    assert f"{number(0.5):±}" == "0.500"


OSCILLATION = pd.DataFrame(
    {
        "ensemble": ["truth", "seeds", "flow"],
        "reference": [np.nan, "truth_smeared", "truth"],
        "members": [1, 4, 1],
        "replicas_at_edge": [0.0, 0.0, 0.98],
        "sin2_2theta23_best": [0.99, 0.98, 0.9],
        "sin2_2theta23_sigma": [0.005, 0.006, 0.01],
        "dm2_32_best": [2.44e-3, 2.45e-3, 2.0e-3],
        "dm2_32_sigma": [2e-5, 2.1e-5, 3e-5],
        **{
            f"{name}_{key}_in_sigma": values
            for name in ("sin2_2theta23", "dm2_32")
            for key, values in (
                ("shift", [np.nan, -9.0, -20.0]),
                ("scatter", [np.nan, 9.0, np.nan]),
            )
        },
    }
)


SYSTEMATICS = pd.DataFrame(
    {
        "systematic": ["seeds"],
        "reference": ["truth_smeared"],
        **{
            f"{name}_{key}": [value]
            for name in ("sin2_2theta23", "dm2_32")
            for key, value in (("shift", 0.5), ("scatter", 0.8), ("added_width", 0.1))
        },
    }
)


def test_oscillation_numbers():
    numbers = fit_numbers.oscillation_numbers(OSCILLATION, SYSTEMATICS)
    best = numbers["truth/dm2_32/best"]
    assert f"{best:±} {best.unit}" == "2.4400 ± 0.0200 1e-3 eV2"
    # The table of systematics goes before the other one.
    shift = numbers["seeds/dm2_32/shift"]
    assert shift.value == 0.5
    assert "truth_smeared" in shift.description
    assert shift.uncertainty == pytest.approx(0.8 / 2)  # four members
    assert numbers["seeds/sin2_2theta23/added_width"].value == 0.1
    # One member has no scatter, and the reference no shift.
    assert numbers["flow/dm2_32/shift"].value == -20.0
    assert numbers["flow/dm2_32/shift"].uncertainty is None
    assert "flow/dm2_32/scatter" not in numbers
    assert "truth/dm2_32/shift" not in numbers
    assert f"{numbers['flow/at_edge']}" == "98"
    assert "truth/at_edge" not in numbers
    assert all(math.isfinite(n.value) for n in numbers.values())
    without = fit_numbers.oscillation_numbers(OSCILLATION, None)
    assert without["seeds/dm2_32/shift"].value == -9.0
    assert "seeds/dm2_32/added_width" not in without


def test_region_numbers_of_an_ellipse():
    numbers = fit_numbers.region_numbers("truth", toy_intervals(1.0))
    numbers |= fit_numbers.region_numbers("seeds", toy_intervals(1.2))
    # Half axes 0.01 and 0.04 (1e-3 eV²).
    assert numbers["truth/area_1sigma"].value == pytest.approx(np.pi * 0.01 * 0.04, rel=0.01)
    assert numbers["truth/dm2_32/high_2sigma"].value == pytest.approx(2.53)
    assert "truth/sin2_2theta23/low_2sigma" not in numbers  # the interval is empty


def test_overlap_of_ellipses():
    small, large = toy_intervals(1.0), toy_intervals(1.2)
    numbers = fit_numbers.overlap_numbers("seeds", "truth", large, small)
    assert numbers["seeds/area_ratio_2sigma"].value == pytest.approx(1.44, rel=0.01)
    assert numbers["seeds/holds_1sigma"].value == 100.0
    numbers = fit_numbers.overlap_numbers("truth", "seeds", small, large)
    assert numbers["truth/holds_2sigma"].value == pytest.approx(100.0 / 1.44, rel=0.01)


def test_no_overlap_with_an_empty_region():
    empty = toy_intervals(0.0)
    assert fit_numbers.overlap_numbers("seeds", "truth", toy_intervals(1.0), empty) == {}


def test_no_overlap_of_regions_on_other_axes():
    """As those of an ensemble with its own range of Δm²32."""
    other = toy_intervals(1.0)
    other.dm2_32 = other.dm2_32 + 1e-4
    assert fit_numbers.overlap_numbers("seeds", "truth", other, toy_intervals(1.0)) == {}


def test_octant_numbers():
    numbers = fit_numbers.octant_numbers(
        "truth",
        SimpleNamespace(
            # Three replicas in four have a solution in both octants, the fourth in the upper one.
            octant_sin2_theta23=np.array([[[0.47, 0.55]] * 3 + [[0.5, 0.53]]]),
            best_octant_log_likelihood=np.array([[-10.0, -10.5]]),
            best_octant_sin2_theta23=np.array([[0.47, 0.55]]),
        ),
    )
    lower = 0.75 / (1 + np.exp(-0.5))
    assert numbers["truth/octant/lower"].value == pytest.approx(100 * lower)
    assert numbers["truth/octant/log_likelihood"].value == 0.5
    assert numbers["truth/octant/upper_sin2_theta23"].value == 0.55


def test_coverage_numbers():
    numbers = fit_numbers.coverage_numbers(
        "truth",
        SimpleNamespace(
            n_experiments=np.array(20),
            n_sigma=np.array([1.0, 2.0]),
            coverage=np.array([[0.5, 0.6, 0.7], [0.9, 0.95, 1.0]]),
            best_sin2_2theta23=np.repeat([0.99, 1.0], [15, 5]),
            sigma_sin2_2theta23=np.full(20, 0.005),
            true_sin2_2theta23=np.array(0.995),
            best_dm2_32=2.4e-3 + 1e-5 * np.tile([-1.0, 1.0], 10),
            sigma_dm2_32=np.full(20, 2e-5),
            true_dm2_32=np.array(2.4e-3),
        ),
    )
    expected = binomtest(14, 20).proportion_ci(0.6827, "wilson")
    mass = numbers["coverage/truth/dm2_32_1sigma"]
    assert mass.value == pytest.approx(70.0)
    assert mass.uncertainty == pytest.approx(50 * (expected.high - expected.low), rel=1e-3)
    # All 20 hold the truth: that is no certainty, and nothing is above 100 %.
    every = numbers["coverage/truth/dm2_32_2sigma"]
    assert every.uncertainty is None
    expected = binomtest(20, 20).proportion_ci(0.6826894921, "wilson")
    assert every.interval == (pytest.approx(100 * expected.low), 100.0)
    assert f"{every:±}" == "100.0 (95.2 to 100.0)"
    # Nor where one of 20 does not: 95 % and 5.2 % more.
    assert numbers["coverage/truth/sin2_2theta23_2sigma"].interval[1] < 100.0
    assert numbers["coverage/truth/both_1sigma"].value == pytest.approx(50.0)
    assert numbers["coverage/truth/at_limit"].value == pytest.approx(25.0)
    assert numbers["coverage/truth/pull_dm2_32_mean"].value == pytest.approx(0.0)
    assert numbers["coverage/truth/pull_dm2_32_std"].value == pytest.approx(0.5)
    assert numbers["coverage/truth/pull_sin2_2theta23_mean"].value == pytest.approx(-0.5)


def test_pulls_need_an_error():
    """In one of two pseudo-experiments all replicas are at the limit."""
    numbers = fit_numbers.coverage_numbers(
        "truth",
        SimpleNamespace(
            n_experiments=np.array(2),
            n_sigma=np.array([1.0]),
            coverage=np.array([[0.5, 0.5, 0.5]]),
            best_sin2_2theta23=np.array([0.99, 1.0]),
            sigma_sin2_2theta23=np.array([0.005, 0.0]),
            true_sin2_2theta23=np.array(0.995),
            best_dm2_32=np.array([2.4e-3, 2.44e-3]),
            sigma_dm2_32=np.full(2, 2e-5),
            true_dm2_32=np.array(2.4e-3),
        ),
    )
    for moment in ("mean", "std"):
        assert "in 1 of 2" in numbers[f"coverage/truth/pull_sin2_2theta23_{moment}"].undefined
    assert numbers["coverage/truth/pull_dm2_32_mean"].value == pytest.approx(1.0)


def test_ensemble_and_threshold_numbers():
    ensembles = {
        "known": Ensemble("known", None, False, None, [], 1),
        "nd3m": Ensemble("structure_functions", "known", False, 3_000_000, [], 10),
    }
    numbers = fit_numbers.ensemble_numbers(ensembles)
    assert {name: f"{value}" for name, value in numbers.items()} == {
        "known/members": "1",
        "nd3m/members": "10",
        "nd3m/near_events": "3",
    }
    numbers = density_numbers.threshold_numbers(WINDOW)
    assert f"{numbers['setting/sigma_low']} to {numbers['setting/sigma_high']}" == "1.5 to 9"
    assert f"{numbers['setting/populated']}" == "1"
