"""Numbers of fits, regions, densities and fluxes, and tables, from small arrays that are known."""

import math
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from scipy.stats import binomtest

from nd2fd.figures.thresholds import sigma_window
from nd2fd.io.schemas.learned import Flows
from nd2fd.report import density_numbers, fit_numbers
from nd2fd.report.fit_tables import oscillation_table, systematics_latex, systematics_table
from nd2fd.report.learning_table import learning_table
from nd2fd.report.numbers_file import (
    Ensemble,
)
from toy_numbers import CELLS, TOY_FITS, TOY_REGIONS, WINDOW, number, toy_intervals


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


@pytest.mark.parametrize("scale", [1.0, 0.3])
def test_window_of_the_cross_section_goes_with_the_beam(scale):
    """In a beam of lower energies it is lower, whatever E_max is."""
    beam = SimpleNamespace(**vars(WINDOW) | {"energy": scale * CELLS})
    low, high = sigma_window(beam)
    assert (low, high) == (pytest.approx(1.5 * scale), pytest.approx(9.0 * scale))
    longer = SimpleNamespace(
        energy=np.linspace(0.05, 19.95, 200) * scale,
        near_flux=np.append(WINDOW.near_flux, np.zeros(100)),
        sigma_total=np.append(CELLS, np.ones(100)),
    )
    assert sigma_window(longer) == (low, high)


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
    numbers = density_numbers.learning_numbers(table, WINDOW)
    of_seeds = [numbers[f"seeds/loss/{which}"].value for which in ("best", "median", "worst")]
    assert of_seeds == [1e-8, 2e-8, 3e-8]
    assert numbers["seeds/near/worst"].value == pytest.approx(0.09)  # %
    assert numbers["flow/sigma/best"].value == numbers["flow/sigma/worst"].value == 50.0
    assert "1.5 to 9 GeV" in numbers["flow/sigma/best"].description
    assert "flow/test_loss/median" not in numbers
    near_only = table.drop(columns="far_total_variation")
    fewer = density_numbers.learning_numbers(near_only, WINDOW)
    assert set(numbers) - set(fewer) == {
        f"{name}/far/{which}" for name in ("seeds", "flow") for which in ("best", "median", "worst")
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


def test_share_numbers():
    """Events on a chessboard: the ND sees black nodes only, the FD has a fifth on white ones."""
    black = np.indices((4, 4)).sum(axis=0) % 2 == 0
    share = np.array([0.2, 0.5, 0.3])[:, None, None]
    truth = SimpleNamespace(structure_functions=np.full((3, 4, 4), 2.0))
    weights = SimpleNamespace(near=share * black / 16, far=share * np.where(black, 0.8, 0.2) / 16)
    numbers = density_numbers.share_numbers(truth, weights)
    assert numbers["share/w2_near"].value == pytest.approx(50.0)
    assert numbers["share/w3_far"].value == pytest.approx(30.0)
    assert numbers["share/unconstrained_near"].value == 0.0
    assert numbers["share/unconstrained_far"].value == pytest.approx(20.0)
    # An interference may be negative, a share of events may not, if a sum leaves a node below zero.
    dip = np.where(black, 0.8, -1e-3)
    negative = SimpleNamespace(near=weights.near, far=share * [[[1]], [[1]], [[-1]]] * dip)
    numbers = density_numbers.share_numbers(truth, negative)
    assert numbers["share/w3_far"].value < 0
    assert numbers["share/unconstrained_far"].value == 0.0
    weights.far = None
    near_only = density_numbers.share_numbers(truth, weights)
    assert set(near_only) == {"share/w1_near", "share/w2_near", "share/w3_near",
                              "share/unconstrained_near"}  # fmt: skip


def test_marginal_numbers():
    """Where a density is too small, a large deviation does not count."""
    names = ("energy", "e_lepton", "cos_theta", "v1", "v2")
    density = np.array([[0.001, 1.0, 2.0, 1.0]])
    truth = {f"{d}_{name}": density for d in ("near", "far") for name in names}
    members = {key: np.repeat(values, 2, axis=0) for key, values in truth.items()}
    members["near_v1"] = members["near_v1"] * [[1.0, 1.0, 1.0, 0.96], [9.0, 1.0, 1.0, 1.01]]

    def numbers(true):
        return density_numbers.marginal_numbers(
            "seeds", "known", SimpleNamespace(**true), SimpleNamespace(**members)
        )

    assert numbers(truth)["seeds/marginals_near"].value == pytest.approx(4.0)
    assert numbers(truth)["seeds/marginals_far"].value == 0.0
    empty = numbers({name: 0.0 * values for name, values in truth.items()})
    assert empty["seeds/marginals_far"].undefined == "there are no FD events"
    near_only = {name: None if name.startswith("far") else v for name, v in truth.items()}
    assert set(numbers(near_only)) == {"seeds/marginals_near"}


def test_slice_numbers():
    """Moving a tenth of the events from one cell to another is a total variation of a tenth."""
    true = np.full((1, 2, 2, 5), 1.0)
    learned = true.copy()
    learned[0, 1, 0, 0] += 1.0
    learned[0, 1, 0, 1] -= 1.0
    numbers = density_numbers.slice_numbers(
        "flow",
        "known",
        SimpleNamespace(density=true, energy=np.array([1.0, 3.0])),
        SimpleNamespace(density=learned),
    )
    assert numbers["flow/slices_best"].value == 0.0
    assert numbers["flow/slices_worst"].value == pytest.approx(10.0)
    assert ("known_slices", "density") in numbers["flow/slices_worst"].sources
    true[0, 0] = 0.0
    numbers = density_numbers.slice_numbers(
        "flow",
        "known",
        SimpleNamespace(density=true, energy=np.array([0.05, 3.0])),
        SimpleNamespace(density=learned),
    )
    assert numbers["flow/slices_worst"].undefined == "no cross section at 0.05 GeV"


def test_noise_numbers():
    """A histogram off by two Poisson errors in every cell, and a network by half an error."""
    true = np.array([[1.0, 1.5], [1.5, 0.0]])
    n_events = 400
    error = np.sqrt(true * true.size / n_events)
    numbers = density_numbers.noise_numbers(
        "nd3m",
        SimpleNamespace(near=true),
        SimpleNamespace(n_events=np.array(n_events), density=(true + 2 * error)[None]),
        SimpleNamespace(near=(true - 0.5 * error)[None]),
    )
    assert numbers["nd3m/noise_histogram"].value == pytest.approx(2.0)
    assert numbers["nd3m/noise_learned"].value == pytest.approx(0.5)
    of_one_event = density_numbers.noise_numbers(
        "nd3m",
        SimpleNamespace(near=true),
        SimpleNamespace(n_events=np.array(1), density=true[None]),
        SimpleNamespace(near=true[None]),
    )
    assert {n.undefined for n in of_one_event.values()} == {"no cell has 5 expected events"}


def test_smearing_and_flux_numbers():
    response = SimpleNamespace(matrix=lambda: sp.csr_array(np.diag([0.2, 0.4, 0.6, 0.8])))
    truth = SimpleNamespace(near=np.array([[1.0, 0.0], [0.0, 3.0]]))
    numbers = density_numbers.smearing_numbers(truth, response)
    assert numbers["smearing/own_cell"].value == pytest.approx(100 * (0.2 + 3 * 0.8) / 4)
    modes = np.array([[0.5, 0.03, 0.5], [0.5, 0.04, 0.5]])
    values = np.array([1.0, 5.0, 2.0])
    flux = {"energy": np.arange(3.0), "near": values, "near_modes": modes}
    both = SimpleNamespace(**flux, far=values, far_modes=modes)
    assert density_numbers.flux_numbers(both)["flux_uncertainty/far"].value == pytest.approx(5.0)
    near_only = SimpleNamespace(**flux, far=None, far_modes=None)
    assert set(density_numbers.flux_numbers(near_only)) == {"flux_uncertainty/near"}
    certain = SimpleNamespace(**(flux | {"near_modes": None}), far=None, far_modes=None)
    assert density_numbers.flux_numbers(certain) == {}


def test_what_fluxes_have_outside():
    # Areas 2 + 4 + 1, of which 2.25 and 1 above 3; the far one only has neutrinos above 2.
    near, far = np.array([0.0, 2.0, 2.0, 0.0]), np.array([0.0, 0.0, 4.0, 0.0])
    flux = SimpleNamespace(energy=np.array([0.0, 2.0, 4.0, 5.0]), near=near, far=far)
    numbers = density_numbers.spectrum_numbers(flux, 3.0)
    assert numbers["setting/near_above"].value == pytest.approx(100 * 3 / 7)
    assert numbers["setting/far_above"].value == pytest.approx(100 * 5 / 6)
    assert numbers["setting/uncovered"].value == 0
    # Without neutrinos above 2 GeV nothing is covered.
    alone = SimpleNamespace(
        energy=np.array([0.0, 1.0, 2.0, 4.0, 5.0]),
        near=np.array([0.0, 1.0, 0.0, 0.0, 0.0]),
        far=np.array([0.0, 0.0, 0.0, 4.0, 0.0]),
    )
    assert density_numbers.spectrum_numbers(alone, 5.0)["setting/uncovered"].value == 100
    near_only = SimpleNamespace(energy=flux.energy, near=near, far=None)
    assert set(density_numbers.spectrum_numbers(near_only, 3.0)) == {"setting/near_above"}


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


TOY_FITS["two"].at_boundary[1, 0] = True


def test_oscillation_table():
    """Means of two members that are 2 and 4 σ_stat off; the reference itself has no shift."""
    table = oscillation_table(TOY_REGIONS, TOY_FITS, {"two": "known"})
    known, two = (table.set_index("ensemble").loc[name] for name in ("known", "two"))
    assert two["dm2_32_best"] == pytest.approx(2.43e-3)
    assert two["dm2_32_sigma"] == pytest.approx(2e-5)
    assert two["dm2_32_high"] == pytest.approx(2.04e-3)
    assert two["dm2_32_shift_in_sigma"] == pytest.approx(3.0)
    assert two["dm2_32_scatter_in_sigma"] == pytest.approx(np.sqrt(2))
    assert two["sin2_2theta23_shift_in_sigma"] == pytest.approx(0.0)
    assert (known["members"], known["replicas_at_edge"], two["replicas_at_edge"]) == (1, 0, 0.25)
    assert math.isnan(known["dm2_32_shift_in_sigma"])
    assert math.isnan(known["dm2_32_scatter"])


def test_systematics_table():
    table = systematics_table(TOY_REGIONS, TOY_FITS, {"two": "known"})
    (row,) = table.to_dict("records")
    assert (row["systematic"], row["reference"]) == ("two", "known")
    assert row["dm2_32_shift"] == pytest.approx(3.0)
    assert row["dm2_32_scatter"] == pytest.approx(np.sqrt(2))
    assert row["dm2_32_added_width"] == pytest.approx(3.0)
    lines = systematics_latex(table.assign(systematic="t_wo", dm2_32_scatter=np.nan)).splitlines()
    assert lines[3] == r"t\_wo & $+0.00$ & $+0.00$ & $+0.00$ & $+3.00$ & -- & $+3.00$ \\"


def flows(**arrays):
    """An artifact of which only these matter."""
    artifact = object.__new__(Flows)
    vars(artifact).update(arrays)
    return artifact


def test_learning_table():
    """The loss of the weights that are kept; σ(E_ν) counts in its window alone."""
    density = np.array([[1.0, 2.0], [1.0, 0.0]])
    moved = np.array([[1.0, 1.0], [1.0, 1.0]])
    truth = SimpleNamespace(
        energy=np.array([0.5, 2.0, 3.5]),
        near_flux=np.array([0.0, 1.0, 0.0]),
        sigma_total=np.array([1.0, 2.0, 3.0]),
        near=density,
        far=density,
    )
    predicted = SimpleNamespace(
        near=np.stack([density, moved]),
        far=np.stack([moved, density]),
        sigma_total=np.array([[9.0, 1.1, 1.5], [0.5, 1.0, 1.2]]),
    )
    networks = SimpleNamespace(
        member=np.array([0, 1]),
        loss=np.array([[3.0, 1.0, 2.0], [3.0, 2.0, 1.0]]),
        best_step=np.array([1, 2]),
        test_loss=np.array([[5.0, 4.0, np.nan], [5.0, 6.0, 3.0]]),
    )
    models = {"net": networks, "free": flows(member=[0, 1], final_loss=np.array([0.1, 0.2]))}
    predictions = dict.fromkeys(models, predicted)
    table = learning_table(truth, models, predictions).set_index("ensemble")
    net, free = table.loc["net"], table.loc["free"]
    np.testing.assert_array_equal(net["loss"], [1.0, 1.0])
    np.testing.assert_array_equal(net["best_step"], [1, 2])
    np.testing.assert_array_equal(net["test_loss"], [4.0, 3.0])
    np.testing.assert_allclose(net["near_total_variation"], [0.0, 0.25])
    np.testing.assert_allclose(net["far_total_variation"], [0.25, 0.0])
    # In the middle of the cell with the events; the truth is 1 there, with a flux average of one.
    np.testing.assert_allclose(net["max_sigma_deviation"], [0.1, 0.0])
    np.testing.assert_array_equal(free["loss"], [0.1, 0.2])
    assert free["test_loss"].isna().all()
    without = table.reset_index().assign(max_sigma_deviation=np.nan)
    numbers = density_numbers.learning_numbers(without, WINDOW)
    assert numbers["net/sigma/worst"].undefined == "no member has a finite max_sigma_deviation"
    assert numbers["net/near/worst"].value == pytest.approx(25.0)
    truth.far = predicted.far = None
    near_only = learning_table(truth, models, predictions)
    assert "far_total_variation" not in near_only
