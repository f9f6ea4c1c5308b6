"""Coverage: of Gaussian estimates it is the nominal one, of ensembles what their rule says."""

import math

import numpy as np
import pytest

from nd2fd.statistics.coverage import (
    REGIONS,
    contains_truth,
    ensemble_contains,
    redrawn_members,
)
from nd2fd.statistics.ensemble import N_SIGMAS, ensemble_region

TRUTH = np.array([0.9, 2.45e-3])
SIGMA = np.array([0.005, 2e-5])


def gaussian_experiment(rng, n_replicas=400, shift=0.0):
    best = TRUTH + SIGMA * (rng.standard_normal(2) + shift)
    return best + SIGMA * rng.standard_normal((n_replicas, 2))


def test_gaussian_estimates_are_covered_as_often_as_they_should():
    rng = np.random.default_rng(0)
    n = 600
    contained = contains_truth(np.stack([gaussian_experiment(rng) for _ in range(n)]), TRUTH)
    for level, n_sigma in enumerate(N_SIGMAS):
        nominal = math.erf(n_sigma / math.sqrt(2))
        error = math.sqrt(nominal * (1 - nominal) / n)
        for region, _ in enumerate(REGIONS):
            assert contained[:, level, region].mean() == pytest.approx(nominal, abs=3.5 * error)


def test_a_bias_is_seen():
    rng = np.random.default_rng(1)
    contained = contains_truth(
        np.stack([gaussian_experiment(rng, shift=2.0) for _ in range(200)]), TRUTH
    )
    assert np.mean(contained, axis=0)[0].max() < 0.3


def test_contains_what_the_drawn_region_contains():
    """The truth on a grid of points, in the region that is drawn."""
    rng = np.random.default_rng(2)
    members = np.stack([gaussian_experiment(rng) for _ in range(7)])
    contained = contains_truth(members, TRUTH)
    axes = [TRUTH[i] + SIGMA[i] * np.linspace(-4, 4, 9) for i in range(2)]
    _, mask, _ = ensemble_region(members, axes, 1.0)
    np.testing.assert_array_equal(ensemble_contains(contained)[:, 0], mask[:, 4, 4])


def test_ensemble_rule():
    """At least 15.9 % of the members at one sigma, 2.3 % at two."""
    contained = np.zeros((3, 100, len(N_SIGMAS), len(REGIONS)), dtype=bool)
    contained[0, :15] = True
    contained[1, :16] = True
    contained[2, :2] = True
    inside = ensemble_contains(contained)
    assert not inside[0, 0].any()
    assert inside[0, 1].all()
    assert inside[1].all()
    assert not inside[2].any()


def test_redrawn_members_have_the_same_mean():
    rng = np.random.default_rng(3)
    contained = rng.random((400, 20, 2, 3)) < 0.3
    redrawn = redrawn_members(contained, rng)
    assert redrawn.shape == contained.shape
    assert redrawn.mean() == pytest.approx(contained.mean(), abs=0.01)
    # Their fractions scatter more than those of the ensemble itself.
    assert redrawn.mean(axis=1).std() > 1.2 * contained.mean(axis=1).std()
