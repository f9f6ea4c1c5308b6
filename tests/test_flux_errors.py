"""The flux uncertainty among the errors of the near-detector densities."""

from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse as sp
import torch
from scipy.ndimage import gaussian_filter

import toy
from nd2fd.beam.flux import cell_averages
from nd2fd.forward.event_kernel import cell_cross_sections
from nd2fd.forward.nodes import NodeGrid, reachable_nodes
from nd2fd.forward.operator import ForwardOperator
from nd2fd.forward.splines import SplineBasis
from nd2fd.learning.flux_errors import density_errors, fitted_shifts, with_flux_errors
from nd2fd.learning.problem import DensityProblem
from nd2fd.learning.spline_design import SplineDesign
from nd2fd.learning.spline_posterior import learn
from nd2fd.learning.training import TrainingData, train
from nd2fd.learning.training_settings import TrainingSettings
from nd2fd.learning.weights import poisson_weights, smoothed
from nd2fd.physics.density import DensityGrid, event_densities, total_variation

GRID = DensityGrid(toy.SETUP, 32, 32, 32, 2)
NODES = NodeGrid.for_setup(toy.SETUP, 24, 24)
N_CELLS = GRID.n_v1 * GRID.n_v2
FLUX = cell_averages(toy.flux, GRID.n_energy, 10.0)
# A peak that is somewhere else, or wider, by up to 9 % of the flux.
FLUX_ERRORS = FLUX * np.stack(
    [
        0.15 * (GRID.energy - 2.5) / (1 + (GRID.energy - 2.5) ** 2),
        0.09 * np.tanh(((GRID.energy - 2.5) / 1.5) ** 2),
    ]
)


@pytest.fixture(scope="module")
def operator():
    return ForwardOperator.build(GRID, NODES)


@pytest.fixture(scope="module")
def cross_sections():
    return cell_cross_sections(toy.structure_functions, GRID)


@pytest.fixture(scope="module")
def response():
    """Moves events between cells at random and loses some of them."""
    matrix = sp.random(N_CELLS, N_CELLS, density=0.01, rng=np.random.default_rng(0))
    matrix = sp.csr_array(matrix + sp.eye_array(N_CELLS))
    return sp.csr_array(matrix / (1.1 * matrix.sum(axis=0)))


@pytest.mark.parametrize("smeared", [False, True])
def test_density_errors_are_differences_of_normalised_densities(cross_sections, response, smeared):
    chosen = response if smeared else None

    def density(flux):
        events = flux @ cross_sections
        if smeared:
            events = response @ events
        return events / (events.sum() * GRID.cell_area)

    errors = density_errors(
        FLUX @ cross_sections, (FLUX_ERRORS @ cross_sections).T, chosen, GRID.cell_area
    )
    assert errors.shape == (N_CELLS, len(FLUX_ERRORS))
    step = 1e-4
    for error, change in zip(errors.T, FLUX_ERRORS, strict=True):
        difference = density(FLUX + step * change) - density(FLUX - step * change)
        np.testing.assert_allclose(error, difference / (2 * step), atol=1e-6 * abs(error).max())


def make_problem(operator, target, weights, errors):
    return DensityProblem(
        [operator.event_matrix(FLUX / FLUX.sum())],
        target[None],
        weights[None],
        None,
        GRID.cell_area,
        NODES,
        torch.float64,
        "cpu",
        None if errors is None else errors[None],
    )


