"""The figures of ensembles, flux and coverage: drawn from small arrays that are known."""

from pathlib import Path
from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np
import pytest
import scipy.sparse as sp
from matplotlib.colors import to_hex
from matplotlib.patches import Polygon
from matplotlib.path import Path as Polyline
from scipy.stats import binomtest

from nd2fd.figures import (
    calibration,
    energy_slices,
    ensemble_contours,
    event_densities,
    flow_far,
    flow_near,
    fluxes,
    inputs,
    joint_calibration,
    joint_contours,
    losses,
    marginals,
    near_statistics,
    octants,
    oscillation_contours,
    procedure,
    seeds,
    smearing,
    structure_functions,
    total_cross_section,
)
from nd2fd.figures.contours import MILLI, Contours, curves_of, draw_contours
from nd2fd.figures.style import ACCENT, LEARNED, NEUTRAL, SECOND, TRUTH, save, use_style
from nd2fd.physics.kinematics import density_variables_from_lepton, kinematics, outline
from toy import SETUP, setup

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


@pytest.fixture(autouse=True)
def closed():
    """Figures that a test leaves open."""
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
    return SimpleNamespace(
        n_sigma=n_sigma,
        sin2_2theta23=MIXING,
        dm2_32=MASS,
        margin=1.0 - distance / (1.5 * n_sigma[:, None, None]),
        interval_sin2_2theta23=np.minimum(edges[0], 1.0),
        interval_dm2_32=edges[1],
    )


def toy_fit(n_members, shift):
    rng = np.random.default_rng(n_members)
    best = TRUE_POINT + SIGMA * (shift + 0.1 * rng.standard_normal((n_members, 2)))
    replicas = best[:, None] + SIGMA * rng.standard_normal((n_members, 50, 2))
    return SimpleNamespace(
        member=np.arange(n_members),
        sin2_2theta23=replicas[..., 0].clip(max=1.0),
        dm2_32=replicas[..., 1],
        best_sin2_2theta23=best[:, 0],
        best_dm2_32=best[:, 1],
        flux_parameters=rng.standard_normal((n_members, 2)),
    )


SIZES = {"truth": 1, "smeared_truth": 1, "one": 1, "few": 3, "drawn": 4, "many": 5}
ROLES = {"truth": "reference", "smeared_truth": "known", "drawn": "varied"}
INTERVALS = {name: toy_intervals(0.2 * size) for name, size in SIZES.items()}
FITS = {name: toy_fit(size, 0.2 * size) for name, size in SIZES.items()}


def contours_of(*names, intervals=INTERVALS, fits=FITS):
    shown = {
        name: {"role": ROLES.get(name, "learned"), "label": name, "size": SIZES[name]}
        for name in names
    }
    return Contours(curves_of(shown), intervals, fits)


N_CELLS = 12
V = (np.arange(N_CELLS) + 0.5) / N_CELLS
DENSITY = np.where(V[:, None] + V < 1.2, 1.0 + V[:, None], 0.0)
DENSITY /= DENSITY.mean()


SAMPLED = {"few": 3_000_000, "many": 300_000}


def toy_near_detector():
    """One member each: histograms that exceed the truth by 2 errors in every cell."""
    near, predictions = {}, {}
    for name, n_events in SAMPLED.items():
        error = np.sqrt(DENSITY * DENSITY.size / n_events)
        density = (DENSITY + 2 * error)[None]
        near[name] = SimpleNamespace(n_events=np.array(n_events), density=density)
        predictions[name] = SimpleNamespace(near=(DENSITY - 0.5 * error)[None])
    return SimpleNamespace(v1=V, v2=V, near=DENSITY), near, predictions


def draw_near_statistics():
    return near_statistics.draw(contours_of("truth", *SAMPLED), TRUE_POINT, *toy_near_detector())


def toy_response():
    """Every event is measured one cell higher in v1, or in its own cell, three to one."""
    n = N_CELLS**2
    matrix = sp.csr_array(0.25 * sp.eye_array(n) + 0.75 * sp.eye_array(n, k=-N_CELLS))
    return SimpleNamespace(v1=V, v2=V, matrix=lambda: matrix)


def draw_smearing(of_setup=SETUP):
    contours = contours_of("smeared_truth", "truth", "few")
    return smearing.draw(contours, TRUE_POINT, toy_response(), of_setup)


