"""Quoted numbers against known values, and `docs/results.md` against the committed file."""

import json
import math
import re
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from scipy.stats import binomtest

from nd2fd.figures.thresholds import sigma_window
from nd2fd.io.schemas.coverage import Coverage
from nd2fd.io.schemas.fits import Fits, Intervals
from nd2fd.io.schemas.inputs import Flux
from nd2fd.io.schemas.joint import JointCoverage, JointFit, JointToys
from nd2fd.io.schemas.learned import Flows, Marginals, Predictions
from nd2fd.io.schemas.truth import NodeWeights
from nd2fd.plan import Plan
from nd2fd.report import density_numbers, fit_numbers, inputs, joint_numbers
from nd2fd.report.__main__ import BEGIN, END, gallery, with_expected_values
from nd2fd.report.captions import fill
from nd2fd.report.collect import all_numbers
from nd2fd.report.fit_tables import oscillation_table, systematics_latex, systematics_table
from nd2fd.report.learning_table import learning_table
from nd2fd.report.numbers import Number, as_latex, quote
from nd2fd.report.numbers_file import (
    TOY_RUN,
    Ensemble,
    Summary,
    as_json,
    numbers_from_json,
    summary_from_json,
)
from nd2fd.report.tables import TABLES, Tolerance, columns, compare, markdown
from test_plan import planned

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


# A twenty-fifth of the events is below 1.5 GeV, a fortieth above 9 GeV.
CELLS = np.linspace(0.05, 9.95, 100)
WINDOW = SimpleNamespace(
    energy=CELLS,
    near_flux=np.select([CELLS < 1.5, CELLS < 9.0], [0.04 / 15, 0.935 / 75], 0.025 / 10) / CELLS,
    sigma_total=CELLS,
)


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


def toy_intervals(radius):
    mixing, mass = np.linspace(0.9, 1.0, 401), np.linspace(2.3e-3, 2.6e-3, 301)
    distance = np.hypot((mixing[:, None] - 0.95) / 0.01, (mass - 2.45e-3) / 4e-5)
    return SimpleNamespace(
        n_sigma=np.array([1.0, 2.0]),
        sin2_2theta23=mixing,
        dm2_32=mass,
        mask=np.stack([distance < radius, distance < 2 * radius]),
        interval_sin2_2theta23=np.array([[0.94, 0.96], [np.nan, np.nan]]),
        interval_dm2_32=np.array([[2.41e-3, 2.49e-3], [2.37e-3, 2.53e-3]]),
    )


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


def toy_fits(best_mixing, best_mass, spread):
    """Two replicas of each member, one on either side of its best fit."""
    sides = np.array([-1.0, 1.0])
    return SimpleNamespace(
        member=np.arange(len(best_mass)),
        best_sin2_2theta23=np.array(best_mixing),
        best_dm2_32=np.array(best_mass),
        sin2_2theta23=np.array(best_mixing)[:, None] + 10 * spread * sides,
        dm2_32=np.array(best_mass)[:, None] + spread * sides,
        at_boundary=np.zeros((len(best_mass), 2), dtype=bool),
    )


def half_widths(mass):
    return SimpleNamespace(
        interval_sin2_2theta23=np.array([[0.95, 0.99]]),
        interval_dm2_32=np.array([[2e-3 - mass, 2e-3 + mass]]),
    )


TOY_FITS = {
    "known": toy_fits([0.98], [2.4e-3], 1e-5),
    "two": toy_fits([0.98, 0.98], [2.42e-3, 2.44e-3], 2e-5),
}
TOY_FITS["two"].at_boundary[1, 0] = True
TOY_REGIONS = {"known": half_widths(1e-5), "two": half_widths(4e-5)}


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


NUMBERS = {
    "a/dm2_32/best": number(2.44, 0.02, "1e-3 eV2"),
    "a/loss": number(1.2e-7, spec=".1e"),
}
PATHS = {"toy": ["results/toy/0.h5", "results/toy/1.h5"]}


