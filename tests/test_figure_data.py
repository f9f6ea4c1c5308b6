"""Tables of what figures show: the arrays that are drawn, with the names of their quantities."""

import io
from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from nd2fd.figures import (
    event_densities,
    lepton_densities,
    lepton_octant,
    lepton_regions,
    lepton_sensitivity,
    lepton_structure_functions,
    losses,
    oscillation_contours,
)
from nd2fd.figures.contours import MILLI
from nd2fd.figures.data import as_csv, describe
from nd2fd.figures.style import save
from toy import SETUP
from toy_figures import DENSITY, TOY_TRUTH, V, draw_losses, toy_members, toy_predictions
from toy_fit_figures import COVERAGE, FITS, SIGMA, TRUE_POINT, contours_of, draw_calibration

pytestmark = pytest.mark.usefixtures("figures")

X = np.array([1.0, 2.0, 4.0])


def read(figure):
    return pd.read_csv(io.StringIO(as_csv(figure)))


def rows(table, series, panel=None):
    """Of a series, without the columns that it has not."""
    chosen = table[table["series"] == series]
    if panel is not None:
        chosen = chosen[chosen["panel"] == panel]
    assert len(chosen) > 0
    return chosen.dropna(axis=1, how="all").drop(columns=["series", "panel"])


@pytest.fixture
def panel():
    _, panel = plt.subplots()
    describe(panel, "near detector", "E (GeV)", "p (1/GeV)", "n")
    return panel


@pytest.mark.parametrize(
    ("draw", "expected"),
    [
        (
            lambda panel: panel.plot(X, [5, np.nan, 7], gid="a"),
            {"curve": [1, 1], "E (GeV)": [1, 4], "p (1/GeV)": [5, 7]},
        ),
        (
            lambda panel: panel.plot(X[:2], [[5, 6], [7, 8]], gid="a"),
            {"curve": [1, 1, 2, 2], "E (GeV)": [1, 2, 1, 2], "p (1/GeV)": [5, 7, 6, 8]},
        ),
        (
            lambda panel: panel.fill_between(X, [-1, -2, -3], [1, 2, 5], gid="a"),
            {
                "curve": [1, 1, 1],
                "E (GeV)": X,
                "p low (1/GeV)": [-1, -2, -3],
                "p high (1/GeV)": [1, 2, 5],
            },
        ),
        (
            lambda panel: panel.errorbar(
                X[:2], [5, 6], xerr=0.5, yerr=[[1, 2], [3, 4]], gid="a", label="b"
            ),
            {
                "curve": [1, 1],
                "E (GeV)": [1, 2],
                "p (1/GeV)": [5, 6],
                "p low (1/GeV)": [4, 4],
                "p high (1/GeV)": [8, 10],
                "E low (GeV)": [0.5, 1.5],
                "E high (GeV)": [1.5, 2.5],
            },
        ),
        (
            lambda panel: panel.stairs([5, 6], X, gid="a"),
            {
                "curve": [1, 1],
                "p (1/GeV)": [5, 6],
                "E low (GeV)": [1, 2],
                "E high (GeV)": [2, 4],
            },
        ),
        (
            lambda panel: panel.stairs([5, 6], X, orientation="horizontal", gid="a"),
            {
                "curve": [1, 1],
                "E (GeV)": [5, 6],
                "p low (1/GeV)": [1, 2],
                "p high (1/GeV)": [2, 4],
            },
        ),
        (
            lambda panel: panel.pcolormesh(
                [1, 3], [2, 4, 6], np.ma.masked_equal([[1, 2], [3, 0], [5, 6]], 0), gid="a"
            ),
            {
                "curve": [1] * 5,
                "E (GeV)": [1, 3, 1, 1, 3],
                "p (1/GeV)": [2, 2, 4, 6, 6],
                "n": [1, 2, 3, 5, 6],
            },
        ),
    ],
)
def test_what_is_drawn_is_in_the_table(panel, draw, expected):
    """Each kind of drawing, and nothing of lines across the panel, outlines and words."""
    draw(panel)
    panel.axhline(3.0)
    panel.fill([0, 1, 1], [0, 0, 1], fill=False)
    panel.annotate("word", (1, 1))
    found = rows(read(panel.figure), "a")
    assert set(found) == set(expected)
    for name, values in expected.items():
        np.testing.assert_allclose(found[name], values, rtol=1e-6)


