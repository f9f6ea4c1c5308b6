"""The linear operator against direct evaluation, and the pieces it is made of."""

import numpy as np
import pytest

import toy
from nd2fd.beam.flux import cell_averages
from nd2fd.forward.event_kernel import cell_cross_sections, event_cross_sections
from nd2fd.forward.nodes import NodeGrid, catmull_rom
from nd2fd.forward.operator import ForwardOperator, SumsOfFluxes, weighted_sum
from nd2fd.physics.density import (
    DensityGrid,
    event_densities,
    reachable_parts,
    total_variation,
)
from nd2fd.physics.marginals import marginal_densities

SETUP = toy.SETUP
GRID = DensityGrid(SETUP, n_energy=40, n_v1=32, n_v2=36, subsamples=2)
SMALLEST_PRODUCT = SETUP.lepton_mass / np.sqrt(2.0 * SETUP.nucleon_mass * SETUP.energy_max)
"""v1 v2 where a b = m²."""


@pytest.fixture(scope="module")
def fluxes():
    spectra = (toy.flux, toy.oscillated_flux)
    return np.stack([cell_averages(s, GRID.n_energy, SETUP.energy_max) for s in spectra])


@pytest.fixture(scope="module")
def direct(fluxes):
    """Densities at both detectors and σ(E_ν) without any interpolation."""
    return event_densities(GRID, toy.structure_functions, fluxes)


def node_values(nodes):
    return toy.structure_functions(*nodes.x_and_Q2()).ravel()


def relative_rms(density, reference):
    return np.sqrt(((density - reference) ** 2).sum() / (reference**2).sum())


def operator_density(nodes, flux):
    events = ForwardOperator.build(GRID, nodes).event_matrix(flux) @ node_values(nodes)
    return (events / (events.sum() * GRID.cell_area)).reshape(GRID.n_v1, GRID.n_v2)


def test_interpolation_is_exact_at_nodes_and_for_quadratics():
    position = np.linspace(0.0, 9.0, 101)
    first, weights = catmull_rom(position, 10)
    assert weights.sum(axis=1) == pytest.approx(1.0)
    nodes = first[:, None] + np.arange(4)
    assert nodes.min() == 0
    assert nodes.max() == 9
    quadratic = 2.0 - 0.3 * nodes + 0.7 * nodes**2
    expected = 2.0 - 0.3 * position + 0.7 * position**2
    np.testing.assert_allclose((weights * quadratic).sum(axis=1), expected, rtol=1e-12)
    values = np.random.default_rng(0).normal(size=10)
    at_nodes = (weights * values[nodes]).sum(axis=1)[position == position.round()]
    np.testing.assert_allclose(
        at_nodes[:10], values[position[position == position.round()].astype(int)], atol=1e-12
    )


def test_tau_is_inverted_and_covers_dune():
    nodes = NodeGrid.for_setup(SETUP, 8, 8)
    Q2 = np.array([0.0, 1e-3, 0.3, 5.0, 20.0])
    np.testing.assert_allclose(nodes.Q2_of_tau(nodes.tau_of_Q2(Q2)), Q2, atol=1e-12)
    assert nodes.tau_of_Q2(np.array(20.0)) == pytest.approx(1.0)


@pytest.mark.parametrize("detector", [0, 1])
def test_operator_error_falls_with_the_number_of_nodes(direct, fluxes, detector):
    """Third order: doubling the nodes divides the error by about 8; ≤ 1e-4 at the default 64²."""
    sizes = (16, 32, 64)
    errors = [
        relative_rms(
            operator_density(NodeGrid.for_setup(SETUP, n, n), fluxes[detector]), direct[0][detector]
        )
        for n in sizes
    ]
    assert errors[-1] < 1e-4
    order = np.log2(np.array(errors[:-1]) / errors[1:])
    assert (order > 2.0).all(), (errors, order)


def test_operator_gives_the_cross_section(direct):
    nodes = NodeGrid.for_setup(SETUP, 64, 64)
    operator = ForwardOperator.build(GRID, nodes)
    points = operator.point_matrix() @ node_values(nodes)
    sigma = np.bincount(operator.energy_index, points, GRID.n_energy)
    np.testing.assert_allclose(sigma[4:], direct[1][4:], rtol=1e-4)