def test_common_errors_are_the_covariance(operator, cross_sections):
    """Distance and last layer against the dense covariance matrix."""
    rng = np.random.default_rng(0)
    events = FLUX @ cross_sections
    target = events / (events.sum() * GRID.cell_area)
    errors = rng.normal(size=(N_CELLS, 3)) * target[:, None]
    weights = rng.uniform(0.5, 2.0, N_CELLS)
    problem = make_problem(operator, target, weights, errors)
    matrix = operator.event_matrix(FLUX / FLUX.sum())
    rows = np.flatnonzero(np.diff(matrix.indptr))
    own = np.diag(1 / (weights[rows] * GRID.cell_area))
    inverse = np.linalg.inv(own + errors[rows] @ errors[rows].T)

    features = rng.normal(size=(len(problem.reachable_nodes), 4))
    everywhere = np.zeros((NODES.n_nodes, 4))
    everywhere[problem.reachable_nodes] = features
    columns = [matrix[:, first : first + NODES.n_nodes] @ everywhere for first in (0, 576, 1152)]
    design = np.hstack(columns)[rows] / GRID.cell_area
    expected = np.linalg.solve(design.T @ inverse @ design, design.T @ inverse @ target[rows])
    solution = problem.solve_last_layer(torch.from_numpy(features)[None], 0.0, 0.0)
    np.testing.assert_allclose(solution.numpy().ravel(), expected, rtol=1e-6)

    difference = design @ expected - target[rows]
    outside = np.delete(weights * target**2, rows).sum() * GRID.cell_area
    distance = problem.squared_distance(torch.from_numpy(design @ expected)[None]).item()
    assert distance == pytest.approx(difference @ inverse @ difference + outside, rel=1e-9)
    unrelated = make_problem(operator, target, weights, None)
    without = unrelated.squared_distance(torch.from_numpy(design @ expected)[None]).item()
    assert distance < 0.99 * without


def test_loss_of_a_histogram_is_a_chi_squared_with_the_flux_among_its_errors(
    operator, cross_sections
):
    """Noise and flux drawn: against the dense covariance of N events.

    A cell's own error is that of the density spread over a cell, and a floor of 1 %.
    """
    rng = np.random.default_rng(5)
    n_events, n_draws = 1_000_000, 40
    events = FLUX @ cross_sections
    density = events / (events.sum() * GRID.cell_area)
    errors = density_errors(events, (FLUX_ERRORS @ cross_sections).T, None, GRID.cell_area)
    drawn = density + rng.standard_normal((n_draws, 2)) @ errors.T
    counts = rng.poisson(n_events * np.maximum(drawn, 0.0) * GRID.cell_area)
    histograms = counts / (n_events * GRID.cell_area)
    rows = np.flatnonzero(density)
    spread = gaussian_filter(density.reshape(32, 32), 1.0, mode="nearest").ravel() + 0.01
    own = np.diag(spread[rows] / (n_events * GRID.cell_area))
    inverse = np.linalg.inv(own + errors[rows] @ errors[rows].T)
    found, expected = [], []
    for histogram in histograms:
        weights = poisson_weights(histogram.reshape(1, 32, 32)).ravel()
        p = make_problem(operator, histogram, weights, np.sqrt(n_events) * errors)
        reached = p.squared_distance(torch.from_numpy(density[rows])[None]).item()
        found.append(n_events * reached)
        difference = histogram[rows] - density[rows]
        expected.append(difference @ inverse @ difference)
    np.testing.assert_allclose(found, expected, rtol=0.05)
    assert np.mean(found) == pytest.approx((density / spread).sum(), rel=0.03)


def test_fitted_shifts_are_the_best_flux_for_what_is_left(operator, response):
    """Against least squares in which each parameter is one more measurement: 0 ± 1."""
    rng = np.random.default_rng(2)
    n_events, shape = 20_000, (2, 3, NODES.n_xi, NODES.n_tau)
    matrices = operator.event_matrices(np.stack([FLUX, FLUX + FLUX_ERRORS[0]]))
    structure_functions = rng.uniform(0.5, 1.0, shape)
    densities = rng.uniform(0.5, 1.0, (2, N_CELLS))
    weights = rng.uniform(0.5, 2.0, (2, N_CELLS))
    errors = rng.normal(size=(2, N_CELLS, 3))
    data = TrainingData(
        matrices, densities, weights, response, GRID.cell_area, NODES, (1, 2), errors
    )
    found = fitted_shifts(data, structure_functions, n_events)
    assert found.shape == (2, 3)
    for member in range(2):
        events = response @ (matrices[member] @ structure_functions[member].ravel())
        model = events / (events.sum() * GRID.cell_area)
        root = np.sqrt(n_events * weights[member] * GRID.cell_area)
        rows = np.vstack([root[:, None] * errors[member] / np.sqrt(n_events), np.eye(3)])
        left = np.append(root * (densities[member] - model), np.zeros(3))
        expected, *_ = np.linalg.lstsq(rows, left, rcond=None)
        np.testing.assert_allclose(found[member], expected, rtol=1e-8)


