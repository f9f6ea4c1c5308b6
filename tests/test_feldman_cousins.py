"""Thresholds from toys: what they suppose of nuisance parameters, and what toys are like."""

from types import SimpleNamespace

import numpy as np
import pytest
from scipy.stats import chi2, ks_2samp

import toy
from nd2fd.cross_sections.closure import closure_truth
from nd2fd.detector.smearing import Resolution
from nd2fd.forward.nodes import NodeGrid
from nd2fd.io.schemas.joint import JointCoverageBlock, JointToys
from nd2fd.learning.near_data import expected_contents
from nd2fd.physics.density import DensityGrid
from nd2fd.statistics.far_analysis import FarAnalysis
from nd2fd.statistics.far_density import FarDetector
from nd2fd.statistics.far_directions import theta_errors, weighted_changes
from nd2fd.statistics.feldman_cousins import ManyEvents, thresholds, thresholds_at, toys_of_fit
from nd2fd.statistics.joint_analysis import JointAnalysis, octant_starts
from nd2fd.statistics.joint_design import joint_design
from nd2fd.statistics.joint_experiments import joint_coverage_of
from nd2fd.statistics.joint_likelihood import JointLikelihood
from nd2fd.statistics.profile_regions import CONTENTS
from nd2fd.statistics.profiles import Profile
from nd2fd.statistics.pull_tables import PullTables

GRID = DensityGrid(toy.SETUP, 60, 24, 24, 2)
FAR_EVENTS = 4_000
MIXING, MASS = 0.40, 2.44e-3
"""In the middle of the ranges of the fits."""


def nothing(*_):
    pass


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


@pytest.fixture(scope="module")
def tables(joint):
    """Densities in coordinates of the pulls of a near detector of three million events."""
    posterior = joint.analysis.learn(3_000_000 * joint.contents)
    basis = joint.analysis.pull_basis(posterior, FAR_EVENTS)
    none = np.empty((0, *basis.structure_functions.shape[1:]))
    return PullTables.build(joint.analysis, basis, none)


def limit(joint, tables, mixing, *, known, mixing_range=None, n_events=FAR_EVENTS):
    """Toys of many events at a value of sin²θ23."""
    wide = mixing_range or joint.analysis.far_analysis.sin2_theta23
    return ManyEvents.at(
        np.array([mixing, MASS]), joint.analysis.spectra, tables, n_events, wide, known=known
    )


def likelihood_tests(joint, tables, mixing, n_toys, rng):
    """Independently: events are drawn, and their likelihoods profiled; (n_toys, 2, 3)."""
    analysis, n = joint.analysis, tables.n_learned
    spectra, basis, theta = analysis.spectra, tables.basis, np.array([mixing, MASS])
    starts = octant_starts(analysis.far_analysis)
    of_true, *of_modes = spectra.amplitudes(theta[None])[0]
    found = np.empty((n_toys, 2, 3))
    for toy_number in range(n_toys):
        pulls = rng.standard_normal(n - 1)
        functions, modes = np.append(1.0, pulls), basis.modes + basis.mode_changes @ pulls
        expected = tables.expected(functions, of_true + modes @ np.array(of_modes))
        counts = rng.multinomial(FAR_EVENTS, expected / expected.sum())
        events = tables.kernel_at(np.repeat(np.arange(counts.size), counts))[:n]
        known = events.combined(functions[None])
        none = np.empty((modes.size, 0))
        likelihoods = [
            JointLikelihood.build(spectra, events, basis.modes, basis.mode_changes),
            JointLikelihood.build(spectra, known, modes, none),
        ]
        found[toy_number] = [Profile.of(one, starts).tests(theta) for one in likelihoods]
    return found


@pytest.mark.parametrize("known", [False, True])
def test_wilks_holds_in_one_octant_far_from_maximal_mixing(joint, tables, known):
    """Means of −2 ln L above its minimum are the degrees of freedom."""
    found = limit(joint, tables, 0.40, known=known, mixing_range=(0.30, 0.43))
    tests = found.tests(20_000, np.random.default_rng(3))
    # Errors of 0.01 or 0.015; the rest is that θ moves the events not quite linearly.
    np.testing.assert_allclose(tests.mean(axis=0), [2.0, 1.0, 1.0], rtol=0.06)


