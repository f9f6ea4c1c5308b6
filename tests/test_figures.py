"""The figures of ensembles, flux and coverage: drawn from small arrays that are known."""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest
import scipy.sparse as sp
from matplotlib.colors import to_hex
from matplotlib.patches import Polygon, Rectangle
from scipy.stats import binomtest

from nd2fd.figures import (
    fig1,
    fig4,
    fig6,
    fig7,
    fig8,
    fig9,
    fig10,
    fig11,
    fig12,
    fig13,
    fig14,
    fig15,
    fig16,
    fig17,
    fig18,
    fig19,
)
from nd2fd.figures.contours import MILLI, Curve, draw_contours
from nd2fd.figures.style import LEARNED, TRUTH, save, use_style
from nd2fd.physics.kinematics import density_variables_from_muon

STYLE = Path(__file__).resolve().parents[1] / "workflow" / "figures.mplstyle"
TRUE_POINT = (0.99, 2.44e-3)
SIGMA = np.array([0.003, 2e-5])
MIXING = np.linspace(0.96, 1.0, 41)
MASS = np.linspace(2.3e-3, 2.6e-3, 31)


@pytest.fixture(scope="module", autouse=True)
def style():
    with plt.rc_context():
        use_style(str(STYLE))
        yield
    plt.close("all")


def toy_intervals(shift):
    """Ellipses of one and two sigma around the true point, and their shadows."""
    centre = TRUE_POINT + shift * SIGMA
    distance = np.hypot(
        (MIXING[:, None] - centre[0]) / SIGMA[0], (MASS[None, :] - centre[1]) / SIGMA[1]
    )
    n_sigma = np.array([1.0, 2.0])
    edges = centre[:, None, None] + SIGMA[:, None, None] * n_sigma[:, None] * np.array([-1, 1])
    return {
        "n_sigma": n_sigma,
        "sin2_2theta23": MIXING,
        "dm2_32": MASS,
        "mask": distance < 1.5 * n_sigma[:, None, None],
        "interval_sin2_2theta23": np.minimum(edges[0], 1.0),
        "interval_dm2_32": edges[1],
    }


def toy_fit(n_members, shift):
    rng = np.random.default_rng(n_members)
    best = TRUE_POINT + SIGMA * (shift + 0.1 * rng.standard_normal((n_members, 2)))
    replicas = best[:, None] + SIGMA * rng.standard_normal((n_members, 50, 2))
    return {
        "member": np.arange(n_members),
        "sin2_2theta23": replicas[..., 0].clip(max=1.0),
        "dm2_32": replicas[..., 1],
        "best_sin2_2theta23": best[:, 0],
        "best_dm2_32": best[:, 1],
        "flux_parameters": rng.standard_normal((n_members, 2)),
    }


SIZES = {
    "truth": 1,
    "truth_smeared": 1,
    "nominal": 1,
    "seeds": 3,
    "nd30m": 3,
    "nd3m": 3,
    "smeared": 3,
    "flux_truth": 4,
    "flux": 4,
    "systematics": 5,
}
INTERVALS = {name: toy_intervals(0.2 * size) for name, size in SIZES.items()}
FITS = {name: toy_fit(size, 0.2 * size) for name, size in SIZES.items()}
CONTOURS = (INTERVALS, FITS, TRUE_POINT)

N_CELLS = 12
V = (np.arange(N_CELLS) + 0.5) / N_CELLS
DENSITY = np.where(V[:, None] + V < 1.2, 1.0 + V[:, None], 0.0)
DENSITY /= DENSITY.mean()


def toy_near_detector():
    """One member each: histograms that exceed the truth by 2 errors in every cell."""
    near, predictions = {}, {}
    for name, n_events in (("nd30m", 3_000_000), ("nd3m", 300_000)):
        error = np.sqrt(DENSITY * DENSITY.size / n_events)
        near[name] = {"n_events": np.array(n_events), "density": (DENSITY + 2 * error)[None]}
        predictions[name] = {"near": (DENSITY - 0.5 * error)[None]}
    return {"v1": V, "v2": V, "near": DENSITY}, near, predictions


def toy_response():
    """Every event is measured one cell higher in v1, or in its own cell, three to one."""
    n = N_CELLS**2
    return sp.csr_array(0.25 * sp.eye_array(n) + 0.75 * sp.eye_array(n, k=-N_CELLS))


