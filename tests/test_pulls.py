"""Systematics as pulls of joint fits: against what such detectors measure, and in fits."""

import logging
from dataclasses import replace
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest
from iminuit import Minuit

import toy
from chi_squared import follows
from nd2fd.beam.spectra import near_spectrum
from nd2fd.cross_sections.closure import closure_truth
from nd2fd.cross_sections.models import interpolated
from nd2fd.detector.response import response_matrix
from nd2fd.detector.smearing import Resolution, smear_events
from nd2fd.events.sampling import EventSampler, histogram_events
from nd2fd.forward.nodes import NodeGrid
from nd2fd.learning.near_data import expected_contents
from nd2fd.physics.density import DensityGrid
from nd2fd.physics.kinematics import lepton_from_density_variables
from nd2fd.statistics.far_analysis import FarAnalysis
from nd2fd.statistics.far_density import FarDetector
from nd2fd.statistics.far_kernel import FarKernel, far_kernel
from nd2fd.statistics.joint_analysis import (
    ChosenPulls,
    JointAnalysis,
    PullBasis,
    VainPullError,
    octant_starts,
)
from nd2fd.statistics.joint_design import joint_design
from nd2fd.statistics.joint_experiments import JointData, joint_experiments
from nd2fd.statistics.joint_likelihood import JointLikelihood
from nd2fd.statistics.lepton_lattice import LeptonLattice
from nd2fd.statistics.profiles import Profile
from nd2fd.systematics import PULLS
from nd2fd.systematics.pulls import analysed_at, detector_pulls, measured_events, nature

SETUP = toy.SETUP
FLUX, OSCILLATION = toy.inputs()
GRID = DensityGrid(SETUP, 60, 16, 16, 2)
NODES = NodeGrid.for_setup(SETUP, 24, 24)
RANGES = ((0.30, 0.70), (2.1e-3, 2.8e-3))
TRUE_POINT = (0.47, 2.438e-3)
SIZES = {
    "muon_energy_scale": 0.02,
    "muon_energy_resolution": 0.2,
    "muon_angle_resolution": 0.15,
}
RESOLUTIONS = {"exact": Resolution.ideal(), "smeared": Resolution(0.1, 0.06)}
OTHERS = {"exact": ["muon_energy_scale"], "smeared": list(SIZES)}
N_NEAR = 1_000_000


def nothing(*_):
    pass


def shifted(name, z):
    return nature({name: np.array([z])}, FLUX, SIZES)


@pytest.fixture(scope="module")
def truth():
    return closure_truth(toy.structure_functions, FLUX, OSCILLATION, GRID, NODES)


@pytest.fixture(scope="module", params=["exact", "smeared"])
def joint(request, truth):
    resolution, names = RESOLUTIONS[request.param], OTHERS[request.param]
    acceptance = np.ones(GRID.n_v1 * GRID.n_v2)
    if not resolution.is_ideal:
        acceptance = np.asarray(response_matrix(GRID, resolution).sum(axis=0))
    survival = toy.EXPERIMENT.survival_scan(GRID.energy)
    far = FarAnalysis(FarDetector(GRID, resolution, acceptance), survival, *RANGES, "lower")
    pulls = detector_pulls(names, FLUX, SIZES)
    design = joint_design(NodeGrid.of(truth), FLUX, far, GRID, TRUE_POINT, 6, nothing, pulls)
    analysis = JointAnalysis.of(
        design, FLUX, far, 6.0, (16, 16), ChosenPulls(["flux", *names], names, SIZES)
    )
    expected = expected_contents(truth, FLUX, resolution, GRID)
    posterior = analysis.learn(N_NEAR * expected)
    return SimpleNamespace(
        resolution=resolution,
        names=names,
        far=far,
        design=design,
        analysis=analysis,
        expected=expected,
        posterior=posterior,
    )


