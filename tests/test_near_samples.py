"""Several near-detector samples at once, against least squares with explicit totals."""

import numpy as np
import pytest

import toy
from nd2fd.beam.flux import FluxTable, cell_averages, interpolate_flux
from nd2fd.beam.off_axis import off_axis_flux
from nd2fd.forward.nodes import NodeGrid, reachable_nodes
from nd2fd.forward.operator import ForwardOperator
from nd2fd.forward.splines import SplineBasis
from nd2fd.learning.near_samples import NearSample, learn_from
from nd2fd.learning.spline_design import SplineDesign
from nd2fd.learning.spline_posterior import learn
from nd2fd.physics.density import DensityGrid

GRID = DensityGrid(toy.SETUP, 48, 20, 20, 2)
NODES = NodeGrid.for_setup(toy.SETUP, 20, 20)
OPERATOR = ForwardOperator.build(GRID, NODES)
FLUX, _ = toy.inputs()
ANGLES = (0.0, 8.0, 20.0)
N_EVENTS = 3_000_000
PRICE = 6.0


def in_cells(flux):
    every = np.concatenate([flux.near[None], flux.near * flux.near_modes])
    tables = [FluxTable(flux.energy, values) for values in every]
    return np.stack(
        [cell_averages(lambda e, t=t: interpolate_flux(t, e), GRID.n_energy, 10.0) for t in tables]
    )


@pytest.fixture(scope="module")
def basis():
    matrix = OPERATOR.event_matrix(in_cells(FLUX)[0])
    return SplineBasis.build(NODES, 6, reachable_nodes([matrix], NODES))


@pytest.fixture(scope="module")
def coefficients(basis):
    values = toy.structure_functions(*NODES.x_and_Q2()).reshape(3, -1)
    reached = reachable_nodes([OPERATOR.event_matrix(in_cells(FLUX)[0])], NODES)
    return np.linalg.lstsq(basis.matrix[reached], values[:, reached].T, rcond=None)[0].T


@pytest.fixture(scope="module")
def samples(basis, coefficients):
    """Of expected events, on and off the axis."""
    made = []
    for angle in ANGLES:
        flux = FLUX if angle == 0.0 else off_axis_flux(FLUX, angle, 10.0)
        design = SplineDesign.build(OPERATOR, in_cells(flux), basis, None)
        flat = coefficients.ravel()
        counts = np.zeros(400)
        counts[design.cells] = np.maximum(design.nominal @ flat, 0.0)
        made.append(NearSample.of(design, counts.reshape(20, 20) * N_EVENTS / counts.sum()))
    return made


def test_alone_it_is_the_posterior_of_one_sample(samples, basis):
    first = samples[0]
    expected = learn(first.design, basis, first.histogram, first.variance, PRICE)
    found = learn_from(first, [], basis, PRICE)
    np.testing.assert_array_equal(found.mean, expected.mean)
    np.testing.assert_array_equal(found.factor, expected.factor)


def test_total_of_another_sample_is_free(samples, basis):
    """χ² of its rows is the least one with any multiple of what is predicted added."""
    rng = np.random.default_rng(4)
    known = learn_from(samples[0], [], basis, PRICE)
    sample, flat = samples[1], known.coefficients.ravel()
    rows = sample.shape_of(known)
    predicted = sample.design.nominal @ flat + sample.design.changes(flat) @ known.modes
    error = np.sqrt(sample.variance)
    for _ in range(3):
        x = flat * (1.0 + 0.05 * rng.standard_normal(flat.size))
        residual = (rows.histogram - rows.design.nominal @ x) / error
        target = (sample.histogram - sample.design.nominal @ x / predicted.sum()) / error
        column = predicted / error
        best, *_ = np.linalg.lstsq(column[:, None], target, rcond=None)
        least = ((target - best[0] * column) ** 2).sum()
        assert (residual**2).sum() == pytest.approx(least, rel=1e-9)


def test_other_fluxes_tell_flux_and_cross_section_apart(samples, basis, coefficients):
    alone = learn_from(samples[0], [], basis, PRICE)
    together = learn_from(samples[0], samples[1:], basis, PRICE)
    # The first mode scales all alike: nobody sees it.
    assert together.mode_errors[0] > 0.99
    assert (together.mode_errors[1:] < 0.85 * alone.mode_errors[1:]).all()
    assert (np.abs(together.modes[1:]) < 0.2 * together.mode_errors[1:]).all()
    # More events of the same flux would not.
    more = NearSample(samples[0].design, samples[0].histogram, samples[0].variance / 3.0)
    of_more = learn_from(more, [], basis, PRICE)
    assert (together.mode_errors[1:] < 0.9 * of_more.mode_errors[1:]).all()


def test_units_of_another_flux_do_not_matter(samples, basis):
    """Ten times the flux, the same events."""
    other = samples[1]
    larger = SplineDesign(
        other.design.cells, 10.0 * other.design.nominal, 10.0 * other.design.modes
    )
    scaled = NearSample(larger, other.histogram, other.variance)
    expected = learn_from(samples[0], [other], basis, PRICE)
    found = learn_from(samples[0], [scaled], basis, PRICE)
    np.testing.assert_allclose(found.modes, expected.modes, atol=1e-9)
    np.testing.assert_allclose(found.mode_errors, expected.mode_errors, rtol=1e-9)
