"""What was learned of one nucleus as a start for another: prior and posterior."""

from dataclasses import replace

import numpy as np
import pytest
import scipy.linalg as sl
import scipy.sparse as sp
import torch
from scipy.special import kei
from scipy.stats import multivariate_normal

import test_members as members
import test_spline_posterior as splines
import toy
from nd2fd.forward.nodes import NodeGrid, reachable_nodes
from nd2fd.forward.splines import SplineBasis
from nd2fd.io.schemas.learned import Networks, Splines
from nd2fd.learning.problem import DensityProblem
from nd2fd.learning.spline_design import SplineDesign
from nd2fd.learning.spline_posterior import adapt
from nd2fd.learning.start import ERROR, LENGTH, WIDTHS, Start, field_precision
from nd2fd.learning.weights import poisson_weights
from nd2fd.physics.density import total_variation

NODES, GRID = splines.NODES, splines.GRID


def test_the_field_has_the_error_and_the_length_that_are_said():
    """Spectrum 8 σ²/(ℓ² k⁴ + ℓ⁻²): the correlation is that of Kelvin's function, -4/π kei(r/ℓ)."""
    grid = NodeGrid.for_setup(toy.SETUP, 81, 81)
    bends = grid.second_derivatives()
    squares = sp.eye_array(grid.n_nodes) / 80**2
    precision = field_precision(sp.csr_array(bends.T @ bends), sp.csr_array(squares))
    middle = np.zeros(grid.n_nodes)
    middle[40 * 81 + 40] = 1.0
    covariance = sp.linalg.spsolve(precision.tocsc(), middle).reshape(81, 81)
    # Edges are five lengths off, nodes an eighth of a length apart.
    assert covariance[40, 40] == pytest.approx(1.0, abs=0.03)
    r = np.array([4, 8, 12, 16, 24]) / 80
    expected = -4 / np.pi * kei(r / LENGTH)
    np.testing.assert_allclose(covariance[40, [44, 48, 52, 56, 64]], expected, atol=0.03)


@pytest.fixture(scope="module")
def made():
    """Maps, splines, and the best coefficients for the toy cross section."""
    fluxes = splines.fluxes()
    matrices = splines.OPERATOR.event_matrices(fluxes / fluxes[0].sum())
    reached = reachable_nodes(matrices[:1], NODES)
    basis = SplineBasis.build(NODES, 7, reached)
    design = SplineDesign.build(splines.OPERATOR, fluxes, basis, None)
    values = toy.structure_functions(*NODES.x_and_Q2()).reshape(3, -1)
    best = np.linalg.lstsq(basis.matrix[reached], values[:, reached].T, rcond=None)[0].T
    return matrices, basis, design, best


def drawn(rng, design, expected, n_events):
    """Counts in all cells."""
    counts = np.zeros(24 * 24)
    counts[design.cells] = rng.poisson(n_events * expected)
    return counts.reshape(24, 24)


def test_posterior_about_a_start_is_a_generalised_least_squares_fit(made):
    """Prior and data as one stack of rows, solved by QR; the start of any size."""
    _, basis, design, best = made
    rng = np.random.default_rng(1)
    before = best * (1.0 + 0.1 * rng.standard_normal((3, 1)))
    n_events = 3_000
    counts = drawn(rng, design, splines.expected(design, best, [0.5, 0.0]), n_events)
    found = adapt(design, basis, counts, Start(7.3 * basis.on_nodes(before), widths=(0.05,)))

    histogram = counts.ravel()[design.cells] / counts.sum()
    events = design.nominal @ before.ravel()
    # Errors are those of the start's events.
    positive = np.maximum(events, 0.0)
    variance = splines.errors_of(design, positive / positive.sum(), counts.sum())
    expected = before.ravel() * histogram.sum() / events.sum()
    inside = basis.matrix.sum(axis=1) > 0.99
    of_start = basis.matrix[inside] @ expected.reshape(3, -1).T
    sigma = 0.05 * np.sqrt((of_start**2).mean())
    area = 1.0 / (NODES.n_xi - 1) ** 2
    one = LENGTH**2 * basis.bends + basis.matrix.T @ basis.matrix * area / LENGTH**2
    root = np.kron(np.eye(3), sl.cholesky(one / (8 * sigma**2)))
    error = np.sqrt(variance)[:, None]

    def solved(smooth):
        changes = design.changes(smooth) / error
        rows = np.block(
            [
                [design.nominal / error, changes],
                [root, np.zeros((len(root), 2))],
                [np.zeros((2, len(root))), np.eye(2)],
            ]
        )
        right = np.concatenate([histogram / error[:, 0], root @ expected, np.zeros(2)])
        return np.linalg.lstsq(rows, right, rcond=None)[0], rows

    sigma, used = ERROR * sigma / 0.05, sigma
    root *= used / sigma
    once, _ = solved(expected)
    root *= sigma / used
    twice, rows = solved(once[:-2])
    np.testing.assert_allclose(found.mean, twice, rtol=1e-6, atol=1e-7 * abs(twice).max())
    covariance = np.linalg.inv(rows.T @ rows)
    np.testing.assert_allclose(found.mode_errors, np.sqrt(np.diag(covariance))[-2:], rtol=1e-6)
    data = slice(len(histogram))
    chi2 = ((rows[data] @ twice - histogram / error[:, 0]) ** 2).sum()
    assert found.chi2 == pytest.approx(chi2, rel=1e-6)
    paid = ((root @ (twice[:-2] - expected)) ** 2).sum()
    assert found.paid == pytest.approx(paid, rel=1e-6)