SUMMARY = Summary.from_plain(
    {
        "experiment": "X",
        "toy": False,
        "ensembles": {
            "a": {"kind": "known", "reference": None, "smeared": False, "near_events": None,
                  "vary": [], "size": 1}
        },
        "figures": {"fig8": {"group": "1", "title": "T", "caption": "loss {a/loss}"}},
    }
)  # fmt: skip


def test_numbers_file():
    text = as_json(NUMBERS, SUMMARY, PATHS, {"results/toy/0.h5": {"sha256": "ab"}}, seed=3)
    content = json.loads(text)
    assert content["artifacts"] == {"results/toy/0.h5": {"sha256": "ab"}}
    assert content["numbers"]["a/loss"]["sources"] == ["results/toy/0.h5:x", "results/toy/1.h5:x"]
    assert "uncertainty" not in content["numbers"]["a/loss"]
    again = numbers_from_json(text)
    assert f"{again['a/dm2_32/best']:±}" == "2.440 ± 0.020"
    assert again["a/loss"].value == 1.2e-7
    assert summary_from_json(text) == SUMMARY.with_numbers(NUMBERS)
    assert summary_from_json(text).figures["fig8"].caption == "loss 1.2e-07"


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_number_that_is_not_defined(value):
    """Null with a reason in the file, the reason in tables, words in captions and LaTeX."""
    given = replace(NUMBERS["a/dm2_32/best"], value=value, uncertainty=value, undefined=None)
    assert given.undefined == f"it came out as {value}"
    given = replace(given, undefined="all replicas agree")
    text = as_json({"a/dm2_32/best": given}, SUMMARY, PATHS, {}, seed=3)
    entry = json.loads(text)["numbers"]["a/dm2_32/best"]
    assert entry["value"] is None
    assert entry["undefined"] == "all replicas agree"
    assert "uncertainty" not in entry
    (again,) = numbers_from_json(text).values()
    assert again.undefined == given.undefined
    assert f"{again}, {again:±}, {again:.1f}" == "not defined, not defined, not defined"
    assert fill("[{a/dm2_32/best:±}]", {"a/dm2_32/best": again}) == "not defined"
    assert r"value:a/dm2_32/best\endcsname{\mathrm{not\ defined}}" in as_latex(
        {"a/dm2_32/best": again}
    )
    page = markdown({"a/dm2_32/best": again}, SUMMARY.ensembles)
    assert "| best fit of Δm²32 (10⁻³ eV²) | not defined: all replicas agree | 0.002 |" in page
    assert compare(page, NUMBERS) == []
    (deviation,) = compare(markdown(NUMBERS, SUMMARY.ensembles), {"a/dm2_32/best": again})
    assert deviation.value is None
    assert not deviation.allowed


def test_number_with_a_value_is_defined():
    with pytest.raises(ValueError, match="has a value"):
        replace(NUMBERS["a/loss"], undefined="nothing is there")


def test_replicas_that_agree_are_no_error():
    """σ_stat is zero: what is in units of it is not defined, and all else is."""
    fits = {"known": toy_fits([0.98], [2.4e-3], 0.0), "two": TOY_FITS["two"]}
    fits["known"].dm2_32 = np.full((1, 3), 0.1)  # whose standard deviation is not exactly 0
    tables = [
        f(TOY_REGIONS, fits, {"two": "known"}) for f in (oscillation_table, systematics_table)
    ]
    assert not any(np.isinf(table.select_dtypes(float)).any(axis=None) for table in tables)
    for systematics in (tables[1], None):
        numbers = fit_numbers.oscillation_numbers(tables[0], systematics)
        shift = numbers["two/dm2_32/shift"]
        assert shift.undefined == "all replicas of known fit best at the same Δm²32"
        assert numbers["two/dm2_32/scatter"].undefined == shift.undefined
        assert numbers["two/dm2_32/best"].value == pytest.approx(2.43)
        assert numbers["known/dm2_32/sigma"].value == 0.0
        assert "known/dm2_32/shift" not in numbers