ENERGY = np.linspace(0.0, 10.0, 21)
FLUX = {
    "energy": ENERGY,
    "near": 3e-8 * np.exp(-0.5 * (ENERGY - 2.5) ** 2),
    "far": 3e-8 * np.exp(-0.5 * (ENERGY - 2.5) ** 2),
    "near_modes": np.stack([0.03 * np.ones(21), 0.004 * ENERGY]),
    "far_modes": np.stack([0.04 * np.ones(21), 0.003 * ENERGY]),
}
OSCILLATION = {"energy": ENERGY, "survival_probability": np.cos(ENERGY) ** 2}


def toy_coverage(n_experiments, best_mixing):
    rng = np.random.default_rng(n_experiments)
    return {
        "n_sigma": np.array([1.0, 2.0]),
        "n_experiments": np.array(n_experiments),
        "coverage": np.array([[0.6, 0.7, 0.8], [0.9, 0.95, 1.0]]),
        "best_sin2_2theta23": best_mixing,
        "best_dm2_32": TRUE_POINT[1] + SIGMA[1] * rng.standard_normal(n_experiments),
        "sigma_sin2_2theta23": np.full(n_experiments, SIGMA[0]),
        "sigma_dm2_32": np.full(n_experiments, SIGMA[1]),
        "true_sin2_2theta23": np.array(TRUE_POINT[0]),
        "true_dm2_32": np.array(TRUE_POINT[1]),
    }


COVERAGE = {
    "truth": toy_coverage(20, np.repeat([0.99, 1.0], [15, 5])),
    "systematics": toy_coverage(10, np.full(10, 0.987)),
}

OCTANT_ANGLE = np.linspace(0.4, 0.6, 41)


def toy_octants():
    """Nine replicas in ten in the upper octant."""
    intervals, fits = {}, {}
    for name in ("truth", "nominal"):
        theta = np.tile([0.45, 0.55], (1, 50, 1)) + np.linspace(-0.02, 0.02, 50)[:, None]
        likelihood = np.where(np.arange(50)[:, None] < 5, [1.0, 0.0], [0.0, 1.0])[None]
        region = (np.abs(OCTANT_ANGLE - 0.55) < 0.02)[:, None] & (np.abs(MASS - 2.45e-3) < 3e-5)
        intervals[name] = {
            "sin2_theta23": OCTANT_ANGLE,
            "dm2_32": MASS,
            "octant_mask": np.stack([region, region]),
        }
        fits[name] = {
            "octant_sin2_theta23": theta,
            "octant_dm2_32": 2.45e-3 + 1e-3 * (theta - 0.5),
            "octant_log_likelihood": likelihood,
            "best_octant_sin2_theta23": np.array([[0.45, 0.55]]),
            "best_octant_dm2_32": np.array([[2.44e-3, 2.46e-3]]),
        }
    return intervals, fits, (0.45, 2.44e-3)


def toy_slices(shift):
    density = np.stack([DENSITY, DENSITY])[None]
    moved = (1.0 - shift) * density + shift * density[:, :, ::-1]
    return {"v1": V, "v2": V, "energy": np.array([2.5, 7.5]), "density": moved}


N_NODES = 8
AXIS = np.linspace(0.0, 1.0, N_NODES)
TRUE_W = np.stack([np.full((N_NODES, N_NODES), value) for value in (1.0, 2.0, 3.0)])
WEIGHTS = {
    "xi": AXIS,
    "tau": AXIS,
    # Shares of 1/14, 4/14 and 9/14 at the ND, without events at x < 0.2.
    "near": TRUE_W * (AXIS > 0.45)[:, None] / (14 * 4 * N_NODES),
    "far": np.ones_like(TRUE_W) / (6 * N_NODES**2),
}
TOY_TRUTH = {
    "v1": V,
    "v2": V,
    "near": DENSITY,
    "far": DENSITY,
    "energy": ENERGY[1:],
    "near_flux": FLUX["near"][1:],
    "sigma_total": 0.7 * ENERGY[1:],
    "structure_functions": TRUE_W,
}


def toy_predictions(factor):
    sigma = ENERGY[1:] * np.linspace(1.0, factor, 20) / 2.5
    return {"near": DENSITY[None, ::-1], "far": DENSITY[None, ::-1], "sigma_total": sigma[None]}


def toy_members(n_members):
    loss = np.geomspace(1.0, 1e-6, 30) * np.arange(1, n_members + 1)[:, None]
    return {
        "loss": loss,
        "test_step": np.arange(0, 30, 5),
        "test_loss": 3.0 * loss[:, ::5],
        "best_step": np.full(n_members, 29),
        "structure_functions": TRUE_W * np.arange(1, n_members + 1)[:, None, None, None],
    }


