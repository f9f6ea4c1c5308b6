"""Files of PDF sets: which are read, and what is said of those that are not."""

import re
import subprocess
import sys

import numpy as np
import pytest

from nd2fd.cross_sections.pdf.grid import open_grid
from pdf_grids import NAME, write_member
from pdf_grids import damaged as damaged  # a fixture
from pdf_grids import grid as grid  # a fixture


def test_missing_directory(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nowhere; an LHAPDF set is a directory NAME"):
        open_grid(tmp_path / "nowhere")


def test_missing_files(pdf_set, tmp_path):
    with pytest.raises(FileNotFoundError, match=rf"no {NAME}_0001.dat; it holds \['{NAME}.info'"):
        open_grid(pdf_set, member=1)
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
