"""Highest-density regions and the ensemble's rule, against Gaussians."""

import math

import numpy as np
import pytest
from scipy.ndimage import label
from scipy.special import erfinv
from scipy.stats import multivariate_normal, norm

from nd2fd.statistics import regions
from nd2fd.statistics.regions import (
    ensemble_fraction,
    ensemble_margin,
    ensemble_mask,
    intervals_from_mask,
)

LEVELS = (1.0, 2.0)
MASSES = np.array([math.erf(n / math.sqrt(2)) for n in LEVELS])
RADII2 = -2 * np.log(1 - MASSES)
"""Squared radius of the two-dimensional Gaussian regions, in standard deviations."""

CENTRE = np.array([0.97, 2.44e-3])
CORRELATED = np.array([[6e-3**2, 0.8 * 6e-3 * 2e-5], [0.8 * 6e-3 * 2e-5, 2e-5**2]])
"""A tilted ellipse in units as different as those of sin²2θ23 and Δm²32 in eV²."""


def member_margins(replicas, axes, n_sigmas, upper_limit=None, weights=None):
    """Of one member."""
    of_one = None if weights is None else weights[None]
    (margins,) = regions.member_margins(replicas[None], axes, n_sigmas, upper_limit, of_one)
    return margins


def member_masks(*of_one, **more):
    return member_margins(*of_one, **more) >= 0


def axes_around(centre, sigmas, n_points):
    return [
        np.linspace(c - 5 * s, c + 5 * s, n_points) for c, s in zip(centre, sigmas, strict=True)
    ]


def test_two_dimensional_region_is_the_ellipse_of_its_mass():
    rng = np.random.default_rng(1)
    axes = axes_around(CENTRE, np.sqrt(np.diag(CORRELATED)), 120)
    points = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1) - CENTRE
    cell = np.prod([axis[1] - axis[0] for axis in axes])
    root = np.sqrt(np.linalg.det(CORRELATED))
    chi2 = np.einsum("...i,ij,...j", points, np.linalg.inv(CORRELATED), points)
    probability = np.exp(-chi2 / 2) / (2 * np.pi * root) * cell
    samples = [
        member_masks(rng.multivariate_normal(CENTRE, CORRELATED, 1000), axes, LEVELS)
        for _ in range(20)
    ]
    mass = np.mean([(masks * probability).sum(axis=(1, 2)) for masks in samples], axis=0)
    np.testing.assert_allclose(mass, MASSES, atol=0.01)
    area = np.mean([masks.sum(axis=(1, 2)) for masks in samples], axis=0) * cell
    np.testing.assert_allclose(area, np.pi * RADII2 * root, rtol=0.03)
    # A uniform ellipse of radius r has r²/4 of the covariance.
    for level, radius2 in enumerate(RADII2):
        inside = np.concatenate([points[masks[level]] for masks in samples])
        covariance = np.cov(inside.T) / (radius2 / 4)
        np.testing.assert_allclose(covariance, CORRELATED, rtol=0.06)


@pytest.mark.parametrize(("n_replicas", "tolerance"), [(300, 0.06), (4000, 0.03)])
def test_one_dimensional_interval_is_n_sigma_whatever_the_number_of_replicas(n_replicas, tolerance):
    rng = np.random.default_rng(2)
    axis = np.linspace(-5, 5, 1001)
    samples = [member_masks(rng.normal(size=(n_replicas, 1)), [axis], LEVELS) for _ in range(20)]
    width = np.mean([masks.sum(axis=1) for masks in samples], axis=0) * (axis[1] - axis[0])
    np.testing.assert_allclose(width / 2, LEVELS, rtol=tolerance)


def test_region_piles_up_at_a_physical_limit():
    # The mass of a half-normal density within n sigma of the limit is erf(n/√2).
    rng = np.random.default_rng(3)
    axis = np.linspace(0.95, 1.01, 601)
    lengths = []
    for _ in range(20):
        replicas = 1 - abs(rng.normal(scale=0.01, size=(1000, 1)))
        masks = member_masks(replicas, [axis], LEVELS, upper_limit=1.0)
        intervals = [intervals_from_mask(axis, mask) for mask in masks]
        assert all(pieces[-1][1] == pytest.approx(1, abs=1e-4) for pieces in intervals)
        lengths.append([sum(high - low for low, high in pieces) for pieces in intervals])
    np.testing.assert_allclose(np.mean(lengths, axis=0), [0.01, 0.02], rtol=0.03)


