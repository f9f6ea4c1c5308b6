"""Parton densities: initial condition, evolution, reading grids, continuation to low Q²."""

import json
import re
import subprocess
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


def hermite(knots, values, points):
    """Cubic through values along the first axis, slopes the mean of those to both sides."""
    secants = np.diff(values, axis=0) / np.diff(knots)[:, None]
    inner = (secants[1:] + secants[:-1]) / 2
    slopes = np.concatenate([secants[:1], inner, secants[-1:]])
    return CubicHermiteSpline(knots, values, slopes)(points)


def test_interpolation_is_log_bicubic(evolved, grid):
    """LHAPDF 6: cubic Hermite in ln x and ln Q², slopes the mean of those to both sides."""

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
    ("suffix", "old", "new"),
    [
        # What public sets and the programs that write them have.
        (".info", "SetIndex: 0", "SetIndex: 00000"),
        (".info", "SetIndex: 0\n", ""),
        (".info", "Particle: 2212\n", ""),
        (".info", "NumMembers: 1\n", ""),
        (".info", "NumMembers: 1\n", "NumMembers: 101\n"),
        (".info", "NumMembers: 1\n", "NumMembers: 1  # central\n"),
        (".info", "Format: lhagrid1", 'Format: "lhagrid1"'),
        (".info", "Format: lhagrid1\n", ""),
        (".info", "Flavors: .*?]", "Flavors: [21, 1, 2, 3, 4, 5,\n   -5, -4, -3, -2, -1, ]"),
        (".info", "Flavors: .*?]\n", ""),
        (".info", "Particle: 2212", "Particle:\t2212\t\nSetType: PDF\nPolarized: false"),
        (".info", "Particle: 2212", "Particle : 2212"),
        (".info", "Particle: 2212", "Particle: 1000010010"),
        (".info", "Particle: 2212", "Particle: 2212\nParticle: 2212\nMZ: 91.2"),
        (".info", "SetDesc: [^\n]*", 'SetDesc: "CT18 [test"'),
        (".info", "SetDesc: [^\n]*", "SetDesc: \"CT18: two\n  lines, 'of it'\""),
        (".info", "Authors: [^\n]*", "Authors:"),
        (".info", "Authors: [^\n]*", "Authors: \x01 <Authors>"),
        (".info", "QMin: [^\n]*", "QMin:\n 1.295"),
        (".info", "^", "\ufeff"),
        (".info", r"\Z", "---\n"),
        (".info", "^.*$", lambda found: re.sub("^(?=.)", " ", found[0], flags=re.M)),
        (".info", "^.*$", lambda found: found[0].replace("\n", "\r\n")),
        (".dat", "^.*$", lambda found: found[0].replace("\n", "\r\n")),
        (".dat", "PdfType: central\n", ""),
        (".dat", "PdfType: central", "# made by hand\nPdfType: error\nParticle: 2212"),
        (".dat", "---\n", "---\n# knots\n\n"),
        (".dat", "---\n", " --- \n\t"),
        (".dat", r"\Z", "\n\n"),
    ],
)
def test_what_lhapdf_reads_is_read(damaged, grid, suffix, old, new):
    rng = np.random.default_rng(2)
    x, q2 = np.exp(rng.uniform(-13, 0, 50)), np.exp(rng.uniform(0.6, 9, 50))
    found = open_grid(damaged(suffix, old, new))
    assert found.pids == grid.pids
    np.testing.assert_array_equal(found.xf(grid.pids, x, q2), grid.xf(grid.pids, x, q2))


def test_text_in_another_encoding_is_read(damaged, grid):
    directory = damaged(".info", "Authors: [^\n]*", "Authors: M\u00fcller")
    info = directory / f"{NAME}.info"
    info.write_bytes(info.read_text(encoding="utf-8").encode("latin-1"))
    assert open_grid(directory).xf([2], 0.1, 4.0) == grid.xf([2], 0.1, 4.0)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            "Particle: 1000180400",
            "line 8: Particle is 1000180400, a nucleus with Z = 18 and A = 40;",
        ),
        ("Particle: 1000010020", "a nucleus with Z = 1 and A = 2; it must be 2212, the proton"),
        ("Particle: 2112", "Particle is 2112, the neutron"),
        ("Particle: -211", "Particle is -211, the pion"),
        ("Particle: 321", "Particle is 321, the kaon"),
        ("Particle: 22", "Particle is 22, the photon"),
        ("Particle: 11", "Particle is 11, no proton"),
        ("Particle: proton", "Particle is 'proton'; it must be made of integers"),
        ("Particle: 2212.5", "made of integers"),
        ("Particle: inf", "made of integers"),
        ("Particle: 2212\nParticle: 2112", "line 9: Particle stands twice, with other values"),
        ("SetType: fragfn", "line 8: SetType is fragfn; truths need parton densities"),
        ("SetType: timelike", "SetType is timelike"),
        ("Polarized: True", "line 8: Polarized is True; truths need unpolarised"),
        ("ForcePositive: 3", "ForcePositive is 3; it must be 0, 1 or 2"),
        ("Reference: arXiv: 1912.10053", r"line 8, column 17 is not YAML: .*must be in quotes"),
        ("\tParticle: 2212", "line 8, column 1 is not YAML"),
        ("Note: @home", "line 8, column 7 is not YAML"),
        ("Note: [a, b", "is not YAML"),
        ("- Note", "is not YAML"),
        ("Note: " + 5000 * "[", "is not YAML"),
    ],
)
def test_sets_of_another_kind_are_refused(damaged, line, message):
    directory = damaged(".info", "Particle: 2212", line)
    with pytest.raises(ValueError, match=message) as error:
        open_grid(directory)
    assert str(error.value).startswith(f"{directory / NAME}.info")


