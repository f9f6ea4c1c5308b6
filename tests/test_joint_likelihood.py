"""Joint likelihood, its minimum and profiles, against brute force and Minuit; directions; data."""

from dataclasses import replace

import numpy as np
import pytest
from iminuit import Minuit

from joint_toys import (
    NODES,
    RESOLUTION,
    SPECTRA,
    SURVIVAL,
    brute_force,
    detector,
    far_flux,
    functions,
    sampled,
)
from joint_toys import events as events  # a fixture
from joint_toys import kernel as kernel  # a fixture
from nd2fd.detector.smearing import Resolution
from nd2fd.statistics import profile_regions
from nd2fd.statistics.far_kernel import FarKernel, far_kernel
from nd2fd.statistics.joint_likelihood import JointLikelihood
from nd2fd.statistics.likelihood import DENSITY_FLOOR
from nd2fd.statistics.profiles import Profile


@pytest.mark.parametrize("resolution", [Resolution.ideal(), RESOLUTION], ids=["exact", "smeared"])
def test_density_is_that_of_one_cross_section(events, resolution):
    kernel = far_kernel(NODES, functions(), SPECTRA, detector(resolution), *events)
    for theta, amplitudes, z in (
        ((0.47, 2.438e-3), [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]),
        ((0.55, 2.3e-3), [0.5, -1.0, 0.7], [1.0, -0.5, 0.4]),
    ):
        weights = np.array([[1.0, *amplitudes]])
        likelihood = JointLikelihood(
            SPECTRA, kernel.combined(weights), np.array(z), np.empty((3, 0)), 0.0
        )
        found = likelihood.value(np.array(theta), np.empty(0))
        expected = brute_force(theta, np.array(amplitudes), z, events, resolution)
        assert found == pytest.approx(expected, abs=0.05)


def with_pulls(kernel):
    return JointLikelihood.build(
        SPECTRA,
        kernel,
        np.array([0.3, -0.2, 0.1]),
        np.array([[0.5, 0.2, 0], [0, 1, 0.3], [0, 0, 1]]),
    )


def test_pulls_change_cross_section_and_flux_at_a_price(kernel, events):
    """|u|², and the density of the structure functions and the flux that the pulls lead to."""
    likelihood = replace(with_pulls(kernel), floor=0.0)
    theta, pulls = (0.47, 2.438e-3), np.array([0.5, -1.0, 0.7])
    z = likelihood.modes + likelihood.mode_changes @ pulls
    expected = brute_force(theta, pulls, z, events) + 0.25 + 1.0 + 0.49
    assert likelihood.value(np.array(theta), pulls) == pytest.approx(expected, abs=0.05)


def test_floor_is_that_of_one_cross_section(kernel, events):
    likelihood = with_pulls(kernel)
    density = kernel.events[:, 0] @ (SPECTRA.shapes @ far_flux())
    total = kernel.totals[0] @ (SPECTRA.shapes @ far_flux())
    assert likelihood.floor == pytest.approx(DENSITY_FLOOR * density.mean() / total)


def test_derivatives(kernel):
    likelihood = with_pulls(kernel)
    theta, pulls = np.array([0.46, 2.5e-3]), np.array([0.4, -0.3, 0.8])
    value, gradient, curvature = likelihood.derivatives(theta, pulls)
    assert value == pytest.approx(likelihood.value(theta, pulls), abs=1e-8)
    unit = np.array([1.0, theta[1], 1.0, 1.0, 1.0])
    point = np.concatenate([theta, pulls])
    for i in range(5):
        step = 1e-4 * unit * (np.arange(5) == i)
        up, down = point + step, point - step
        slope = (likelihood.value(up[:2], up[2:]) - likelihood.value(down[:2], down[2:])) / 2e-4
        assert gradient[i] == pytest.approx(slope, rel=1e-3, abs=2e-2)
        row = (
            likelihood.derivatives(up[:2], up[2:])[1]
            - likelihood.derivatives(down[:2], down[2:])[1]
        )
        # Those by two pulls are left out, those of Δm²32 have the error of a difference.
        np.testing.assert_allclose(curvature[i, :2], row[:2] / 2e-4, rtol=0.02, atol=0.5)
    np.testing.assert_allclose(curvature, curvature.T)


