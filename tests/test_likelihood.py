import math

import numpy as np
import pytest

from nd2fd.statistics.likelihood import (
    DENSITY_FLOOR,
    floored_kernel,
    log_density,
    log_likelihood,
)


@pytest.fixture
def rng():
    return np.random.default_rng(5)


def test_density_is_the_flux_average_of_the_cross_section(rng):
    kernel, totals, survival = rng.random((4, 7)), rng.random(7), rng.random((3, 7))
    result = log_density(kernel, totals, survival)
    for i in range(3):
        for k in range(4):
            p = sum(kernel[k] * survival[i]) / sum(totals * survival[i])
            assert result[i, k] == pytest.approx(math.log(p), abs=10 * DENSITY_FLOOR)


def test_density_is_normalised_for_every_theta(rng):
    # Cells that fill the phase space: the total cross section is the sum over them.
    volume = 0.01
    cross_section = rng.random((100, 30)) ** 4
    survival = rng.random((5, 30))
    density = np.exp(log_density(cross_section, cross_section.sum(axis=0) * volume, survival))
    np.testing.assert_allclose(density.sum(axis=1) * volume, 1, rtol=2 * DENSITY_FLOOR)


def test_units_of_flux_and_cross_section_drop_out(rng):
    kernel, totals, survival = rng.random((4, 7)), rng.random(7), rng.random((3, 7))
    kernel[0] = 0
    np.testing.assert_allclose(
        log_density(1e-38 * kernel, 1e-38 * totals, survival),
        log_density(kernel, totals, survival),
        rtol=1e-12,
    )


def test_an_impossible_event_adds_the_same_for_every_theta(rng):
    kernel, totals, survival = rng.random((50, 7)), rng.random(7), rng.random((3, 7))
    clamped = np.vstack([kernel, np.zeros(7)])
    result = log_density(clamped, totals, survival)
    mean_density = kernel.sum() / totals.sum() / 51
    np.testing.assert_allclose(result[:, -1], math.log(DENSITY_FLOOR * mean_density), rtol=1e-12)
    np.testing.assert_allclose(result[:, :-1], log_density(kernel, totals, survival), atol=1e-6)


def test_a_replica_counts_an_event_as_often_as_it_holds_it(rng):
    density = rng.normal(size=(3, 4))
    events = [[0, 0, 3, 2], [1, 1, 1, 1]]
    counts = np.array([np.bincount(drawn, minlength=4) for drawn in events])
    expected = [[density[i, drawn].sum() for i in range(3)] for drawn in events]
    np.testing.assert_allclose(log_likelihood(counts, density), expected, rtol=1e-12)


@pytest.mark.parametrize(
    ("kernel", "totals", "message"),
    [
        (np.ones((2, 3)), np.ones(2), "shape"),
        (np.ones(3), np.ones(3), "shape"),
        (np.array([[1.0, -1e-9]]), np.ones(2), "kernel"),
        (np.array([[1.0, np.nan]]), np.ones(2), "kernel"),
        (np.array([[1.0, np.inf]]), np.ones(2), "kernel"),
        (np.zeros((1, 2)), np.ones(2), "kernel"),
        (np.ones((1, 2)), np.array([1.0, -1.0]), "totals"),
        (np.ones((1, 2)), np.array([1.0, np.nan]), "totals"),
        (np.ones((1, 2)), np.zeros(2), "totals"),
    ],
)
def test_bad_input_is_refused(kernel, totals, message):
    with pytest.raises(ValueError, match=message):
        floored_kernel(kernel, totals)