def test_what_a_member_says_of_itself_counts(damaged):
    directory = damaged(".dat", "PdfType: central", "PdfType: central\nParticle: 2112")
    with pytest.raises(ValueError, match=f"{NAME}_0000.dat, line 2: Particle is 2112, the neutron"):
        open_grid(directory)


def test_members_beyond_the_last_are_refused(damaged):
    directory = damaged(".info", "NumMembers: 1", "NumMembers: 3")
    grid_file = directory / f"{NAME}_0000.dat"
    for member in (2, 3):
        (directory / f"{NAME}_000{member}.dat").write_bytes(grid_file.read_bytes())
    assert open_grid(directory, member=2).xf([2], 0.1, 4.0) > 0.5
    with pytest.raises(ValueError, match="the set has 3 members, 0 to 2; there is no member 3"):
        open_grid(directory, member=3)


@pytest.mark.parametrize(
    ("suffix", "old", "new", "message"),
    [
        (".info", "^.*$", "\x89HDF", "not made of lines 'key: value'"),
        (".info", "^.*$", "", "not made of lines 'key: value'"),
        (".info", "^.*$", "\x00\x01\x02\x00" * 50, "not made of lines 'key: value'"),
        (".info", r".{60}$", "", "line 30, column 1 is not YAML"),
        (".info", r"\b5, 21", "21", r"line 9: Flavors are .* the grid of member 0 has .* 5, 21\]"),
        (
            ".info",
            "NumMembers: 1",
            "NumMembers: <n>",
            "NumMembers is '<n>'; it must be made of int",
        ),
        (".dat", "^.*$", "\x89HDF", "no line '---'"),
        (".dat", "^.*$", "", "no line '---'"),
        (".dat", "---.*$", "", "no line '---'"),
        (".dat", "lhagrid1", "lhagrid9", "line 2: Format is lhagrid9"),
        (".dat", r"\n---\n$", "", "cut short in line 4859: .* is not '---'"),
        (".dat", r".{200}$", "", "cut short in line 4858: "),
        (".dat", r"---\n.*---", "---\n1 2 3\n---", "from line 4 on has 1 lines"),
        (".dat", r"---\n.*---", "---\n---", "the subgrid has 0 lines"),
        (".dat", r"---\n\S+ ", "---\n1.0 ", "knots in line 4 .* increasing"),
        (".dat", r"---\n\S+ ", "---\n-1.0 ", "knots in line 4 .* positive"),
        (".dat", r"\b4 5 21\n", "4 5 5\n", "identifiers in line 6 are not integers, each once"),
        (".dat", r"\b4 5 21\n", "4 5 21.5\n", "identifiers in line 6 are not integers"),
        (".dat", r"\S+\n---\n$", "\n---\n", "line 4859 has 10 values for 11 PDG identifiers"),
        (".dat", r"\n---\n$", " 1.0\n---\n", "line 4859 has 12 values for 11 PDG identifiers"),
        (".dat", r"\n[^\n]*\n---\n$", "\n---\n", "4852 lines of values; 211 x and 23 Q make 4853"),
        *(
            (
                ".dat",
                r"\S+\n---\n$",
                f"{wrong}\n---\n",
                f"'{shown or wrong}' in line 4859 is no fin",
            )
            for wrong, shown in (
                ("nan", ""),
                ("inf", ""),
                ("1e999", ""),
                ("1.0x", ""),
                ("1_0", ""),
                ("1.0D-06", ""),
                ("\u0661", ""),
                ("4.8\x1d9", r"4.8\\x1d9"),
            )
        ),
    ],
)
def test_damaged_files_are_refused(damaged, suffix, old, new, message):
    directory = damaged(suffix, old, new)
    with pytest.raises(ValueError, match=message) as error:
        open_grid(directory)
    assert str(directory) in str(error.value)


