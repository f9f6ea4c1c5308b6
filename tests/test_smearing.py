"""Smearing of events, cell contents and densities, each against independent calculations."""

import numpy as np
import pytest
from scipy.stats import chi2, halfnorm, kstest

import toy
from nd2fd.detector.response import event_response, response_matrix
from nd2fd.detector.smearing import Resolution, smear_events
from nd2fd.physics.density import DensityGrid
from nd2fd.physics.kinematics import (
    density_variables_from_lepton,
    lepton_from_density_variables,
)

SETUP = toy.SETUP
E_MAX, MUON_MASS, NUCLEON_MASS = SETUP.energy_max, SETUP.lepton_mass, SETUP.nucleon_mass
GRID = DensityGrid(SETUP, 1, 30, 24, 1)
BOTH = Resolution(energy=0.07, angle=0.03)
RESOLUTIONS = {
    "both": BOTH,
    "energy only": Resolution(energy=BOTH.energy, angle=0.0),
    "angle only": Resolution(energy=0.0, angle=BOTH.angle),
    "very coarse": Resolution(energy=0.3, angle=0.8),
}
SMALLEST_PRODUCT = MUON_MASS / np.sqrt(2 * NUCLEON_MASS * E_MAX)
"""v1 v2 where a b = m²."""


@pytest.fixture(scope="module", params=RESOLUTIONS.values(), ids=RESOLUTIONS)
def resolution(request):
    return request.param


@pytest.fixture(scope="module")
def response(resolution):
    return response_matrix(GRID, resolution)


def contents(grid=GRID):
    """A smooth density with a steep rise, a tail and events at the edges; unit sum."""
    v1, v2 = np.meshgrid(grid.v1, grid.v2, indexing="ij")
    upper = np.outer(np.arange(grid.n_v1) + 1, np.arange(grid.n_v2) + 1) * grid.cell_area
    density = np.exp(-(((v1 - 0.35) / 0.2) ** 2) - ((v2 - 0.5) / 0.15) ** 2)
    density = np.where(upper > SMALLEST_PRODUCT, density + 0.1, 0.0)
    return density.ravel() / density.sum()


def true_events(n_events, cell_contents, grid, rng):
    """Events evenly spread over the reachable part of each cell."""
    cell = np.repeat(np.arange(cell_contents.size), rng.multinomial(n_events, cell_contents))
    v1, v2 = np.zeros((2, n_events))
    missing = np.arange(n_events)
    while missing.size:
        row, column = np.divmod(cell[missing], grid.n_v2)
        v1[missing] = (row + rng.random(missing.size)) / grid.n_v1
        v2[missing] = (column + rng.random(missing.size)) / grid.n_v2
        missing = missing[v1[missing] * v2[missing] < SMALLEST_PRODUCT]
    return v1, v2


def smear_by_vectors(v1, v2, resolution, rng):
    """Measured (a, b), turning the momentum in its plane; shares no formula with the module."""
    a, b = NUCLEON_MASS * v1**2, 2 * E_MAX * v2**2
    energy = (a + b) / 2 * (1 + resolution.energy * rng.standard_normal(v1.size))
    direction = (b - a) / 2 + 1j * np.sqrt(a * b - MUON_MASS**2)
    direction *= np.exp(1j * resolution.angle * rng.standard_normal(v1.size)) / np.abs(direction)
    momentum = np.sqrt(np.maximum(energy**2 - MUON_MASS**2, 0))
    longitudinal = momentum * direction.real
    return (energy - longitudinal) / NUCLEON_MASS, (energy + longitudinal) / 2 / E_MAX, energy


def histogram(v1, v2, grid=GRID):
    return np.histogram2d(v1, v2, [np.linspace(0, 1, n + 1) for n in (grid.n_v1, grid.n_v2)])[
        0
    ].ravel()


def p_value(observed, expected):
    """χ² of a histogram, cells with few events merged into one."""
    few = expected < 10
    observed = np.append(observed[~few], observed[few].sum())
    expected = np.append(expected[~few], expected[few].sum())
    return chi2.sf(((observed - expected) ** 2 / np.maximum(expected, 1e-9)).sum(), len(observed))


