"""The flux uncertainty among the errors of the near-detector densities."""

from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse as sp
import torch

import toy
from nd2fd.beam.flux import cell_averages
from nd2fd.forward.event_kernel import cell_cross_sections
from nd2fd.forward.nodes import NodeGrid
from nd2fd.forward.operator import ForwardOperator
from nd2fd.learning.flux_errors import density_errors, with_flux_errors
from nd2fd.learning.problem import DensityProblem
from nd2fd.learning.training import TrainingData, TrainingSettings, train
from nd2fd.learning.weights import poisson_weights
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
    assert replace(careful, common_errors=None) == plain

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
