"""Quoted numbers against values known beforehand, and the README against the committed file."""

import json
import math
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from scipy.stats import binomtest

from nd2fd.report import density_numbers, fit_numbers
from nd2fd.report.__main__ import BEGIN, END, gallery, with_expected_values
from nd2fd.report.captions import FIGURES, caption
from nd2fd.report.numbers import Number, as_json, as_latex, from_json
from nd2fd.report.tables import Tolerance, compare, markdown

ROOT = Path(__file__).resolve().parents[1]
LARGEST_IMAGE = 60_000


def number(value, uncertainty=None, unit="1", spec=".3f"):
    return Number(value, unit, spec, "toy", (("toy", "x"),), uncertainty)


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
        "members": [1, 4, 1],
        "sin2_2theta23_best": [0.99, 0.98, 0.9],
        "sin2_2theta23_sigma": [0.005, 0.006, 0.01],
        "dm2_32_best": [2.44e-3, 2.45e-3, 2.0e-3],
        "dm2_32_sigma": [2e-5, 2.1e-5, 3e-5],
        **{
            f"{name}_{key}_in_sigma": values
            for name in ("sin2_2theta23", "dm2_32")
            for key, values in (
                ("shift", [0.0, -9.0, -20.0]),
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
    # The table with the right reference goes before the other one.
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
    assert all(math.isfinite(n.value) for n in numbers.values())


def test_learning_numbers():
    table = pd.DataFrame(
        {
            "ensemble": ["seeds"] * 3 + ["flow"],
            "loss": [1e-8, 3e-8, 2e-8, 1e-3],
            "test_loss": [1e-5, 2e-5, 3e-5, np.nan],
            "near_total_variation": [1e-4, 2e-4, 9e-4, 1e-2],
            "far_total_variation": [1e-3, 2e-3, 3e-3, 1e-1],
            "max_sigma_deviation": [1e-3, 2e-3, 3e-3, 5e-1],
        }
    )
    numbers = density_numbers.learning_numbers(table)
    assert numbers["seeds/loss/median"].value == 2e-8
    assert numbers["seeds/near/worst"].value == pytest.approx(0.09)  # %
    assert numbers["flow/sigma/best"].value == numbers["flow/sigma/worst"].value == 50.0
    assert "flow/test_loss/median" not in numbers


def toy_intervals(radius):
    mixing, mass = np.linspace(0.9, 1.0, 401), np.linspace(2.3e-3, 2.6e-3, 301)
    distance = np.hypot((mixing[:, None] - 0.95) / 0.01, (mass - 2.45e-3) / 4e-5)
    return {
        "n_sigma": np.array([1.0, 2.0]),
        "sin2_2theta23": mixing,
        "dm2_32": mass,
        "mask": np.stack([distance < radius, distance < 2 * radius]),
        "interval_sin2_2theta23": np.array([[0.94, 0.96], [np.nan, np.nan]]),
        "interval_dm2_32": np.array([[2.41e-3, 2.49e-3], [2.37e-3, 2.53e-3]]),
    }


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


def test_octant_numbers():
    log_likelihood = np.zeros((1, 100, 2))
    log_likelihood[0, :80, 0] = 1.0
    log_likelihood[0, 80:, 1] = 2.0
    numbers = fit_numbers.octant_numbers(
        "truth",
        {
            "octant_log_likelihood": log_likelihood,
            "best_octant_log_likelihood": np.array([[-10.0, -10.5]]),
            "best_octant_sin2_theta23": np.array([[0.47, 0.55]]),
        },
    )
    assert f"{numbers['truth/octant/lower']:±}" == "80 ± 4"
    assert numbers["truth/octant/log_likelihood"].value == 0.5
    assert numbers["truth/octant/upper_sin2_theta23"].value == 0.55


def test_coverage_numbers():
    numbers = fit_numbers.coverage_numbers(
        "truth",
        {
            "n_experiments": np.array(20),
            "n_sigma": np.array([1.0, 2.0]),
            "coverage": np.array([[0.5, 0.6, 0.7], [0.9, 0.95, 1.0]]),
            "best_sin2_2theta23": np.repeat([0.99, 1.0], [15, 5]),
            "sigma_sin2_2theta23": np.full(20, 0.005),
            "true_sin2_2theta23": np.array(0.995),
            "best_dm2_32": 2.4e-3 + 1e-5 * np.tile([-1.0, 1.0], 10),
            "sigma_dm2_32": np.full(20, 2e-5),
            "true_dm2_32": np.array(2.4e-3),
        },
    )
    expected = binomtest(14, 20).proportion_ci(0.6827, "wilson")
    mass = numbers["coverage/truth/dm2_32_1sigma"]
    assert mass.value == pytest.approx(70.0)
    assert mass.uncertainty == pytest.approx(50 * (expected.high - expected.low), rel=1e-3)
    # All 20 hold the truth: that is no certainty.
    assert numbers["coverage/truth/dm2_32_2sigma"].uncertainty > 2
    assert numbers["coverage/truth/both_1sigma"].value == pytest.approx(50.0)
    assert numbers["coverage/truth/at_limit"].value == pytest.approx(25.0)
    assert numbers["coverage/truth/pull_dm2_32_mean"].value == pytest.approx(0.0)
    assert numbers["coverage/truth/pull_dm2_32_std"].value == pytest.approx(0.5)
    assert numbers["coverage/truth/pull_sin2_2theta23_mean"].value == pytest.approx(-0.5)


def test_share_numbers():
    """Events on a chessboard: the ND sees black nodes only, the FD has a fifth on white ones."""
    black = np.indices((4, 4)).sum(axis=0) % 2 == 0
    share = np.array([0.2, 0.5, 0.3])[:, None, None]
    truth = {"structure_functions": np.full((3, 4, 4), 2.0)}
    weights = {
        "near": share * black / 16,
        "far": share * np.where(black, 0.8, 0.2) / 16,
    }
    numbers = density_numbers.share_numbers(truth, weights)
    assert numbers["share/w2_near"].value == pytest.approx(50.0)
    assert numbers["share/w3_far"].value == pytest.approx(30.0)
    assert numbers["share/unconstrained_near"].value == 0.0
    assert numbers["share/unconstrained_far"].value == pytest.approx(20.0)


def test_marginal_numbers():
    """Where a density is too small, a large deviation does not count."""
    names = ("energy", "e_lepton", "cos_theta", "v1", "v2")
    density = np.array([[0.001, 1.0, 2.0, 1.0]])
    truth = {f"{d}_{name}": density for d in ("near", "far") for name in names}
    members = {key: np.repeat(values, 2, axis=0) for key, values in truth.items()}
    members["near_v1"] = members["near_v1"] * [[1.0, 1.0, 1.0, 0.96], [9.0, 1.0, 1.0, 1.01]]
    numbers = density_numbers.marginal_numbers("seeds", truth, members)
    assert numbers["seeds/marginals_near"].value == pytest.approx(4.0)
    assert numbers["seeds/marginals_far"].value == 0.0


def test_slice_numbers():
    """Moving a tenth of the events from one cell to another is a total variation of a tenth."""
    true = np.full((1, 2, 2, 5), 1.0)
    learned = true.copy()
    learned[0, 1, 0, 0] += 1.0
    learned[0, 1, 0, 1] -= 1.0
    energy = np.array([1.0, 3.0])
    numbers = density_numbers.slice_numbers(
        "flow", {"density": true, "energy": energy}, {"density": learned}
    )
    assert numbers["flow/slices_best"].value == 0.0
    assert numbers["flow/slices_worst"].value == pytest.approx(10.0)


def test_noise_numbers():
    """A histogram off by two Poisson errors in every cell, and a network by half an error."""
    true = np.array([[1.0, 1.5], [1.5, 0.0]])
    n_events = 400
    error = np.sqrt(true * true.size / n_events)
    numbers = density_numbers.noise_numbers(
        "nd3m",
        {"near": true},
        {"n_events": np.array(n_events), "density": (true + 2 * error)[None]},
        {"near": (true - 0.5 * error)[None]},
    )
    assert numbers["nd3m/noise_histogram"].value == pytest.approx(2.0)
    assert numbers["nd3m/noise_learned"].value == pytest.approx(0.5)
    assert f"{numbers['nd3m/near_events']}" == "0.0004"


def test_smearing_and_flux_numbers():
    response = sp.csr_array(np.diag([0.2, 0.4, 0.6, 0.8]))
    numbers = density_numbers.smearing_numbers(
        {"near": np.array([[1.0, 0.0], [0.0, 3.0]])}, response
    )
    assert numbers["smearing/own_cell"].value == pytest.approx(100 * (0.2 + 3 * 0.8) / 4)
    modes = np.array([[0.5, 0.03, 0.5], [0.5, 0.04, 0.5]])
    flux = np.array([1.0, 5.0, 2.0])
    numbers = density_numbers.flux_numbers(
        {
            "energy": np.arange(3.0),
            "near": flux,
            "far": flux,
            "near_modes": modes,
            "far_modes": modes,
        }
    )
    assert numbers["flux_uncertainty/far"].value == pytest.approx(5.0)


NUMBERS = {
    "a/dm2_32/best": number(2.44, 0.02, "1e-3 eV2"),
    "a/loss": number(1.2e-7, spec=".1e"),
}
PATHS = {"toy": ["results/toy/0.h5", "results/toy/1.h5"]}


def test_numbers_file():
    text = as_json(NUMBERS, PATHS, {"results/toy/0.h5": {"sha256": "ab"}}, seed=3)
    content = json.loads(text)
    assert content["artifacts"] == {"results/toy/0.h5": {"sha256": "ab"}}
    assert content["numbers"]["a/loss"]["sources"] == ["results/toy/0.h5:x", "results/toy/1.h5:x"]
    assert "uncertainty" not in content["numbers"]["a/loss"]
    again = from_json(text)
    assert f"{again['a/dm2_32/best']:±}" == "2.440 ± 0.020"
    assert again["a/loss"].value == 1.2e-7
    with pytest.raises(ValueError, match="JSON"):
        as_json({"a": number(math.nan)}, PATHS, {}, seed=3)


def test_latex_macros():
    text = as_latex(NUMBERS)
    assert r"\csname ndfd:value:a/dm2_32/best\endcsname{2.440}" in text
    assert r"\csname ndfd:error:a/dm2_32/best\endcsname{0.020}" in text
    assert r"\csname ndfd:value:a/loss\endcsname{1.2\times10^{-7}}" in text
    assert "ndfd:error:a/loss" not in text
    assert text.count("{") == text.count("}")


def test_caption_of_missing_number():
    text = caption("fig8", {})
    assert "n/a" in text
    assert "{" not in text


@pytest.fixture(scope="module")
def committed():
    return from_json((ROOT / "docs" / "numbers.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def readme():
    return (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("figure", FIGURES)
def test_captions_have_all_their_numbers(committed, figure):
    """And apart from the figure of the procedure, at least one that an analysis gives."""
    names = re.findall(r"{([^}:]+)", FIGURES[figure].text)
    assert set(names) <= set(committed)
    assert names


def test_readme_has_the_expected_values(committed, readme):
    assert with_expected_values(readme, committed) == readme
    deviations = compare(readme, committed)
    assert len(deviations) > 80
    assert all(deviation.allowed for deviation in deviations)


def test_values_beyond_their_tolerance_are_found(committed, readme):
    """One by one: a shift by half a σ_stat, a total variation three times as large, a gap."""
    changed = dict(committed)
    for name, value in (
        ("seeds/dm2_32/shift", committed["seeds/dm2_32/shift"].value + 0.5),
        ("nd3m/far/median", committed["nd3m/far/median"].value * 3),
    ):
        changed[name] = number(value)
    del changed["truth/dm2_32/best"]
    beyond = {d.name for d in compare(readme, changed) if not d.allowed}
    assert beyond == {"seeds/dm2_32/shift", "nd3m/far/median", "truth/dm2_32/best"}


def test_edited_readme_is_noticed(committed, readme):
    with pytest.raises(ValueError, match="has no row 'best fit of sin²2θ23'"):
        compare(readme.replace("| best fit of sin²2θ23 ", "| best fit of x "), committed)
    with pytest.raises(ValueError, match="once each"):
        with_expected_values(readme.replace(END, ""), committed)
    page = f"{BEGIN}\n{markdown(committed)}{END}"
    value = f"{committed['truth/dm2_32/best']}"
    assert value in page
    edited = page.replace(f"| {value} ", "| 2.5000 ", 1)
    assert any(not deviation.allowed for deviation in compare(edited, committed))


def test_tolerances():
    assert Tolerance(0.1).allows(0.95, 1.0)
    assert not Tolerance(0.1).allows(0.89, 1.0)
    assert Tolerance(2, ratio=True).allows(0.51, 1.0)
    assert not Tolerance(2, ratio=True).allows(2.1, 1.0)


def test_gallery_is_up_to_date(committed):
    page = (ROOT / "docs" / "gallery.md").read_text(encoding="utf-8")
    assert page == gallery(committed)
    for figure in FIGURES:
        image = ROOT / "docs" / "images" / f"{figure}.png"
        assert f"(images/{figure}.png)" in page
        assert image.stat().st_size <= LARGEST_IMAGE
