"""Parton densities: initial condition, evolution, reading grids, continuation to low Q²."""

import json
import re
import sys
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest
from neopdf.pdf import PDF
from scipy.interpolate import CubicHermiteSpline

from nd2fd.cross_sections.pdf.continuation import continued_xf
from nd2fd.cross_sections.pdf.evolution import evolve_to_lhapdf
from nd2fd.cross_sections.pdf.grid import open_grid
from nd2fd.cross_sections.pdf.parametrisation import initial_condition, initial_xf
from reference_data import reference_file

NAME = "ct18nnlo"
QUARKS = (1, 2, 3, 4, -1, -2, -3, -4)
X = np.geomspace(1e-3, 0.8, 150)[:, None]


@pytest.fixture(scope="module")
def evolved(tmp_path_factory):
    directory = tmp_path_factory.mktemp("pdf") / NAME
    evolve_to_lhapdf(directory)
    return directory


@pytest.fixture(scope="module")
def grid(evolved):
    return open_grid(evolved)


@pytest.fixture
def damaged(evolved, tmp_path):
    """Copy of the set in which a test replaces text of one file."""

    def copy(suffix, old, new):
        directory = tmp_path / NAME
        directory.mkdir()
        for file in evolved.iterdir():
            text = file.read_text(encoding="utf-8")
            if file.name.endswith(suffix):
                text, replaced = re.subn(old, new, text, count=1, flags=re.DOTALL)
                assert replaced
            (directory / file.name).write_text(text, encoding="utf-8")
        return directory

    return copy


@pytest.fixture(scope="module")
def official():
    return open_grid(reference_file("CT18NNLO"))


def read_member(directory):
    """Knots and values of a single-subgrid member file, by a way that is not the package's."""
    text = (directory / f"{directory.name}_0000.dat").read_text(encoding="utf-8")
    x, q, pids, *rows = text.split("---")[1].strip().splitlines()
    x, q, pids = (np.array(line.split(), dtype=float) for line in (x, q, pids))
    values = np.array([row.split() for row in rows], dtype=float)
    return x, q, pids.astype(int).tolist(), values.reshape(x.size, q.size, pids.size)


def read_list(directory, key):
    text = (directory / f"{directory.name}.info").read_text(encoding="utf-8")
    return np.array(json.loads(re.search(rf"^{key}: (\[.*?\])", text, re.M | re.S)[1]))


def sum_rules(densities, pids, x_min):
    """Numbers of valence u and d, and the momentum of all partons, above x_min."""
    # In t = x^(1/4) the integrands are smooth down to x = 0.
    t, weight = np.polynomial.legendre.leggauss(200)
    low = x_min**0.25
    t, weight = low + (1 - low) * (t + 1) / 2, (1 - low) * weight / 2
    x, dx = t**4, 4 * t**3 * weight
    d, u, dbar, ubar = densities([1, 2, -1, -2], x)
    return [np.sum(xf * dx) for xf in ((u - ubar) / x, (d - dbar) / x, densities(pids, x).sum(0))]


# Initial condition


def test_initial_condition_obeys_sum_rules():
    light = (21, 1, 2, 3, -1, -2, -3)
    np.testing.assert_allclose(sum_rules(initial_xf, light, 0.0), [2, 1, 1], rtol=1e-5)


def test_initial_condition_is_that_of_the_official_grid():
    x, q, pids, values = read_member(reference_file("CT18NNLO"))
    assert initial_condition()["q0"] == q[0]
    use = (x > 1e-6) & (x < 0.6)
    light = [pid for pid in pids if abs(pid) < 4 or pid == 21]
    expected = values[use, 0][:, [pids.index(pid) for pid in light]].T
    np.testing.assert_allclose(initial_xf(light, x[use]), expected, rtol=1e-4)
    heavy = [i for i, pid in enumerate(pids) if pid not in light]
    assert not values[use, 0][:, heavy].any()


def test_initial_condition_keeps_the_shape_of_x():
    x = np.array([[0.01, 0.1, 0.3], [0.5, 0.9, 1.0]])
    xf = initial_xf([21, -2], x)
    assert xf.shape == (2, 2, 3)
    assert initial_xf([-2], 0.1)[0] == xf[1, 0, 1]
    assert not xf[:, 1, 2].any()


def test_initial_condition_has_no_charm():
    with pytest.raises(ValueError, match=r"\[4\] .* allowed are \[-3, -2, -1, 1, 2, 3, 21\]"):
        initial_xf([2, 4], 0.1)


# Evolution


