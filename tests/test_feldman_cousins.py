"""Thresholds from toys: what they suppose of nuisance parameters, and what toys are like."""

from types import SimpleNamespace

import numpy as np
import pytest

import toy
from nd2fd.cross_sections.closure import closure_truth
from nd2fd.detector.smearing import Resolution
from nd2fd.forward.nodes import NodeGrid
from nd2fd.io.schemas.joint import JointCoverageBlock, JointToys
from nd2fd.learning.near_data import expected_contents
from nd2fd.learning.spline_posterior import SplinePosterior
from nd2fd.physics.density import DensityGrid
from nd2fd.statistics.far_analysis import FarAnalysis
from nd2fd.statistics.far_density import FarDetector
from nd2fd.statistics.feldman_cousins import thresholds, thresholds_at, toys, toys_of_fit
from nd2fd.statistics.joint_analysis import JointAnalysis
from nd2fd.statistics.joint_design import joint_design
from nd2fd.statistics.joint_experiments import joint_coverage_of
from nd2fd.statistics.pull_tables import PullTables

GRID = DensityGrid(toy.SETUP, 60, 24, 24, 2)
FAR_EVENTS = 4_000
MIXING, MASS = 0.40, 2.44e-3
"""Far from maximal mixing, where Wilks' theorem holds."""


def nothing(*_):
    pass


def test_estimates_scatter_as_said():
    """By a simulation of repeated experiments of one nature, its last parameter drawn each time."""
    rng = np.random.default_rng(1)
    n_functions, n_splines, n_modes = 2, 3, 1
    slopes = rng.standard_normal((9, 7))
    root = rng.standard_normal((3, 3))
    bends, prior = root @ root.T, np.array([[2.0, 0.5], [0.5, 1.0]])
    of_prior = np.zeros((7, 7))
    of_prior[:6, :6] = np.kron(prior, bends)
    of_modes = np.diag([0.0] * 6 + [1.0])
    precision = slopes.T @ slopes + of_prior + of_modes
    factor = np.linalg.cholesky(precision)
    posterior = SplinePosterior(np.zeros(7), factor, n_modes, 1.0, prior, bends, 0.0, 0.0, 0.0)
    assert posterior.coefficients.shape == (n_functions, n_splines)
    nature = np.zeros((200_000, 7))
    nature[:, 6] = rng.standard_normal(len(nature))
    data = nature @ slopes.T + rng.standard_normal((len(nature), 9))
    estimates = np.linalg.solve(precision, slopes.T @ data.T).T
    directions = np.linalg.qr(rng.standard_normal((7, 2)))[0]
    coordinates = (estimates - nature) @ factor @ directions
    expected = coordinates.T @ coordinates / len(nature)
    np.testing.assert_allclose(posterior.scatter(directions), expected, atol=0.01)
    # Not all that the posterior allows.
    assert np.trace(expected) < 1.8


def test_thresholds_hold_what_they_should():
    """Of χ² with one and two degrees of freedom they are Wilks'; and they are linear between."""
    rng = np.random.default_rng(2)
    normal = rng.standard_normal((2, 100_000, 2, 2))
    tests = np.stack([(normal**2).sum(axis=-1), normal[..., 0] ** 2, normal[..., 1] ** 2], axis=-1)
    tests[1] *= 2
    joined = JointToys(sin2_theta23=np.array([0.4, 0.6]), dm2_32=np.full(2, 2e-3), tests=tests)
    found = thresholds(joined)
    assert found.shape == (2, 2, 3, 2)
    wilks = np.array([[2.296, 1.0, 1.0], [6.18, 4.0, 4.0]])
    np.testing.assert_allclose(found[:, 1, :, 0], wilks, rtol=0.03)
    between = thresholds_at(joined, np.array([0.4, 0.45]))
    np.testing.assert_allclose(between[..., 0], found[..., 0])
    np.testing.assert_allclose(between[..., 1], 0.75 * found[..., 0] + 0.25 * found[..., 1])
    # Beyond the largest disappearance as on this side of it.
    np.testing.assert_allclose(thresholds_at(joined, np.array([0.8, 0.75])), between)


