"""Sums of Gaussian kernels by way of a fine lattice, against sums over all pairs."""

import numpy as np
import pytest
from numpy.typing import NDArray

from nd2fd.statistics.binned_sum import BinnedSum, binned_sum
from nd2fd.statistics.gaussian_sum import GaussianSum

Array = NDArray[np.float64]


def over_pairs(points: Array, centres: Array) -> Array:
    """The kernel of each centre at each point, shape (n_points, n_centres)."""
    distance2 = np.square(points[:, None] - centres).sum(axis=2)
    return np.asarray(np.exp(-distance2 / 2))


def replicas(n_dim: int, rng: np.random.Generator) -> Array:
    """Two sums, of which one has half of its centres at a limit; far from zero, of other widths."""
    centres = 3.0 * rng.standard_normal((2, 1000, n_dim))
    centres[0, :, 0] = np.minimum(centres[0, :, 0], 0.0)
    centres[1] *= 1.5
    return 50.0 + centres


@pytest.mark.parametrize("n_dim", [1, 2])
def test_sums_are_those_over_all_pairs(n_dim: int) -> None:
    rng = np.random.default_rng(n_dim)
    centres = replicas(n_dim, rng)
    # Images in the limit, points near to centres and beyond what the lattice holds.
    images = centres * [-1.0, *[1.0] * (n_dim - 1)] + [100.0, *[0.2] * (n_dim - 1)]
    points = centres[:, :500] + 0.1 * rng.standard_normal((2, 500, n_dim))
    points[:, -3:] += 100.0
    density = BinnedSum(centres)
    found = density.at(points), density.at_centres(), density.at_images(images)
    for i, own in enumerate(centres):
        others = 1 - np.eye(len(own))
        expected = (
            over_pairs(points[i], own).sum(axis=1),
            (others * over_pairs(own, own)).sum(axis=1),
            (others * over_pairs(images[i], own)).sum(axis=1),
        )
        peak = expected[0].max()
        for sums, right in zip(found, expected, strict=True):
            error = sums[i] - right
            # Of either sign, and small where regions have their borders.
            dense = right > 0.03 * peak
            relative = error[dense] / right[dense]
            assert np.sqrt(np.mean(relative**2)) < 2e-3
            assert abs(np.mean(relative)) < 3e-4
            assert abs(error).max() < 5e-3 * peak
    assert (found[0][:, -3:] == 0.0).all()


def test_lonely_centres_have_no_density() -> None:
    centres = np.zeros((1, 3, 2))
    centres[0, 0, 0], centres[0, 2, 1] = 20.13, -11.07
    np.testing.assert_allclose(BinnedSum(centres).at_centres(), 0.0, atol=1e-5)


def test_widely_spread_or_weighted_centres_are_summed_otherwise() -> None:
    centres = np.random.default_rng(0).standard_normal((1, 10, 1))
    assert isinstance(binned_sum(centres), BinnedSum)
    assert isinstance(binned_sum(1e4 * centres), GaussianSum)
    assert isinstance(binned_sum(centres, np.ones((1, 10))), GaussianSum)