ENERGY = np.linspace(0.0, 10.0, 21)
FLUX = SimpleNamespace(
    energy=ENERGY,
    near=3e-8 * np.exp(-0.5 * (ENERGY - 2.5) ** 2),
    far=3e-8 * np.exp(-0.5 * (ENERGY - 2.5) ** 2),
    near_modes=np.stack([0.03 * np.ones(21), 0.004 * ENERGY]),
    far_modes=np.stack([0.04 * np.ones(21), 0.003 * ENERGY]),
)
OSCILLATION = SimpleNamespace(energy=ENERGY, survival_probability=np.cos(ENERGY) ** 2)


def toy_coverage(n_experiments, best_mixing):
    rng = np.random.default_rng(n_experiments)
    return SimpleNamespace(
        n_sigma=np.array([1.0, 2.0]),
        n_experiments=np.array(n_experiments),
        coverage=np.array([[0.6, 0.7, 0.8], [0.9, 0.95, 1.0]]),
        best_sin2_2theta23=best_mixing,
        best_dm2_32=TRUE_POINT[1] + SIGMA[1] * rng.standard_normal(n_experiments),
        sigma_sin2_2theta23=np.full(n_experiments, SIGMA[0]),
        sigma_dm2_32=np.full(n_experiments, SIGMA[1]),
        true_sin2_2theta23=np.array(TRUE_POINT[0]),
        true_dm2_32=np.array(TRUE_POINT[1]),
    )


COVERAGE = {
    "truth": toy_coverage(20, np.repeat([0.99, 1.0], [15, 5])),
    "many": toy_coverage(10, np.full(10, 0.987)),
}


def draw_calibration():
    return calibration.draw(COVERAGE, contours_of(*COVERAGE).curves)


OCTANT_ANGLE = np.linspace(0.4, 0.6, 41)


def draw_octants():
    """Data nine times as likely in the upper octant, one replica in five at maximal mixing."""
    intervals, fits = {}, {}
    for name in ("truth", "one"):
        theta = np.tile([0.45, 0.55], (1, 50, 1)) + np.linspace(-0.02, 0.02, 50)[:, None]
        theta[0, :10, 1] = 0.5
        region = 1.0 - np.hypot(
            (OCTANT_ANGLE[:, None] - 0.55) / 0.02, (MASS[None, :] - 2.45e-3) / 3e-5
        )
        intervals[name] = SimpleNamespace(
            sin2_theta23=OCTANT_ANGLE, dm2_32=MASS, octant_margin=np.stack([region, region])
        )
        fits[name] = SimpleNamespace(
            octant_sin2_theta23=theta,
            octant_dm2_32=2.45e-3 + 1e-3 * (theta - 0.5),
            best_octant_log_likelihood=np.log([[0.1, 0.9]]),
            best_octant_sin2_theta23=np.array([[0.45, 0.55]]),
            best_octant_dm2_32=np.array([[2.44e-3, 2.46e-3]]),
        )
    contours = contours_of("truth", "one", intervals=intervals, fits=fits)
    return octants.draw(contours, (0.45, 2.44e-3))


JOINT_ANGLE = np.linspace(0.38, 0.62, 49)
JOINT_WIDTHS = np.array([3e-5, 2e-5])
"""Half-widths of Δm²32 with the learned and with the known cross section [eV²]."""


def toy_joint_fit():
    """Two solutions in sin²θ23, a parabola in Δm²32: 1.5 times as wide with the learned one."""
    angle = ((np.abs(JOINT_ANGLE - 0.5) - 0.04) / 0.015) ** 2
    mass = ((MASS - 2.45e-3) / JOINT_WIDTHS[:, None]) ** 2
    return SimpleNamespace(
        sin2_theta23=JOINT_ANGLE,
        dm2_32=MASS,
        delta=np.stack([angle, angle])[:, :, None] + mass[:, None, :],
        profile_sin2_theta23=np.stack([angle, angle]),
        profile_dm2_32=mass,
        best_sin2_theta23=np.array([0.46, 0.54]),
        best_dm2_32=np.array([2.45e-3, 2.45e-3]),
    )