exact = pytest.mark.parametrize("joint", ["exact"], indirect=True)
smeared = pytest.mark.parametrize("joint", ["smeared"], indirect=True)


# What such detectors measure


@pytest.mark.parametrize("kind", ["exact", "smeared"])
def test_expected_contents_are_those_of_sampled_events(kind, truth):
    """With two standard deviations of everything, and not with none."""
    resolution = RESOLUTIONS[kind]
    found = nature({name: np.array([2.0]) for name in OTHERS[kind]}, FLUX, SIZES)
    rng = np.random.default_rng(1)
    sampler = EventSampler.build(near_spectrum(FLUX), interpolated(truth), SETUP)
    (events,) = sampler.batches(100_000, rng)
    v1, v2, kept = smear_events(events.v1, events.v2, found.resolution(resolution), SETUP, rng)
    v1, v2, seen = measured_events(v1[kept], v2[kept], found, SETUP)
    counts = histogram_events([(v1[seen], v1[seen], v2[seen])], 16, 16)
    for other, right in ((found, True), (None, False)):
        expected = expected_contents(truth, FLUX, resolution, GRID, other)
        assert follows(counts.ravel(), 100_000 * expected.ravel()) == right


def test_muons_are_measured_with_less_energy_where_the_analysis_has_to_add_some():
    v1, v2 = np.array([0.2, 0.3, 0.4]), np.array([0.5, 0.6, 0.3])
    found = shifted("muon_energy_scale", 1.0)
    before = lepton_from_density_variables(v1, v2, SETUP)
    after = lepton_from_density_variables(*measured_events(v1, v2, found, SETUP)[:2], SETUP)
    np.testing.assert_allclose(after[0], 0.98 * before[0])
    np.testing.assert_allclose(after[1], before[1], atol=1e-9)
    right = lepton_from_density_variables(*analysed_at(v1, v2, found, SETUP)[:2], SETUP)
    np.testing.assert_allclose(right[0], 1.02 * before[0])


def test_jacobian_is_that_of_areas():
    """Of a small square, by the area of the quadrilateral that it becomes."""
    v1, v2 = np.array([0.25, 0.5, 0.1]), np.array([0.4, 0.3, 0.7])
    found, h = shifted("muon_energy_scale", 1.5), 1e-5
    ratio = analysed_at(v1, v2, found, SETUP)[2]

    def at(i, j):
        return np.array(analysed_at(v1 + i * h, v2 + j * h, found, SETUP)[:2])

    along, across = (at(1, 0) - at(-1, 0)) / (2 * h), (at(0, 1) - at(0, -1)) / (2 * h)
    np.testing.assert_allclose(ratio, along[0] * across[1] - along[1] * across[0], rtol=1e-6)


def test_near_changes_are_those_of_expected_events(joint, truth):
    near = joint.analysis.near
    coefficients = joint.posterior.mean[: near.nominal.shape[1]]
    scale = joint.expected.ravel()[near.cells].sum() / (near.nominal @ coefficients).sum()
    found = scale * near.changes(coefficients)[:, 3:]
    error = np.sqrt(np.maximum(joint.expected.ravel()[near.cells], 1e-6))
    assert found.shape[1] == len(joint.names)
    for change, pull in zip(found.T, detector_pulls(joint.names, FLUX, SIZES), strict=True):
        up, down = (
            expected_contents(truth, FLUX, joint.resolution, GRID, n) for n in (pull.up, pull.down)
        )
        expected = 0.5 * (up - down).ravel()[near.cells]
        off = np.linalg.norm((change - expected) / error)
        assert off < 0.2 * np.linalg.norm(expected / error), pull.name
        slope = (change * expected / error**2).sum() / (expected**2 / error**2).sum()
        assert slope == pytest.approx(1.0, abs=0.03), pull.name


