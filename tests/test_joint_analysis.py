"""From histograms and events to joint fits and pseudo-experiments."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

import toy
from chi_squared import reduced_difference
from joint_toys import (
    FLUX,
    GRID,
    NODES,
    OSCILLATION,
    RANGES,
    RESOLUTION,
    SURVIVAL,
    TRUE_POINT,
    detector,
    far_flux,
    nothing,
)
from nd2fd.cross_sections.closure import closure_truth
from nd2fd.detector.smearing import Resolution
from nd2fd.forward.nodes import NodeGrid
from nd2fd.learning.near_data import expected_contents
from nd2fd.statistics import profile_regions
from nd2fd.statistics.far_analysis import FarAnalysis
from nd2fd.statistics.far_directions import directions, theta_errors, weighted_changes
from nd2fd.statistics.joint_analysis import JointAnalysis, octant_starts
from nd2fd.statistics.joint_design import _SLOPE_STEP, far_fluxes, joint_design
from nd2fd.statistics.joint_experiments import JointData, joint_coverage_of, joint_experiments
from nd2fd.statistics.joint_fits import NearSide, joint_fit, near_counts


# Both detectors
def analysis_of(resolution):
    survival = toy.EXPERIMENT.survival_scan(GRID.energy)
    return FarAnalysis(detector(resolution), survival, *RANGES, "lower")


@pytest.fixture(scope="module")
def truth():
    return closure_truth(toy.structure_functions, FLUX, OSCILLATION, GRID, NODES)


@pytest.fixture(scope="module", params=["exact", "smeared"])
def joint(request, truth):
    resolution = RESOLUTION if request.param == "smeared" else Resolution.ideal()
    far = analysis_of(resolution)
    design = joint_design(NodeGrid.of(truth), FLUX, far, GRID, TRUE_POINT, 6, nothing)
    return SimpleNamespace(
        far=far,
        design=design,
        analysis=JointAnalysis.of(design, FLUX, far, 6.0, (24, 24)),
        resolution=resolution,
    )


def test_far_fluxes_are_those_of_members():
    energy = np.array([0.7, 2.3, 6.1])
    nominal, *changes = far_fluxes(FLUX, energy)
    np.testing.assert_allclose(nominal, np.interp(energy, FLUX.energy, FLUX.far))
    expected = np.interp(energy, FLUX.energy, FLUX.far * FLUX.far_modes[1])
    np.testing.assert_allclose(changes[1], expected)


def test_near_design_describes_expected_events(joint, truth):
    """Within the errors of 3 million events, though nature's cells and energies are exact."""
    expected = expected_contents(truth, FLUX, joint.resolution, GRID).ravel()
    expected /= expected.sum()
    posterior = joint.analysis.learn(3_000_000 * expected.reshape(24, 24))
    assert posterior.chi2 < 60
    assert (abs(posterior.modes) < 0.5 * posterior.mode_errors).all()


def test_few_directions_are_as_good_as_all(joint, truth):
    expected = expected_contents(truth, FLUX, joint.resolution, GRID)
    posterior = joint.analysis.learn(1_000_000 * expected)
    found = directions(joint.analysis.far, joint.analysis.slopes, posterior, 5000)
    assert found.shape[1] <= 10
    np.testing.assert_allclose(found.T @ found, np.eye(found.shape[1]), atol=1e-9)
    maps, slopes = weighted_changes(joint.analysis.far, joint.analysis.slopes, posterior, 5000)
    whitened, slopes = posterior.whitened(maps), slopes[:, :2]
    every, few = theta_errors(whitened, slopes), theta_errors(whitened @ found, slopes)
    np.testing.assert_allclose(few, every, rtol=5e-3, atol=5e-3 * abs(every).max())
    # Fisher information of θ and all x together, inverted as a whole.
    together = np.concatenate([slopes, whitened], axis=1)
    information = together.T @ together
    information[2:, 2:] += np.eye(whitened.shape[1])
    np.testing.assert_allclose(every, np.linalg.inv(information)[:2, :2], rtol=1e-6)
    none = theta_errors(whitened[:, :0], slopes)
    assert (np.diag(every) > 1.02 * np.diag(none)).all()


def test_slopes_are_changes_of_the_far_density(joint):
    """By Δm²32 and twice by sin²θ23, with designs of other θ."""

    def at(theta):
        operator_design = joint_design(
            NodeGrid.of(joint.design),
            FLUX,
            joint.far,
            GRID,
            theta,
            6,
            nothing,
        )
        return operator_design.far * far_sum(theta)

    def far_sum(theta):
        survival = SURVIVAL(*(np.array([v]) for v in theta))[0]
        return (far_flux() * survival).sum()

    s, m = TRUE_POINT
    up, down = at((s, m * (1 + _SLOPE_STEP))), at((s, m * (1 - _SLOPE_STEP)))
    slope = (up - down) / (2 * _SLOPE_STEP) / far_sum(TRUE_POINT)
    assert slope.shape == joint.design.far_slopes[1].shape
    np.testing.assert_allclose(joint.design.far_slopes[1], slope, atol=1e-6 * abs(slope).max())