def beside_joint_fit():
    """An ensemble with an interval in either octant, 2.40 to 2.50 and 2.35 to 2.55."""
    angle = np.array([[[0.43, 0.47], [0.53, 0.57]], [[0.41, 0.59], [np.nan, np.nan]]])
    region = 1.0 - np.hypot((JOINT_ANGLE[:, None] - 0.55) / 0.02, (MASS[None, :] - 2.45e-3) / 3e-5)
    intervals = SimpleNamespace(
        sin2_theta23=JOINT_ANGLE,
        dm2_32=MASS,
        octant_margin=np.stack([region, region + 1]),
        interval_sin2_theta23=angle,
        interval_dm2_32=np.array([[2.40e-3, 2.50e-3], [2.35e-3, 2.55e-3]]),
    )
    fits = SimpleNamespace(
        best_octant_sin2_theta23=np.array([[0.45, 0.55]]),
        best_octant_dm2_32=np.array([[2.44e-3, 2.46e-3]]),
    )
    return joint_contours.Ensemble("an ensemble", intervals, fits)


def toy_toys():
    """Thresholds of 1.8 and 5, 0.8 and 3, 0.9 and 3.5 at sin²θ23 = 0.38, half as much at 0.62."""
    at_low = np.array([[[1.8, 0.8, 0.9]] * 2, [[5.0, 3.0, 3.5]] * 2])
    of_toys = np.concatenate([np.repeat(at_low[:1], 690, 0), np.repeat(at_low[1:], 310, 0)])
    return SimpleNamespace(
        sin2_theta23=np.array([0.38, 0.62]), tests=np.stack([of_toys, of_toys / 2])
    )


def draw_joint_contours():
    fits = {
        "exact": joint_contours.Shown(toy_joint_fit(), None, None),
        "smeared": joint_contours.Shown(toy_joint_fit(), toy_toys(), beside_joint_fit()),
    }
    return joint_contours.draw(fits, (0.45, 2.44e-3))


def toy_joint_coverage(n_experiments=30):
    rng = np.random.default_rng(5)
    pulls = rng.standard_normal((n_experiments, 2))
    widths = np.tile(JOINT_WIDTHS, (n_experiments, 1))
    return SimpleNamespace(
        n_sigma=np.array([1.0, 2.0]),
        n_experiments=np.array(n_experiments),
        coverage=np.array([COVERAGE["many"].coverage, COVERAGE["many"].coverage - 0.1]),
        calibrated=np.array([COVERAGE["many"].coverage - 0.05, COVERAGE["many"].coverage]),
        best_dm2_32=TRUE_POINT[1] + pulls * widths,
        half_width_dm2_32=widths,
        true_dm2_32=np.array(TRUE_POINT[1]),
    )


def draw_joint_calibration():
    fit = joint_calibration.TestedFit("joint", "known", toy_joint_coverage())
    ensembles = [
        joint_calibration.TestedEnsemble(name, known, COVERAGE[name], INTERVALS[name], unit)
        for name, known, unit in (("truth", True, None), ("many", False, fit.coverage))
    ]
    return joint_calibration.draw(ensembles, [fit])


def toy_slices(shift):
    density = np.stack([DENSITY, DENSITY])[None]
    moved = (1.0 - shift) * density + shift * density[:, :, ::-1]
    return SimpleNamespace(v1=V, v2=V, energy=np.array([2.5, 7.5]), density=moved)


N_NODES = 8
AXIS = np.linspace(0.0, 1.0, N_NODES)
NODES = {
    "xi": AXIS, "tau": AXIS, "x_max": np.array(1.0), "Q2_max": np.array(20.0), "Q2_scale": None,
}  # fmt: skip
TRUE_W = np.stack([np.full((N_NODES, N_NODES), value) for value in (1.0, 2.0, 3.0)])
WEIGHTS = SimpleNamespace(
    **NODES,
    # Shares of 1/14, 4/14 and 9/14 at the ND, without events at x < 0.2.
    near=TRUE_W * (AXIS > 0.45)[:, None] / (14 * 4 * N_NODES),
    far=np.ones_like(TRUE_W) / (6 * N_NODES**2),
)
TOY_TRUTH = SimpleNamespace(
    **NODES,
    v1=V,
    v2=V,
    near=DENSITY,
    far=DENSITY,
    energy=ENERGY[1:],
    near_flux=FLUX.near[1:],
    sigma_total=0.7 * ENERGY[1:],
    structure_functions=TRUE_W,
)


def toy_predictions(factor):
    sigma = ENERGY[1:] * np.linspace(1.0, factor, 20) / 2.5
    return SimpleNamespace(
        near=DENSITY[None, ::-1], far=DENSITY[None, ::-1], sigma_total=sigma[None]
    )