def test_coverage_with_thresholds_of_toys():
    """Those at the truth, for each cross section, level and region."""
    limits = np.array([[[2.0, 0.9, 0.5], [2.5, 1.1, 0.7]]])
    joined = JointToys(
        sin2_theta23=np.array([0.4, 0.6]),
        dm2_32=np.full(2, 2e-3),
        tests=np.broadcast_to(limits[None], (2, 5, 2, 3)),
    )
    of_data = np.array([[1.9, 0.95, 0.45], [2.6, 1.0, 0.75]])
    block = JointCoverageBlock(
        experiment=np.arange(2),
        tests=np.stack([of_data, 0.5 * of_data]),
        best_sin2_theta23=np.full((2, 2), 0.45),
        best_dm2_32=np.full((2, 2), MASS),
        half_width_dm2_32=np.full((2, 2), 1e-5),
        mode_mean=np.zeros((2, 1)),
        mode_error=np.ones((2, 1)),
        true_mode=np.zeros((2, 1)),
    )
    found = joint_coverage_of(block, joined, (0.45, MASS)).calibrated
    expected = [[[1.0, 0.5, 1.0]] * 2, [[0.5, 1.0, 0.5]] * 2]
    np.testing.assert_allclose(found, expected)


@pytest.fixture(scope="module")
def joint():
    flux, oscillation = toy.inputs()
    nodes = NodeGrid.for_setup(toy.SETUP, 24, 24)
    truth = closure_truth(toy.structure_functions, flux, oscillation, GRID, nodes)
    survival = toy.EXPERIMENT.survival_scan(GRID.energy)
    far = FarAnalysis(FarDetector.exact(GRID), survival, (0.36, 0.64), (2.1e-3, 2.8e-3), "lower")
    design = joint_design(NodeGrid.of(truth), flux, far, GRID, (MIXING, MASS), 6, nothing)
    analysis = JointAnalysis.of(design, flux, far, 6.0, (24, 24))
    contents = expected_contents(truth, flux, Resolution.ideal(), GRID)
    return SimpleNamespace(analysis=analysis, contents=contents)


def test_toys_are_as_wilks_says_where_his_theorem_holds(joint):
    """Means of −2 ln L above its minimum are the degrees of freedom."""
    analysis = joint.analysis
    posterior = analysis.learn(3_000_000 * joint.contents)
    basis = analysis.pull_basis(posterior, FAR_EVENTS)
    none = np.empty((0, *basis.structure_functions.shape[1:]))
    tables = PullTables.build(analysis, basis, none)
    n_pulls = tables.n_learned - 1
    rng = np.random.default_rng(3)
    theta = np.array([MIXING, MASS])
    tests = toys(analysis, tables, np.eye(n_pulls), theta, FAR_EVENTS, 60, rng, nothing)
    # Of 60: an error of 0.18 or 0.26 each.
    np.testing.assert_allclose(tests.mean(axis=0), [[2.0, 1.0, 1.0]] * 2, atol=0.65)
    # Pulls four times as large are not what the fit expects.
    wide = toys(analysis, tables, 16 * np.eye(n_pulls), theta, FAR_EVENTS, 12, rng, nothing)
    assert wide[:, 0, 0].mean() > 3.5


def test_toys_of_a_fit_are_its_own(joint):
    """Its best Δm²32, its near histogram; streams say which."""
    fit = SimpleNamespace(
        near_density=joint.contents * 576 / joint.contents.sum(),
        near_events=np.array(300_000),
        far_events=np.array(500),
        best_dm2_32=np.array([2.41e-3, 2.5e-3]),
    )
    runs = [
        toys_of_fit(joint.analysis, fit, 0.44, 2, np.random.default_rng(seed), nothing)
        for seed in (4, 4, 5)
    ]
    assert (runs[0].sin2_theta23, runs[0].dm2_32) == ([0.44], [2.41e-3])
    np.testing.assert_array_equal(runs[0].tests, runs[1].tests)
    assert (runs[0].tests != runs[2].tests).all()