def cost_of(likelihood):
    def cost(parameters):
        s, m, *pulls = parameters
        return likelihood.value(np.array([s, m * 1e-3]), np.array(pulls))

    return cost


def test_minima_agree_with_minuit():
    """On 50 data sets of 300 events, with three pulls, from the same start."""
    sample = sampled(50 * 300, 100)
    order = np.random.default_rng(7).permutation(sample.v1.size)
    every = far_kernel(
        NODES,
        functions(),
        SPECTRA,
        detector(Resolution.ideal()),
        sample.v1[order],
        sample.v2[order],
    )
    differences = []
    for part in np.split(every.events, 50):
        kernel = FarKernel(part, every.totals)
        likelihood = with_pulls(kernel)
        starts = [np.array([s, 2.45e-3]) for s in (0.44, 0.56)]
        best = Profile.of(likelihood, starts).best

        found = []
        for start in (0.44, 0.56):
            minuit = Minuit(cost_of(likelihood), np.array([start, 2.45, 0.0, 0.0, 0.0]))
            minuit.errordef, minuit.tol = Minuit.LEAST_SQUARES, 1e-3
            minuit.limits[0] = (0.001, 0.999)
            minuit.migrad()
            found.append(minuit.fval)
        differences.append(best.value - min(found))
        assert best.converged
    differences = np.array(differences)
    # Never worse; where Minuit sticks in another minimum, better.
    assert differences.max() < 5e-3
    assert np.median(abs(differences)) < 1e-3


def test_profiles_are_least_over_a_grid(kernel):
    """Tests of a point and the width of the interval, with values at all points of a fine grid."""
    likelihood = JointLikelihood.build(SPECTRA, kernel[:1], np.zeros(3), np.empty((3, 0)))
    profile = Profile.of(likelihood, [np.array([s, 2.45e-3]) for s in (0.44, 0.56)])
    mixing, mass = np.linspace(0.2, 0.8, 241), np.linspace(1.9e-3, 3.1e-3, 241)
    theta = np.stack(np.meshgrid(mixing, mass, indexing="ij"), axis=-1).reshape(-1, 2)
    spectra = far_flux() * SURVIVAL(*theta.T) @ SPECTRA.shapes.T
    density = spectra @ kernel.events[:, 0].T / (spectra @ kernel.totals[0])[:, None]
    values = -2 * np.log(density + likelihood.floor).sum(axis=1).reshape(mixing.size, mass.size)
    assert profile.best.value == pytest.approx(values.min(), abs=0.05)
    truth = np.array([mixing[110], mass[100]])
    found = profile.tests(truth)
    above = values - profile.best.value
    assert found[0] == pytest.approx(above[110, 100], abs=0.02)
    assert found[1] == pytest.approx(above[110].min(), abs=0.05)
    assert found[2] == pytest.approx(above[:, 100].min(), abs=0.05)
    width = profile_regions.half_width(mass, above.min(axis=0))
    assert profile.half_width_dm2_32() == pytest.approx(width, rel=0.01)
    np.testing.assert_allclose(
        profile.table(mixing[100:103], mass[90:93]), above[100:103, 90:93], atol=1e-6
    )
    np.testing.assert_array_equal(
        profile_regions.contains(np.array([2.2, 1.1, 3.9])),
        [[True, False, False], [True, True, True]],
    )


def test_combined_functions(kernel):
    both = kernel.combined(np.array([[1.0, 0.5, 0, 0], [0, 0, 1, 2]]))
    np.testing.assert_allclose(
        both.events[:, 1], kernel.events[:, 2] + 2 * kernel.events[:, 3], rtol=1e-12
    )
    assert isinstance(both, FarKernel)