def toy_marginals(factor):
    """Flat but for the last bin, which is almost empty."""
    variables = {
        "energy": 10.0 * V, "e_lepton": 10.0 * V, "cos_theta": 2 * V - 1, "v1": V, "v2": V
    }  # fmt: skip
    density = np.where(np.arange(N_CELLS) < N_CELLS - 1, factor, 1e-3)[None]
    return SimpleNamespace(
        member=np.arange(1),
        **variables,
        **{f"{detector}_{name}": density for name in variables for detector in ("near", "far")},
    )


def toy_members(n_members):
    loss = np.geomspace(1.0, 1e-6, 30) * np.arange(1, n_members + 1)[:, None]
    return SimpleNamespace(
        loss=loss,
        test_step=np.arange(0, 30, 5),
        test_loss=3.0 * loss[:, ::5],
        best_step=np.full(n_members, 29),
        structure_functions=TRUE_W * np.arange(1, n_members + 1)[:, None, None, None],
    )


def draw_losses():
    networks = {"exact": toy_members(2), "sampled": toy_members(3)}
    return losses.draw(networks, {"exact": 0, "sampled": 30_000_000})


def without_far(artifact):
    """As in an experiment without a far detector."""
    lost = {name: None for name in vars(artifact) if name.startswith("far")}
    return SimpleNamespace(**(vars(artifact) | lost))


FLOWS = SimpleNamespace(
    loss=np.tile(np.geomspace(1, 1e-3, 100), (2, 1)), final_loss=np.array([2e-4, 3e-4])
)

VARIED = ["network seed", "ND events", "flux", "muon energy scale"]
DRAWS = FITS["drawn"].flux_parameters
FIGURES = {
    "procedure": lambda: procedure.draw(False, VARIED),
    "event_densities": lambda: event_densities.draw(TOY_TRUTH, toy_predictions(1), SETUP),
    "marginals": lambda: marginals.draw(toy_marginals(1.0), toy_marginals(1.1), 10.0),
    "energy_slices": lambda: energy_slices.draw(toy_slices(0.0), toy_slices(0.1), SETUP),
    "total_cross_section": lambda: total_cross_section.draw(TOY_TRUTH, toy_predictions(2)),
    "losses": draw_losses,
    "structure_functions": lambda: structure_functions.draw(TOY_TRUTH, toy_members(2), WEIGHTS),
    "oscillation_contours": lambda: oscillation_contours.draw(
        contours_of("truth", "one"), TRUE_POINT
    ),
    "octants": draw_octants,
    "flow_near": lambda: flow_near.draw(
        TOY_TRUTH, toy_predictions(1), FLOWS, toy_members(2), SETUP
    ),
    "flow_far": lambda: flow_far.draw(
        TOY_TRUTH, toy_predictions(2), toy_predictions(1), toy_slices(0.0), toy_slices(0.3), SETUP
    ),
    "near_statistics": draw_near_statistics,
    "smearing": draw_smearing,
    "fluxes": lambda: fluxes.draw(FLUX, OSCILLATION, DRAWS, SETUP),
    "ensemble_contours": lambda: ensemble_contours.draw(contours_of(*SIZES), TRUE_POINT),
    "seeds": lambda: seeds.draw(contours_of("truth", "few"), "truth", TRUE_POINT),
    "inputs": lambda: inputs.draw(FLUX, OSCILLATION, TOY_TRUTH, WEIGHTS, SETUP),
    "calibration": draw_calibration,
    "joint_contours": draw_joint_contours,
    "joint_calibration": draw_joint_calibration,
}
NEAR_ONLY = {
    "event_densities": lambda: event_densities.draw(
        without_far(TOY_TRUTH), without_far(toy_predictions(1)), SETUP
    ),
    "marginals": lambda: marginals.draw(
        without_far(toy_marginals(1.0)), without_far(toy_marginals(1.1)), 10.0
    ),
    "structure_functions": lambda: structure_functions.draw(
        without_far(TOY_TRUTH), toy_members(2), without_far(WEIGHTS)
    ),
    "fluxes": lambda: fluxes.draw(without_far(FLUX), None, DRAWS, SETUP),
    "inputs": lambda: inputs.draw(
        without_far(FLUX), None, without_far(TOY_TRUTH), without_far(WEIGHTS), SETUP
    ),
}
ALL = FIGURES | {f"{name}, near only": draw for name, draw in NEAR_ONLY.items()}


