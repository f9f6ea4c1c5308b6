"""Events drawn from the truth, against its density."""

import numpy as np
import pytest
from scipy.stats import chi2

import toy
from nd2fd.physics.density import DensityGrid, event_densities
from nd2fd.physics.flux import cell_averages
from nd2fd.physics.sampling import sample_events


def sample(n, seed=1):
    rng = np.random.default_rng(seed)
    return sample_events(n, toy.flux, toy.structure_functions, 10.0, rng)


def p_value(observed, expected):
    """χ² of a histogram against a density, cells with few events merged into one."""
    expected = expected * observed.sum() / expected.sum()
    few = expected < 10
    observed = np.append(observed[~few], observed[few].sum())
    expected = np.append(expected[~few], expected[few].sum())
    statistic = ((observed - expected) ** 2 / expected).sum()
    return chi2.sf(statistic, len(observed) - 1)


def test_events_follow_the_density():
    grid = DensityGrid(50, 25, 25, 8, 10.0)
    flux = cell_averages(toy.flux, grid.n_energy, 10.0)
    densities, sigma = event_densities(grid, toy.structure_functions, flux[None])
    energy, v1, v2 = sample(40_000)
    cells = [np.linspace(0, 1, 26)] * 2
    in_plane, *_ = np.histogram2d(v1, v2, cells)
    assert p_value(in_plane.ravel(), densities[0].ravel()) > 1e-3
    in_energy, _ = np.histogram(energy, np.linspace(0, 10, 51))
    assert p_value(in_energy, flux * sigma) > 1e-3


def test_a_wrong_density_is_noticed():
    """The test above can fail: the same events against 5 % more high-energy flux."""
    grid = DensityGrid(50, 25, 25, 4, 10.0)
    flux = cell_averages(toy.flux, grid.n_energy, 10.0) * (1 + 0.05 * grid.energy)
    _, sigma = event_densities(grid, toy.structure_functions, flux[None])
    in_energy, _ = np.histogram(sample(40_000)[0], np.linspace(0, 10, 51))
    assert p_value(in_energy, flux * sigma) < 1e-6


def test_sample_depends_on_the_stream_alone():
    np.testing.assert_array_equal(sample(100), sample(100))
    assert not np.array_equal(sample(100), sample(100, seed=2))


def test_a_density_above_the_envelope_is_refused():
    calls = 0

    def growing_spectrum(energy):
        nonlocal calls
        calls += 1
        return toy.flux(energy) * (1.0 if calls <= 4 else 10.0)

    with pytest.raises(RuntimeError, match="exceeds the envelope"):
        sample_events(
            1000, growing_spectrum, toy.structure_functions, 10.0, np.random.default_rng(1)
        )