def write_member(directory, x, subgrids, pids):
    """Replace a member's grid; `subgrids` are pairs of knots in Q and values."""
    blocks = [
        "\n".join(" ".join(map(repr, map(float, row))) for row in (x, q))
        + "\n"
        + " ".join(map(str, pids))
        + "\n"
        + "\n".join(" ".join(map(repr, row)) for row in values.reshape(-1, len(pids)).tolist())
        for q, values in subgrids
    ]
    text = "\n---\n".join(["PdfType: central\nFormat: lhagrid1", *blocks, ""])
    (directory / f"{directory.name}_0000.dat").write_text(text, encoding="utf-8")


def test_subgrids_are_interpolated_one_by_one(damaged, evolved):
    """At a threshold the slope in Q may jump: LHAPDF takes it from one side only there."""
    directory = damaged(".info", "DataVersion: 1\n", "")
    x, q, pids, values = read_member(evolved)
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
def test_subgrids_that_do_not_meet_are_refused(damaged, evolved, change):
    directory = damaged(".info", "DataVersion: 1\n", "")
    x, q, pids, values = read_member(evolved)
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
def test_force_positive_is_that_of_lhapdf(damaged, evolved, force, lowest):
    """Sets with ForcePositive: 1 or 2, such as CT14nnlo, have no negative densities."""
    directory = damaged(".info", "DataVersion: 1", f"ForcePositive: {force}")
    x, q, pids, values = read_member(evolved)
    values[..., pids.index(-1)] *= -1
    write_member(directory, x, [(q, values)], pids)
    dbar, u = open_grid(directory).xf([-1, 2], [0.01, 0.1, 0.5], 4.0)
    np.testing.assert_array_equal(dbar, lowest)
    np.testing.assert_array_equal(u, open_grid(evolved).xf([2], [0.01, 0.1, 0.5], 4.0)[0])


MUTATIONS = """
import random, sys
from pathlib import Path
import numpy as np
from nd2fd.cross_sections.pdf.grid import open_grid

directory = Path(sys.argv[1])
files = [directory / (directory.name + end) for end in (".info", "_0000.dat")]
good = [file.read_bytes() for file in files]
draw = random.Random(1)
read = refused = 0
for n in range(300):
    changed = bytearray(good[n % 2])
    at = draw.randrange(len(changed))
    end = at + draw.choice([1, 1, 2, 5, 30, 300])
    what = draw.randrange(5)
    if what == 0:
        del changed[at:end]
    elif what == 1:
        changed[at:at] = bytes(draw.choices(b"- \\n\\t:[]{}#,'eE.019\\x00\\xff\\x1d%@", k=2))
    elif what == 2:
        changed[at] = draw.randrange(256)
    elif what == 3:
        del changed[at:]
    else:
        changed[at:at] = changed[at:end]
    for i, file in enumerate(files):
        file.write_bytes(bytes(changed) if i == n % 2 else good[i])
    try:
        grid = open_grid(directory)
        assert np.isfinite(grid.xf(grid.pids, [grid.x_min, 0.3, grid.x_max], grid.q2_max)).all()
        read += 1
    except ValueError as error:
        assert str(directory) in str(error), error
        refused += 1
print(read, refused)
"""


def test_no_file_kills_the_process(damaged):
    """A panic of neopdf is no exception: it ends the process. So 300 damaged sets in another."""
    directory = damaged(".info", "Flavors: .*$", "Flavors: [-2, -1, 1, 2, 21]\nXMin: 1e-4\n")
    rng = np.random.default_rng(4)
    x, q = [1e-4, 1e-3, 0.01, 0.1, 0.4, 0.7, 1.0], [1.3, 2.0, 4.0, 8.0]
    write_member(directory, x, [(q, rng.random((7, 4, 5)))], [-2, -1, 1, 2, 21])
    run = subprocess.run(
        [sys.executable, "-c", MUTATIONS, str(directory)], capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr
    read, refused = map(int, run.stdout.split())
    assert read + refused == 300
    assert min(read, refused) > 50


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
    x_max = 0.95
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


@pytest.mark.parametrize("q2", [1.0, 3.0])
def test_nothing_is_above_the_last_knot(q2):
    """Some sets end before 1, PDF4LHC21 at 0.9926; LHAPDF does not go on from there."""
    last, beyond = continued_xf(PowerLaw(0.7), [1], [0.95, 0.9500001], q2)[0]
    assert last > 0.0
    assert beyond == 0.0


@pytest.mark.parametrize(("x", "q2"), [(np.nan, 3.0), (0.1, np.nan), (0.1, -1.0)])
def test_continuation_refuses(x, q2):
    with pytest.raises(ValueError, match="x must be a number"):
        continued_xf(PowerLaw(0.7), [1], x, q2)


@pytest.mark.parametrize("q2", [0.5, 4.0])
def test_continuation_does_not_extend_to_low_x(grid, q2):
    with pytest.raises(ValueError, match="x = 1e-09 is outside the grid"):
        continued_xf(grid, [2], 1e-9, q2)