FLOWS = {"loss": np.tile(np.geomspace(1, 1e-3, 100), (2, 1)), "final_loss": np.array([2e-4, 3e-4])}

FIGURES = {
    "fig1": fig1.draw,
    "fig4": lambda: fig4.draw(toy_slices(0.0), toy_slices(0.1)),
    "fig6": lambda: fig6.draw(toy_members(2), toy_members(3), 30_000_000),
    "fig7": lambda: fig7.draw(TOY_TRUTH, toy_members(2), WEIGHTS),
    "fig8": lambda: fig8.draw(*CONTOURS),
    "fig9": lambda: fig9.draw(*toy_octants()),
    "fig10": lambda: fig10.draw(TOY_TRUTH, toy_predictions(1), FLOWS, toy_members(2)),
    "fig11": lambda: fig11.draw(
        TOY_TRUTH, toy_predictions(2), toy_predictions(1), toy_slices(0.0), toy_slices(0.3)
    ),
    "fig12": lambda: fig12.draw(*CONTOURS, *toy_near_detector()),
    "fig13": lambda: fig13.draw(*CONTOURS, toy_response(), V, V, 10.0),
    "fig14": lambda: fig14.draw(FLUX, OSCILLATION, FITS["flux"]["flux_parameters"]),
    "fig15": lambda: fig15.draw(*CONTOURS),
    "fig16": lambda: fig16.draw(*CONTOURS),
    "fig17": lambda: fig17.draw(*CONTOURS),
    "fig18": lambda: fig18.draw(FLUX, OSCILLATION, TOY_TRUTH, WEIGHTS),
    "fig19": lambda: fig19.draw(COVERAGE),
}


@pytest.fixture(scope="module", params=FIGURES)
def saved(request, tmp_path_factory):
    """A figure, laid out, and what was written for it and for another drawn in the same way."""
    contents = []
    for _ in range(2):
        path = tmp_path_factory.mktemp("figures") / "figure.pdf"
        figure = FIGURES[request.param]()
        save(figure, [str(path)])
        contents.append(path.read_bytes())
    return figure, contents


def test_equal_input_gives_equal_bytes(saved):
    _, (first, second) = saved
    assert first == second
    assert first.startswith(b"%PDF")


def test_formats_do_not_depend_on_each_other(tmp_path):
    """Written after the PDF file, or alone."""
    for directory, formats in (("both", ("pdf", "png")), ("one", ("png",))):
        (tmp_path / directory).mkdir()
        save(FIGURES["fig13"](), [str(tmp_path / directory / f"a.{ext}") for ext in formats])
    assert (tmp_path / "both/a.png").read_bytes() == (tmp_path / "one/a.png").read_bytes()


def test_axes_with_numbers_are_labelled(saved):
    figure, _ = saved
    for panel in figure.axes:
        if panel.get_label() == "<colorbar>":
            assert panel.get_xlabel() or panel.get_ylabel()
        else:
            assert panel.get_xlabel() or not has_numbers(panel.xaxis)
            assert panel.get_ylabel() or not has_numbers(panel.yaxis)


def has_numbers(axis):
    labels = [tick.label1 for tick in axis.get_major_ticks() if tick.label1.get_visible()]
    return any(label.get_text()[-1:].isdecimal() for label in labels)


def line_with(panel, **properties):
    """The only line of a panel with these properties."""
    (line,) = (
        line
        for line in panel.lines
        if all(plt.getp(line, name) == value for name, value in properties.items())
    )
    return line


def draw_truth_and_nominal(intervals):
    cell = plt.figure().add_gridspec()[0]
    curves = {"truth": Curve("a", TRUTH, "--", "+"), "nominal": Curve("b", LEARNED, "-", "x")}
    return draw_contours(cell, curves, intervals, FITS, TRUE_POINT, side=0.2)


def test_contours_enclose_the_points_of_the_regions():
    panel = draw_truth_and_nominal(INTERVALS).main
    points = np.stack(np.meshgrid(MIXING, MASS * MILLI, indexing="ij"), axis=-1).reshape(-1, 2)
    masks = [mask for name in ("truth", "nominal") for mask in INTERVALS[name]["mask"]]
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


def test_an_empty_region_is_not_drawn():
    """Members that agree on nothing, at one sigma."""
    empty = dict(INTERVALS["nominal"], mask=INTERVALS["nominal"]["mask"] * [[[False]], [[True]]])
    panel = draw_truth_and_nominal(INTERVALS | {"nominal": empty}).main
    assert len(panel.collections) == 3