def test_event_matrix_is_linear_in_the_flux(fluxes):
    """A far-detector hypothesis only reweights the energies."""
    operator = ForwardOperator.build(GRID, NodeGrid.for_setup(SETUP, 24, 20))
    near, far = (operator.event_matrix(flux) for flux in fluxes)
    both = operator.event_matrix(2.0 * fluxes[0] - 0.5 * fluxes[1])
    assert abs(both - (2.0 * near - 0.5 * far)).max() < 1e-12 * abs(near).max()
    # With the same entries, and with others: half of the energies.
    low, high = fluxes[0] * (GRID.energy < 5.0), fluxes[0] * (GRID.energy >= 5.0)
    for first, second in (fluxes, (low, high)):
        made = weighted_sum(operator.event_matrices(np.stack([first, second])), np.array([2, -0.5]))
        alone = operator.event_matrix(2.0 * first - 0.5 * second)
        assert abs(made - alone).max() < 1e-12 * abs(near).max()
    weights = np.array([[1.0, 0.0], [2.0, -0.5], [0.0, 1.0]])
    sums = SumsOfFluxes([near, far], weights)
    assert len(sums) == 3
    for found, expected in zip([*sums, *sums[2:]], [near, both, far, far], strict=True):
        assert abs(found - expected).max() < 1e-12 * abs(near).max()


def test_point_matrix_sums_to_the_event_matrix(fluxes):
    operator = ForwardOperator.build(GRID, NodeGrid.for_setup(SETUP, 24, 20))
    points = operator.point_matrix()
    w = np.random.default_rng(0).normal(size=points.shape[1])
    for flux, matrix in zip(fluxes, operator.event_matrices(fluxes), strict=True):
        weighted = (points @ w) * flux[operator.energy_index]
        cells = np.bincount(operator.points.cell, weighted, GRID.n_v1 * GRID.n_v2)
        np.testing.assert_allclose(cells, matrix @ w, atol=1e-10)


def test_interpolating_structure_functions_is_what_the_operator_does(fluxes):
    """Two ways to the density of node values: the operator, and direct evaluation of the spline."""
    nodes = NodeGrid.for_setup(SETUP, 24, 20)
    w = np.random.default_rng(0).uniform(0.5, 1.0, (3, nodes.n_xi, nodes.n_tau))
    densities, _ = event_densities(GRID, lambda x, q2: nodes.interpolate(w, x, q2), fluxes)
    events = ForwardOperator.build(GRID, nodes).event_matrix(fluxes[0]) @ w.ravel()
    events /= events.sum() * GRID.cell_area
    np.testing.assert_allclose(events, densities[0].ravel(), atol=1e-10)


def test_cell_averages_converge_with_subsamples(fluxes):
    """Coarse cells with more points approach fine cells summed up."""
    fine_grid = DensityGrid(SETUP, 40, 256, 288, 1)
    fine = event_densities(fine_grid, toy.structure_functions, fluxes)[0][0]
    reference = fine.reshape(32, 8, 36, 8).mean(axis=(1, 3))
    errors = []
    for subsamples in (1, 4):
        grid = DensityGrid(SETUP, 40, 32, 36, subsamples)
        coarse = event_densities(grid, toy.structure_functions, fluxes)[0][0]
        errors.append(total_variation(coarse, reference))
    assert errors[1] < 0.25 * errors[0]
    assert errors[1] < 2e-3


def test_event_kernel_integrates_to_the_totals():
    """Mean of σ(E, v) over uniform v is ∫ dv1 dv2 σ: Monte Carlo against quadrature."""
    rng = np.random.default_rng(4)
    energy = np.array([1.5, 3.0, 8.0])
    v1, v2 = rng.random((2, 200_000))
    kernel = event_cross_sections(toy.structure_functions, energy, v1, v2, SETUP)
    error = kernel.std(axis=0) / np.sqrt(v1.size)
    for e, mean, sigma in zip(energy, kernel.mean(axis=0), error, strict=True):
        grid = DensityGrid(SETUP, 1, 200, 200, 2)
        exact = _total_at(e, grid)
        assert abs(mean - exact) < 4 * sigma


def _total_at(energy, grid):
    # A grid of one energy has it at E_max / 2; the scale of v2 must stay 10 GeV, so interpolate.
    fine = DensityGrid(SETUP, 400, grid.n_v1, grid.n_v2, 1)
    totals = cell_cross_sections(toy.structure_functions, fine).sum(axis=1)
    return np.interp(energy, fine.energy, totals)