def at_angle(energy, theta, n):
    """n copies of a muon, as density variables."""
    return density_variables_from_lepton(np.full(n, energy), np.full(n, np.cos(theta)), SETUP)


@pytest.mark.parametrize("name", ["energy", "angle"])
@pytest.mark.parametrize("value", [-0.01, np.nan, np.inf])
def test_a_senseless_resolution_is_refused(name, value):
    with pytest.raises(ValueError, match=f"{name} resolution is {value}"):
        Resolution(**{name: value})


def test_default_resolution_is_four_percent_and_one_degree():
    assert Resolution() == Resolution(energy=0.04, angle=np.deg2rad(1))


def test_nothing_smeared_is_the_identity_to_the_last_bit():
    ideal = Resolution(0.0, 0.0)
    assert ideal.is_ideal
    assert not any(resolution.is_ideal for resolution in RESOLUTIONS.values())
    v1, v2 = true_events(1000, contents(), GRID, np.random.default_rng(1))
    measured = smear_events(v1, v2, ideal, SETUP, np.random.default_rng(2))
    np.testing.assert_array_equal(measured, [v1, v2, np.ones(1000)])
    matrix = response_matrix(GRID, ideal)
    np.testing.assert_array_equal(matrix.toarray(), np.eye(GRID.n_v1 * GRID.n_v2))
    with pytest.raises(ValueError, match="both resolutions are 0"):
        event_response(v1, v2, GRID, ideal)


@pytest.mark.parametrize(
    "bad", [(0.5, 1.2), (-0.1, 0.5), (np.nan, 0.5), (0.5 * SMALLEST_PRODUCT / 0.5, 0.5)]
)
def test_unreachable_events_are_refused(bad):
    v1, v2 = np.array([[0.3, bad[0]], [0.5, bad[1]]])
    with pytest.raises(ValueError, match="event 1 has"):
        smear_events(v1, v2, BOTH, SETUP, np.random.default_rng(1))
    with pytest.raises(ValueError, match="event 1 has"):
        event_response(v1, v2, GRID, BOTH)


def test_energy_and_angle_are_gaussian_and_independent():
    n, energy, theta = 200_000, 2.5, 0.4
    v1, v2, accepted = smear_events(
        *at_angle(energy, theta, n), BOTH, SETUP, np.random.default_rng(3)
    )
    assert accepted.all()
    measured_energy, cos_theta = lepton_from_density_variables(v1, v2, SETUP)
    x = (measured_energy / energy - 1) / BOTH.energy
    y = (np.arccos(cos_theta) - theta) / BOTH.angle
    assert kstest(x, "norm").pvalue > 1e-3
    assert kstest(y, "norm").pvalue > 1e-3
    assert kstest(1.02 * x, "norm").pvalue < 1e-3
    assert abs(np.corrcoef(x, y)[0, 1]) < 4 / np.sqrt(n)


@pytest.mark.parametrize(("energy", "theta"), [(5.0, 0.0), (0.3, np.pi)])
def test_angle_is_mirrored_at_its_ends(energy, theta):
    """A muon along the beam is measured on one side of it."""
    v1, v2, accepted = smear_events(
        *at_angle(energy, theta, 50_000), BOTH, SETUP, np.random.default_rng(4)
    )
    a, b = NUCLEON_MASS * v1[accepted] ** 2, 2 * E_MAX * v2[accepted] ** 2
    transverse = np.sqrt(np.maximum(a * b - MUON_MASS**2, 0))
    away = np.arctan2(transverse, np.abs(b - a) / 2) / BOTH.angle
    assert kstest(away, halfnorm.cdf).pvalue > 1e-3