def test_best_fits_of_all_members_are_drawn():
    _, panel, _ = fig17.draw(*CONTOURS).axes
    fit = FITS["systematics"]
    np.testing.assert_allclose(
        line_with(panel, color=LEARNED).get_xydata(),
        np.stack([fit["best_sin2_2theta23"], fit["best_dm2_32"] * MILLI], axis=1),
    )


def test_bars_are_the_intervals():
    top, _, right = fig17.draw(*CONTOURS).axes
    intervals = INTERVALS["systematics"]
    for level, width in enumerate((2.8, 0.7)):
        bar = line_with(top, color=LEARNED, linewidth=width)
        np.testing.assert_array_equal(bar.get_xdata(), intervals["interval_sin2_2theta23"][level])
        bar = line_with(right, color=LEARNED, linewidth=width)
        np.testing.assert_allclose(bar.get_ydata(), intervals["interval_dm2_32"][level] * MILLI)


def test_near_detector_differences_are_in_poisson_errors():
    panels = fig12.draw(*CONTOURS, *toy_near_detector()).axes[3:7]
    maps = [panel.collections[0].get_array() for panel in panels]
    for image, pull in zip(maps, (2.0, -0.5, 2.0, -0.5), strict=True):
        np.testing.assert_array_equal(np.ma.getmaskarray(image), DENSITY.T == 0)
        np.testing.assert_allclose(image.compressed(), pull)


def test_response_is_drawn_where_events_are_measured():
    panel = fig13.draw(*CONTOURS, toy_response(), V, V, 10.0).axes[0]
    image = panel.collections[0].get_array().filled(0.0)
    energy, degrees = np.array(fig13.MUONS).T
    v1, v2 = density_variables_from_muon(energy, np.cos(np.radians(degrees)), 10.0)
    column, row = (v1 * N_CELLS).astype(int), (v2 * N_CELLS).astype(int)
    inside = column < N_CELLS - 1
    assert inside.sum() > 4
    np.testing.assert_allclose(image[row[inside], column[inside] + 1], 1.0)
    assert (image > 0.5).sum() == inside.sum()


def test_flux_band_and_draws():
    z = FITS["flux"]["flux_parameters"]
    panels = fig14.draw(FLUX, OSCILLATION, z).axes
    for panel, modes in zip(panels[2:], (FLUX["near_modes"], FLUX["far_modes"]), strict=True):
        drawn = np.array([line.get_ydata() for line in panel.lines if line.get_color() == LEARNED])
        np.testing.assert_allclose(drawn, 100 * np.einsum("dk,ke->de", z, modes))
        edges = panel.collections[0].get_paths()[0].vertices[:, 1]
        assert edges.max() == pytest.approx(100 * np.hypot(*modes).max())
        assert edges.min() == -edges.max()
    oscillated = line_with(panels[1], color=TRUTH, linestyle="-").get_ydata()
    np.testing.assert_allclose(
        oscillated, OSCILLATION["survival_probability"] * FLUX["far"] / FLUX["near"].max()
    )


def test_seeds_are_enlarged_in_units_of_the_statistical_error():
    enlarged = fig16.draw(*CONTOURS).axes[-1]
    points = line_with(enlarged, color=LEARNED).get_xydata()
    for column, name in enumerate(("sin2_2theta23", "dm2_32")):
        distance = FITS["seeds"][f"best_{name}"] - FITS["truth"][f"best_{name}"]
        np.testing.assert_allclose(points[:, column] * FITS["truth"][name].std(), distance)


def test_histograms_of_pulls():
    """Of the first ensemble 15 fits are at the truth and 5 at the limit, 3.3 sigma off."""
    _, panel, _ = fig19.draw(COVERAGE).axes
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
    panel = fig19.draw(COVERAGE).axes[0]
    drawn = [
        container.lines[0].get_ydata()
        for container in panel.containers
        if container.lines[0].get_color() == LEARNED
    ]
    np.testing.assert_allclose(drawn, 100 * COVERAGE["systematics"]["coverage"])


@pytest.mark.parametrize(("successes", "n"), [(0, 5), (3, 5), (5, 5), (680, 1000)])
def test_wilson_interval(successes, n):
    one_sigma = 0.6826894921370859
    expected = binomtest(successes, n).proportion_ci(one_sigma, method="wilson")
    edges = fig19.wilson_interval(np.array(successes / n), n)
    np.testing.assert_allclose(edges, [expected.low, expected.high], atol=1e-12)