@smeared
def test_near_bends_are_those_of_expected_events(joint, truth):
    """Second differences, a twentieth of the first: quadratures agree to a half of them."""
    near = joint.analysis.near
    coefficients = joint.posterior.mean[: near.nominal.shape[1]]
    scale = joint.expected.ravel()[near.cells].sum() / (near.nominal @ coefficients).sum()
    found = scale * (near.bends @ coefficients)
    error = np.sqrt(np.maximum(joint.expected.ravel()[near.cells], 1e-6))
    (pull, *_) = detector_pulls(joint.names, FLUX, SIZES)
    up, down = (
        expected_contents(truth, FLUX, joint.resolution, GRID, n) for n in (pull.up, pull.down)
    )
    expected = (0.5 * (up + down) - joint.expected).ravel()[near.cells]
    off = np.linalg.norm((found[0] - expected) / error)
    assert off < 0.6 * np.linalg.norm(expected / error)


def test_far_kernel_has_the_moments_of_such_detectors(joint):
    """Means of a function of the energy, and of the cosine, from those of exact muons."""
    lattice, weight = LeptonLattice.build(GRID, joint.resolution), flux_in_shapes(joint)
    values = toy.structure_functions(*NODES.x_and_Q2()).reshape(3, 24, 24)
    points = lattice.v1, lattice.v2
    changes = joint.analysis.pull_kernel(values, *points)
    moved = (changes.events @ weight) * lattice.area[:, None]
    e_lepton, cos_theta = lepton_from_density_variables(*points, SETUP)

    ideal = LeptonLattice.build(GRID, Resolution.ideal())
    exact_points = ideal.v1, ideal.v2
    detector = FarDetector.exact(GRID)
    exact = far_kernel(NODES, values[None], joint.analysis.spectra, detector, *exact_points)
    density = exact.events[:, 0] @ weight * ideal.area
    true_energy, true_cos = lepton_from_density_variables(*exact_points, SETUP)
    whole = density.sum()
    np.testing.assert_allclose(moved.sum(axis=0), changes.totals @ weight, atol=2e-3 * whole)

    def peak(energy):
        return np.exp(-0.5 * (np.log(np.maximum(energy, 0.01) / 2.0) / 0.5) ** 2)

    x, gauss = np.polynomial.hermite_e.hermegauss(21)

    def mean(factor, resolution):
        seen = peak(factor * true_energy[:, None] * (1 + resolution * x)) @ gauss / gauss.sum()
        return density @ seen

    r, sigma = joint.resolution.energy, joint.resolution.angle
    expected = {
        "muon_energy_scale": 0.5 * (mean(1 / 1.02, r) - mean(1 / 0.98, r)),
        "muon_energy_resolution": 0.5 * (mean(1.0, 1.2 * r) - mean(1.0, 0.8 * r)),
        # E[cos θ'] = cos θ exp(-σ²/2)
        "muon_angle_resolution": -0.15 * sigma**2 * np.exp(-(sigma**2) / 2) * (true_cos @ density),
    }
    for k, name in enumerate(joint.names):
        function = cos_theta if name == "muon_angle_resolution" else peak(e_lepton)
        assert function @ moved[:, k] == pytest.approx(expected[name], rel=0.06), name


# Fits


def test_far_density_follows_the_pulls():
    """The sum over structure functions and other pulls, one by one."""
    rng = np.random.default_rng(4)
    kernel = FarKernel(rng.random((5, 3, 2)), rng.random((3, 2)))
    of_pulls = FarKernel(rng.random((5, 2, 2)), rng.random((2, 2)))
    nuisance, changes = rng.standard_normal(3), rng.standard_normal((3, 2))
    none = np.empty(0)
    basis = PullBasis(none, np.empty((3, 0)), nuisance, changes, none, 1)
    found, a = basis.with_pulls(kernel, of_pulls), np.array([0.4, -1.1])
    y = nuisance[1:] + changes[1:] @ a
    for whole, functions, pulls in (
        (found.events, kernel.events, of_pulls.events),
        (found.totals, kernel.totals, of_pulls.totals),
    ):
        expected = functions[..., 0, :] + sum(a[i] * functions[..., 1 + i, :] for i in range(2))
        expected = expected + sum(y[k] * pulls[..., k, :] for k in range(2))
        np.testing.assert_allclose(np.einsum("m,...mb->...b", np.append(1, a), whole), expected)
    np.testing.assert_array_equal(basis.modes, nuisance[:1])


