"""Sums of Gaussian kernels by way of a lattice, against sums over all pairs."""

import numpy as np
import pytest
from numpy.typing import NDArray

from nd2fd.statistics.gaussian_sum import GaussianSum

Array = NDArray[np.float64]


def over_pairs(points: Array, centres: Array, weights: Array) -> Array:
    distance2 = np.square(points[:, None] - centres).sum(axis=2)
    return np.asarray(np.exp(-distance2 / 2) @ weights)


@pytest.mark.parametrize("spread", [3.0, 3e4], ids=["lattice", "pairs"])
@pytest.mark.parametrize("n_dim", [1, 2])
def test_sum_is_that_over_all_pairs(n_dim: int, spread: float) -> None:
    rng = np.random.default_rng(n_dim)
    # Far from zero, and points far from all centres.
    centres = 50.0 + spread * rng.standard_normal((300, n_dim))
    points = np.concatenate(
        [centres[:50] + 0.3, 50.0 + 3 * spread * rng.standard_normal((400, n_dim))]
    )
    weights = rng.random(300)
    expected = over_pairs(points, centres, weights)
    (found,) = GaussianSum(centres[None], weights[None]).at(points[None])
    np.testing.assert_allclose(found, expected, rtol=2e-5, atol=1e-8)
    (unweighted,) = GaussianSum(centres[None]).at(points[None])
    np.testing.assert_allclose(
        unweighted, over_pairs(points, centres, np.ones(300)), rtol=2e-5, atol=1e-8
    )


@pytest.mark.parametrize("spread", [3.0, 3e4], ids=["lattice", "pairs"])
@pytest.mark.parametrize("n_dim", [1, 2])
def test_own_kernel_is_left_out(n_dim: int, spread: float) -> None:
    rng = np.random.default_rng(10 + n_dim)
    centres = spread * rng.standard_normal((200, n_dim))
    # A centre that is alone has no others.
    centres[0] = 10 * spread
    weights = 1 + rng.random(200)
    density = GaussianSum(centres[None], weights[None])
    others = weights * (1 - np.eye(200))
    expected = [over_pairs(c[None], centres, w)[0] for c, w in zip(centres, others, strict=True)]
    (found,) = density.at_centres()
    np.testing.assert_allclose(found, expected, rtol=2e-5, atol=2e-6)
    assert abs(found[0]) < 2e-6

    images = centres * [-1.0, *[1.0] * (n_dim - 1)] + 0.5
    expected = [over_pairs(i[None], centres, w)[0] for i, w in zip(images, others, strict=True)]
    np.testing.assert_allclose(density.at_images(images[None])[0], expected, rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize("n_dim", [1, 2])
def test_sums_side_by_side_are_those_alone(n_dim: int) -> None:
    rng = np.random.default_rng(20 + n_dim)
    # Each elsewhere, and of another width.
    centres = np.arange(3.0)[:, None, None] * (30.0 + rng.standard_normal((3, 200, n_dim)))
    centres[0] = rng.standard_normal((200, n_dim))
    points, weights = centres[:, :80] + 0.4, rng.random((3, 200))
    together = GaussianSum(centres, weights)
    for i, found in enumerate(together.at(points)):
        expected = over_pairs(points[i], centres[i], weights[i])
        np.testing.assert_allclose(found, expected, rtol=2e-5, atol=1e-7)
    alone = np.stack([GaussianSum(centres[[i]], weights[[i]]).at_centres()[0] for i in range(3)])
    np.testing.assert_allclose(together.at_centres(), alone, rtol=2e-5, atol=2e-6)
