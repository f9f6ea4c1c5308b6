"""The figures, drawn from small arrays that are known: all, and those without regions."""

import csv
import re
from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.path import Path as Polyline

from nd2fd.figures import (
    energy_slices,
    event_densities,
    fluxes,
    inputs,
    marginals,
    procedure,
    smearing,
    structure_functions,
    total_cross_section,
)
from nd2fd.figures.data import as_csv
from nd2fd.figures.style import LEARNED, TRUTH, save
from nd2fd.physics.kinematics import density_variables_from_lepton, kinematics, outline
from toy import SETUP, setup
from toy_figures import (
    ALL,
    AXIS,
    DENSITY,
    DRAWS,
    FIGURES,
    FLUX,
    N_CELLS,
    NEAR_ONLY,
    OSCILLATION,
    TOY_TRUTH,
    VARIED,
    WEIGHTS,
    draw_losses,
    draw_near_statistics,
    draw_smearing,
    line_with,
    toy_marginals,
    toy_members,
    toy_predictions,
    toy_slices,
)

pytestmark = pytest.mark.usefixtures("figures")


@pytest.fixture(scope="module", params=ALL)
def saved(request, tmp_path_factory, figure_style):
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


def test_all_that_is_drawn_has_a_name_in_the_table(saved):
    """With nothing left of the bare numbers of matplotlib's artists; the diagram has no data."""
    figure, _ = saved
    if len(figure.axes) == 1 and not figure.axes[0].axison:
        return
    rows = list(csv.DictReader(as_csv(figure).splitlines()))
    assert rows
    names = {(row["panel"], row["series"]) for row in rows}
    assert not any(re.search(r"_child\d", name) for pair in names for name in pair)
    assert all(panel for panel, _ in names)


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


def test_deviations_of_marginals_count_where_there_are_events():
    """10 % everywhere, but not in the last bin; energies end at E_max."""
    figure = marginals.draw(toy_marginals(1.0), toy_marginals(1.1), 5.0)
    deviation = figure.axes[1]
    (line,) = (line for line in deviation.lines if line.get_color() == LEARNED)
    np.testing.assert_allclose(line.get_ydata(), np.full(N_CELLS - 1, 10.0))
    # Up to E_max.
    assert figure.axes[0].get_xlim() == figure.axes[2].get_xlim() == (0.0, 5.0)


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


def test_event_density_in_x_and_Q2_has_unit_integral():
    maps = [a for a in FIGURES["inputs"]().axes if a.get_title()]
    cell = (AXIS[1] - AXIS[0]) ** 2
    for panel in maps:
        assert panel.collections[0].get_array().sum() * cell == pytest.approx(1.0)