def test_region_at_a_physical_limit_in_two_dimensions():
    rng = np.random.default_rng(4)
    axes = [np.linspace(-5, 0.5, 111), np.linspace(-5, 5, 201)]
    areas = []
    for _ in range(10):
        replicas = rng.normal(size=(1000, 2))
        replicas[:, 0] = -abs(replicas[:, 0])
        masks = member_masks(replicas, axes, LEVELS, upper_limit=0.0)
        assert not masks[:, axes[0] > 1e-9].any()
        assert masks[0, abs(axes[0]) < 1e-9, 100].all()
        areas.append(masks.sum(axis=(1, 2)) * 0.05**2)
    np.testing.assert_allclose(np.mean(areas, axis=0), np.pi * RADII2 / 2, rtol=0.05)


def test_threshold_is_a_quantile_of_the_density_of_the_other_replicas():
    # By the definition: one kernel and one mirror image per replica, the replica itself left out.
    rng = np.random.default_rng(8)
    replicas = rng.normal(size=(40, 2))
    replicas[:, 0] = -abs(replicas[:, 0])
    replicas[:3] = [[-0.01, -2.9], [-0.02, 2.9], [0, 3.5]]  # lonely but for their own mirror images
    (to_kernel,) = regions._kernel_coordinates(replicas[None])
    kernel = multivariate_normal(cov=np.linalg.inv(to_kernel @ to_kernel.T))

    def density(point, sample):
        mirrored = point * [-1, 1]
        return np.mean([kernel.pdf(point - r) + kernel.pdf(mirrored - r) for r in sample])

    left_out = [density(r, np.delete(replicas, i, axis=0)) for i, r in enumerate(replicas)]
    thresholds = np.quantile(left_out, 1 - MASSES)
    axes = [np.linspace(-2, 0.1, 22), np.linspace(-2, 2, 21)]
    expected = [
        [[x < 1e-9 and density(np.array([x, y]), replicas) >= t for y in axes[1]] for x in axes[0]]
        for t in thresholds
    ]
    np.testing.assert_array_equal(member_masks(replicas, axes, LEVELS, upper_limit=1e-12), expected)


def test_a_region_can_fall_into_two_octants():
    rng = np.random.default_rng(5)
    centres, sigmas = np.array([0.45, 0.56]), np.array([0.012, 2e-5])
    axes = [np.linspace(0.38, 0.63, 251), np.linspace(2.34e-3, 2.54e-3, 101)]
    cell = (axes[0][1] - axes[0][0]) * (axes[1][1] - axes[1][0])
    areas, widths, intervals = [], [], []
    for _ in range(10):
        replicas = rng.normal([0, 2.44e-3], sigmas, size=(1000, 2))
        replicas[:, 0] += rng.permutation(np.repeat(centres, 500))
        masks = member_masks(replicas, axes, LEVELS)
        assert label(masks[0])[1] == 2
        areas.append(masks.sum(axis=(1, 2)) * cell)
        lower = masks[0, axes[0] < 0.505]
        widths.append([lower.any(axis=1).sum() * 1e-3, lower.any(axis=0).sum() * 2e-6])
        mask = member_masks(replicas[:, :1], axes[:1], [1.0])[0]
        intervals.append(intervals_from_mask(axes[0], mask))
    np.testing.assert_allclose(
        np.mean(areas, axis=0), 2 * np.pi * RADII2 * np.prod(sigmas), rtol=0.06
    )
    # The separation of the octants does not stretch the shape of either.
    np.testing.assert_allclose(np.mean(widths, axis=0), 2 * np.sqrt(RADII2[0]) * sigmas, rtol=0.12)
    assert [len(pieces) for pieces in intervals] == [2] * 10
    expected = np.stack([centres - 0.012, centres + 0.012], axis=1)
    np.testing.assert_allclose(np.mean(intervals, axis=0), expected, atol=0.001)


