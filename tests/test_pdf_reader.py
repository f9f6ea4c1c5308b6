"""What a grid has between its knots, by either reader."""

import sys
from types import SimpleNamespace

import numpy as np
import pytest
from neopdf.pdf import PDF
from scipy.interpolate import CubicHermiteSpline

from nd2fd.cross_sections.pdf.continuation import continued_xf
from nd2fd.cross_sections.pdf.grid import open_grid
from pdf_grids import NAME, read_member, write_member
from pdf_grids import damaged as damaged  # a fixture
from pdf_grids import grid as grid  # a fixture
from test_pdf import X


# Reading
def hermite(knots, values, points):
    """Cubic through values along the first axis, slopes the mean of those to both sides."""
    secants = np.diff(values, axis=0) / np.diff(knots)[:, None]
    inner = (secants[1:] + secants[:-1]) / 2
    slopes = np.concatenate([secants[:1], inner, secants[-1:]])
    return CubicHermiteSpline(knots, values, slopes)(points)


def test_interpolation_is_log_bicubic(pdf_set, grid):
    """LHAPDF 6: cubic Hermite in ln x and ln Q², slopes the mean of those to both sides."""

    rng = np.random.default_rng(1)
    ln_x = rng.uniform(np.log(1e-6), 0, 300)
    ln_q2 = rng.uniform(2 * np.log(1.2951), 2 * np.log(99.0), 300)
    x_knots, q_knots, pids, values = read_member(pdf_set)
    xf = grid.xf(pids, np.exp(ln_x), np.exp(ln_q2))
    for pid, actual in zip(pids, xf, strict=True):
        at_x = hermite(np.log(x_knots), values[..., pids.index(pid)], ln_x)
        expected = np.diagonal(hermite(2 * np.log(q_knots), at_x.T, ln_q2))
        np.testing.assert_allclose(actual, expected, rtol=1e-9, atol=1e-13)


def test_reader_broadcasts(grid):
    q2 = np.array([2.0, 5.0, 9.0, 16.0])
    table = grid.xf([2, 21, -1], X, q2)
    assert table.shape == (3, X.size, 4)
    # One Q² takes another path through neopdf.
    for i in range(q2.size):
        np.testing.assert_allclose(grid.xf([2, 21, -1], X[:, 0], q2[i]), table[..., i], rtol=1e-13)
    assert grid.xf([2], 0.1, 4.0).shape == (1,)
    assert grid.xf([2, 1], [], 4.0).shape == (2, 0)


@pytest.mark.parametrize(
    ("x", "q2"), [(1e-7, 4.0), (1.1, 4.0), (0.1, 1.6), (0.1, 2e4), (np.nan, 4.0), (0.1, np.nan)]
)
def test_reader_refuses_points_outside_the_grid(grid, x, q2):
    with pytest.raises(ValueError, match="outside the grid"):
        grid.xf([2], np.array([0.1, x]), np.array([4.0, q2]))


def test_reader_refuses_unknown_flavours(grid):
    with pytest.raises(ValueError, match=r"\[6\]; the grid holds \[-5, .*21\]"):
        grid.xf([2, 6], 0.1, 4.0)


def test_subgrids_are_interpolated_one_by_one(damaged, pdf_set):
    """At a threshold the slope in Q may jump: LHAPDF takes it from one side only there."""
    directory = damaged(".info", "DataVersion: 1\n", "")
    x, q, pids, values = read_member(pdf_set)
    halves = [(q[:11], values[:, :11]), (q[10:], values[:, 10:])]
    write_member(directory, x, halves, pids)
    found = open_grid(directory)
    rng = np.random.default_rng(3)
    for knots, part in halves:
        ln_x = rng.uniform(np.log(1e-5), -0.1, 100)
        ln_q2 = rng.uniform(*(2 * np.log(knots[[0, -1]]) + [1e-9, -1e-9]), 100)
        xf = found.xf(pids, np.exp(ln_x), np.exp(ln_q2))
        for pid, actual in zip(pids, xf, strict=True):
            at_x = hermite(np.log(x), part[..., pids.index(pid)], ln_x)
            expected = np.diagonal(hermite(2 * np.log(knots), at_x.T, ln_q2))
            np.testing.assert_allclose(actual, expected, rtol=1e-9, atol=1e-13)


