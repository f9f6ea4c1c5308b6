"""Structure functions of splines and their posterior, against independent linear algebra."""

from dataclasses import replace

import numpy as np
import pytest
import scipy.linalg as sl
import torch
from scipy.stats import multivariate_normal

import toy
from nd2fd.beam.flux import cell_averages
from nd2fd.detector.response import response_matrix
from nd2fd.detector.smearing import Resolution
from nd2fd.forward.event_kernel import total_cross_section_map
from nd2fd.forward.nodes import NodeGrid, reachable_nodes
from nd2fd.forward.operator import ForwardOperator
from nd2fd.forward.splines import SplineBasis
from nd2fd.learning.normal_equations import Weighted, solve
from nd2fd.learning.problem import DensityProblem
from nd2fd.learning.spline_design import SplineDesign
from nd2fd.learning.spline_posterior import (
    ImproperPosteriorError,
    _unit,
    learn,
)
from nd2fd.learning.weights import poisson_weights, smoothed
from nd2fd.physics.density import DensityGrid, event_densities

SETUP = toy.SETUP
GRID = DensityGrid(SETUP, 40, 24, 24, 2)
NODES = NodeGrid.for_setup(SETUP, 24, 24)
N_EVENTS = 300_000
PRICE = 6.0


def fluxes():
    energy = np.linspace(0.0, 10.0, 401)
    nominal = toy.flux(energy)
    modes = np.stack([0.08 * np.cos(0.4 * energy), 0.1 * (energy / 10 - 0.3)])
    every = np.concatenate([nominal[None], nominal * modes])
    return np.stack(
        [cell_averages(lambda e, f=f: np.interp(e, energy, f), GRID.n_energy, 10.0) for f in every]
    )


OPERATOR = ForwardOperator.build(GRID, NODES)


@pytest.fixture(scope="module")
def matrices():
    in_cells = fluxes()
    return OPERATOR.event_matrices(in_cells / in_cells[0].sum())


@pytest.fixture(scope="module")
def basis(matrices):
    return SplineBasis.build(NODES, 7, reachable_nodes(matrices[:1], NODES))


@pytest.fixture(scope="module")
def design(basis):
    return SplineDesign.build(OPERATOR, fluxes(), basis, None)


@pytest.fixture(scope="module")
def true_coefficients(basis, matrices):
    """A truth that splines can be: the best ones for the toy cross section."""
    values = toy.structure_functions(*NODES.x_and_Q2()).reshape(3, -1)
    reached = reachable_nodes(matrices[:1], NODES)
    return np.linalg.lstsq(basis.matrix[reached], values[:, reached].T, rcond=None)[0].T


def expected(design, coefficients, modes):
    events = design.nominal @ coefficients.ravel() + design.changes(coefficients.ravel()) @ modes
    return np.maximum(events, 0.0) / np.maximum(events, 0.0).sum()


def errors_of(design, histogram, n_events=N_EVENTS):
    every = np.zeros(24 * 24)
    every[design.cells] = histogram
    density = smoothed(every.reshape(1, 24, 24) * every.size)[0].ravel() / every.size
    return density[design.cells] / n_events


def test_splines_are_what_they_are_on_the_nodes(basis):
    assert basis.matrix.shape == (NODES.n_nodes, basis.n_splines)
    assert basis.n_splines < 10 * 10
    # Clamped splines: with all coefficients one, one everywhere that all splines are kept.
    everywhere = SplineBasis.build(NODES, 7, np.arange(NODES.n_nodes))
    np.testing.assert_allclose(everywhere.on_nodes(np.ones((3, 100))), 1.0, rtol=1e-12)
    # A cubic is exactly a spline, and ξ² + 3 ξτ bends 2² + 2 · 3² per area.
    xi, tau = NODES.xi[:, None], NODES.tau
    for values in (xi**3 - tau**2 * xi, xi**2 + 3 * xi * tau):
        coefficients, *_ = np.linalg.lstsq(everywhere.matrix, values.ravel(), rcond=None)
        np.testing.assert_allclose(everywhere.matrix @ coefficients, values.ravel(), atol=1e-10)
    inner = (NODES.n_xi - 2) / (NODES.n_xi - 1)
    assert coefficients @ everywhere.bends @ coefficients == pytest.approx(
        4 * inner + 2 * 9, rel=0.06
    )


def test_designs_are_event_matrices_of_splines(design, basis, matrices, true_coefficients):
    nodes = basis.on_nodes(true_coefficients).ravel()
    np.testing.assert_allclose(
        design.nominal @ true_coefficients.ravel(), (matrices[0] @ nodes)[design.cells], rtol=1e-10
    )
    np.testing.assert_allclose(
        design.changes(true_coefficients.ravel())[:, 1],
        (matrices[2] @ nodes)[design.cells],
        rtol=1e-5,
        atol=1e-10,
    )
    outside = np.setdiff1d(np.arange(24 * 24), design.cells)
    assert not (matrices[0] @ nodes)[outside].any()