def test_regions_do_not_depend_on_units():
    rng = np.random.default_rng(6)
    replicas = rng.multivariate_normal([0, 0], [[1, -0.6], [-0.6, 1]], 400)
    axes = [np.linspace(-4, 4, 41), np.linspace(-4, 4, 51)]
    scale, shift = np.array([3e-3, 2e-5]), np.array([0.9, 2.4e-3])
    moved = [axis * a + b for axis, a, b in zip(axes, scale, shift, strict=True)]
    np.testing.assert_array_equal(
        member_masks(replicas * scale + shift, moved, LEVELS), member_masks(replicas, axes, LEVELS)
    )


@pytest.mark.parametrize(
    ("replicas", "n_axes", "n_sigma", "message"),
    [
        (np.zeros((100, 3)), 3, 1, "parameters"),
        (np.zeros((100, 2)), 1, 1, "parameters"),
        (np.full((100, 1), np.nan), 1, 1, "finite"),
        (np.linspace(0, 1.1, 100)[:, None], 1, 1, "upper limit"),
        (np.linspace(0, 1, 100)[:, None], 1, 3, "too few"),
    ],
)
def test_bad_replicas_are_refused(replicas, n_axes, n_sigma, message):
    with pytest.raises(ValueError, match=message):
        member_masks(replicas, [np.linspace(0, 1, 5)] * n_axes, [n_sigma], upper_limit=1.0)


@pytest.mark.parametrize("sigma_sys", [0.3, 0.7])
@pytest.mark.parametrize("n_sigma", [1, 2])
def test_ensemble_region_adds_the_two_errors_linearly(n_sigma, sigma_sys):
    # The definition of the rule, with as many members as it takes to leave out sampling.
    n_members = 20000
    centres = norm.ppf((np.arange(n_members) + 0.5) / n_members, scale=sigma_sys)
    axis = np.linspace(-5, 5, 2001)
    masks = abs(axis - centres[:, None]) <= n_sigma
    inside = ensemble_mask(ensemble_fraction(masks), n_sigma)
    ((low, high),) = intervals_from_mask(axis, inside)
    expected = n_sigma * (1 + sigma_sys)
    assert [low, high] == pytest.approx([-expected, expected], abs=0.006)


@pytest.mark.parametrize("n_sigma", [1, 2])
def test_ensemble_region_of_bootstrapped_members(n_sigma):
    rng = np.random.default_rng(7)
    axis = np.linspace(-5, 5, 401)
    centres = norm.ppf((np.arange(400) + 0.5) / 400, scale=0.5)
    masks = np.stack(
        [member_masks(rng.normal(c, size=(500, 1)), [axis], [n_sigma])[0] for c in centres]
    )
    inside = ensemble_mask(ensemble_fraction(masks), n_sigma)
    ((low, high),) = intervals_from_mask(axis, inside)
    assert (high - low) / 2 == pytest.approx(1.5 * n_sigma, rel=0.03)


def test_ensemble_of_one_member_has_its_region():
    mask = np.array([[False, True, True, False, True]])
    for n_sigma in (0.5, 1, 2, 3):
        inside = ensemble_mask(ensemble_fraction(mask), n_sigma)
        np.testing.assert_array_equal(inside, mask[0])