@pytest.fixture(scope="module", params=ALL)
def saved(request, tmp_path_factory):
    """A figure, laid out, and what was written for it and for another drawn in the same way."""
    contents = []
    for _ in range(2):
        path = tmp_path_factory.mktemp("figures") / "figure.pdf"
        figure = ALL[request.param]()
        save(figure, [str(path)], "toy run")
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
        paths = [str(tmp_path / directory / f"a.{ext}") for ext in formats]
        save(FIGURES["smearing"](), paths, "")
    assert (tmp_path / "both/a.png").read_bytes() == (tmp_path / "one/a.png").read_bytes()


def test_the_note_disturbs_nothing(saved):
    """It stands outside of all axes, and no text is there."""
    figure, _ = saved
    (note,) = (text for text in figure.texts if text.get_text() == "toy run")
    # Of the diagram, the axes are all of the figure.
    taken = [axis.get_window_extent() for axis in figure.axes if axis.axison]
    taken += [
        text.get_window_extent()
        for text in figure.findobj(plt.Text)
        if text is not note and text.get_text() and text.get_visible()
    ]
    assert len(taken) > 10
    assert note.get_window_extent().count_overlaps(taken) == 0


def test_without_a_note_nothing_is_written(tmp_path):
    figure = FIGURES["losses"]()
    save(figure, [str(tmp_path / "a.png")], "")
    assert not figure.texts


@pytest.mark.parametrize("name", NEAR_ONLY)
def test_without_a_far_detector_there_is_nothing_of_it(name):
    """Neither panels nor words of it."""
    both, near = FIGURES[name](), NEAR_ONLY[name]()
    if name != "structure_functions":
        assert len(near.axes) < len(both.axes)

    def words(figure):
        return "\n".join(text.get_text() for text in figure.findobj(plt.Text))

    of_far = ("far detector", "fd", "rightarrow")
    assert any(word in words(both).lower() for word in of_far)
    assert not any(word in words(near).lower() for word in of_far)


@pytest.mark.parametrize(
    "draw",
    [
        lambda anti: procedure.draw(anti, VARIED),
        lambda anti: fluxes.draw(FLUX, OSCILLATION, DRAWS, setup(antineutrino=anti)),
        lambda anti: inputs.draw(FLUX, OSCILLATION, TOY_TRUTH, WEIGHTS, setup(antineutrino=anti)),
    ],
)
def test_labels_tell_neutrinos_from_antineutrinos(draw):
    def transitions(antineutrino):
        texts = draw(antineutrino).findobj(plt.Text)
        return [text.get_text() for text in texts if "rightarrow" in text.get_text()]

    (neutrino,), (antineutrino,) = transitions(False), transitions(True)
    assert antineutrino == neutrino.replace(r"\nu_\mu", r"\bar{\nu}_\mu") != neutrino


def test_axes_with_numbers_are_labelled(saved):
    """Or those to the left of them in the row are."""
    figure, _ = saved
    of_rows = {axis.get_position().y0 for axis in figure.axes if axis.get_ylabel()}
    for panel in figure.axes:
        if panel.get_label() == "<colorbar>":
            assert panel.get_xlabel() or panel.get_ylabel()
        else:
            assert panel.get_xlabel() or not has_numbers(panel.xaxis)
            assert panel.get_position().y0 in of_rows or not has_numbers(panel.yaxis)


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


def test_near_detector_differences_are_in_poisson_errors():
    panels = draw_near_statistics().axes[4:8]
    maps = [panel.collections[0].get_array() for panel in panels]
    for image, pull in zip(maps, (2.0, -0.5, 2.0, -0.5), strict=True):
        np.testing.assert_array_equal(np.ma.getmaskarray(image), DENSITY.T == 0)
        np.testing.assert_allclose(image.compressed(), pull)