def test_smeared_designs_have_smaller_true_cells(basis, true_coefficients):
    """The response from fine to measured cells, against events spread finer still."""
    resolution = Resolution(0.1, 0.05)

    def smeared(refinement):
        fine = DensityGrid(SETUP, 40, 24 * refinement, 24 * refinement, 1)
        response = response_matrix(GRID, resolution, fine)
        assert response.shape == (24 * 24, (24 * refinement) ** 2)
        density = event_densities(fine, toy.structure_functions, fluxes()[:1])[0][0]
        measured = response @ density.ravel()
        return measured / measured.sum()

    once, twice, thrice = smeared(1), smeared(2), smeared(3)
    assert abs(twice - thrice).sum() < 0.5 * abs(once - thrice).sum()
    plain = response_matrix(GRID, resolution)
    density = event_densities(
        DensityGrid(SETUP, 40, 24, 24, 1), toy.structure_functions, fluxes()[:1]
    )[0][0]
    old = plain @ density.ravel()
    np.testing.assert_allclose(once, old / old.sum(), atol=1e-9)


@pytest.mark.parametrize("z", [1.0, -1.5])
def test_parameters_that_bend_the_density_are_found(design, basis, true_coefficients, z):
    """Expected events to all orders of a polynomial of second degree; a linear map is far off."""
    flat, rng = true_coefficients.ravel(), np.random.default_rng(3)
    # What a blur along the cells does, twice: no structure functions do this.
    first = 0.1 * (np.roll(design.nominal, 1, axis=0) - design.nominal)
    second = 0.5 * (np.roll(first, 1, axis=0) - first)
    modes = np.concatenate([design.modes, first[None]])
    bent = SplineDesign(design.cells, design.nominal, modes, second[None])
    events = (design.nominal + z * first + z**2 * second) @ flat
    histogram = np.maximum(events, 1e-9) / np.maximum(events, 1e-9).sum()
    variance = errors_of(design, histogram)
    found = learn(bent, basis, histogram, variance, PRICE)
    assert found.modes[2] == pytest.approx(z, abs=found.mode_errors[2])
    np.testing.assert_allclose(found.modes[:2], 0.0, atol=0.5)
    linear = learn(replace(bent, bends=None), basis, histogram, variance, PRICE)
    assert abs(linear.modes[2] - z) > 3.0 * found.mode_errors[2]
    # The same z that the prior pulls towards zero, from wherever it is linearised.
    moved = replace(bent.about(np.array([0.0])), bends=None)
    np.testing.assert_array_equal(moved.nominal, bent.nominal)
    step = rng.standard_normal(1)
    at = bent.about(step)
    np.testing.assert_allclose(
        (at.nominal + (z - step[0]) * at.modes[2] + (z - step[0]) ** 2 * second) @ flat,
        events,
        rtol=1e-9,
        atol=1e-12,
    )


def test_prior_is_about_zero_wherever_the_density_is_linearised(design, basis, true_coefficients):
    """A parameter that the data hardly see, in which the density is linear after all."""
    flat = true_coefficients.ravel()
    first = 1e-2 * (np.roll(design.nominal, 1, axis=0) - design.nominal)
    linear = SplineDesign(design.cells, design.nominal, np.concatenate([design.modes, first[None]]))
    events = np.maximum((design.nominal + 3.0 * first) @ flat, 1e-9)
    histogram = events / events.sum()
    variance = errors_of(design, histogram)
    bent = replace(linear, bends=0.0 * first[None])
    found, once = (learn(d, basis, histogram, variance, PRICE) for d in (bent, linear))
    assert 0.1 < once.modes[2] < 2.0
    assert found.modes[2] == pytest.approx(once.modes[2], rel=0.02)