def test_pieces_of_a_contour_are_curves_of_their_own(panel):
    """Two circles of radius 0.5 about ±1."""
    x = np.linspace(-2, 2, 201)
    distance = np.hypot(np.abs(x[:, None]) - 1, x[None, :])
    panel.contour(x, x, distance.T, levels=[0.5]).set_gid("region")
    found = rows(read(panel.figure), "region")
    assert set(found["curve"]) == {1, 2}
    for curve, side in found.groupby("curve"):
        middle = np.sign(side["E (GeV)"].iloc[0])
        assert (np.sign(side["E (GeV)"]) == middle).all(), curve
        radius = np.hypot(side["E (GeV)"] - middle, side["p (1/GeV)"])
        np.testing.assert_allclose(radius, 0.5, atol=1e-3)


def test_what_has_no_name_is_refused(panel):
    _, other = plt.subplots()
    other.plot(X, X, gid="a")
    with pytest.raises(ValueError, match="describe"):
        as_csv(other.figure)
    panel.plot(X, X)
    with pytest.raises(ValueError, match="'near detector' has neither gid nor label"):
        as_csv(panel.figure)


def test_what_cannot_be_read_is_refused(panel):
    panel.vlines(X, 0, 1)
    with pytest.raises(TypeError, match=r"nd2fd\.figures\.data"):
        as_csv(panel.figure)


def test_the_table_is_written_beside_the_figure(tmp_path):
    """It is that of the figure, whatever was written before it."""
    paths = [tmp_path / f"fig.{suffix}" for suffix in ("pdf", "csv")]
    figure = draw_losses()
    expected = as_csv(figure)
    save(figure, map(str, paths), "toy run")
    assert paths[1].read_text() == expected


def test_best_fits_and_regions_of_ensembles():
    """Regions are ellipses of 1.5 and 3 sigma about their centre; Δm² is in 1e-3 eV²."""
    table = read(oscillation_contours.draw(contours_of("truth", "one"), TRUE_POINT))
    best = rows(table, "one, best fits")
    np.testing.assert_allclose(best["sin2_2theta23"], FITS["one"].best_sin2_2theta23, rtol=1e-6)
    np.testing.assert_allclose(best["dm2_32 (1e-3 eV2)"], FITS["one"].best_dm2_32 * 1e3, rtol=1e-6)
    for n_sigma in (1, 2):
        edge = rows(table, f"truth, {n_sigma} sigma")
        centre = TRUE_POINT + 0.2 * SIGMA
        distance = np.hypot(
            (edge["sin2_2theta23"] - centre[0]) / SIGMA[0],
            (edge["dm2_32 (1e-3 eV2)"] / MILLI - centre[1]) / SIGMA[1],
        )
        np.testing.assert_allclose(distance, 1.5 * n_sigma, atol=0.1)
    # Of unit integral.
    replicas = rows(table, "one", "replicas, sin2_2theta23")
    width = replicas["sin2_2theta23 high"] - replicas["sin2_2theta23 low"]
    assert (replicas["density"] * width).sum() == pytest.approx(1.0, rel=1e-4)