@pytest.mark.parametrize("difference", [0.003, 0.3])
def test_width_has_the_largest_marginal_likelihood(made, difference):
    """That of the data themselves, a Gaussian of all that may be: noise, flux, difference."""
    _, basis, design, best = made
    rng = np.random.default_rng(7)
    area = 1.0 / (NODES.n_xi - 1) ** 2
    field = np.linalg.inv(field_precision(basis.bends, area * basis.matrix.T @ basis.matrix))
    size = np.sqrt((basis.on_nodes(best) ** 2).mean())
    nature = (
        best + difference * size * (np.linalg.cholesky(field) @ rng.normal(size=(len(field), 3))).T
    )
    counts = drawn(rng, design, splines.expected(design, nature, [0.0, 0.0]), 300_000)
    start = Start(basis.on_nodes(best))
    found = adapt(design, basis, counts, start)
    histogram = counts.ravel()[design.cells] / counts.sum()
    expected = best.ravel() * histogram.sum() / (design.nominal @ best.ravel()).sum()
    events = np.maximum(design.nominal @ expected, 0.0)
    variance = splines.errors_of(design, events / events.sum(), counts.sum())
    changes = design.changes(found.coefficients.ravel())
    unit = np.sqrt(
        (
            basis.on_nodes(expected.reshape(3, -1)).reshape(3, -1)[:, basis.matrix.sum(1) > 0.99]
            ** 2
        ).mean()
    )

    def log_evidence(width):
        prior = np.kron(np.eye(3), field) * (width * unit) ** 2
        covariance = np.diag(variance) + changes @ changes.T
        covariance += design.nominal @ prior @ design.nominal.T
        scale = np.sqrt(variance)
        residual = (histogram - design.nominal @ expected) / scale
        return multivariate_normal(None, covariance / np.outer(scale, scale)).logpdf(residual)

    best_width = max(WIDTHS, key=log_evidence)
    assert found.strength == pytest.approx((best_width * unit) ** -2, rel=1e-6)
    assert best_width == (WIDTHS[0] if difference < 0.1 else WIDTHS[-1])


def test_few_events_leave_the_start_as_it_is_and_many_do_not(made):
    _, basis, design, best = made
    start = Start(basis.on_nodes(best * np.array([[1.1], [0.95], [1.0]])))
    true = splines.expected(design, best, [0.0, 0.0])

    def distance(n_events):
        counts = np.zeros(24 * 24)
        counts[design.cells] = n_events * true
        found = adapt(design, basis, counts.reshape(24, 24), start)
        events = design.nominal @ found.coefficients.ravel()
        return total_variation(events, true), found

    few, of_few = distance(10)
    many, of_many = distance(10_000_000)
    unchanged = total_variation(design.nominal @ basis_coefficients(basis, start), true)
    assert few == pytest.approx(unchanged, rel=0.05)
    assert many < 0.1 * unchanged
    assert of_few.effective_parameters < 10 < of_many.effective_parameters


def basis_coefficients(basis, start):
    flat = start.values.reshape(3, -1)
    return np.linalg.lstsq(basis.matrix, flat.T, rcond=None)[0].T.ravel()