@pytest.mark.parametrize("of_setup", [SETUP, setup(energy_max=2.5)])
def test_response_is_drawn_where_events_are_measured(of_setup):
    """With lower energies, too: the leptons shown go with E_max."""
    panel = draw_smearing(of_setup).axes[0]
    image = panel.collections[0].get_array().filled(0.0)
    share, degrees = np.array(smearing.LEPTONS).T
    energy = share * of_setup.energy_max
    v1, v2 = density_variables_from_lepton(energy, np.cos(np.radians(degrees)), of_setup)
    column, row = (v1 * N_CELLS).astype(int), (v2 * N_CELLS).astype(int)
    inside = column < N_CELLS - 1
    assert inside.sum() > 4
    np.testing.assert_allclose(image[row[inside], column[inside] + 1], 1.0)
    assert (image > 0.5).sum() == len(set(zip(row[inside], column[inside], strict=True)))
    assert panel.texts[0].get_text() == f"{energy[0]:.3g} GeV, 60°"


def test_flux_band_and_draws():
    z = DRAWS
    panels = FIGURES["fluxes"]().axes
    for panel, modes in zip(panels[2:], (FLUX.near_modes, FLUX.far_modes), strict=True):
        drawn = np.array([line.get_ydata() for line in panel.lines if line.get_color() == LEARNED])
        np.testing.assert_allclose(drawn, 100 * np.einsum("dk,ke->de", z, modes))
        edges = panel.collections[0].get_paths()[0].vertices[:, 1]
        assert edges.max() == pytest.approx(100 * np.hypot(*modes).max())
        assert edges.min() == -edges.max()
    oscillated = line_with(panels[1], color=TRUTH, linestyle="-").get_ydata()
    np.testing.assert_allclose(
        oscillated, OSCILLATION.survival_probability * FLUX.far / FLUX.near.max()
    )


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


def test_deviations_of_marginals_count_where_there_are_events():
    """10 % everywhere, but not in the last bin; energies end at E_max."""
    figure = marginals.draw(toy_marginals(1.0), toy_marginals(1.1), 5.0)
    deviation = figure.axes[1]
    (line,) = (line for line in deviation.lines if line.get_color() == LEARNED)
    np.testing.assert_allclose(line.get_ydata(), np.full(N_CELLS - 1, 10.0))
    # Up to E_max.
    assert figure.axes[0].get_xlim() == figure.axes[2].get_xlim() == (0.0, 5.0)


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


def test_boxes_of_the_diagram_do_not_overlap():
    """Nor do their texts leave them."""
    figure = procedure.draw(False, VARIED)
    boxes_shown = procedure.boxes(False)
    figure.draw_without_rendering()
    (axis,) = figure.axes
    boxes = [patch.get_window_extent() for patch in axis.patches[: len(boxes_shown)]]
    texts = [text.get_window_extent() for text in axis.texts[: len(boxes_shown)]]
    for index, (box, text) in enumerate(zip(boxes, texts, strict=True)):
        assert box.x0 < text.x0 < text.x1 < box.x1
        assert box.y0 < text.y0 < text.y1 < box.y1
        assert box.count_overlaps(boxes[index + 1 :]) == 0
    for text in axis.texts[len(boxes_shown) :]:
        assert text.get_window_extent().count_overlaps(boxes) == 0


def test_slices_are_compared_with_the_truth_in_percent_of_the_peak():
    rows = np.array(energy_slices.draw(toy_slices(0.0), toy_slices(0.1), SETUP).axes[:6]).reshape(
        3, 2
    )
    expected = 100 * 0.1 * (DENSITY[::-1] - DENSITY) / DENSITY.max()
    for axis in rows[2]:
        shown = axis.collections[0].get_array()
        np.testing.assert_allclose(shown, expected.T, atol=1e-12)
    for axis in rows[0]:
        assert axis.collections[0].get_array().max() == 1.0


def test_no_colour_of_the_slices_is_saturated():
    """A learned density three times that of the truth at its peak."""
    learned = toy_slices(0.0)
    learned.density = 3.0 * learned.density
    axes = energy_slices.draw(toy_slices(0.0), learned, SETUP).axes[:6]
    for axis, top in zip(axes, [3.0] * 4 + [200.0] * 2, strict=True):
        assert axis.collections[0].get_clim()[1] == pytest.approx(top)


@pytest.mark.parametrize("of_setup", [SETUP, setup(energy_max=2.5, x_max=2.0, lepton="electron")])
@pytest.mark.parametrize("share", [0.3, 1.0])
def test_maps_end_where_events_do(of_setup, share):
    """The border has the points with 0 < x < x_max and |cosθ| < 1 inside, and no others."""
    rng = np.random.default_rng(1)
    energy = share * of_setup.energy_max
    v1, v2 = rng.random((2, 20_000))
    inside = Polyline(outline(energy, of_setup)).contains_points(np.stack([v1, v2], axis=1))
    possible = kinematics(np.array(energy), v1, v2, of_setup).physical
    # The border is a polygon; the corner where x and Q² vanish together is cut by a hair.
    assert (inside != possible).mean() < 3e-3
    assert 0.1 < possible.mean() < 0.9