def test_maps_of_densities():
    """One row for each cell, by its middle; the difference is learned less true."""
    prediction = toy_predictions(1)
    table = read(event_densities.draw(TOY_TRUTH, prediction, SETUP))
    maps = {}
    for series in ("truth", "learned", "difference"):
        chosen = rows(table, series, "Near detector")
        name = "difference (% of the peak)" if series == "difference" else "p(v1, v2)"
        maps[series] = chosen.pivot(index="v1", columns="v2", values=name)
        np.testing.assert_allclose(maps[series].index, V, rtol=1e-6)
        np.testing.assert_allclose(maps[series].columns, V, rtol=1e-6)
    np.testing.assert_allclose(maps["truth"], DENSITY, rtol=1e-6)
    np.testing.assert_allclose(maps["learned"], prediction.near[0], rtol=1e-6)
    expected = 100 * (prediction.near[0] - DENSITY) / DENSITY.max()
    np.testing.assert_allclose(maps["difference"], expected, rtol=1e-5, atol=1e-6)


def test_coverage_and_losses():
    """Of an ensemble three regions, in percent; of each member its own loss."""
    table = read(draw_calibration())
    for level, n_sigma in enumerate((1, 2)):
        found = rows(table, f"many, {n_sigma} sigma", "coverage")
        np.testing.assert_allclose(found["coverage (%)"], 100 * COVERAGE["many"].coverage[level])
        assert (found["coverage low (%)"] < found["coverage (%)"]).all()
    table = read(losses.draw({"many": toy_members(3)}, {"many": 0}))
    training = rows(table, "training").pivot(index="curve", columns="evaluation", values="loss")
    np.testing.assert_allclose(training, toy_members(3).loss, rtol=1e-6)


def toy_leptons():
    mixing, phase = np.linspace(0.4, 0.6, 21), np.linspace(0, 2 * np.pi, 41)
    mass = np.linspace(2.3e-3, 2.6e-3, 31)
    region = (mixing[:, None] / 0.02 - 25) ** 2 + (phase - np.pi) ** 2
    mass_region = (mixing[:, None] / 0.02 - 25) ** 2 + (mass / 5e-5 - 49) ** 2
    return SimpleNamespace(
        sin2_theta23=mixing,
        octant=np.arange(2 * 2 * 21.0).reshape(2, 2, 21),
        delta_cp=phase,
        delta_curve=np.arange(2 * 2 * 41.0).reshape(2, 2, 41),
        size_of_dm2_32=mass,
        mass_curve=np.arange(2 * 2 * 31.0).reshape(2, 2, 31),
        region=np.stack([region, 2 * region]),
        mass_region=np.stack([mass_region, 2 * mass_region]),
        true_delta_cp=phase,
        cp_violation=np.stack([phase, 2 * phase]),
        ordering=np.stack([phase**2, 3 * phase**2]),
    )


def test_curves_and_regions_of_leptons():
    fit = toy_leptons()
    table = read(lepton_octant.draw({"both": fit}, (0.5, np.pi, 2.45e-3)))
    mass = "size of dm2_32 (1e-3 eV2)"
    for panel, name, axis, curves, lines in (
        ("octant", "sin2_theta23", fit.sin2_theta23, fit.octant[:, ::-1], "samples"),
        ("CP phase", "delta_cp (pi)", fit.delta_cp / np.pi, fit.delta_curve, "ordering"),
        ("mass splitting", mass, 1e3 * fit.size_of_dm2_32, fit.mass_curve, "ordering"),
    ):
        of = {
            "samples": ("all far samples", "far muons alone"),
            "ordering": ("true ordering", "other ordering"),
        }[lines]
        for model, label in enumerate(("known cross section", "both")):
            for line, what in enumerate(of):
                found = rows(table, f"{label}, {what}", panel)
                np.testing.assert_allclose(found[name], axis, rtol=1e-6)
                if panel == "octant":
                    np.testing.assert_allclose(found["-2 Delta ln L"], curves[model, line])
                else:
                    squares = found["sqrt(-2 Delta ln L)"] ** 2
                    np.testing.assert_allclose(squares, curves[model, line], rtol=1e-5)
    table = read(lepton_sensitivity.draw({"both": fit}))
    for panel, values in (("CP violation", fit.cp_violation), ("mass ordering", fit.ordering)):
        found = rows(table, "both", panel)
        np.testing.assert_allclose(found["delta_cp (pi)"], fit.true_delta_cp / np.pi, rtol=1e-6)
        np.testing.assert_allclose(found["sqrt(-2 Delta ln L)"], values[1], rtol=1e-6)
    table = read(lepton_regions.draw({"both": fit}, (0.5, np.pi, 2.45e-3)))
    for n_sigma, height in ((1, 2.30), (2, 6.18)):
        edge = rows(table, f"both, {n_sigma} sigma", "CP phase")
        x, y = edge["sin2_theta23"] / 0.02 - 25, (edge["delta_cp (pi)"] - 1) * np.pi
        np.testing.assert_allclose(2 * (x**2 + y**2), height, rtol=0.1)
        edge = rows(table, f"both, {n_sigma} sigma", "mass splitting")
        x, y = edge["sin2_theta23"] / 0.02 - 25, edge["dm2_32 (1e-3 eV2)"] / 0.05 - 49
        np.testing.assert_allclose(2 * (x**2 + y**2), height, rtol=0.1)