def test_boxes_of_the_diagram_do_not_overlap():
    """Nor do their texts leave them."""
    figure = fig1.draw()
    figure.draw_without_rendering()
    (axis,) = figure.axes
    boxes = [patch.get_window_extent() for patch in axis.patches[: len(fig1.BOXES)]]
    texts = [text.get_window_extent() for text in axis.texts[: len(fig1.BOXES)]]
    for index, (box, text) in enumerate(zip(boxes, texts, strict=True)):
        assert box.x0 < text.x0 < text.x1 < box.x1
        assert box.y0 < text.y0 < text.y1 < box.y1
        assert box.count_overlaps(boxes[index + 1 :]) == 0
    for text in axis.texts[len(fig1.BOXES) :]:
        assert text.get_window_extent().count_overlaps(boxes) == 0


def test_slices_are_compared_with_the_truth_in_percent_of_the_peak():
    rows = np.array(fig4.draw(toy_slices(0.0), toy_slices(0.1)).axes[:6]).reshape(3, 2)
    expected = 100 * 0.1 * (DENSITY[::-1] - DENSITY) / DENSITY.max()
    for axis in rows[2]:
        shown = axis.collections[0].get_array()
        np.testing.assert_allclose(shown.compressed(), expected.T[~shown.mask], atol=1e-12)
    for axis in rows[0]:
        assert axis.collections[0].get_array().max() == 1.0


def test_losses_are_those_of_the_artifacts():
    left, right = fig6.draw(toy_members(2), toy_members(3), 30_000_000).axes
    members = toy_members(3)
    *drawn, _ = (line.get_ydata() for line in right.lines if line.get_color() == LEARNED)
    np.testing.assert_array_equal(drawn, members["loss"])
    kept = line_with(right, linestyle="None")
    np.testing.assert_array_equal(kept.get_xdata(), members["best_step"] + 1)
    np.testing.assert_array_equal(kept.get_ydata(), members["loss"].min(axis=1))
    assert len(left.lines) == len(right.lines) - 2 == 2 * 2 + 1


def test_learned_structure_functions_have_the_event_rate_of_the_truth():
    """Only a member's shape counts; where there are no ND events it is not drawn as learned."""
    panels = fig7.draw(TOY_TRUTH, toy_members(2), WEIGHTS).axes
    for i, panel in enumerate(panels[:3]):
        solid = [line.get_ydata() for line in panel.lines if line.get_linestyle() == "-"]
        assert len(solid) == 2 * len(fig7.Q2_SHOWN)
        for values in solid:
            np.testing.assert_array_equal(np.isnan(values), AXIS < 0.45)
            np.testing.assert_allclose(values[AXIS > 0.45], i + 1.0)


def test_shares_of_the_structure_functions_are_written_in_the_panels():
    panels = fig7.draw(TOY_TRUTH, toy_members(2), WEIGHTS).axes[3:6]
    for i, panel in enumerate(panels, start=1):
        (text,) = panel.texts
        near, far = 100 * i**2 / 14, 100 * i / 6
        assert text.get_text() == f"ND: {near:.1f} % of events\nFD: {far:.1f} % of events"


def test_better_octant_of_each_replica_is_counted():
    """Five of 50 replicas are in the lower octant, and a best fit is in either."""
    figure = fig9.draw(*toy_octants())
    main, top = (
        next(panel for panel in figure.axes if condition(panel))
        for condition in (lambda panel: panel.get_xlabel(), lambda panel: panel.patches)
    )
    lines = [patch for patch in top.patches if isinstance(patch, Polygon)]
    assert len(lines) == 2
    for line in lines:
        x, y = line.get_xy().T
        # A step outline: every bin has its height at both edges.
        area = np.diff(x) * y[:-1]
        assert area[x[:-1] < 0.5].sum() / area.sum() == pytest.approx(0.1, abs=0.03)
    # Behind them: all replicas once in each octant.
    bars = [patch for patch in top.patches if isinstance(patch, Rectangle)]
    below = sum(bar.get_height() for bar in bars if bar.get_x() + bar.get_width() / 2 < 0.5)
    assert below == sum(bar.get_height() for bar in bars) - below == 50
    points = line_with(main, marker="x").get_xdata()
    np.testing.assert_array_equal(points, [0.45, 0.55])
    low, high = main.get_xlim()
    assert low <= 0.43
    assert high >= 0.57


def test_event_density_in_x_and_Q2_has_unit_integral():
    maps = [a for a in fig18.draw(FLUX, OSCILLATION, TOY_TRUTH, WEIGHTS).axes if a.get_title()]
    cell = (AXIS[1] - AXIS[0]) ** 2
    for panel in maps:
        assert panel.collections[0].get_array().sum() * cell == pytest.approx(1.0)