@pytest.mark.parametrize(
    "change", ["gap in Q", "other x", "other flavours"], ids=lambda change: change.split()[1]
)
def test_subgrids_that_do_not_meet_are_refused(damaged, pdf_set, change):
    directory = damaged(".info", "DataVersion: 1\n", "")
    x, q, pids, values = read_member(pdf_set)
    first = 11 if change == "gap in Q" else 10
    write_member(directory, x, [(q[:11], values[:, :11]), (q[first:], values[:, first:])], pids)
    file = directory / f"{NAME}_0000.dat"
    head, middle, *rest = file.read_text(encoding="utf-8").split("\n---\n")
    if change == "other x":
        middle = middle.replace("1e-06 ", "2e-07 ", 1)
    if change == "other flavours":
        middle = middle.replace("-5 -4 ", "-4 -5 ", 1)
    file.write_text("\n---\n".join([head, middle, *rest]), encoding="utf-8")
    with pytest.raises(ValueError, match=r"from line 2329 on must have x and PDG identifiers"):
        open_grid(directory)


@pytest.mark.parametrize(("force", "lowest"), [(1, 0.0), (2, 1e-10)])
def test_force_positive_is_that_of_lhapdf(damaged, pdf_set, force, lowest):
    """Sets with ForcePositive: 1 or 2, such as CT14nnlo, have no negative densities."""
    directory = damaged(".info", "DataVersion: 1", f"ForcePositive: {force}")
    x, q, pids, values = read_member(pdf_set)
    values[..., pids.index(-1)] *= -1
    write_member(directory, x, [(q, values)], pids)
    dbar, u = open_grid(directory).xf([-1, 2], [0.01, 0.1, 0.5], 4.0)
    np.testing.assert_array_equal(dbar, lowest)
    np.testing.assert_array_equal(u, open_grid(pdf_set).xf([2], [0.01, 0.1, 0.5], 4.0)[0])


def test_unknown_reader(pdf_set):
    with pytest.raises(ValueError, match="'parton'; allowed are 'neopdf' and 'lhapdf'"):
        open_grid(pdf_set, reader="parton")


def test_lhapdf_reader_absent(pdf_set, monkeypatch):
    monkeypatch.setitem(sys.modules, "lhapdf", None)
    with pytest.raises(ImportError, match="'lhapdf' is not installed"):
        open_grid(pdf_set, reader="lhapdf")


def test_lhapdf_reader(pdf_set, grid, monkeypatch):
    """The calls of LHAPDF's Python interface, here answered by neopdf."""
    paths = []

    def make_pdf(name, member):
        pdf = PDF.mkPDF_lhapdf_file(f"{paths[0]}/{name}/{name}_{member:04d}.dat")

        def xfx_q2(pids, x, q2):
            return [[pdf.xfxQ2(pid, *point) for pid in pids] for point in zip(x, q2, strict=True)]

        attributes = {key: getattr(pdf, key) for key in ("xMin", "xMax", "q2Min", "q2Max")}
        return SimpleNamespace(**attributes, flavors=pdf.flavors, xfxQ2=xfx_q2)

    stub = SimpleNamespace(pathsPrepend=lambda path: paths.insert(0, path), mkPDF=make_pdf)
    monkeypatch.setitem(sys.modules, "lhapdf", stub)
    q2 = np.array([0.5, 2.0, 5.0])
    actual = continued_xf(open_grid(pdf_set, reader="lhapdf"), [2, -1], X, q2)
    np.testing.assert_allclose(actual, continued_xf(grid, [2, -1], X, q2), rtol=1e-13)
