"""Joint likelihood, its minimum and profiles, against brute force and Minuit; directions; data."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from iminuit import Minuit

import toy
from nd2fd.cross_sections.closure import closure_truth
from nd2fd.detector.response import response_matrix
from nd2fd.detector.smearing import Resolution
from nd2fd.events.sampling import sample_events
from nd2fd.forward.nodes import NodeGrid
from nd2fd.learning.near_data import expected_contents
from nd2fd.physics.density import DensityGrid
from nd2fd.statistics import profile_regions
from nd2fd.statistics.far_analysis import FarAnalysis
from nd2fd.statistics.far_density import FarDetector
from nd2fd.statistics.far_directions import directions, theta_errors, weighted_changes
from nd2fd.statistics.far_kernel import FarKernel, FarSpectra, far_kernel
from nd2fd.statistics.joint_analysis import JointAnalysis, octant_starts
from nd2fd.statistics.joint_design import _SLOPE_STEP, far_fluxes, joint_design
from nd2fd.statistics.joint_experiments import (
    JointData,
    joint_coverage_of,
    joint_experiments,
)
from nd2fd.statistics.joint_fits import NearSide, joint_fit, near_counts
from nd2fd.statistics.joint_likelihood import JointLikelihood
from nd2fd.statistics.likelihood import DENSITY_FLOOR, log_density
from nd2fd.statistics.profiles import Profile

SETUP = toy.SETUP
FLUX, OSCILLATION = toy.inputs()
GRID = DensityGrid(SETUP, 80, 24, 24, 2)
NODES = NodeGrid.for_setup(SETUP, 24, 24)
RANGES = ((0.36, 0.64), (2.1e-3, 2.8e-3))
SURVIVAL = toy.EXPERIMENT.survival_scan(GRID.energy)
TRUE_POINT = (0.47, 2.438e-3)
RESOLUTION = Resolution(0.08, 0.05)


def nothing(*_):
    pass


def far_flux():
    return np.interp(GRID.energy, FLUX.energy, FLUX.far)


def modes():
    return np.stack([np.interp(GRID.energy, FLUX.energy, m) for m in FLUX.far_modes])


SPECTRA = FarSpectra.build(SURVIVAL, far_flux(), modes(), *RANGES)


def functions():
    """A cross section, and changes of it by a few per cent."""
    values = toy.structure_functions(*NODES.x_and_Q2()).reshape(3, 24, 24)
    xi, tau = NODES.xi[:, None], NODES.tau
    ripples = [0.05 * np.cos(3 * xi + 2 * tau), 0.05 * (xi - 0.4) + 0 * tau, 0.04 * np.sin(5 * tau)]
    return np.stack([values, *(values * ripple for ripple in ripples)])


def sampled(n, seed, survival=(0.47, 2.438e-3)):
    rng = np.random.default_rng(seed)
    energy = np.linspace(0.0, 10.0, 4001)[1:]
    at = toy.EXPERIMENT.survival_scan(energy)(*(np.array([v]) for v in survival))[0]
    return sample_events(
        n,
        lambda e: np.interp(e, FLUX.energy, FLUX.far) * np.interp(e, energy, at),
        toy.structure_functions,
        SETUP,
        rng,
    )


def detector(resolution):
    if resolution.is_ideal:
        return FarDetector.exact(GRID)
    acceptance = np.asarray(response_matrix(GRID, resolution).sum(axis=0))
    return FarDetector(GRID, resolution, acceptance)


@pytest.fixture(scope="module")
def events():
    sample = sampled(400, 1)
    return sample.v1, sample.v2


@pytest.fixture(scope="module")
def kernel(events):
    return far_kernel(NODES, functions(), SPECTRA, detector(Resolution.ideal()), *events)


def brute_force(theta, amplitudes, z, events, resolution=None):
    """−2 ln L, from the likelihood with one cross section: kernel and totals of W and flux."""
    from nd2fd.cross_sections.models import StructureFunctionModel

    values = functions()
    model = StructureFunctionModel(NODES, values[0] + np.tensordot(amplitudes, values[1:], 1))
    far = detector(resolution or Resolution.ideal())
    flux = far_flux() * (1 + np.asarray(z) @ modes())
    (density,) = far.densities([model], [flux])
    kernel = density.kernel(far.look_up(*events))
    survival = SURVIVAL(*(np.array([v]) for v in theta))
    return -2 * log_density(kernel, density.totals, survival, floor=0.0).sum()


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
    for events in np.split(every.events, 50):
        kernel = FarKernel(events, every.totals)
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

    def chi2(first, second):
        counts = [np.histogram2d(*v, bins=8, range=[[0, 1], [0, 1]])[0] for v in (first, second)]
        total = np.maximum(sum(counts), 1)
        return ((counts[0] - counts[1]) ** 2 / total).sum() / (sum(counts) > 5).sum()

    assert len(found[0]) == 60_000
    assert chi2(found, expected) < 1.8
    assert chi2(plain, expected) > 4
    for resolution in (ideal, RESOLUTION):
        contents = data.near_contents(resolution, GRID)
        whole = contents[0] + np.tensordot(z, contents[1:], 1)
        expected = expected_contents(truth, varied, resolution, GRID)
        np.testing.assert_allclose(whole / whole.sum(), expected / expected.sum(), atol=3e-6)


def test_starts_are_in_either_octant():
    low, high = octant_starts(analysis_of(Resolution.ideal()))
    assert RANGES[0][0] < low[0] < 0.5 < high[0] < RANGES[0][1]


def test_combined_functions(kernel):
    both = kernel.combined(np.array([[1.0, 0.5, 0, 0], [0, 0, 1, 2]]))
    np.testing.assert_allclose(
        both.events[:, 1], kernel.events[:, 2] + 2 * kernel.events[:, 3], rtol=1e-12
    )
    assert isinstance(both, FarKernel)