def test_evolution_is_reproducible(evolved, tmp_path):
    again = tmp_path / NAME
    again.mkdir()
    (again / f"{NAME}_0000.dat").write_text("left by a job that died", encoding="utf-8")
    evolve_to_lhapdf(again)
    assert [path.name for path in tmp_path.iterdir()] == [NAME]
    files = sorted(path.name for path in again.iterdir())
    assert files == [f"{NAME}.info", f"{NAME}_0000.dat"]
    for file in files:
        assert (again / file).read_bytes() == (evolved / file).read_bytes()


@pytest.mark.parametrize("q2", [1.295**2, 4.0, 18.0])
def test_evolved_set_obeys_sum_rules(grid, q2):
    sums = sum_rules(partial(grid.xf, q2=q2), (21, *QUARKS), grid.x_min)
    np.testing.assert_allclose(sums, [2, 1, 1], rtol=1e-3)


def test_coupling_and_scales_are_those_of_ct18(evolved):
    reference = reference_file("CT18NNLO")
    for key in ("AlphaS_Qs", "AlphaS_Vals"):
        # up to and including the bottom threshold
        np.testing.assert_allclose(
            read_list(evolved, key)[:11], read_list(reference, key)[:11], rtol=3e-5
        )


@pytest.mark.parametrize("q", [np.linspace(0.1, 1.295, 40), np.linspace(1.295, 4.5, 60)])
def test_evolved_set_is_the_official_one(grid, official, q):
    ours = continued_xf(grid, QUARKS, X, q**2)
    theirs = continued_xf(official, QUARKS, X, q**2)
    # Deviations count by the share of a flavour in F2.
    assert np.max(np.abs(ours - theirs) / theirs.sum(axis=0)) < 5e-4
    valence = slice(0, 2)
    np.testing.assert_allclose(ours[valence], theirs[valence], rtol=2e-3)
    sea = X[:, 0] < 0.4
    np.testing.assert_allclose(ours[:, sea], theirs[:, sea], rtol=2e-3, atol=1e-5)


# Reading


def test_interpolation_is_log_bicubic(evolved, grid):
    """LHAPDF 6: cubic Hermite in ln x and ln Q², slopes the mean of those to both sides."""

    def hermite(knots, values, points):
        secants = np.diff(values, axis=0) / np.diff(knots)[:, None]
        inner = (secants[1:] + secants[:-1]) / 2
        slopes = np.concatenate([secants[:1], inner, secants[-1:]])
        return CubicHermiteSpline(knots, values, slopes)(points)

    rng = np.random.default_rng(1)
    ln_x = rng.uniform(np.log(1e-6), 0, 300)
    ln_q2 = rng.uniform(2 * np.log(1.2951), 2 * np.log(99.0), 300)
    x_knots, q_knots, pids, values = read_member(evolved)
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