def test_what_is_measured_exactly_stays():
    events = true_events(20_000, contents(), GRID, np.random.default_rng(5))
    energy, cos_theta = lepton_from_density_variables(*events, SETUP)
    for name, kept in (("energy only", 1), ("angle only", 0)):
        rng = np.random.default_rng(6)
        v1, v2, accepted = smear_events(*events, RESOLUTIONS[name], SETUP, rng)
        measured = lepton_from_density_variables(v1, v2, SETUP)
        np.testing.assert_allclose(
            measured[kept][accepted], (energy, cos_theta)[kept][accepted], rtol=1e-9, atol=1e-9
        )
        assert not np.allclose(measured[1 - kept], (energy, cos_theta)[1 - kept], rtol=1e-3)


def test_events_depend_on_the_stream_alone():
    events = true_events(20_000, contents(), GRID, np.random.default_rng(7))
    first, again, other = (
        smear_events(*events, BOTH, SETUP, np.random.default_rng(seed)) for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first[0], other[0])


def test_matrix_and_events_follow_an_independent_simulation(response, resolution):
    n_events = 1_000_000
    events = true_events(n_events, contents(), GRID, np.random.default_rng(8))
    a, b, energy = smear_by_vectors(*events, resolution, np.random.default_rng(9))
    kept = (energy > MUON_MASS) & (a < 1) & (b < 1)
    simulated = histogram(np.sqrt(a[kept]), np.sqrt(b[kept]))
    v1, v2, accepted = smear_events(*events, resolution, SETUP, np.random.default_rng(10))
    for counts in (simulated, histogram(v1[accepted], v2[accepted])):
        assert 1e-3 < p_value(counts, n_events * (response @ contents())) < 1 - 1e-3
        lost = 1 - (response @ contents()).sum()
        assert abs(n_events - counts.sum() - n_events * lost) < 4 * np.sqrt(n_events * lost)