def test_empty_interval_has_no_added_width():
    regions = TOY_REGIONS | {"two": half_widths(math.nan)}
    tables = [
        f(regions, TOY_FITS, {"two": "known"}) for f in (oscillation_table, systematics_table)
    ]
    numbers = fit_numbers.oscillation_numbers(*tables)
    assert numbers["two/dm2_32/added_width"].undefined == "a 1σ interval is empty"
    assert numbers["two/dm2_32/shift"].value == pytest.approx(3.0)


def test_captions_of_a_toy_run_say_so():
    toy = replace(SUMMARY, toy=True).with_numbers(NUMBERS)
    assert toy.figures["fig8"].caption == f"{TOY_RUN} loss 1.2e-07"


QUOTED = {
    "one": number(1, spec="d"),
    "ten": number(10, spec="d"),
    "all": replace(number(100.0, None, "%", ".1f"), interval=(80.0, 100.0)),
    "most": number(98.0, 1.0, "%", ".1f"),
    "half": number(50.0, 22.36, "%", ".1f"),
}


def test_what_rounds_to_zero_has_no_sign():
    assert quote(-0.061, ".0f") == "0"
    assert quote(-0.0004, ".3f") == "0.000"
    assert quote(-0.061, "#.2g") == "-0.061"


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("loss {a/loss}[, not {b/loss}].", "loss 1.2e-07."),
        ("[loss {a/loss:.0e}] in [words]", "loss 1e-07 in words"),
        ("{a/dm2_32/best:±}[ and {a/dm2_32/best:.1f}, {a/x}]", "2.440 ± 0.020"),
        ("{a/x}, {-/loss:.1f}", "n/a, n/a"),
        ("by {a/loss} to {a/loss} %", "by 1.2e-07 %"),
        ("by {a/dm2_32/best:.0f} to {a/dm2_32/best:.1f} %", "by 2 to 2.4 %"),
        ("{one:network} and {ten:network}", "1 network and 10 networks"),
        (
            "{all:±} %, {most:±} %, {half:±} %",
            "100.0 (80.0 to 100.0) %, 98.0 ± 1.0 %, 50.0 ± 22.4 %",
        ),
    ],
)
def test_captions_are_filled(template, text):
    assert fill(template, NUMBERS | QUOTED) == text


def test_latex_macros():
    text = as_latex(NUMBERS)
    assert r"\csname ndfd:value:a/dm2_32/best\endcsname{2.440}" in text
    assert r"\csname ndfd:error:a/dm2_32/best\endcsname{0.020}" in text
    assert r"\csname ndfd:value:a/loss\endcsname{1.2\times10^{-7}}" in text
    assert "ndfd:error:a/loss" not in text
    assert text.count("{") == text.count("}")


@pytest.fixture(scope="module")
def plan():
    return planned()


@pytest.fixture(scope="module")
def summary(plan):
    """What the file of a run with the default configuration says besides the numbers."""
    return Summary.from_plain(inputs.summary(plan))


