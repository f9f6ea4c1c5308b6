"""The unbinned likelihood and its table, against direct sums."""

import math
import re

import numpy as np
import pytest

from nd2fd.statistics import likelihood_table
from nd2fd.statistics.likelihood import DENSITY_FLOOR, log_density
from nd2fd.statistics.likelihood_table import choose_nodes, tabulate_likelihood

ENERGY = np.linspace(0.5, 8, 80)
RANGES = {"sin2_theta23_range": (0.3, 0.7), "dm2_32_range": (2.1e-3, 2.8e-3)}


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


def survival(sin2_theta23, dm2_32, baseline=1300.0):
    """Two flavours, not quite symmetric about maximal mixing."""
    amplitude = 4 * 0.98 * sin2_theta23 * (1 - 0.98 * sin2_theta23)
    phase = 1.26693 * dm2_32[:, None] * baseline / ENERGY
    return 1 - amplitude[:, None] * np.sin(phase) ** 2


def sample(rng, n_events, resolution=0.17):
    """Kernel and totals of events whose observed energy follows the neutrino's."""
    rate = ENERGY * np.exp(-(((ENERGY - 2.6) / 1.1) ** 2) / 2)
    true = survival(np.array([0.47]), np.array([2.44e-3]))[0] * rate
    observed = rng.choice(ENERGY, n_events, p=true / true.sum())
    observed *= rng.normal(1, resolution, n_events)
    pull = (observed[:, None] - ENERGY) / (resolution * ENERGY)
    return rate * np.exp(-(pull**2) / 2) / ENERGY, rate * resolution * np.sqrt(2 * np.pi)


def log_likelihood_error(table, counts, kernel, totals, theta):
    """Error of Σ_k n_k a_kr f_r(θ), shape (n_samples, n_theta), but for a constant per sample."""
    s, m = (table.polynomials.basis(i, theta[:, i])[:, 0] for i in (0, 1))
    functions = np.einsum("rij,in,jn->rn", table.polynomials.coefficients, s, m)
    exact = counts @ log_density(kernel, totals, survival(*theta.T)).T
    error = counts @ table.loadings @ functions - exact
    return error - error.mean(axis=1, keepdims=True)


@pytest.mark.parametrize(
    ("s_range", "m_range"), [((0.3, 0.7), (2.1e-3, 2.8e-3)), ((0.2, 0.8), (2e-3, 3e-3))]
)
def test_table_holds_the_likelihood_of_every_sample_of_its_events(rng, s_range, m_range):
    n_events = 3000
    kernel, totals = sample(rng, n_events)
    nodes = choose_nodes(kernel, totals, survival, sin2_theta23_range=s_range, dm2_32_range=m_range)
    table = tabulate_likelihood(kernel, totals, nodes)
    theta = np.stack([rng.uniform(*s_range, 500), rng.uniform(*m_range, 500)], axis=1)
    counts = rng.multinomial(n_events, np.full(n_events, 1 / n_events), 20)
    error = log_likelihood_error(table, counts, kernel, totals, theta)
    assert np.sqrt((error**2).mean()) < 3 * likelihood_table.TOLERANCE
    # Compression: far fewer numbers per event than nodes.
    assert table.loadings.shape[1] < nodes.survival.shape[0] / 3
    # The same nodes serve other events with another cross section.
    kernel, totals = sample(rng, n_events, resolution=0.15)
    table = tabulate_likelihood(kernel, totals, nodes)
    error = log_likelihood_error(table, counts, kernel, totals, theta)
    assert np.sqrt((error**2).mean()) < 9 * likelihood_table.TOLERANCE


def test_derivatives_of_the_polynomials_are_those_of_cosines(rng):
    nodes = choose_nodes(*sample(rng, 50), survival, **RANGES)
    table = tabulate_likelihood(*sample(rng, 50), nodes)
    angle = rng.uniform(0.1, 3, 7)
    for parameter, (low, high) in enumerate(RANGES.values()):
        values = low + (high - low) * (1 + np.cos(angle)) / 2
        slope = 2 / (high - low)
        for k, (value, first, second) in enumerate(table.polynomials.basis(parameter, values)):
            # T_k(cos α) = cos kα
            np.testing.assert_allclose(value, np.cos(k * angle), atol=1e-10)
            d1 = k * np.sin(k * angle) / np.sin(angle)
            d2 = (d1 * np.cos(angle) - k**2 * np.cos(k * angle)) / np.sin(angle) ** 2
            np.testing.assert_allclose(first, slope * d1, atol=1e-9 * slope)
            np.testing.assert_allclose(second, slope**2 * d2, atol=1e-6 * slope**2)


