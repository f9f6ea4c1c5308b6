"""Ranges and octants of the fits follow from the truth, whatever it is."""

from dataclasses import replace

import numpy as np
import pytest

from configurations import planned
from nd2fd.config.reading import ConfigError
from nd2fd.physics.baseline import Experiment
from nd2fd.physics.oscillation_parameters import NUFIT_6_0
from nd2fd.plan import PlanError
from nd2fd.statistics.bootstrap import fit_replicas
from nd2fd.statistics.ensemble import octant_weights
from nd2fd.statistics.fit_ranges import mass_range, mixing_range, widened_mass, widened_mixing
from nd2fd.statistics.likelihood_table import choose_nodes, tabulate_likelihood
from nd2fd.statistics.octants import octant_of

MIXINGS = [0.02, 0.3, 0.47, 0.5, 0.505, 0.57, 0.7, 0.97]
MASSES = [2.438e-3, -2.525e-3]


def table_at(sin2_theta23, dm2_32, n_events):
    """Likelihood table, over the ranges of this truth, of events that tell their energy to 10 %.

    With it the expected number of events at each energy.
    """
    energy = np.linspace(0.6, 6.0, 80)
    truth = replace(NUFIT_6_0, sin2_theta23=sin2_theta23).with_dm2_32(dm2_32)
    experiment = Experiment(1300.0, 1.424, truth)
    rate = np.exp(-0.5 * (energy - 2.5) ** 2) + 0.03
    kernel = rate * np.exp(-0.5 * (np.log(energy[:, None] / energy) / 0.1) ** 2)
    totals = kernel.sum(axis=0)
    survival = experiment.survival_scan(energy)
    ranges = {
        "sin2_theta23_range": mixing_range(sin2_theta23, n_events),
        "dm2_32_range": mass_range(dm2_32, n_events),
    }
    nodes = choose_nodes(kernel, totals, survival, **ranges)
    expected = kernel @ experiment.true_survival(energy)
    expected *= n_events / expected.sum()
    return tabulate_likelihood(kernel, totals, nodes), expected


@pytest.mark.parametrize("dm2_32", MASSES)
@pytest.mark.parametrize("sin2_theta23", MIXINGS)
def test_the_expected_events_fit_at_the_truth(sin2_theta23, dm2_32):
    """In the upper octant sin²θ23 = 0.57 is sin²2θ23 = 0.980, not its mirror image's 0.994."""
    table, expected = table_at(sin2_theta23, dm2_32, 6200)
    fits = fit_replicas(expected[np.newaxis], table)
    octant = octant_of(sin2_theta23)
    ((mixing, mass),) = fits.estimates(octant)
    assert mixing == pytest.approx(4 * sin2_theta23 * (1 - sin2_theta23), abs=2e-4)
    assert mass == pytest.approx(dm2_32, rel=1e-4)
    assert not fits.ends_at_boundary(octant).any()


@pytest.mark.parametrize("n_events", [200, 1500, 6200])
@pytest.mark.parametrize(("sin2_theta23", "dm2_32"), [(0.47, MASSES[0]), (0.6, MASSES[1])])
def test_replicas_seldom_end_at_an_edge(sin2_theta23, dm2_32, n_events):
    table, expected = table_at(sin2_theta23, dm2_32, n_events)
    counts = np.random.default_rng(8).poisson(expected, size=(50, len(expected)))
    fits = fit_replicas(counts, table)
    assert fits.ends_at_boundary(octant_of(sin2_theta23)).sum() <= 1


def test_ranges_of_the_default_are_those_of_the_paper(plan):
    assert plan.fit_range("truth", "sin2_theta23") == [0.38, 0.62]
    assert plan.fit_range("truth", "dm2_32") == [2.2e-3, 2.7e-3]
    assert plan.fit_range("flow", "sin2_theta23") == [0.2, 0.8]
    assert plan.fit_range("flow", "dm2_32") == [1.84285e-3, 3.09285e-3]