@pytest.fixture(scope="module")
def committed():
    return numbers_from_json((ROOT / "docs" / "numbers.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def expected_page():
    return (ROOT / "docs" / "results.md").read_text(encoding="utf-8")


def test_best_fits_are_compared_with_the_known_cross_section(plan):
    """With the configured reference, or with the plainest, whatever stands first."""
    compared = inputs.references(plan)
    assert "truth" not in compared
    assert compared["flow"] == compared["truth_smeared"] == "truth"
    assert compared["systematics"] == "truth_smeared"
    turned = dict(reversed(plan.config.ensembles.items()))
    other = Plan(plan.config.model_copy(update={"ensembles": turned}))
    assert inputs.baseline(other) == "truth"
    only_smeared = planned(
        {"ensembles": {n: None for n in plan.ensembles if n not in ("truth_smeared", "smeared")},
         "coverage": {"experiments": {"truth": None, "systematics": None}}}
    )  # fmt: skip
    assert inputs.baseline(only_smeared) == "truth_smeared"
    assert inputs.references(only_smeared) == {"smeared": "truth_smeared"}


MASS_AXIS = np.linspace(2.3e-3, 2.6e-3, 61)


def toy_joint_fit():
    """Half-widths of 3e-5 and 2e-5, best fits of 2.45e-3 and 2.44e-3 eV²; the octants differ."""
    mass = np.stack(
        [((MASS_AXIS - best) / width) ** 2 for best, width in ((2.45e-3, 3e-5), (2.44e-3, 2e-5))]
    )
    angle = np.linspace(0.4, 0.6, 5)
    return SimpleNamespace(
        near_events=np.array(3_000_000),
        dm2_32=MASS_AXIS,
        profile_dm2_32=mass,
        best_dm2_32=np.array([2.45e-3, 2.44e-3]),
        sin2_theta23=angle,
        profile_sin2_theta23=np.array([[3.0, 0.25, 2.0, 0.0, 3.0]] * 2),
        best_sin2_theta23=np.array([0.55, 0.45]),
        error_ratio=np.array([[1.1, 1.4], [1.1, 1.45]]),
        mode_best=np.array([0.5, -4.5, 1.0]),
        strength=np.array(2e-3),
        chi2=np.array(6000.0),
        paid=np.array(5.0),
        effective_parameters=np.array(41.5),
    )


def toy_joint_coverage():
    """Four experiments; best fits of the joint fit are off by 1, 1, 1 and -1 half-widths."""
    widths = np.array([[3e-5, 2e-5]] * 4)
    pulls = np.array([[1.0, 0.0], [1.0, 0.0], [1.0, 2.0], [-1.0, -2.0]])
    return SimpleNamespace(
        n_experiments=np.array(4),
        n_sigma=np.array([1.0, 2.0]),
        coverage=np.array([[[0.75, 0.5, 0.25], [1.0, 1.0, 0.75]], [[0.5] * 3, [1.0] * 3]]),
        calibrated=np.array([[[0.5, 0.5, 0.0], [1.0, 0.75, 0.5]], [[0.25] * 3, [1.0] * 3]]),
        best_dm2_32=2.44e-3 + pulls * widths,
        half_width_dm2_32=widths,
        mode_pull=np.array([[1.0, -1.0]] * 4),
        true_dm2_32=np.array(2.44e-3),
    )


def test_numbers_of_a_joint_fit():
    """σ_stat is half of the interval with the known cross section, 2e-5 eV²."""
    numbers = joint_numbers.fit_numbers("one", toy_joint_fit())
    values = {name.removeprefix("joint/one/"): n.value for name, n in numbers.items()}
    assert values["dm2_32/half_width"] == pytest.approx(1.5)
    assert values["largest_pull"] == 4.5
    assert values["dm2_32/shift"] == pytest.approx(0.5)
    assert values["dm2_32/low_1sigma"] == pytest.approx(2.42)
    assert values["dm2_32/high_2sigma"] == pytest.approx(2.51)
    assert f"{numbers['joint/one/dm2_32/best']:±}" == "2.4500 ± 0.0300"
    assert f"{numbers['joint/one/dm2_32/best_known']:±}" == "2.4400 ± 0.0200"
    assert values["octant"] == pytest.approx(0.25)
    assert (values["dm2_32/linear_error_few"], values["dm2_32/linear_error"]) == (1.4, 1.45)
    assert (values["near_events"], values["sin2_theta23/best"]) == (3.0, 0.55)


def toy_toys():
    """A threshold of 0.81 for Δm²32 at sin²θ23 = 0.5 and of 0.25 at 0.6; others are 2 and 3."""
    tests = np.array([[2.0, 3.0, 0.81], [2.0, 3.0, 0.25]])[:, None, None]
    return SimpleNamespace(
        sin2_theta23=np.array([0.5, 0.6]), tests=np.broadcast_to(tests, (2, 10, 2, 3))
    )


def test_intervals_with_thresholds_of_toys():
    """Half-way, 0.53: √0.53 of the half-width of 1.5 σ_stat."""
    numbers = joint_numbers.toy_numbers("one", toy_joint_fit(), toy_toys())
    values = {name.removeprefix("joint/one/"): n.value for name, n in numbers.items()}
    assert values["threshold_dm2_32"] == pytest.approx(0.53)
    assert (values["threshold_both"], values["threshold_sin2_theta23"]) == (2.0, 3.0)
    assert values["dm2_32/half_width_fc"] == pytest.approx(1.5 * np.sqrt(0.53), rel=1e-3)


def test_width_of_an_ensemble_is_in_units_of_the_joint_fit():
    intervals = SimpleNamespace(interval_dm2_32=np.array([[2.40e-3, 2.50e-3], [np.nan, np.nan]]))
    numbers = joint_numbers.ensemble_numbers("one", toy_joint_fit(), "many", intervals)
    (found,) = numbers.values()
    assert found.value == pytest.approx(2.5)
    intervals.interval_dm2_32[0] = np.nan
    (found,) = joint_numbers.ensemble_numbers("one", toy_joint_fit(), "many", intervals).values()
    assert found.undefined


def test_coverage_numbers_of_a_joint_fit():
    numbers = joint_numbers.coverage_numbers("two", toy_joint_coverage())
    values = {name.removeprefix("joint/two/"): n.value for name, n in numbers.items()}
    assert values["experiments"] == 4
    assert values["both_1sigma"] == pytest.approx(75.0)
    assert values["dm2_32_2sigma"] == pytest.approx(75.0)
    assert values["sin2_theta23_1sigma_known"] == pytest.approx(50.0)
    assert values["dm2_32_2sigma_fc"] == pytest.approx(50.0)
    assert values["both_1sigma_fc_known"] == pytest.approx(25.0)
    assert numbers["joint/two/both_2sigma"].interval[1] == 100.0
    assert values["half_width_mean"] == pytest.approx(1.5)
    pull = numbers["joint/two/pull_dm2_32_mean"]
    assert (pull.value, pull.uncertainty) == pytest.approx((0.5, np.sqrt(0.75) / 2))
    assert values["pull_dm2_32_std_known"] == pytest.approx(np.sqrt(2))
    # In σ_stat, 1.5 times as much.
    assert values["deviation_dm2_32_mean"] == pytest.approx(0.75)
    assert values["pull_modes_mean"] == pytest.approx(0.0)
    assert values["pull_modes_std"] == pytest.approx(1.0)


class ToyJob:
    """The job of the numbers with artifacts of which only the shapes are right."""

    def __init__(self, plan, directory):
        self.plan = plan
        self.input = SimpleNamespace(**inputs.numbers_inputs(plan))
        self.params = SimpleNamespace(**inputs.numbers_params(plan))
        regions = {name: self.load(f"{name}_intervals", Intervals) for name in plan.ensembles}
        fits = {name: self.load_joined(f"{name}_fits", Fits) for name in plan.ensembles}
        tables = {
            "oscillation": oscillation_table(regions, fits, inputs.references(plan)),
            "systematics": systematics_table(regions, fits, plan.systematics),
            "learning": pd.DataFrame(
                {
                    "ensemble": plan.learned,
                    "loss": 1.0,
                    "test_loss": [np.nan if plan.kind(n) == "flow" else 1.0 for n in plan.learned],
                    "near_total_variation": 0.1,
                    **({"far_total_variation": 0.2} if plan.has_far else {}),
                    "max_sigma_deviation": 0.1,
                }
            ),
        }
        for name, table in tables.items():
            if hasattr(self.input, name):
                table.to_csv(directory / f"{name}.csv", index=False)
                setattr(self.input, name, str(directory / f"{name}.csv"))

    def input_path(self, name):
        return getattr(self.input, name, None)

    def load(self, name, kind):
        far = self.plan.has_far
        if kind is Intervals:
            intervals = toy_intervals(1.0)
            intervals.interval_sin2_2theta23 = np.array([[0.94, 0.96], [0.93, 0.97]])
            return intervals
        if kind is Fits:
            size = self.plan.ensemble(name.removesuffix("_fits")).size
            fits = toy_fits(np.linspace(0.97, 0.98, size), np.linspace(2.4e-3, 2.5e-3, size), 1e-5)
            fits.octant_sin2_theta23 = np.full((size, 2, 2), 0.45)
            fits.best_octant_log_likelihood = fits.best_octant_sin2_theta23 = np.zeros((size, 2))
            return fits
        if kind is Coverage:
            ones = np.ones(4)
            return SimpleNamespace(
                n_experiments=np.array(4), n_sigma=np.array([1.0, 2.0]), coverage=np.ones((2, 3)),
                best_sin2_2theta23=ones, sigma_sin2_2theta23=ones, true_sin2_2theta23=np.array(1.0),
                best_dm2_32=ones, sigma_dm2_32=ones, true_dm2_32=np.array(1.0),
            )  # fmt: skip
        if kind is JointFit:
            return toy_joint_fit()
        if kind is JointCoverage:
            return toy_joint_coverage()
        if kind is JointToys:
            return toy_toys()
        if kind is Marginals:
            names = ("energy", "e_lepton", "cos_theta", "v1", "v2")
            of_far = np.ones((1, 3)) if far else None
            near = {f"near_{name}": np.ones((1, 3)) for name in names}
            return SimpleNamespace(**near, **{f"far_{name}": of_far for name in names})
        shape = {Flux: (4,), NodeWeights: (3, 2, 2), Predictions: (1, 2, 2)}.get(kind, (2, 2))
        # Whatever others have, truth, histograms, slices, fluxes and events.
        return SimpleNamespace(
            near=np.ones(shape),
            far=np.ones(shape) if far else None,
            near_modes=np.ones((1, 4)),
            far_modes=np.ones((1, 4)) if far else None,
            structure_functions=np.ones((3, 2, 2)),
            density=np.ones((1, 2, 2)),
            energy=np.arange(4.0),
            near_flux=np.ones(4),
            sigma_total=np.ones(4),
            n_events=np.array(1000),
            matrix=lambda: sp.eye_array(4, format="csr"),
            v1=np.ones(7),
        )

    def load_joined(self, name, kind, along="member"):
        return self.load(name, kind)

    def load_optional(self, name, kind):
        return self.load(name, kind) if hasattr(self.input, name) else None


def test_the_default_has_the_numbers_that_are_committed(plan, committed, tmp_path):
    numbers = all_numbers(ToyJob(plan, tmp_path))
    new = set(density_numbers.threshold_numbers(WINDOW)) | {
        f"{name}/near_events" for name in ("smeared", "flux", "systematics")
    }
    new |= {"setting/near_above", "setting/far_above", "setting/uncovered"}
    new |= {name for name in numbers if name.startswith("joint/")}
    assert set(numbers) | new == set(committed) | new
    inputs_of_rule = {*inputs.numbers_inputs(plan), "configuration"}
    assert {name for n in numbers.values() for name, _ in n.sources} == inputs_of_rule


@pytest.mark.parametrize(
    "override",
    [
        {"ensembles": {"flow": None, "nominal": None}},
        {"coverage": {"experiments": {"truth": None}}},
        {"joint": {"fits": {"joint": None}}},
        {"ensembles": {"smeared": None, "systematics": None, "truth_smeared": None},
         "coverage": {"experiments": {"systematics": None}}},
    ],
)  # fmt: skip
def test_numbers_of_what_is_absent_are_absent(plan, override, tmp_path):
    """And all others are there."""
    fewer = planned(override)
    before, numbers = set(all_numbers(ToyJob(plan, tmp_path))), all_numbers(ToyJob(fewer, tmp_path))
    gone = set(plan.ensembles) - set(fewer.ensembles)
    gone |= {f"coverage/{n}" for n in set(plan.with_coverage) - set(fewer.with_coverage)}
    gone |= {f"joint/{name}" for name in set(plan.joint_fits) - set(fewer.joint_fits)}
    gone |= {
        f"joint/{name}/dm2_32/half_width_ensemble"
        for name in fewer.joint_fits
        if fewer.joint_fit(name).compared_with is None
    }
    if not any(fewer.ensemble(name).smeared for name in fewer.ensembles):
        gone.add("smearing")
    of_others = {name for name in before if not name.startswith(tuple(f"{g}/" for g in gone))}
    of_others -= gone
    # A figure that drops out takes its numbers along.
    assert of_others - set(numbers) <= {n for n in before if "/octant/" in n}
    assert set(numbers) <= before


def test_without_a_far_detector_there_are_numbers_of_the_near_one(tmp_path):
    numbers = all_numbers(ToyJob(planned("experiments/sbnd.yaml"), tmp_path))
    assert not [n for n in numbers if re.search(r"far|theta23|dm2|area|coverage|replicas", n)]
    for name in ("share/w1_near", "seeds/near/median", "seeds/marginals_near", "seeds/members"):
        assert name in numbers


def test_a_new_ensemble_has_numbers(tmp_path):
    entry = {
        "cross_section": "learned", "near_events": 1000, "vary": ["near_statistics"], "size": 2,
        "reference": "truth", "label": "more",
    }  # fmt: skip
    numbers = all_numbers(ToyJob(planned({"ensembles": {"more": entry}}), tmp_path))
    for name in ("dm2_32/shift", "dm2_32/added_width", "area_ratio_1sigma", "sigma/median"):
        assert f"more/{name}" in numbers
    assert "more/noise_learned" not in numbers
    shown = planned({"ensembles": {"more": {**entry, "shown_in": ["fig12"]}}})
    assert "more/noise_learned" in all_numbers(ToyJob(shown, tmp_path))


def test_captions_have_all_their_numbers(plan, committed, summary, tmp_path):
    """And apart from the figure of the procedure, at least one that an analysis gives.

    No fit of the default ends at an edge.
    """
    known = set(committed) | set(all_numbers(ToyJob(plan, tmp_path)))
    for name, figure in summary.figures.items():
        names = set(re.findall(r"{([^}:]+)", figure.caption))
        names = {number for number in names if not number.endswith("/at_edge")}
        assert names, name
        assert names <= known, name


def test_captions_of_fits_say_what_ends_at_an_edge(committed, summary):
    edge = {"truth/at_edge": Number(98.0, "%", ".2g", "at an edge", (("oscillation", "x"),))}
    for name, figure in summary.with_numbers(committed | edge).figures.items():
        shows_fits = {"fig8", "fig9", "fig12", "fig13", "fig15", "fig16", "fig17"}
        said = "98 % of the replicas of truth end at an edge of the fit ranges" in figure.caption
        assert said == (name in shows_fits), name
        assert "replicas of nominal end" not in figure.caption


def test_captions_without_a_far_detector_do_not_speak_of_it():
    near_only = planned("experiments/sbnd.yaml")
    names = {
        name
        for figure in inputs.summary(near_only)["figures"].values()
        for name in re.findall(r"{([^}:]+)", figure["caption"])
    }
    of_far = [n for n in names if n.startswith("true/") or re.search("far|theta23|dm2", n)]
    existing = dict.fromkeys(names.difference(of_far), number(1.0))
    assert of_far
    for figure in Summary.from_plain(inputs.summary(near_only)).with_numbers(existing).figures:
        caption = fill(inputs.summary(near_only)["figures"][figure]["caption"], existing)
        assert not re.search(r"n/a|FD|survival|[][{}]", caption), caption


def test_tables_have_the_columns_of_the_expected_page(committed, summary):
    assert {
        title.split()[0]: columns(table, committed, summary.ensembles)
        for title, table in TABLES.items()
    } == {
        "Oscillation": ["truth", "nominal", "seeds"],
        "What": ["seeds", "nd30m", "nd3m", "smeared", "flux", "systematics", "flow"],
        "Systematic": ["nd30m", "nd3m", "smeared", "flux_truth", "flux", "systematics"],
        "How": ["truth", "systematics"],
        "Joint": ["joint", "joint_smeared"],
    }


def test_joint_fits_have_a_table(committed, summary):
    """Of those that there are numbers of; what a page does not have is not compared."""
    found = joint_numbers.fit_numbers("one", toy_joint_fit())
    found |= joint_numbers.coverage_numbers("two", toy_joint_coverage())
    (table,) = (t for title, t in TABLES.items() if title.startswith("Joint"))
    assert columns(table, committed | found, summary.ensembles)[2:] == ["one", "two"]
    page = markdown(committed | found, summary.ensembles)
    deviations = {d.name: d for d in compare(page, committed | found)}
    assert deviations["joint/one/dm2_32/half_width"].expected == pytest.approx(1.5)
    assert "joint/two/dm2_32/half_width" not in deviations
    assert deviations["joint/two/both_1sigma"].expected == pytest.approx(75.0)


def test_a_new_ensemble_has_a_column(committed, summary):
    """And the values in a page that does not have it yet are found all the same."""
    new = {"more": replace(summary.ensembles["nd3m"], near_events=1000)}
    numbers = committed | {"more/dm2_32/shift": number(0.1), "more/near/median": number(2.0)}
    page = markdown(numbers, dict(summary.ensembles) | new)
    assert page.count("`more`") == 2
    assert (
        len(compare(page, numbers))
        == len(compare(markdown(committed, summary.ensembles), committed)) + 2
    )


def test_expected_page_has_the_expected_values(committed, expected_page, summary):
    assert with_expected_values(expected_page, committed, summary.ensembles) == expected_page
    deviations = compare(expected_page, committed)
    assert len(deviations) > 80
    assert all(deviation.allowed for deviation in deviations)


def test_values_beyond_their_tolerance_are_found(committed, expected_page):
    """One by one: a shift by half a σ_stat, a total variation three times as large, a gap."""
    changed = dict(committed)
    for name, value in (
        ("seeds/dm2_32/shift", committed["seeds/dm2_32/shift"].value + 0.5),
        ("nd3m/far/median", committed["nd3m/far/median"].value * 3),
    ):
        changed[name] = number(value)
    del changed["truth/dm2_32/best"]
    beyond = {d.name for d in compare(expected_page, changed) if not d.allowed}
    assert beyond == {"seeds/dm2_32/shift", "nd3m/far/median", "truth/dm2_32/best"}


def test_edited_expected_page_is_noticed(committed, expected_page, summary):
    with pytest.raises(ValueError, match="has no row 'best fit of sin²2θ23'"):
        compare(expected_page.replace("| best fit of sin²2θ23 ", "| best fit of x "), committed)
    with pytest.raises(ValueError, match="once each"):
        with_expected_values(expected_page.replace(END, ""), committed, summary.ensembles)
    page = f"{BEGIN}\n{markdown(committed, summary.ensembles)}{END}"
    value = f"{committed['truth/dm2_32/best']}"
    assert value in page
    edited = page.replace(f"| {value} ", "| 2.5000 ", 1)
    assert any(not deviation.allowed for deviation in compare(edited, committed))


def test_tolerances():
    assert Tolerance(0.1).allows(0.95, 1.0)
    assert not Tolerance(0.1).allows(0.89, 1.0)
    assert Tolerance(2, ratio=True).allows(0.51, 1.0)
    assert not Tolerance(2, ratio=True).allows(2.1, 1.0)


def test_gallery_is_up_to_date(committed, summary):
    """But for figures that came after the last full run."""
    page = (ROOT / "docs" / "gallery.md").read_text(encoding="utf-8")
    of_run = summary_from_json((ROOT / "docs" / "numbers.json").read_text(encoding="utf-8")).figures
    there = {name: text for name, text in summary.figures.items() if name in of_run}
    assert page == gallery(replace(summary, figures=there).with_numbers(committed))
    for figure in there:
        image = ROOT / "docs" / "images" / f"{figure}.png"
        assert f"(images/{figure}.png)" in page
        assert image.stat().st_size <= LARGEST_IMAGE