def test_maps_are_cut_along_the_border():
    figure = event_densities.draw(TOY_TRUTH, toy_predictions(1), SETUP)
    for axis in figure.axes[:6]:
        (image,) = axis.collections
        cut = image.get_clip_path().get_fully_transformed_path().vertices
        expected = outline(SETUP.energy_max, SETUP)
        np.testing.assert_allclose(axis.transData.inverted().transform(cut), expected, atol=1e-9)


def test_a_ratio_stays_in_its_frame_and_ends_where_there_are_no_events():
    """It would be a hundred there."""
    energy = TOY_TRUTH.energy
    sigma = TOY_TRUTH.sigma_total * np.where(energy > 6.0, 100.0, 1.1) / 2.5
    learned = SimpleNamespace(sigma_total=sigma[None])
    panel = total_cross_section.draw(TOY_TRUTH, learned).axes[1]
    (line,) = (line for line in panel.lines if line.get_color() == LEARNED)
    low, high = panel.get_ylim()
    drawn = line.get_ydata()
    assert np.isnan(drawn[energy > 6.0]).all()
    assert np.isfinite(drawn[np.abs(energy - 2.5) < 1.0]).all()
    assert low < np.nanmin(drawn) < np.nanmax(drawn) < high < 2.0


def test_every_curve_of_the_pulls_has_a_name():
    for panel in draw_calibration().axes[1:]:
        names = [text.get_text() for text in panel.get_legend().get_texts()]
        assert "unit Gaussian" in names


def test_losses_are_those_of_the_artifacts():
    left, right = draw_losses().axes
    members = toy_members(3)
    *drawn, _ = (line.get_ydata() for line in right.lines if line.get_color() == LEARNED)
    np.testing.assert_array_equal(drawn, members.loss)
    kept = line_with(right, linestyle="None")
    np.testing.assert_array_equal(kept.get_xdata(), members.best_step + 1)
    np.testing.assert_array_equal(kept.get_ydata(), members.loss.min(axis=1))
    assert len(left.lines) == len(right.lines) - 2 == 2 * 2 + 1


def test_learned_structure_functions_have_the_event_rate_of_the_truth():
    """Only a member's shape counts; where there are no ND events it is not drawn as learned."""
    panels = structure_functions.draw(TOY_TRUTH, toy_members(2), WEIGHTS).axes
    for i, panel in enumerate(panels[:3]):
        solid = [line.get_ydata() for line in panel.lines if line.get_linestyle() == "-"]
        assert len(solid) == 2 * len(structure_functions.Q2_SHOWN)
        for values in solid:
            np.testing.assert_array_equal(np.isnan(values), AXIS < 0.45)
            np.testing.assert_allclose(values[AXIS > 0.45], i + 1.0)


def test_shares_of_the_structure_functions_are_written_in_the_panels():
    panels = structure_functions.draw(TOY_TRUTH, toy_members(2), WEIGHTS).axes[3:6]
    for i, panel in enumerate(panels, start=1):
        (text,) = panel.texts
        near, far = 100 * i**2 / 14, 100 * i / 6
        assert text.get_text() == f"ND events: {near:.1f} %\nFD events: {far:.1f} %"


def test_octants_count_by_the_likelihood_of_the_data():
    """A replica has a tenth in the lower octant, all of it without a solution in the upper one."""
    figure = draw_octants()
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
        share = 0.8 * 0.1 + 0.2
        assert area[x[:-1] < 0.49].sum() / area.sum() == pytest.approx(share, abs=1e-9)
    points = line_with(main, marker="x").get_xdata()
    np.testing.assert_array_equal(points, [0.45, 0.55])
    low, high = main.get_xlim()
    assert low <= 0.43
    assert high >= 0.57


def test_event_density_in_x_and_Q2_has_unit_integral():
    maps = [a for a in FIGURES["inputs"]().axes if a.get_title()]
    cell = (AXIS[1] - AXIS[0]) ** 2
    for panel in maps:
        assert panel.collections[0].get_array().sum() * cell == pytest.approx(1.0)
