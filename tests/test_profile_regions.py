"""Intervals of profile likelihoods, of functions whose intervals are known."""

from dataclasses import dataclass

import numpy as np
import pytest
from scipy.stats import chi2, norm

from nd2fd.statistics.joint_likelihood import Minimum
from nd2fd.statistics.profile_regions import FOR_ONE, FOR_TWO, half_width, interval
from nd2fd.statistics.profiles import Profile

AXIS = np.linspace(2.2, 2.7, 51)


def test_thresholds_are_those_of_chi_squared():
    for n_sigma, one, two in zip((1, 2), FOR_ONE, FOR_TWO, strict=True):
        confidence = 1 - 2 * norm.sf(n_sigma)
        assert one == pytest.approx(chi2.ppf(confidence, 1))
        assert two == pytest.approx(chi2.ppf(confidence, 2))


@pytest.mark.parametrize("centre", [2.44, 2.4437])
@pytest.mark.parametrize("n_sigma", [1, 2])
def test_interval_of_a_parabola_is_exact_between_points(centre, n_sigma):
    profile = ((AXIS - centre) / 0.033) ** 2
    low, high = interval(AXIS, profile, n_sigma**2)
    assert low == pytest.approx(centre - n_sigma * 0.033, rel=1e-12)
    assert high == pytest.approx(centre + n_sigma * 0.033, rel=1e-12)
    assert half_width(AXIS, profile) == pytest.approx(0.033)


def test_interval_of_two_solutions_holds_both():
    profile = ((np.abs(AXIS - 2.45) - 0.1) / 0.02) ** 2
    assert interval(AXIS, profile, 1.0) == pytest.approx((2.45 - 0.12, 2.45 + 0.12))


def test_open_interval_ends_with_the_axis():
    profile = ((AXIS - 2.21) / 0.05) ** 2
    assert interval(AXIS, profile, 1.0) == pytest.approx((2.2, 2.26))
    assert interval(AXIS, 0.5 * np.ones(51), 1.0) == (AXIS[0], AXIS[-1])


def test_empty_interval_is_not_defined():
    assert np.isnan(interval(AXIS, 5.0 * np.ones(51), 4.0)).all()
    assert np.isnan(half_width(AXIS, 5.0 * np.ones(51)))


@dataclass
class TwoParabolas:
    """−2 ln L of Δm²32 alone in two octants; sin²θ23 says which of them."""

    middles: tuple[float, float]
    heights: tuple[float, float]
    sigma: float

    def minimise(self, theta, pulls=None, free=(True, True)):
        octant = int(theta[0] > 0.5)
        mass = self.middles[octant] if free[1] else theta[1]
        value = self.heights[octant] + ((mass - self.middles[octant]) / self.sigma) ** 2
        curvature = np.diag([200.0, 2.0 / self.sigma**2])
        return Minimum(np.array([theta[0], mass]), np.empty(0), value, curvature, True)


@pytest.mark.parametrize("apart", [0.0, 0.2, 0.9, 1.0, 1.1])
@pytest.mark.parametrize("worse", [0.0, 0.5, 3.0])
@pytest.mark.parametrize("side", [-1.0, 1.0])
def test_half_width_is_that_of_both_octants(apart, worse, side):
    """From the lower edge of one to the upper edge of the other, where they overlap."""
    sigma = 2e-5
    likelihood = TwoParabolas((2.44e-3, 2.44e-3 + side * apart * sigma), (0.0, worse), sigma)
    profile = Profile.of(likelihood, [np.array([0.45, 2.4e-3]), np.array([0.55, 2.4e-3])])
    edge = max(1.0, apart + np.sqrt(1.0 - worse)) if worse < 1.0 else 1.0
    assert profile.half_width_dm2_32() == pytest.approx(0.5 * sigma * (1.0 + edge), rel=0.01)