@pytest.mark.parametrize("joint", ["smeared"], indirect=True)
def test_a_joint_fit(joint, truth):
    n_events, n_points = 600, 40
    rng = np.random.default_rng(5)
    near = near_counts(None, truth, FLUX, joint.resolution, GRID, 300_000, 5)
    data = JointData(truth, FLUX, OSCILLATION, 300_000, n_events, 3)
    v1, v2 = data.far_leptons(data.far_sampler(GRID), np.zeros(3), joint.resolution, GRID, rng)
    near_side = NearSide(joint.design, FLUX, near)
    fit = joint_fit(near_side, joint.far, truth, GRID, (v1, v2), 6.0, n_points, nothing)
    assert fit.delta.shape == (2, n_points, n_points)
    # The region of the known cross section is the smaller one, and both are about the truth.
    inside = (fit.delta < profile_regions.FOR_TWO[1]).sum(axis=(1, 2))
    assert inside[0] >= 0.95 * inside[1] > 0
    assert (abs(fit.best_dm2_32 - TRUE_POINT[1]) < 4e-4).all()
    assert (fit.error_ratio >= 1).all()
    np.testing.assert_allclose(fit.error_ratio[0], fit.error_ratio[1], rtol=5e-3)
    assert fit.sigma_total @ truth.near_flux == pytest.approx(truth.near_flux.sum())
    shape = truth.sigma_total / np.average(truth.sigma_total, weights=truth.near_flux)
    seen = fit.energy > 1.0
    pulls = (fit.sigma_total - shape)[seen] / fit.sigma_total_error[seen]
    assert np.sqrt((pulls**2).mean()) < 2.5
    assert fit.near_density.mean() == pytest.approx(1.0)


@pytest.mark.parametrize("joint", ["smeared"], indirect=True)
def test_pseudo_experiments(joint, truth):
    data = JointData(truth, FLUX, OSCILLATION, 300_000, 300, 3)
    run = [
        joint_experiments(joint.analysis, GRID, data, numbers, TRUE_POINT, nothing)
        for numbers in ([0, 1], [1])
    ]
    # Each has a stream of its own, wherever it runs.
    for name in ("best_dm2_32", "half_width_dm2_32", "mode_mean", "true_mode"):
        np.testing.assert_array_equal(getattr(run[0], name)[1:], getattr(run[1], name))
    assert run[0].tests.shape == (2, 2, 3)
    assert (run[0].half_width_dm2_32[:, 0] > 0.99 * run[0].half_width_dm2_32[:, 1]).all()
    coverage = joint_coverage_of(run[0], None, TRUE_POINT)
    wilks = np.array([[2.2957, 1.0, 1.0], [6.1801, 4.0, 4.0]])
    held = (run[0].tests[:, :, None] < wilks).mean(axis=0)
    np.testing.assert_allclose(coverage.coverage, held)
    assert coverage.calibrated is None
    np.testing.assert_allclose(
        coverage.mode_pull, (run[0].mode_mean - run[0].true_mode) / run[0].mode_error
    )
    assert coverage.true_sin2_2theta23 == pytest.approx(4 * 0.47 * 0.53)


def test_events_of_a_drawn_flux(truth):
    """Energies and leptons of far events, and near expectations, of a flux with modes."""
    z = np.array([0.0, -2.5, 3.0])
    varied = replace(
        FLUX,
        near=FLUX.near * (1 + z @ FLUX.near_modes),
        far=FLUX.far * (1 + z @ FLUX.far_modes),
    )
    data, other = (JointData(truth, f, OSCILLATION, 10, 60_000, 3) for f in (FLUX, varied))
    rng = np.random.default_rng(6)
    ideal = Resolution.ideal()
    found = data.far_leptons(data.far_sampler(GRID), z, ideal, GRID, rng)
    expected = other.far_leptons(other.far_sampler(GRID), np.zeros(3), ideal, GRID, rng)
    plain = data.far_leptons(data.far_sampler(GRID), np.zeros(3), ideal, GRID, rng)

    assert len(found[0]) == 60_000
    assert reduced_difference(found, expected) < 1.8
    assert reduced_difference(plain, expected) > 4
    for resolution in (ideal, RESOLUTION):
        contents = data.near_contents(resolution, GRID)
        whole = contents[0] + np.tensordot(z, contents[1:], 1)
        expected = expected_contents(truth, varied, resolution, GRID)
        np.testing.assert_allclose(whole / whole.sum(), expected / expected.sum(), atol=3e-6)


def test_starts_are_in_either_octant():
    low, high = octant_starts(analysis_of(Resolution.ideal()))
    assert RANGES[0][0] < low[0] < 0.5 < high[0] < RANGES[0][1]