def test_last_layer_about_a_start_is_the_posterior_mean_of_splines(made):
    """With splines as features of the last hidden layer, the flux being known."""
    matrices, basis, design, best = made
    n_events = 20_000
    rng = np.random.default_rng(3)
    counts = drawn(rng, design, splines.expected(design, best, [0.0, 0.0]), n_events)
    n_events = counts.sum()
    density = (counts / n_events / GRID.cell_area).reshape(1, -1)
    start = Start(basis.on_nodes(best * np.array([[1.1], [0.95], [1.0]])), widths=(ERROR,))
    expected = start.events(matrices[0], None) / GRID.cell_area
    weights = poisson_weights(expected.reshape(1, 24, 24)).reshape(1, -1)
    problem = DensityProblem(
        matrices[:1],
        density,
        weights,
        None,
        GRID.cell_area,
        NODES,
        torch.float64,
        "cpu",
        start=start,
    )
    features = torch.tensor(basis.matrix[problem.reachable_nodes])[None]
    found = problem.solve_last_layer(features, 0.0, 1.0 / n_events)[0].numpy()
    known = replace(design, modes=design.modes[:0])
    expected = adapt(known, basis, counts, start).coefficients
    ours, theirs = (
        basis.on_nodes(c).reshape(3, -1)[:, problem.reachable_nodes] for c in (found, expected)
    )
    np.testing.assert_allclose(ours, theirs, atol=4e-3 * abs(theirs).max())
    # It is the smallest value of what the search minimises.
    outputs = features @ torch.tensor(found).T

    def value(outputs):
        distance, _ = problem.distance_and_loss(outputs)
        return (distance + problem.curvature(outputs) / n_events).item()

    for seed in range(3):
        change = torch.tensor(np.random.default_rng(seed).standard_normal(found.shape))
        steps = [value(outputs + s * (features @ change.T)) for s in (-1e-3, 0.0, 1e-3)]
        assert steps[1] < min(steps[0], steps[2])
        assert abs(steps[2] - steps[0]) < 1e-4 * (steps[2] + steps[0] - 2 * steps[1])


def artifact(kind, nodes, values, **more):
    """As `Start.of` reads it."""
    datasets = dict.fromkeys(d.name for d in kind.schema.datasets)
    common = nodes.stored | {"structure_functions": values}
    return kind(**datasets | common | more)


def test_a_start_may_have_other_nodes():
    fine = NodeGrid.for_setup(toy.SETUP, 64, 64, 0.1)
    nodes = NodeGrid.for_setup(toy.SETUP, 24, 24)
    values = np.stack([toy.structure_functions(*(v.ravel() for v in fine.x_and_Q2()))])
    start = Start.of(artifact(Splines, fine, values.reshape(1, 3, 64, 64)), nodes)
    expected = toy.structure_functions(*(v.ravel() for v in nodes.x_and_Q2())).reshape(3, 24, 24)
    # But where sea quarks diverge.
    np.testing.assert_allclose(start.values[:, 4:, 2:], expected[:, 4:, 2:], rtol=0.02, atol=0.01)
    assert start.weights is None
    short = replace(fine, Q2_max=0.9 * fine.Q2_max)
    with pytest.raises(ValueError, match=r"start reaches x = 1 and Q2 = .*; it must reach"):
        Start.of(artifact(Splines, short, values.reshape(1, 3, 64, 64)), nodes)


@pytest.fixture(scope="module")
def truth():
    return members.closure_truth(
        toy.structure_functions, members.FLUX, members.OSCILLATION, members.GRID, members.NODES
    )


def trained(truth, n_events, start=None, **changes):
    near = members.near_data(truth, n_events)
    analysis = members.NearAnalysis(members.GRID, members.NODES, truth.near_flux)
    section = members.SECTION | changes
    return members.train_members(
        near, truth, None, analysis, section, members.SEEDS, lambda *_: None, None, start
    )


def test_networks_start_from_that_of_the_other_nucleus(truth):
    """Few events: its structure functions. One evaluation: its hidden layers, a new last one."""
    before = trained(truth, 4_000_000, evaluations=40)
    n_last = 17 * 3
    found = trained(truth, 300, before, evaluations=1)
    np.testing.assert_array_equal(
        found.weights[:, :-n_last], np.tile(before.weights[0, :-n_last], (2, 1))
    )
    assert not np.allclose(found.weights[0, -n_last:], before.weights[0, -n_last:], rtol=1e-6)

    def distance(networks):
        near = members.ForwardOperator.build(members.GRID, members.NODES).event_matrix(
            truth.near_flux / truth.near_flux.sum()
        )
        expected = near @ truth.structure_functions.ravel()
        return [total_variation(near @ w.ravel(), expected) for w in networks.structure_functions]

    with_start, without = distance(trained(truth, 300, before)), distance(trained(truth, 300))
    assert max(with_start) < 0.5 * min(without)
    with pytest.raises(ValueError, match=r"layers of \[2, 16, 16, 3\] units; .* \[2, 8, 8, 3\]"):
        trained(truth, 300, before, width=8)
    assert isinstance(found, Networks)