def flux_in_shapes(joint):
    spectra = joint.analysis.spectra
    return spectra.shapes @ spectra.flux


def likelihood_of(joint, posterior, v1, v2):
    analysis = joint.analysis
    basis = analysis.pull_basis(posterior, v1.size)
    kernel = far_kernel(
        NODES, basis.structure_functions, analysis.spectra, joint.far.detector, v1, v2
    )
    if analysis.pulls:
        kernel = basis.with_pulls(
            kernel, analysis.pull_kernel(basis.structure_functions[0], v1, v2)
        )
    return basis, JointLikelihood.build(analysis.spectra, kernel, basis.modes, basis.mode_changes)


def cost_of(likelihood, parameters):
    s, m, *pulls = parameters
    return likelihood.value(np.array([s, m * 1e-3]), np.array(pulls))


def without_pulls(joint):
    chosen = ChosenPulls(["flux"], joint.names, SIZES)
    analysis = JointAnalysis.of(joint.design, FLUX, joint.far, 6.0, (16, 16), chosen)
    return SimpleNamespace(analysis=analysis, far=joint.far)


@smeared
def test_fits_with_the_flux_alone_do_not_see_other_pulls(joint, truth):
    """To the last bit those with a design without other pulls."""
    plain = joint_design(NodeGrid.of(truth), FLUX, joint.far, GRID, TRUE_POINT, 6, nothing)
    assert plain.near_pulls is plain.far_pulls is None
    one = JointAnalysis.of(plain, FLUX, joint.far, 6.0, (16, 16))
    other = without_pulls(joint).analysis
    assert not other.pulls
    posteriors = [analysis.learn(N_NEAR * joint.expected) for analysis in (one, other)]
    np.testing.assert_array_equal(posteriors[0].mean, posteriors[1].mean)
    bases = [a.pull_basis(p, 6000) for a, p in zip((one, other), posteriors, strict=True)]
    np.testing.assert_array_equal(bases[0].structure_functions, bases[1].structure_functions)
    np.testing.assert_array_equal(bases[0].mode_changes, bases[1].mode_changes)


@exact
def test_a_wrong_energy_scale_is_pulled_back(joint, truth):
    """How far Δm²32 moves with the muons' energies in both detectors, the same events otherwise."""
    data = JointData(truth, FLUX, OSCILLATION, N_NEAR, 5_000, 3, SIZES)
    sampler = data.far_sampler(GRID)
    best, nuisance = {}, {}
    for z in (0.0, 2.0):
        found = shifted("muon_energy_scale", z)
        expected = expected_contents(truth, FLUX, joint.resolution, GRID, found)
        rng = np.random.default_rng(2)
        v1, v2 = data.far_leptons(sampler, np.zeros(3), joint.resolution, GRID, rng, found)
        for case in (joint, without_pulls(joint)):
            with_pull = bool(case.analysis.pulls)
            basis, likelihood = likelihood_of(case, case.analysis.learn(N_NEAR * expected), v1, v2)
            minimum = likelihood.minimise(np.array([0.45, TRUE_POINT[1]]))
            best[z, with_pull] = minimum.theta[1]
            nuisance[z, with_pull] = basis.nuisance + basis.nuisance_changes @ minimum.pulls
    with_pull, without = (best[2.0, w] - best[0.0, w] for w in (True, False))
    assert without < -0.01 * TRUE_POINT[1]
    assert abs(with_pull) < 0.3 * abs(without)
    assert nuisance[2.0, True][3] - nuisance[0.0, True][3] == pytest.approx(2.0, abs=0.4)