@pytest.mark.parametrize("n_members", [3, 7, 10, 49, 1000])
def test_a_fraction_that_equals_the_bound_is_inside(n_members):
    for k in range(1, n_members // 2):
        n_sigma = math.sqrt(2) * erfinv(1 - 2 * k / n_members)
        masks = np.arange(n_members)[:, None] < np.array([k - 1, k])
        inside = ensemble_mask(ensemble_fraction(masks), n_sigma)
        assert inside.tolist() == [False, True]


def test_the_zero_line_of_the_margin_is_the_border_of_a_gaussian():
    """Where the density has fallen to that on the circle which holds the mass of the level."""
    rng = np.random.default_rng(11)
    axis, n = np.linspace(0, 3, 31), 1000
    samples = [
        member_margins(rng.normal(size=(n, 2)), [np.zeros(1), axis], LEVELS)[:, 0]
        for _ in range(20)
    ]
    # Silverman's kernel widens the density, not the circle.
    variance = 1 + n ** (-1 / 3)
    for margin, radius2 in zip(np.mean(samples, axis=0), RADII2, strict=True):
        expected = np.tanh((radius2 - axis**2) / (4 * variance))
        np.testing.assert_allclose(margin, expected, atol=0.04)


@pytest.mark.parametrize("n_members", [1, 2, 7, 49, 100])
@pytest.mark.parametrize("n_sigma", [0.5, 1, 2])
def test_the_margin_of_an_ensemble_is_positive_in_its_region(n_members, n_sigma):
    rng = np.random.default_rng(n_members)
    margins = rng.uniform(-1, 1, size=(n_members, 500)).astype(np.float32)
    margins[:, 250:] = np.sort(margins[:, 250:], axis=1)
    # Members on the border count as inside.
    margins[rng.random(margins.shape) < 0.1] = 0.0
    margin = ensemble_margin(margins, n_sigma)
    inside = ensemble_mask(ensemble_fraction(margins >= 0), n_sigma)
    np.testing.assert_array_equal(margin >= 0, inside)
    # Continuous: no further from that of slightly other members than they are.
    moved = ensemble_margin(margins + rng.uniform(-1e-3, 1e-3, margins.shape), n_sigma)
    assert np.abs(moved - margin).max() <= 1.01e-3


def test_no_level_takes_in_a_point_outside_every_member():
    assert not ensemble_mask(np.zeros(1), 8.0).any()


@pytest.mark.parametrize(
    ("mask", "intervals"),
    [
        ([0, 0, 0, 0, 0], []),
        ([1, 1, 1, 1, 1], [(0.0, 8.0)]),
        ([0, 1, 0, 0, 0], [(0.5, 1.5)]),
        ([1, 0, 0, 1, 1], [(0.0, 0.5), (3.0, 8.0)]),
        ([1, 0, 1, 1, 0], [(0.0, 0.5), (1.5, 6.0)]),
    ],
)
def test_intervals_from_mask(mask, intervals):
    axis = np.array([0.0, 1.0, 2.0, 4.0, 8.0])
    assert intervals_from_mask(axis, np.array(mask, dtype=bool)) == intervals


def test_all_replicas_at_the_limit():
    """The region is the limit itself, times the region of the other parameter."""
    mass = np.random.default_rng(0).normal(2.45, 0.02, 1000)
    replicas = np.stack([np.ones(1000), mass], axis=1)
    axes = [np.linspace(0.99, 1.0, 11), np.linspace(2.3, 2.6, 301)]
    both = member_masks(replicas, axes, (1.0, 2.0), upper_limit=1.0)
    assert not both[:, :-1].any()
    np.testing.assert_array_equal(both[:, -1], member_masks(replicas[:, 1:], axes[1:], (1.0, 2.0)))
    one = member_masks(replicas[:, :1], axes[:1], (1.0, 2.0), upper_limit=1.0)
    assert one.tolist() == 2 * [10 * [False] + [True]]


@pytest.mark.parametrize("agreed", [0, 1])
def test_replicas_that_agree_in_a_parameter(agreed):
    """As at an edge of the fit ranges: the nearest point, times the region of the other one."""
    rng = np.random.default_rng(0)
    replicas = rng.normal([0.9, 2.45], [0.02, 0.02], size=(1000, 2))
    replicas[:, agreed] = (0.9012, 2.4512)[agreed]
    axes = [np.linspace(0.8, 1.0, 101), np.linspace(2.3, 2.6, 151)]
    both = member_masks(replicas, axes, (1.0, 2.0))
    where = np.flatnonzero(both.any(axis=(0, 2 - agreed)))
    assert axes[agreed][where] == pytest.approx([(0.902, 2.452)[agreed]])
    other = [1 - agreed]
    expected = member_masks(replicas[:, other], [axes[1 - agreed]], (1.0, 2.0))
    np.testing.assert_array_equal(both.take(where[0], axis=1 + agreed), expected)
    # A point that is asked for has to be the value itself.
    for value, inside in ((replicas[0, agreed], True), (replicas[0, agreed] + 1e-6, False)):
        one = member_masks(replicas[:, [agreed]], [np.array([value])], (1.0, 2.0))
        assert one.ravel().tolist() == [inside, inside]


def test_replicas_of_two_values():
    """On a line, both values are inside, what is beside it is not."""
    replicas = np.repeat([[0.9, 2.44], [0.94, 2.46]], 500, axis=0)
    axes = [np.linspace(0.8, 1.0, 101), np.linspace(2.3, 2.6, 151)]
    for mask in member_masks(replicas, axes, (1.0, 2.0)):
        assert mask[50, 70]
        assert mask[70, 80]
        assert not mask[:, :60].any()


def test_all_replicas_but_one_at_the_limit():
    mass = np.random.default_rng(0).normal(2.45, 0.02, 1000)
    mixing = np.where(np.arange(1000) == 0, 0.995, 1.0)
    axes = [np.linspace(0.99, 1.0, 11), np.linspace(2.3, 2.6, 301)]
    one = member_masks(mixing[:, None], axes[:1], (1.0, 2.0), upper_limit=1.0)
    assert one[:, -1].all()
    assert not one[:, :9].any()
    both = member_masks(np.stack([mixing, mass], axis=1), axes, (1.0, 2.0), upper_limit=1.0)
    assert both[:, -1, 150].all()
    assert not both[:, :9].any()


@pytest.mark.parametrize("share", [0.5, 0.9])
def test_weighted_replicas_of_two_modes(share):
    """A region at nσ has erf(n/√2) of the weight, wherever it is; zero weight is no replica."""
    rng = np.random.default_rng(17)
    n = 4000
    modes = rng.normal([[0.46, 2.4], [0.56, 2.4]], [0.01, 0.02], size=(n, 2, 2))
    nowhere = np.full((10, 2), 0.7)
    replicas = np.concatenate([modes[:, 0], modes[:, 1], nowhere])
    weights = np.repeat([share, 1 - share, 0.0], [n, n, 10])
    axes = [np.linspace(0.4, 0.62, 111), np.linspace(2.3, 2.5, 101)]
    for mask, mass in zip(
        member_masks(replicas, axes, (1.0, 2.0), None, weights), (0.6827, 0.9545), strict=True
    ):
        nearest = [
            np.abs(axis[:, None] - r).argmin(axis=0)
            for axis, r in zip(axes, replicas.T, strict=True)
        ]
        inside = mask[nearest[0], nearest[1]]
        assert weights[inside].sum() / weights.sum() == pytest.approx(mass, abs=0.02)
        lower, upper = (inside[i * n : (i + 1) * n].mean() for i in (0, 1))
        if share == 0.5:
            assert lower == pytest.approx(upper, abs=0.05)
        else:
            # Nine times the density: the border of the lesser mode is at 9 times the height.
            assert upper < lower - 0.2


@pytest.mark.parametrize("weighted", [False, True])
def test_regions_of_members_side_by_side_are_those_alone(weighted):
    """Among them one whose replicas agree, and with weights one that has some without weight."""
    rng = np.random.default_rng(17)
    members = CENTRE + np.array([6e-3, 2e-5]) * rng.normal(size=(6, 300, 2))
    members[:, :, 0] = np.minimum(members[:, :, 0] + 1e-3 * np.arange(6)[:, None], 1.0)
    weights = None
    if weighted:
        weights = rng.random((6, 300))
        weights[2, :40] = 0.0
    axes = axes_around(CENTRE, [6e-3, 2e-5], 21)
    for chosen in (members[:4], np.concatenate([members, np.ones_like(members[:1])])):
        of_chosen = None if weights is None else weights[np.arange(len(chosen)) % 6]
        together = regions.member_margins(chosen, axes, LEVELS, 1.0, of_chosen)
        for i, found in enumerate(together):
            alone = member_margins(
                chosen[i], axes, LEVELS, 1.0, None if of_chosen is None else of_chosen[i]
            )
            np.testing.assert_allclose(found, alone, atol=1e-4)
