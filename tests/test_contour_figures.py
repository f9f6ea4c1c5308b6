"""The figures of regions, pulls and coverage, drawn from small arrays that are known."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_hex
from scipy.stats import binomtest

from nd2fd.figures import (
    calibration,
    ensemble_contours,
)
from nd2fd.figures.contours import MILLI, draw_contours
from nd2fd.figures.style import ACCENT, LEARNED, NEUTRAL, SECOND, TRUTH
from toy_figures import FIGURES, line_with
from toy_fit_figures import (
    COVERAGE,
    FITS,
    INTERVALS,
    JOINT_WIDTHS,
    MASS,
    MIXING,
    SIGMA,
    SIZES,
    TRUE_POINT,
    contours_of,
    draw_calibration,
    draw_joint_calibration,
    draw_joint_contours,
    draw_octants,
    toy_joint_coverage,
    toy_joint_fit,
)

pytestmark = pytest.mark.usefixtures("figures")


def draw_truth_and_one(regions=None):
    contours = contours_of("truth", "one")
    cell = plt.figure().add_gridspec()[0]
    return draw_contours(
        cell, contours.curves, contours.regions | (regions or {}), TRUE_POINT, side=0.2
    )


def test_colours_go_by_role():
    """The reference black, other known ones grey; networks blue, then green, before drawn ones."""
    curves = contours_of("smeared_truth", "truth", "drawn", "few", "one").curves
    assert list(curves) == ["smeared_truth", "truth", "drawn", "few", "one"]
    looks = {name: (curve.color, curve.line, curve.marker) for name, curve in curves.items()}
    assert looks["truth"] == (TRUTH, "--", "+")
    assert looks["smeared_truth"] == (NEUTRAL, ":", "+")
    assert looks["few"] == (LEARNED, "-", ".")
    assert looks["one"] == (SECOND, "-.", "x")
    assert looks["drawn"][0] not in (TRUTH, NEUTRAL, LEARNED, SECOND)
    assert contours_of("truth", "drawn", "few").curves["drawn"].color == SECOND


def test_contours_enclose_the_points_of_the_regions():
    panel = draw_truth_and_one().main
    points = np.stack(np.meshgrid(MIXING, MASS * MILLI, indexing="ij"), axis=-1).reshape(-1, 2)
    masks = [margin >= 0 for name in ("truth", "one") for margin in INTERVALS[name].margin]
    for contours, mask in zip(panel.collections, masks, strict=True):
        (path,) = contours.get_paths()
        # Regions at the physical limit are open there.
        interior = points[:, 0] < 1.0
        inside = path.contains_points(points[interior])
        np.testing.assert_array_equal(inside, mask.ravel()[interior])
    x, y = panel.get_xlim(), panel.get_ylim()
    shown = points[np.any(masks, axis=0).ravel()]
    assert x[0] < shown[:, 0].min()
    assert x[1] == 1.0
    assert y[0] < shown[:, 1].min() < shown[:, 1].max() < y[1]


def test_contours_are_as_smooth_as_the_regions():
    """An ellipse, and no steps between the points of the grid."""
    for contours, n_sigma in zip(draw_truth_and_one().main.collections, (1, 2, 1, 2), strict=True):
        shift = 0.2 * SIZES["truth"]
        (path,) = contours.get_paths()
        distance = (path.vertices / (1.0, MILLI) - TRUE_POINT) / SIGMA - shift
        np.testing.assert_allclose(np.hypot(*distance.T), 1.5 * n_sigma, rtol=0.02)


def test_a_long_legend_pushes_no_panels_apart():
    def plane(label):
        contours = contours_of("truth", "many")
        curves = {n: curve._replace(label=label) for n, curve in contours.curves.items()}
        figure = ensemble_contours.draw(contours._replace(curves=curves), TRUE_POINT)
        figure.draw_without_rendering()
        return figure.axes[1].get_position().bounds

    np.testing.assert_allclose(plane("a"), plane("a label about as wide as the figure"), atol=1e-6)


def test_an_empty_region_is_not_drawn():
    """Members that agree on nothing, at one sigma."""
    region = contours_of("one").regions["one"]
    empty = region._replace(margin=np.where([[[False]], [[True]]], region.margin, -1.0))
    panel = draw_truth_and_one({"one": empty}).main
    assert len(panel.collections) == 3


def test_best_fits_of_all_members_are_drawn():
    _, panel, *_ = ensemble_contours.draw(contours_of("truth", "many"), TRUE_POINT).axes
    fit = FITS["many"]
    np.testing.assert_allclose(
        line_with(panel, color=LEARNED).get_xydata(),
        np.stack([fit.best_sin2_2theta23, fit.best_dm2_32 * MILLI], axis=1),
    )


def test_bars_are_the_intervals():
    top, _, right, _ = ensemble_contours.draw(contours_of("truth", "many"), TRUE_POINT).axes
    intervals = INTERVALS["many"]
    for level, width in enumerate((2.8, 0.7)):
        bar = line_with(top, color=LEARNED, linewidth=width)
        np.testing.assert_array_equal(bar.get_xdata(), intervals.interval_sin2_2theta23[level])
        bar = line_with(right, color=LEARNED, linewidth=width)
        np.testing.assert_allclose(bar.get_ydata(), intervals.interval_dm2_32[level] * MILLI)


def test_seeds_are_enlarged_in_units_of_the_statistical_error():
    enlarged = FIGURES["seeds"]().axes[-1]
    points = line_with(enlarged, color=LEARNED).get_xydata()
    few, truth = FITS["few"], FITS["truth"]
    for column, (distance, unit) in enumerate(
        (
            (few.best_sin2_2theta23 - truth.best_sin2_2theta23, truth.sin2_2theta23.std()),
            (few.best_dm2_32 - truth.best_dm2_32, truth.dm2_32.std()),
        )
    ):
        np.testing.assert_allclose(points[:, column] * unit, distance)


def test_histograms_of_pulls():
    """Of the first ensemble 15 fits are at the truth and 5 at the limit, 3.3 sigma off."""
    _, panel, _ = draw_calibration().axes
    colors = [to_hex(patch.get_edgecolor(), keep_alpha=False).upper() for patch in panel.patches]
    truth = panel.patches[colors.index(TRUTH)].get_data()
    (at_limit,) = (patch.get_data() for patch in panel.patches if patch.get_fill())
    width = np.diff(truth.edges)
    assert np.sum(truth.values * width) == pytest.approx(1.0)
    assert (truth.values * width)[np.searchsorted(truth.edges, 0.0)] == pytest.approx(0.75)
    assert np.sum(at_limit.values * width) == pytest.approx(0.25)
    (place,) = at_limit.values.nonzero()[0]
    assert at_limit.edges[place] < (1.0 - TRUE_POINT[0]) / SIGMA[0] < at_limit.edges[place + 1]


def test_coverage_is_drawn_in_percent():
    panel = draw_calibration().axes[0]
    drawn = [
        container.lines[0].get_ydata()
        for container in panel.containers
        if container.lines[0].get_color() == LEARNED
    ]
    np.testing.assert_allclose(drawn, 100 * COVERAGE["many"].coverage)


def bars(panel, color):
    """Ends of the straight lines of two points in a colour."""
    lines = [line for line in panel.lines if line.get_color() == color]
    return np.array([line.get_xydata() for line in lines if len(line.get_xdata()) == 2])


def test_intervals_of_the_ensemble_are_where_profiles_are_read_off():
    """At heights 1 and 4; an octant without an interval has no bar."""
    top, _, right = draw_joint_contours().axes[3:]
    at_one, in_upper, at_four, empty = bars(top, SECOND)
    np.testing.assert_allclose(at_one, [[0.43, 1], [0.47, 1]])
    np.testing.assert_allclose(in_upper, [[0.53, 1], [0.57, 1]])
    np.testing.assert_allclose(at_four, [[0.41, 4], [0.59, 4]])
    assert np.isnan(empty[:, 0]).all()
    np.testing.assert_allclose(bars(right, SECOND)[0], [[1, 2.40], [1, 2.50]])
    np.testing.assert_allclose(bars(right, SECOND)[1], [[4, 2.35], [4, 2.55]])


def test_regions_of_joint_fits_end_where_wilks_says():
    """At Δ(−2 ln L) = 2.30 and 6.18, in both octants: 1.515 and 2.486 half-widths of a parabola."""
    main = draw_joint_contours().axes[1]
    edges = {TRUTH: [], LEARNED: []}
    for contour in main.collections:
        points = np.concatenate([path.vertices for path in contour.get_paths()])
        edges[to_hex(contour.get_edgecolor()[0]).upper()].append(np.ptp(points[:, 1]) / 2)
        assert points[:, 0].min() < 0.45
        assert points[:, 0].max() > 0.55
    for color, width in zip((LEARNED, TRUTH), JOINT_WIDTHS, strict=True):
        expected = np.array([1.515, 2.486]) * width * MILLI
        np.testing.assert_allclose(edges[color], expected, rtol=0.03)


def test_calibrated_regions_end_at_the_thresholds_of_toys():
    """Half as large at the other end of sin²θ23; profiles are read off lower there, too."""
    top, main, right = draw_joint_contours().axes[3:]
    dotted = [c for c in main.collections if to_hex(c.get_edgecolor()[0]).upper() == ACCENT]
    assert len(dotted) == 2
    fit = toy_joint_fit()
    inner = np.concatenate([path.vertices for path in dotted[0].get_paths()])
    lower = inner[inner[:, 0] < 0.5]
    share = (inner[:, 0] - 0.38) / 0.24
    threshold = 1.8 * (1 - 0.5 * share)
    mixing = np.interp(inner[:, 0], fit.sin2_theta23, fit.profile_sin2_theta23[0])
    mass = ((inner[:, 1] / MILLI - 2.45e-3) / JOINT_WIDTHS[0]) ** 2
    np.testing.assert_allclose(mixing + mass, threshold, atol=0.2)
    assert lower.size > 0
    heights = [line.get_ydata() for line in top.lines if line.get_color() == ACCENT]
    np.testing.assert_allclose([(h[0], h[-1]) for h in heights], [(0.8, 0.4), (3.0, 1.5)])
    at_best = [line.get_xdata()[0] for line in right.lines if line.get_color() == ACCENT]
    np.testing.assert_allclose(at_best, np.array([0.9, 3.5]) * (1 - 0.5 * 0.08 / 0.24))


def test_known_and_learned_have_their_own_profiles():
    _, _, right = draw_joint_contours().axes[:3]
    curves = {
        line.get_color(): line.get_data() for line in right.lines if len(line.get_xdata()) > 2
    }
    for which, color in enumerate((LEARNED, TRUTH)):
        height, mass = curves[color]
        np.testing.assert_allclose(height, toy_joint_fit().profile_dm2_32[which])
        np.testing.assert_allclose(mass, MASS * MILLI)


def test_rows_of_methods():
    """Of two ensembles and a joint fit: coverage, half-widths and pulls where they belong."""
    figure = draw_joint_calibration()
    *regions, widths, pulls = figure.axes
    labels = [label.get_text() for label in regions[0].get_yticklabels()]
    assert labels == [
        f"{name}\n({n} experiments)"
        for name, n in (("truth", 20), ("many", 10), ("joint", 30), ("known", 30))
    ]
    joint = toy_joint_coverage()
    # With Wilks' thresholds, then with those of toys.
    of_fit = [c for which in (0, 1) for c in (joint.coverage[which], joint.calibrated[which])]
    for region, axis in enumerate(regions):
        drawn = [float(c.lines[0].get_xdata()[0]) for c in axis.containers]
        expected = [*2 * [COVERAGE["truth"].coverage], *of_fit]
        np.testing.assert_allclose(drawn, 100 * np.ravel([c[:, region] for c in expected]))
    # None without a unit; 2e-5 is what the interval and σ_stat are; 1.5 by definition.
    drawn = [
        (round(float(c.lines[0].get_ydata()[0])), float(c.lines[0].get_xdata()[0]))
        for c in widths.containers
    ]
    np.testing.assert_allclose(drawn, [(1, 1.0), (2, 1.5), (3, 1.0)])
    learned = toy_joint_coverage()
    expected = (learned.best_dm2_32[:, 0] - TRUE_POINT[1]).mean() / 3e-5
    points = [line for line in pulls.lines if line.get_color() == LEARNED]
    (point,) = (line for line in points if len(line.get_xdata()) == 1)
    assert float(point.get_xdata()[0]) == pytest.approx(expected)


@pytest.mark.parametrize(("successes", "n"), [(0, 5), (3, 5), (5, 5), (680, 1000)])
def test_wilson_interval(successes, n):
    one_sigma = 0.6826894921370859
    expected = binomtest(successes, n).proportion_ci(one_sigma, method="wilson")
    edges = calibration.wilson_interval(np.array(successes / n), n)
    np.testing.assert_allclose(edges, [expected.low, expected.high], atol=1e-12)


def test_every_curve_of_the_pulls_has_a_name():
    for panel in draw_calibration().axes[1:]:
        names = [text.get_text() for text in panel.get_legend().get_texts()]
        assert "unit Gaussian" in names


def test_octants_count_by_the_likelihood_of_the_data():
    """A replica has a tenth in the lower octant, all of it without a solution in the upper one."""
    figure = draw_octants()
    main, top = (
        next(panel for panel in figure.axes if condition(panel))
        for condition in (lambda panel: panel.get_xlabel(), lambda panel: panel.patches)
    )
    histograms = [patch.get_data() for patch in top.patches]
    assert len(histograms) == 2
    for histogram in histograms:
        share = 0.8 * 0.1 + 0.2
        lower = histogram.values[histogram.edges[:-1] < 0.49].sum()
        assert lower / histogram.values.sum() == pytest.approx(share, abs=1e-9)
    points = line_with(main, marker="x").get_xdata()
    np.testing.assert_array_equal(points, [0.45, 0.55])
    low, high = main.get_xlim()
    assert low <= 0.43
    assert high >= 0.57