@pytest.fixture(scope="module")
def plan():
    return planned()


@pytest.mark.parametrize("n_events", [10, 318, 6200, 10**6])
@pytest.mark.parametrize("factor", [1, 2.5, 10])
def test_ranges_hold_the_truth_and_what_a_fit_needs(n_events, factor):
    for truth in (1e-4, 0.02, 0.3, 0.5, 0.57, 0.999):
        low, high = widened_mixing(mixing_range(truth, n_events), truth, factor)
        assert 0 < low < min(truth, 0.5)
        assert max(truth, 0.5) < high < 1
    for truth in (2.438e-3, -2.525e-3, 9.9e-3, -9e-4, 1e-5):
        low, high = widened_mass(mass_range(truth, n_events), truth, factor)
        assert low < truth < high
        assert low * high > 0
        assert max(abs(low), abs(high)) < 1.7 * abs(truth)


def test_wider_ranges_hold_the_narrower_one():
    assert widened_mass((2.0e-3, 9e-3), 2.4e-3, 3) == (1.2e-3, 9e-3)
    assert widened_mass((-2.6e-3, -2.3e-3), -2.4e-3, 2) == (-2.8e-3, -2.2e-3)
    assert widened_mixing((0.3, 0.6), 0.4, 2) == (0.1, 0.9)


@pytest.mark.parametrize("dm2_31", [2.513e-3, -2.45e-3])
@pytest.mark.parametrize("sin2_theta23", MIXINGS)
def test_any_truth_can_be_configured(sin2_theta23, dm2_31):
    """Without a word about ranges or octants, of all ensembles."""
    plan = planned({"oscillation": {"sin2_theta23": sin2_theta23, "dm2_31": dm2_31}})
    assert plan.true_octant == ("upper" if sin2_theta23 > 0.5 else "lower")
    for name in plan.ensembles:
        for parameter, truth in zip(
            ("sin2_theta23", "dm2_32"), plan.true_octant_point, strict=True
        ):
            low, high = plan.fit_range(name, parameter)
            assert low < truth < high


def test_ranges_of_the_user_come_first():
    plan = planned({"fits": {"dm2_32": [2.3e-3, 2.6e-3]}})
    assert plan.fit_range("truth", "dm2_32") == [2.3e-3, 2.6e-3]
    assert plan.fit_range("truth", "sin2_theta23") == [0.38, 0.62]
    assert plan.fit_range("flow", "dm2_32")[0] < 2.2e-3


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_without_oscillation_there_is_nothing_to_fit(value):
    with pytest.raises(ConfigError, match=r"oscillation\.sin2_theta23.*nothing to fit"):
        planned({"oscillation": {"sin2_theta23": value}})
    planned({"oscillation": {"sin2_theta23": value}, "far_detector": None})


def test_without_a_far_detector_there_is_no_range():
    with pytest.raises(PlanError, match="far_detector: null"):
        planned({"far_detector": None}).fit_range("truth", "dm2_32")


def test_octants_that_the_data_do_not_tell_apart_count_alike():
    """Whatever the replicas prefer: those of one data set share its small preference."""
    s = np.array([[[0.45, 0.56], [0.46, 0.57], [0.5, 0.52], [0.48, 0.5]]])
    weights = octant_weights(np.array([[-10.0, -10.05]]), s)
    lower = 1 / (1 + np.exp(-0.05))
    np.testing.assert_allclose(weights[0, :2], [[lower, 1 - lower]] * 2)
    # Maximal mixing is the end of an octant, not a solution in it.
    np.testing.assert_array_equal(weights[0, 2:], [[0, 1], [1, 0]])


def test_octants_that_the_data_tell_apart_do_not():
    s = np.array([[[0.45, 0.56], [0.5, 0.57]]])
    weights = octant_weights(np.array([[0.0, -2000.0]]), s)
    np.testing.assert_array_equal(weights[0], [[1, 0], [0, 1]])