@smeared
def test_minima_with_all_pulls_agree_with_minuit(joint, truth):
    n = 250
    data = JointData(truth, FLUX, OSCILLATION, N_NEAR, 4 * n, 3, SIZES)
    rng = np.random.default_rng(5)
    sampler = data.far_sampler(GRID)
    v1, v2 = data.far_leptons(sampler, np.zeros(3), joint.resolution, GRID, rng)
    basis, every = likelihood_of(joint, joint.posterior, v1[: 4 * n], v2[: 4 * n])
    assert basis.nuisance_changes.shape[0] == 6
    for events in np.array_split(every.kernel.events, 4):
        likelihood = replace(every, kernel=FarKernel(events, every.kernel.totals))
        best = Profile.of(likelihood, octant_starts(joint.far)).best

        cost = partial(cost_of, likelihood)
        found = []
        for start in (0.4, 0.6):
            minuit = Minuit(cost, np.array([start, 2.45, *np.zeros(likelihood.n_pulls)]))
            minuit.errordef, minuit.tol = Minuit.LEAST_SQUARES, 1e-2
            minuit.limits[0] = (0.001, 0.999)
            minuit.migrad()
            found.append(minuit.fval)
        assert best.converged
        assert best.value == pytest.approx(min(found), abs=0.02)


@exact
def test_pseudo_experiments_draw_the_detectors(joint, truth):
    data = JointData(truth, FLUX, OSCILLATION, 300_000, 300, 3, SIZES)
    run = [
        joint_experiments(joint.analysis, GRID, data, numbers, TRUE_POINT, nothing)
        for numbers in ([0, 1], [1])
    ]
    for name in ("best_dm2_32", "mode_mean", "true_mode"):
        np.testing.assert_array_equal(getattr(run[0], name)[1:], getattr(run[1], name))
    # Parameters of a systematic are those of its own stream; the flux is that of other fits.
    drawn = data.nuisance(["muon_energy_scale"], 1)["muon_energy_scale"]
    assert run[0].true_mode[1, 3] == drawn != run[0].true_mode[0, 3]
    plain = joint_experiments(without_pulls(joint).analysis, GRID, data, [1], TRUE_POINT, nothing)
    np.testing.assert_array_equal(plain.true_mode[0], run[0].true_mode[1, :3])


@smeared
def test_what_moves_nothing_is_refused(joint):
    changed = replace(joint.design, near_pulls=joint.design.near_pulls * [[[1.0]], [[0.0]], [[1]]])
    chosen = ChosenPulls(list(PULLS), joint.names, SIZES)
    for design, refused in (
        (changed, False),
        (replace(changed, far_pulls=changed.far_pulls * [[[1.0]], [[0.0]], [[1]]]), True),
    ):
        analysis = JointAnalysis.of(design, FLUX, joint.far, 6.0, (16, 16), chosen)
        posterior = analysis.learn(N_NEAR * joint.expected)
        if refused:
            with pytest.raises(VainPullError, match=r"muon_energy_resolution moves nothing: .*out"):
                analysis.pull_basis(posterior, 6000)
        else:
            analysis.pull_basis(posterior, 6000)


@exact
def test_pulls_beyond_their_limits_are_named(joint, caplog):
    with caplog.at_level(logging.WARNING, logger="nd2fd"):
        beyond = joint.analysis.beyond_limits(np.array([0.0, -4.2, 3.9, 5.0]))
    np.testing.assert_array_equal(beyond, [False, True, False, True])
    first, second = caplog.messages
    assert first.startswith("flux mode 1 is pulled to -4.2 standard")
    assert "flux.uncertainty" in first
    assert second.startswith("muon_energy_scale is pulled to +5.0")
    assert "systematics.muon_energy_scale" in second