def test_maps_of_lepton_densities():
    """Each sample at its place, of unit integral whatever the shares were."""
    rng = np.random.default_rng(3)
    true = {name: rng.random((2, 12, 12)) for name in ("near", "far")}
    learned = {name: values * 1.1 for name, values in true.items()}
    fit = SimpleNamespace(
        near_true=true["near"], near_learned=learned["near"] + 0.2 * rng.random((2, 12, 12)),
        far_true=true["far"], far_learned=learned["far"],
    )  # fmt: skip
    samples = [("Near electrons", False, 1), ("Far electrons", True, 0)]
    table = read(lepton_densities.draw(fit, SETUP, samples))
    for name, far, k in samples:
        for series, shares in (
            ("truth", (fit.far_true if far else fit.near_true)[k]),
            ("learned", (fit.far_learned if far else fit.near_learned)[k]),
        ):
            found = rows(table, series, name).pivot(index="v1", columns="v2", values="p(v1, v2)")
            np.testing.assert_allclose(found.index, (np.arange(12) + 0.5) / 12, rtol=1e-6)
            np.testing.assert_allclose(found, shares / shares.mean(), rtol=1e-6)


def test_lepton_structure_functions_with_their_errors():
    """Of one analysis with five functions and one with three, in units of the largest true W2."""
    n = 16
    nodes = {"xi": np.linspace(0, 1, n), "tau": np.linspace(0, 1, n), "x_max": np.array(1.0)}
    fits = {}
    for label, size in (("five", 5), ("three", 3)):
        values = np.arange(1.0, size + 1)[:, None, None] * np.ones((1, size, n, n))
        fits[label] = SimpleNamespace(
            **nodes, Q2_max=np.array(8.0), Q2_scale=None,
            structure_functions=1.2 * values, structure_function_errors=0.4 * values,
            true_structure_functions=values, weights=np.ones((1, 1, size, n, n)),
        )  # fmt: skip
    table = read(lepton_structure_functions.draw(fits))
    quantity, panel = "W (largest true W2)", "W3, Q2 = 2 GeV2"
    for label in fits:
        found = rows(table, label, panel)
        np.testing.assert_allclose(found[quantity], 1.2 * 3 / 2, rtol=1e-6)
        band = rows(table, f"{label}, error", panel)
        np.testing.assert_allclose(band["W low (largest true W2)"], 0.8 * 3 / 2, rtol=1e-6)
        np.testing.assert_allclose(band["W high (largest true W2)"], 1.6 * 3 / 2, rtol=1e-6)
    assert set(table[table["panel"] == "W5, Q2 = 2 GeV2"]["series"]) == {
        "five", "five, error", "truth",
    }  # fmt: skip
    # All shares together are one, and 1.2 as learned.
    for series, total in (("five, truth", 1.0), ("five", 1.2)):
        shares = [rows(table, series, f"W{i + 1}, weighted") for i in range(5)]
        assert sum(s["share of near events"].sum() for s in shares) == pytest.approx(total)