@pytest.mark.parametrize("known", [False, True])
def test_maximal_mixing_is_on_the_edge(joint, tables, known):
    """Half of all fits are there: half of a χ² of 0 and of 1 degree of freedom (Chernoff, 1954)."""
    maximal = 0.5 / (1.0 - toy.NUFIT_6_0.sin2_theta13)
    many = limit(joint, tables, maximal, known=known, n_events=64_000)
    tests = many.tests(40_000, np.random.default_rng(4))
    # 2 (0.683 - 0.5) and 2 (0.954 - 0.5) of χ² with one degree of freedom: 0.23 and 2.86.
    expected = chi2.ppf(2 * np.array(CONTENTS) - 1, 1)
    np.testing.assert_allclose(np.quantile(tests[:, 1], CONTENTS), expected, rtol=0.05, atol=0.02)


@pytest.mark.parametrize("mixing", [0.42, 0.48])
def test_toys_are_like_likelihoods_of_events(joint, tables, mixing):
    of_events = likelihood_tests(joint, tables, mixing, 60, np.random.default_rng(5))
    for which, known in enumerate((False, True)):
        tests = limit(joint, tables, mixing, known=known).tests(5_000, np.random.default_rng(6))
        for region in range(3):
            compared = ks_2samp(of_events[:, which, region], tests[:, region])
            assert compared.pvalue > 0.005, (known, region)


def test_pulls_make_the_error_of_linear_theory(joint, tables):
    """Of Δm²32 at fixed mixing: known, and with pulls (`theta_errors`, from other cells)."""
    analysis = joint.analysis
    posterior = analysis.learn(3_000_000 * joint.contents)
    maps, of_theta = weighted_changes(analysis.far, analysis.slopes, posterior, FAR_EVENTS)
    slopes = of_theta[:, :2]
    covariance = theta_errors(posterior.whitened(maps), slopes)
    expected = np.sqrt(np.linalg.inv(covariance)[1, 1]) / np.linalg.norm(slopes[:, 1])
    learned, known = (limit(joint, tables, MIXING, known=known) for known in (False, True))
    steps = [np.diff(one.dm2_32[:2])[0] for one in (known, learned)]
    assert expected < 0.95
    assert steps[0] / steps[1] == pytest.approx(expected, rel=0.02)


@pytest.fixture(scope="module")
def fit(joint, tables):
    """What toys need of a joint fit."""
    basis = tables.basis
    return SimpleNamespace(
        structure_functions=basis.structure_functions[0],
        pull_functions=basis.structure_functions[1:],
        mode_mean=basis.nuisance,
        pull_modes=basis.nuisance_changes,
        far_events=np.array(FAR_EVENTS),
        best_dm2_32=np.array([MASS, 2.5e-3]),
    )


def test_toys_of_a_fit_are_its_own(joint, fit):
    """Its best Δm²32 and number of events; streams say which."""
    runs = [
        toys_of_fit(joint.analysis, fit, [0.44, 0.5], 7, np.random.default_rng(seed), nothing)
        for seed in (4, 4, 5)
    ]
    np.testing.assert_array_equal(runs[0].sin2_theta23, [0.44, 0.5])
    np.testing.assert_array_equal(runs[0].dm2_32, [MASS, MASS])
    assert runs[0].tests.shape == (2, 7, 2, 3)
    np.testing.assert_array_equal(runs[0].tests, runs[1].tests)
    assert (runs[0].tests != runs[2].tests).any()
    assert runs[0].tests.min() > -0.01


def test_toys_have_the_pulls_of_the_fit(joint, tables, fit):
    """Those of its near detector, whatever it has measured: samples at angles, weighted events."""
    found = toys_of_fit(joint.analysis, fit, [0.44], 50, np.random.default_rng(4), nothing)
    rng = np.random.default_rng(4)
    expected = [limit(joint, tables, 0.44, known=known).tests(50, rng) for known in (False, True)]
    np.testing.assert_allclose(found.tests[0], np.stack(expected, axis=1), atol=1e-9)


def test_modes_of_other_beams_do_not_matter(joint, fit):
    """They stand behind those of the first, and move nothing at the far detector."""
    more = SimpleNamespace(
        **vars(fit)
        | {
            "mode_mean": np.append(fit.mode_mean, 2.0),
            "pull_modes": np.concatenate([fit.pull_modes, fit.pull_modes[:1]]),
        }
    )
    runs = [
        toys_of_fit(joint.analysis, one, [0.44], 7, np.random.default_rng(4), nothing)
        for one in (fit, more)
    ]
    np.testing.assert_array_equal(runs[0].tests, runs[1].tests)