def test_posterior_is_that_of_stacked_least_squares(design, basis, true_coefficients):
    """Rows of data, of the prior and of the modes' own, solved by QR; and its covariance."""
    rng = np.random.default_rng(1)
    histogram = rng.poisson(N_EVENTS * expected(design, true_coefficients, [1.0, -0.5])) / N_EVENTS
    variance = errors_of(design, histogram)
    found = learn(design, basis, histogram, variance, PRICE)
    bends = _unit(design, basis, variance) * basis.bends
    # What the update of the smooth fit uses is looked for here as the root of the equations.
    weighted = Weighted.of(design, histogram, variance)
    error = np.sqrt(variance)[:, None]
    start = solve(weighted.equations(np.empty((len(error), 0))), 0.02 * np.eye(3), bends)[0]
    changes = design.changes(start)
    smooth = least_squares(design, changes, histogram, variance, found.strength * np.eye(3), bends)
    changes = design.changes(smooth[:-2])
    coefficients = smooth[:-2].reshape(3, -1)
    prior = PRICE / 3 * np.linalg.inv(coefficients @ bends @ coefficients.T)
    np.testing.assert_allclose(found.prior, prior, rtol=1e-5)
    mean = least_squares(design, changes, histogram, variance, found.prior, bends)
    np.testing.assert_allclose(found.mean, mean, rtol=1e-5, atol=1e-6 * abs(mean).max())
    rows = np.concatenate([design.nominal, changes], axis=1) / error
    precision = rows.T @ rows
    precision[:-2, :-2] += np.kron(found.prior, bends)
    precision[-2:, -2:] += np.eye(2)
    covariance = np.linalg.inv(precision)
    np.testing.assert_allclose(found.mode_errors, np.sqrt(np.diag(covariance))[-2:], rtol=1e-6)
    direction = np.eye(len(mean))[:, :3]
    np.testing.assert_allclose(
        found.whitened(rows[:5]) @ found.whitened(rows[:5]).T,
        rows[:5] @ covariance @ rows[:5].T,
        rtol=1e-4,
    )
    root = found.root(np.eye(len(mean)))
    np.testing.assert_allclose((root @ root.T)[:3, :3], covariance[:3, :3], rtol=1e-4)
    assert found.root(direction).shape == (len(mean), 3)
    residual = rows @ mean - histogram / error[:, 0]
    assert found.chi2 == pytest.approx(residual @ residual, rel=1e-6)
    assert found.chi2 == pytest.approx(
        len(histogram) - found.effective_parameters, abs=5 * np.sqrt(2 * len(histogram))
    )
    assert np.trace(found.prior @ coefficients @ bends @ coefficients.T) == pytest.approx(PRICE)


def least_squares(design, changes, histogram, variance, prior, bends):
    error = np.sqrt(variance)
    n_modes = changes.shape[1]
    values, axes = np.linalg.eigh(np.kron(prior, bends))
    root = axes * np.sqrt(np.maximum(values, 0.0))
    n = len(root)
    rows = np.block(
        [
            [design.nominal / error[:, None], changes / error[:, None]],
            [root.T, np.zeros((n, n_modes))],
            [np.zeros((n_modes, n)), np.eye(n_modes)],
        ]
    )
    right = np.concatenate([histogram / error, np.zeros(n + n_modes)])
    return np.linalg.lstsq(rows, right, rcond=1e-14)[0]


def test_strength_has_the_largest_marginal_likelihood(design, basis, true_coefficients):
    """That of the data themselves, a Gaussian, with a wide prior where bending has no price."""
    rng = np.random.default_rng(2)
    histogram = rng.poisson(N_EVENTS * expected(design, true_coefficients, [0.0, 0.0])) / N_EVENTS
    variance = errors_of(design, histogram)
    found = learn(design, basis, histogram, variance, PRICE)
    bends = _unit(design, basis, variance) * basis.bends
    weighted = Weighted.of(design, histogram, variance)
    start = solve(weighted.equations(np.empty((len(histogram), 0))), 0.02 * np.eye(3), bends)[0]
    changes = design.changes(start)
    values, axes = np.linalg.eigh(bends)

    def log_evidence(strength):
        # 1e4 stands for an infinite width of the three functions that do not bend.
        size = np.where(np.arange(len(values)) < 3, 1e4, 1.0 / (strength * values.clip(1e-300)))
        one = (axes * size) @ axes.T
        covariance = np.diag(variance) + changes @ changes.T
        for i in range(3):
            part = design.nominal[:, i * basis.n_splines : (i + 1) * basis.n_splines]
            covariance += part @ one @ part.T
        scale = np.sqrt(variance)
        scaled = covariance / np.outer(scale, scale)
        return multivariate_normal(None, scaled, allow_singular=False).logpdf(histogram / scale)

    best = log_evidence(found.strength)
    for factor in (0.5, 2.0):
        assert log_evidence(factor * found.strength) < best
    assert abs(log_evidence(1.1 * found.strength) - log_evidence(found.strength / 1.1)) < 0.5