def test_wider_ranges_get_more_nodes(rng):
    kernel, totals = sample(rng, 500)
    narrow = choose_nodes(kernel, totals, survival, **RANGES).shape
    wide_s = choose_nodes(
        kernel, totals, survival, **RANGES | {"sin2_theta23_range": (0.2, 0.8)}
    ).shape
    wide_m = choose_nodes(kernel, totals, survival, **RANGES | {"dm2_32_range": (2e-3, 3.5e-3)})
    assert wide_s[0] > narrow[0]
    assert wide_m.shape[1] > narrow[1]


def test_a_likelihood_that_varies_too_fast_is_told(rng, monkeypatch, caplog):
    """The table is as large as it may be, and the fits go on."""
    monkeypatch.setattr(likelihood_table, "LARGEST_TABLE", 300)
    kernel, totals = sample(rng, 50)
    nodes = choose_nodes(kernel, totals, lambda s, m: survival(s, m, baseline=1e5), **RANGES)
    assert 200 < nodes.shape[0] * nodes.shape[1] <= 300
    said = r"too fast over .* dm2_32 \(0.0021, 0.0028\) eV2 for \d+ x \d+ nodes: ln L may be off by"
    assert re.search(said, caplog.text)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"sin2_theta23_range": (0.3, 0.5)}, "sin2_theta23_range"),
        ({"sin2_theta23_range": (0.0, 0.7)}, "sin2_theta23_range"),
        ({"dm2_32_range": (2.7e-3, 2.2e-3)}, "dm2_32_range"),
    ],
)
def test_bad_ranges_are_refused(rng, change, message):
    with pytest.raises(ValueError, match=message):
        choose_nodes(*sample(rng, 3), survival, **RANGES | change)


def test_a_broken_probability_is_refused(rng):
    def broken(sin2_theta23, dm2_32):
        return survival(sin2_theta23, dm2_32) * np.where(dm2_32 > 2.5e-3, np.nan, 1)[:, None]

    with pytest.raises(ValueError, match="not finite at sin2_theta23"):
        choose_nodes(*sample(rng, 3), broken, **RANGES)


@pytest.mark.parametrize(
    ("kernel", "totals", "message"),
    [
        (np.ones((2, 3)), np.ones(2), "shape"),
        (np.ones(3), np.ones(3), "shape"),
        (np.ones((2, 4)), np.ones(4), "shape"),
        (np.array([[1.0, 0.0, -1e-9]]), np.ones(3), "kernel"),
        (np.array([[1.0, 0.0, np.nan]]), np.ones(3), "kernel"),
        (np.array([[1.0, 0.0, np.inf]]), np.ones(3), "kernel"),
        (np.zeros((1, 3)), np.ones(3), "kernel"),
        (np.ones((1, 3)), np.array([1.0, 1.0, -1.0]), "totals"),
        (np.ones((1, 3)), np.array([1.0, 1.0, np.nan]), "totals"),
        (np.ones((1, 3)), np.zeros(3), "totals"),
    ],
)
def test_bad_input_is_refused(kernel, totals, message):
    with pytest.raises(ValueError, match=message):
        log_density(kernel, totals, np.ones((1, 3)))


@pytest.mark.parametrize(
    ("survival", "message"),
    [
        (np.zeros((1, 3)), "leave events"),
        (np.array([[1.0, np.nan, 1.0]]), "leave events"),
        (np.array([[-1.0, 1.0, 1.0]]), "density of an event"),
    ],
)
def test_an_impossible_probability_is_refused(survival, message):
    with pytest.raises(ValueError, match=message):
        log_density(np.eye(3), np.ones(3), survival)