def test_missing_directory(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nowhere; an LHAPDF set is a directory NAME"):
        open_grid(tmp_path / "nowhere")


def test_missing_files(evolved, tmp_path):
    with pytest.raises(FileNotFoundError, match=rf"no {NAME}_0001.dat; it holds \['{NAME}.info'"):
        open_grid(evolved, member=1)
    (tmp_path / NAME).mkdir()
    with pytest.raises(FileNotFoundError, match=rf"no {NAME}.info; it holds \[\]"):
        open_grid(tmp_path / NAME)


@pytest.mark.parametrize(
    ("suffix", "old", "new", "message"),
    [
        (".info", "^.*$", "\x89HDF", "no valid entry 'SetDesc'"),
        (".info", "SetIndex: 0", "SetIndex: 00000", "no valid entry 'SetIndex'"),
        (".info", "QMin: ", "QMin:\n", "no valid entry 'QMin'"),
        (".info", r".{60}$", "", "a list is not closed"),
        (".dat", "^.*$", "\x89HDF", "does not begin with 'PdfType'"),
        (".dat", "lhagrid1", "lhagrid9", "does not begin with 'PdfType'"),
        (".dat", "---.*$", "", "cut short"),
        (".dat", r".{60}$", "", "cut short"),
        (".dat", r"---\n.*---", "---\n1 2 3\n---", "not enough values"),
        (".dat", r"---\n\S+ ", "---\n1.0 ", "increasing"),
        (".dat", r"---\n\S+ ", "---\n-1.0 ", "positive"),
        (
            ".dat",
            r"\n[^\n]*\n---\n$",
            "\n---\n",
            r"numbers in a subgrid of 211 x, 23 Q and 11 flav",
        ),
        (".dat", r"\S+\n---\n$", "nan\n---\n", r"numbers in a subgrid of 211 x, 23 Q and 11 flav"),
        (".dat", r"\S+\n---\n$", "1.0x\n---\n", "'1.0x'"),
    ],
)
def test_damaged_files_are_refused(damaged, suffix, old, new, message):
    directory = damaged(suffix, old, new)
    with pytest.raises(ValueError, match=message) as error:
        open_grid(directory)
    assert str(directory) in str(error.value)


def test_unknown_reader(evolved):
    with pytest.raises(ValueError, match="'parton'; allowed are 'neopdf' and 'lhapdf'"):
        open_grid(evolved, reader="parton")


def test_lhapdf_reader_absent(evolved, monkeypatch):
    monkeypatch.setitem(sys.modules, "lhapdf", None)
    with pytest.raises(ImportError, match="'lhapdf' is not installed"):
        open_grid(evolved, reader="lhapdf")


def test_lhapdf_reader(evolved, grid, monkeypatch):
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
    actual = continued_xf(open_grid(evolved, reader="lhapdf"), [2, -1], X, q2)
    np.testing.assert_allclose(actual, continued_xf(grid, [2, -1], X, q2), rtol=1e-13)


# Continuation


class PowerLaw:
    """xf = (1 - x) Q²^power for pid 1, 1e-6 of it for pid 2, from Q² = 2 GeV² on."""

    x_min = 1e-4
    q2_min = 2.0

    def __init__(self, power):
        self.power = power

    def xf(self, pids, x, q2):
        x, q2 = np.broadcast_arrays(x, q2)
        assert np.all(q2 >= self.q2_min)
        return np.stack([{1: 1.0, 2: 1e-6}[pid] * (1 - x) * q2**self.power for pid in pids])


@pytest.mark.parametrize("source", ["grid", "official"])
def test_check_values_at_low_q2(request, source):
    q2 = [0.1, 0.25, 0.5, 1.0, 1.5]
    u = continued_xf(request.getfixturevalue(source), [2], 0.1, q2)
    np.testing.assert_allclose(u, [[0.0447, 0.1251, 0.2696, 0.5124, 0.6276]], rtol=1e-3)


def test_continuation_formula():
    r, x = 0.3, 0.2
    gamma = (1.01**0.7 - 1) / 0.01
    expected = 0.8 * 2.0**0.7 * r ** (gamma * r + 1 - r)
    np.testing.assert_allclose(continued_xf(PowerLaw(0.7), [1], x, r * 2.0), [expected])


def test_continuation_bounds_the_slope():
    expected = 0.8 * 2.0**-4 * 0.3 ** (-2.5 * 0.3 + 0.7)
    np.testing.assert_allclose(continued_xf(PowerLaw(-4.0), [1], 0.2, 0.6), [expected])


def test_continuation_of_tiny_densities_is_linear():
    grid = PowerLaw(0.7)
    edge = grid.xf([2], 0.2, 2.0)
    np.testing.assert_allclose(continued_xf(grid, [2], 0.2, 0.6), 0.3 * edge)


def test_continuation_is_continuous_at_the_edge(grid):
    low, high = (
        continued_xf(grid, QUARKS, X[:, 0], grid.q2_min * (1 + step)) for step in (-1e-9, 1e-9)
    )
    np.testing.assert_allclose(low, high, rtol=1e-7, atol=1e-12)
    # and so is the slope, which γ makes the grid's own
    edge = grid.xf([1, 2], X[:, 0], grid.q2_min)
    below, above = (
        (continued_xf(grid, [1, 2], X[:, 0], grid.q2_min * (1 + step)) - edge) / (step * edge)
        for step in (-1e-3, 1e-3)
    )
    np.testing.assert_allclose(below, above, atol=0.03)


def test_densities_vanish_like_q2(grid):
    first, second, none = continued_xf(grid, [1, 2, -1, -2], 0.1, [2e-7, 1e-7, 0.0]).T
    np.testing.assert_allclose(first / second, 2, rtol=1e-5)
    assert np.all(first > 0)
    assert not none.any()


def test_continuation_shapes_and_large_x():
    x = np.array([[0.5], [1.0], [1.5]])
    xf = continued_xf(PowerLaw(0.7), [1, 2], x, np.array([0.0, 1.0, 2.0, 3.0]))
    assert xf.shape == (2, 3, 4)
    assert not xf[:, 1:].any()
    assert np.all(xf[0, 0, 1:] > 0)
    assert continued_xf(PowerLaw(0.7), [1], 0.5, 1.0) == xf[0, 0, 1]


@pytest.mark.parametrize(("x", "q2"), [(np.nan, 3.0), (0.1, np.nan), (0.1, -1.0)])
def test_continuation_refuses(x, q2):
    with pytest.raises(ValueError, match="x must be a number"):
        continued_xf(PowerLaw(0.7), [1], x, q2)


@pytest.mark.parametrize("q2", [0.5, 4.0])
def test_continuation_does_not_extend_to_low_x(grid, q2):
    with pytest.raises(ValueError, match="x = 1e-09 is outside the grid"):
        continued_xf(grid, [2], 1e-9, q2)