def test_a_resolution_wrong_by_five_percent_is_noticed():
    """The test above can fail: cells left empty between full ones are filled by smearing alone."""
    row, column = np.indices((GRID.n_v1, GRID.n_v2)).reshape(2, -1)
    squares = contents() * ((row // 3 + column // 2) % 2 == 0)
    squares /= squares.sum()
    n_events = 2_000_000
    rng = np.random.default_rng(11)
    v1, v2, accepted = smear_events(*true_events(n_events, squares, GRID, rng), BOTH, SETUP, rng)
    counts = histogram(v1[accepted], v2[accepted])
    p_values = [
        p_value(counts, n_events * (response_matrix(GRID, assumed) @ squares))
        for assumed in (
            BOTH,
            Resolution(1.05 * BOTH.energy, BOTH.angle),
            Resolution(BOTH.energy, 1.05 * BOTH.angle),
        )
    ]
    assert 1e-3 < p_values[0] < 1 - 1e-3
    assert max(p_values[1:]) < 1e-6


def test_columns_are_probabilities(response, resolution):
    assert response.data.min() >= 0
    sums = response.sum(axis=0)
    assert sums.max() < 1 + 1e-12
    # Cells at the upper edge of v2 lose events, as many as a simulation says.
    edge = (np.arange(sums.size) % GRID.n_v2 == GRID.n_v2 - 1) / GRID.n_v1
    n_events = 300_000
    events = true_events(n_events, edge, GRID, np.random.default_rng(12))
    lost = n_events - smear_events(*events, resolution, SETUP, np.random.default_rng(13))[2].sum()
    expected = n_events * (1 - edge @ sums)
    assert expected > 1000
    assert abs(lost - expected) < 4 * np.sqrt(expected) + 0.01 * expected


def test_unreachable_cells_are_left_alone(response):
    upper = np.outer(np.arange(GRID.n_v1) + 1, np.arange(GRID.n_v2) + 1).ravel() * GRID.cell_area
    unreachable = np.flatnonzero(upper < SMALLEST_PRODUCT)
    assert 20 < unreachable.size < 150
    np.testing.assert_array_equal(
        response[:, unreachable].toarray(), np.eye(upper.size)[:, unreachable]
    )
    np.testing.assert_array_equal(response[unreachable].toarray(), np.eye(upper.size)[unreachable])


def test_density_of_events_integrates_to_the_contents_of_cells(response, resolution):
    """Gauss-Legendre averages of p(v') over cells, away from the 1/θ' at the edge."""
    x, w = np.polynomial.legendre.leggauss(5)
    rows, columns = np.array([(8, 12), (4, 14), (12, 8), (20, 17), (10, 23)]).T
    v1 = (rows[:, None, None] + (x[:, None] + 1) / 2) / GRID.n_v1 + 0 * x
    v2 = (columns[:, None, None] + (x + 1) / 2) / GRID.n_v2 + 0 * x[:, None]
    density = event_response(v1.ravel(), v2.ravel(), GRID, resolution) @ contents()
    averages = np.einsum("i,j,cij->c", w / 2, w / 2, density.reshape(v1.shape))
    expected = (response @ contents())[rows * GRID.n_v2 + columns] / GRID.cell_area
    # Along a quantity measured exactly p(v') has the steps of the cells' contents.
    tolerance = 0.01 if resolution.energy and resolution.angle else 0.04
    np.testing.assert_allclose(averages, expected, rtol=tolerance)


def test_density_of_events_is_the_integral_over_true_cells():
    """The defining integral over one true cell, by quadrature in (v1, v2)."""
    row, column = 9, 12
    x, w = np.polynomial.legendre.leggauss(60)
    v1 = (row + (x[:, None] + 1) / 2) / GRID.n_v1
    v2 = (column + (x + 1) / 2) / GRID.n_v2
    energy, cos_theta = lepton_from_density_variables(v1, v2, SETUP)
    theta = np.arccos(cos_theta)
    width = BOTH.energy * energy
    measured = np.array([[0.31, 0.28, 0.33, 0.36], [0.52, 0.53, 0.50, 0.535]])
    found = event_response(*measured, GRID, BOTH)[:, [row * GRID.n_v2 + column]].toarray()[:, 0]
    for (v1_measured, v2_measured), density in zip(measured.T, found, strict=True):
        e, c = lepton_from_density_variables(v1_measured, v2_measured, SETUP)
        gauss = np.exp(
            -0.5 * ((e - energy) / width) ** 2 - 0.5 * ((np.arccos(c) - theta) / BOTH.angle) ** 2
        ) / (2 * np.pi * width * BOTH.angle)
        # dE dθ / dv1 dv2 from da db = 2 p dE dcosθ, a = M v1², b = 2 E_max v2².
        transverse = np.sqrt((e**2 - MUON_MASS**2) * (1 - c**2))
        jacobian = 8 * NUCLEON_MASS * E_MAX * v1_measured * v2_measured / (2 * transverse)
        np.testing.assert_allclose(density, w / 2 @ gauss @ (w / 2) * jacobian, rtol=0.02)


def test_density_of_forward_events():
    """Next to the beam: events of a narrow ring in θ', counted and predicted."""
    n_events = 2_000_000
    events = true_events(n_events, contents(), GRID, np.random.default_rng(14))
    energy, cos_theta = lepton_from_density_variables(
        *smear_events(*events, BOTH, SETUP, np.random.default_rng(15))[:2], SETUP
    )
    low, high = 4.0, 6.0
    ring = (energy > low) & (energy < high) & (np.arccos(np.minimum(cos_theta, 1)) < 0.02)
    e, t = np.meshgrid(
        low + (np.arange(20) + 0.5) * (high - low) / 20, (np.arange(20) + 0.5) * 1e-3
    )
    measured = density_variables_from_lepton(e.ravel(), np.cos(t.ravel()), SETUP)
    density = event_response(*measured, GRID, BOTH) @ contents()
    transverse = np.sqrt(e**2 - MUON_MASS**2) * np.sin(t)
    area = transverse / (4 * NUCLEON_MASS * E_MAX * measured[0] * measured[1]).reshape(t.shape)
    expected = n_events * (density * area.ravel()).sum() * 1e-3 * (high - low) / 20
    assert expected > 5000
    assert abs(ring.sum() - expected) < 4 * np.sqrt(expected)