def test_fitted_flux_is_that_of_splines(operator, cross_sections):
    """Nature's flux is not the assumed one: the near detector says so as the closed form does."""
    n_events, modes = 3_000_000, np.array([0.5, -0.5])
    events = (FLUX + modes @ FLUX_ERRORS) @ cross_sections
    counts = np.random.default_rng(1).poisson(n_events * events / events.sum())
    histogram = counts / counts.sum()
    density = histogram.reshape(1, 32, 32) * N_CELLS
    plain = TrainingData(
        [operator.event_matrix(FLUX / FLUX.sum())],
        density.reshape(1, -1),
        poisson_weights(density).reshape(1, -1),
        None,
        GRID.cell_area,
        NODES,
        (1,),
    )
    settings = TrainingSettings(
        "varpro", "silu", "float64", 3, 32, 60, 1e-10, smoothness=0.01 / n_events, device="cpu"
    )
    errors = operator.event_matrices(FLUX_ERRORS)
    careful = with_flux_errors(plain, settings, errors, np.array([FLUX.sum()]), n_events)
    models = train(careful, settings, lambda _: 0.0, lambda *_: None)
    (found,) = fitted_shifts(careful, models.structure_functions, n_events)

    basis = SplineBasis.build(NODES, 8, reachable_nodes(plain.event_matrices, NODES))
    fluxes = np.concatenate([FLUX[None], FLUX_ERRORS])
    design = SplineDesign.build(operator, fluxes, basis, None)
    variance = smoothed(density)[0].ravel()[design.cells] / (N_CELLS * n_events)
    posterior = learn(design, basis, histogram[design.cells], variance, price=6.0)
    assert (abs(found - posterior.modes) < posterior.mode_errors).all()


def test_learned_cross_section_does_not_absorb_the_flux(operator, cross_sections):
    """Three million events of the true flux, another one assumed: the cross section is better."""
    n_events = 3_000_000
    truth = FLUX @ cross_sections
    counts = np.random.default_rng(0).poisson(n_events * truth / truth.sum())
    histogram = counts / (counts.sum() * GRID.cell_area)
    assumed = FLUX + np.array([1.0, -1.0]) @ FLUX_ERRORS
    plain = TrainingData(
        [operator.event_matrix(assumed / assumed.sum())],
        histogram[None],
        poisson_weights(histogram.reshape(1, 32, 32)).reshape(1, -1),
        None,
        GRID.cell_area,
        NODES,
        (1,),
    )
    settings = TrainingSettings(
        "varpro", "silu", "float64", 3, 32, 40, 1e-10, smoothness=0.01 / n_events, device="cpu"
    )
    careful = with_flux_errors(
        plain,
        settings,
        operator.event_matrices(FLUX_ERRORS),
        np.array([assumed.sum()]),
        n_events,
    )
    assert plain.common_errors is None
    assert replace(careful, common_errors=None, initial=None) == plain
    # It goes on from where the cross section for the errors was learned.
    once = replace(settings, evaluations=1)
    losses = [
        train(data, once, lambda _: 0.0, lambda *_: None).loss[0, 0]
        for data in (careful, replace(careful, initial=None))
    ]
    assert losses[0] < 0.5 * losses[1]

    far = cell_averages(toy.oscillated_flux, GRID.n_energy, 10.0)
    far_matrix = operator.event_matrix(far)
    far_density, _ = event_densities(GRID, toy.structure_functions, far[None])
    deviation = []
    for data in (plain, careful):
        models = train(data, settings, lambda _: 0.0, lambda *_: None)
        w = models.structure_functions.ravel()
        # With the true far flux: only the cross section is in question.
        deviation.append(total_variation(far_matrix @ w, far_density.ravel()))
    assert deviation[1] < 0.6 * deviation[0]