def test_negative_cross_sections_are_clamped():
    def negative(x, q2):
        return -toy.structure_functions(x, q2)

    v1, v2 = np.random.default_rng(0).random((2, 100))
    assert not event_cross_sections(negative, np.array([3.0]), v1, v2, SETUP).any()
    assert not cell_cross_sections(negative, GRID).any()


def test_marginals_have_unit_integral_and_agree_with_the_density(direct, fluxes):
    densities, sigma = direct
    marginals = marginal_densities(GRID, densities, sigma, fluxes)
    for centres, values in marginals.values():
        width = centres[1] - centres[0]
        assert values.sum(axis=1) * width == pytest.approx(1.0)
    v1_mean = (densities[0] * GRID.v1[:, None]).sum() * GRID.cell_area
    centres, values = marginals["v1"]
    assert (centres * values[0]).sum() / GRID.n_v1 == pytest.approx(v1_mean)


@pytest.mark.parametrize("subsamples", [1, 3])
def test_reachable_parts_tile_the_reachable_region(subsamples):
    """Areas and centroids of the cut cells against a fine count of points."""
    grid = DensityGrid(SETUP, 1, 12, 10, subsamples)
    cell, v1, v2, area = reachable_parts(grid)
    product = SMALLEST_PRODUCT
    # ∫ dv1 dv2 over v1 v2 ≥ c in the unit square.
    assert area.sum() == pytest.approx(1.0 - product + product * np.log(product), rel=1e-12)
    assert (v1 * v2 > product).all()
    assert (np.diff(cell) >= 0).all()

    n = 400
    fine = (np.arange(12 * n) + 0.5) / (12 * n), (np.arange(10 * n) + 0.5) / (10 * n)
    x, y = np.meshgrid(*fine, indexing="ij")
    inside = x * y >= product
    for values, weights in ((np.ones_like(v1), 1.0), (v1, x), (v2, y)):
        counted = (inside * weights).reshape(12, n, 10, n).sum(axis=(1, 3)) / (120 * n * n)
        summed = np.bincount(cell, area * values, 120).reshape(12, 10)
        np.testing.assert_allclose(summed, counted, atol=2e-5)


def test_cut_cells_are_as_good_as_the_others():
    """Few points per cell against many: where forward muons end, as everywhere."""
    fluxes = toy.flux(DensityGrid(SETUP, 24, 24, 24, 1).energy)[None]
    coarse, fine = (
        event_densities(DensityGrid(SETUP, 24, 24, 24, s), toy.structure_functions, fluxes)[0][0]
        for s in (2, 12)
    )
    edges = np.arange(25) / 24
    product = SMALLEST_PRODUCT
    low, high = np.outer(edges[:-1], edges[:-1]), np.outer(edges[1:], edges[1:])
    # Fewer events are at the tip of small E_l, where the neutrino energies are too few.
    cut = (low < product) & (high > product) & (fine > 0.3)
    assert cut.sum() > 8
    assert np.abs(coarse[cut] / fine[cut] - 1.0).max() < 5e-3


def test_second_derivatives_of_a_quadratic_are_exact():
    nodes = NodeGrid.for_setup(SETUP, 9, 17)
    xi, tau = np.meshgrid(nodes.xi, nodes.tau, indexing="ij")
    quadratic = 3.0 + 2.0 * xi - tau + 1.5 * xi**2 + 0.7 * xi * tau - 0.25 * tau**2
    area = 1.0 / (8 * 16)
    values = nodes.second_derivatives() @ quadratic.ravel() / np.sqrt(area)
    of_xi, mixed, of_tau = np.split(values, [7 * 17, 7 * 17 + 8 * 16])
    np.testing.assert_allclose(of_xi, 3.0, atol=1e-10)
    np.testing.assert_allclose(mixed, np.sqrt(2.0) * 0.7, atol=1e-10)
    np.testing.assert_allclose(of_tau, -0.5, atol=1e-10)
    assert of_tau.size == 9 * 15


def test_bending_converges_to_the_integral():
    """w = sin(πξ) cos(2πτ): the integral of its squared second derivatives is 25 π⁴ / 4."""
    errors = []
    for n in (33, 65):
        nodes = NodeGrid.for_setup(SETUP, n, n)
        w = np.outer(np.sin(np.pi * nodes.xi), np.cos(2 * np.pi * nodes.tau)).ravel()
        bending = np.square(nodes.second_derivatives() @ w).sum()
        errors.append(abs(bending / (6.25 * np.pi**4) - 1))
    assert errors[1] < 0.6 * errors[0]
    assert errors[1] < 0.05
