"""Profiles, regions and pseudo-experiments of all leptons."""

from dataclasses import replace

import numpy as np
import pytest

from nd2fd.leptons.axes import axis
from nd2fd.leptons.experiments import pseudo_experiments
from nd2fd.leptons.likelihood import starts
from nd2fd.leptons.parameters import NAMES
from nd2fd.leptons.profiles import (
    cp_violation,
    curve,
    expected_data,
    interpolated,
    other_ordering,
    region,
)
from toy_leptons import PARAMETERS, toy_analysis

TRUTH = dict(zip(NAMES, PARAMETERS.theta, strict=True))


@pytest.fixture(scope="module")
def fitted():
    return toy_analysis()


def test_the_other_ordering_is_as_far_as_its_sensitivity_says(fitted):
    """Curves against |Δm²32| and δ_CP of the other ordering, and the fit that is free in both."""
    data = expected_data(fitted, 0)
    phases = np.linspace(0.0, 2.0 * np.pi, 9)
    sizes = abs(PARAMETERS.theta[1]) * np.linspace(0.97, 1.05, 9)
    ordering = other_ordering(fitted, 0, PARAMETERS.theta[2:3])
    assert ordering[0] > 2.0
    for name, values in (("dm2_32", sizes), ("delta_cp", phases)):
        true, other = (curve(data, name, values, sign) for sign in (1.0, -1.0))
        assert true.min() < 0.3
        assert other.min() == pytest.approx(ordering[0] ** 2, rel=0.1)


def test_cp_violation_is_as_far_as_its_curve_says(fitted):
    """The lower of both conserving values on the curve in δ_CP, which ends where it begins."""
    (found,) = cp_violation(fitted, 0, PARAMETERS.theta[2:3])
    at = np.array([0.0, np.pi, 2.0 * np.pi, *PARAMETERS.theta[2:3]])
    at_zero, at_half, at_full, _ = curve(expected_data(fitted, 0), "delta_cp", at)
    assert at_full == pytest.approx(at_zero, rel=1e-3)
    assert found**2 == pytest.approx(min(at_zero, at_half), rel=0.02)
    assert cp_violation(fitted, 0, np.array([np.pi]))[0] < 0.05


def test_regions_are_least_over_all_else(fitted):
    """Against searches from many δ_CP at each point: there are several minima."""
    data, theta = expected_data(fitted, 0), PARAMETERS.theta
    axes = np.array([0.45, 0.5, 0.55]), theta[1] * np.array([0.96, 0.98, 1.0, 1.02])
    found = region(data, ("sin2_theta23", "dm2_32"), axes)
    held = data.holding("sin2_theta23", "dm2_32")
    phases = np.linspace(0.0, 2.0 * np.pi, 6, endpoint=False)
    for i, j in np.ndindex(found.shape):
        at = np.array([axes[0][i], axes[1][j], *theta[2:]])
        least = held.best(starts(at, held.parameters, phases=phases)).value
        assert found[i, j] == pytest.approx(least, abs=0.05)


@pytest.mark.parametrize(
    ("name", "far_muons"),
    [("sin2_theta23", 1500.0), ("sin2_theta23", 50_000.0), ("dm2_32", 1500.0)],
)
def test_axes_hold_all_of_the_regions(fitted, name, far_muons):
    """At their ends the profile is above 2σ of two parameters, but not far above."""
    data = expected_data(replace(fitted, n_far=fitted.n_far * far_muons / 6200.0), 0)
    low, middle, high = axis([data], name, 3)
    above = curve(data, name, np.array([low, middle, high, abs(TRUTH[name])]))
    assert np.all(above[[0, 2]] > 6.18)
    assert np.all(above[[0, 2]] < 40.0)
    if name == "sin2_theta23":
        assert low < TRUTH[name] < 1.0 - TRUTH[name] < high


def test_axes_end_where_fits_do(fitted):
    """Of 30 events the profile is nowhere above 3σ where maximal mixing is far."""
    data = expected_data(replace(fitted, n_far=fitted.n_far * 30.0 / 6200.0), 0)
    ends = axis([data], "sin2_theta23", 2)
    np.testing.assert_array_equal(ends, [0.02, 0.98])
    assert curve(data, "sin2_theta23", np.array([0.5, 0.98]))[1] < 9.0


def test_regions_are_smooth_between_their_nodes(fitted):
    """Interpolated regions against fits at points in between, where the region is thin."""
    data = expected_data(fitted, 0)
    nodes = np.linspace(0.43, 0.49, 9), np.linspace(np.pi, 2.0 * np.pi, 13)
    points = np.array([0.4475, 0.4565, 0.4715]), np.array([3.9, 4.6, 5.3])
    names = ("sin2_theta23", "delta_cp")
    found = interpolated(region(data, names, nodes), nodes, points)
    held = data.holding(*names)
    for i, j in np.ndindex(found.shape):
        start = np.array([points[0][i], PARAMETERS.theta[1], points[1][j], PARAMETERS.theta[3]])
        assert found[i, j] == pytest.approx(held.minimise(start).value, abs=0.03)


# Pseudo-experiments


def test_pseudo_experiments_scatter_as_linear_theory_says(fitted):
    """Of Δm²32, which has no limit and no second solution."""
    drawn = pseudo_experiments(fitted, 40, np.random.default_rng(5), lambda done, note: None)
    assert drawn.converged.all()
    assert np.all(drawn.above > -1e-3)
    pulls = (drawn.theta - drawn.true_theta)[..., 1] / drawn.errors[..., 1]
    # 40 of them: 1 ± 0.11, and 0 ± 0.16.
    assert np.all(np.abs(pulls.std(axis=1) - 1.0) < 0.4)
    assert np.all(np.abs(pulls.mean(axis=1)) < 0.6)