def test_search_goes_on_from_a_known_strength(design, basis, true_coefficients):
    histogram = expected(design, true_coefficients, [0.0, 0.0])
    data = (design, basis, histogram, errors_of(design, histogram), PRICE)
    converged = learn(*data, strength=learn(*data).strength)
    near = learn(*data, strength=1.1 * converged.strength)
    assert near.strength == pytest.approx(converged.strength, rel=0.01)
    # The search does begin there: from far away few updates are not enough.
    far = learn(*data, strength=1e4 * converged.strength)
    assert far.strength != pytest.approx(converged.strength, rel=0.1)


def test_same_solution_as_a_networks_last_layer(design, basis, matrices, true_coefficients):
    """With the splines as features of its last hidden layer, at the same price."""
    rng = np.random.default_rng(3)
    events = expected(design, true_coefficients, [0.0, 0.0])
    histogram = np.zeros(24 * 24)
    histogram[design.cells] = rng.poisson(N_EVENTS * events) / N_EVENTS
    histogram /= histogram.sum()
    density = (histogram / GRID.cell_area).reshape(1, 24, 24)
    weights = poisson_weights(density).reshape(1, -1)
    problem = DensityProblem(
        matrices[:1],
        density.reshape(1, -1),
        weights,
        None,
        GRID.cell_area,
        NODES,
        torch.float64,
        "cpu",
    )
    features = torch.tensor(basis.matrix[problem.reachable_nodes])[None]
    strength = 0.03
    variance = errors_of(design, histogram[design.cells])
    coefficients = problem.solve_last_layer(features, 0.0, strength / N_EVENTS)[0].numpy()
    bends = _unit(design, basis, variance) * basis.bends
    weighted = Weighted.of(design, histogram[design.cells], variance)
    mean = solve(weighted.equations(np.empty((len(variance), 0))), strength * np.eye(3), bends)[0]
    ours = basis.on_nodes(mean.reshape(3, -1)).reshape(3, -1)[:, problem.reachable_nodes]
    theirs = basis.on_nodes(coefficients).reshape(3, -1)[:, problem.reachable_nodes]
    np.testing.assert_allclose(ours, theirs, atol=2e-3 * abs(theirs).max())


def test_posteriors_are_calibrated(design, basis, true_coefficients):
    """Pulls of σ(E_ν), structure functions and flux over 200 samples, nature's flux drawn."""
    rng = np.random.default_rng(4)
    n = 3 * basis.n_splines
    of_energy = (total_cross_section_map(NODES, GRID) @ basis.matrix).reshape(GRID.n_energy, n)
    reference, maps = of_energy[12], [*of_energy[[8, 18, 26]]]
    for node in (NODES.n_tau * i + j for i in (6, 10, 14) for j in (6, 10, 14)):
        maps += [np.kron(np.eye(3)[i], basis.matrix[node]) for i in range(3)]
    maps, true = np.array(maps), true_coefficients.ravel()
    ratio = maps @ true / (reference @ true)
    pulls = []
    for _ in range(200):
        modes = rng.standard_normal(2)
        events = expected(design, true_coefficients, modes)
        histogram = rng.multinomial(N_EVENTS, events) / N_EVENTS
        found = learn(design, basis, histogram, errors_of(design, histogram), PRICE)
        # In units of one cross section: the scale of all of them is not measured.
        mean = found.mean[:n] / (reference @ found.mean[:n])
        slopes = np.zeros((len(maps), found.mean.size))
        slopes[:, :n] = (maps - np.outer(maps @ mean, reference)) / (reference @ found.mean[:n])
        error = np.linalg.norm(found.whitened(slopes), axis=1)
        pulls.append([*(maps @ mean - ratio) / error, *(found.modes - modes) / found.mode_errors])
    pulls = np.array(pulls)
    assert 0.75 < np.sqrt((pulls**2).mean()) < 1.1


def true_norm(design, coefficients, modes):
    flat = coefficients.ravel()
    return (design.nominal @ flat + design.changes(flat) @ modes).sum()


def test_improper_posteriors_are_refused(design, basis):
    """Two cells do not tell three functions apart that may be linear for free."""
    few = SplineDesign(design.cells[:2], design.nominal[:2], design.modes[:, :2])
    with pytest.raises(
        ImproperPosteriorError, match="improper; more near-detector events or cells"
    ):
        learn(few, basis, np.array([0.5, 0.5]), np.full(2, 1e-6), PRICE)


def test_factor_is_of_the_precision(design, basis, true_coefficients):
    histogram = expected(design, true_coefficients, [0.0, 0.0])
    found = learn(design, basis, histogram, errors_of(design, histogram), PRICE)
    unit = sl.solve_triangular(found.factor, found.factor, lower=True)
    np.testing.assert_allclose(unit, np.eye(len(unit)), atol=1e-6)
    # Expected events, no noise: the flux stays where it is.
    assert (abs(found.modes) < 0.3 * found.mode_errors).all()
