"""PDF sets that are no free proton's, or do not reach far enough, are refused by their physics."""

import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import yaml

import toy
from nd2fd.config.problems import validate_config
from nd2fd.config.reading import ConfigError
from nd2fd.config.truth import refuse_unusable_truth
from nd2fd.cross_sections import truths
from nd2fd.cross_sections.pdf.grid import open_grid
from nd2fd.cross_sections.pdf.proton import (
    refuse_other_than_protons,
    refuse_short_grids,
    sum_rules,
)
from nd2fd.cross_sections.truths import PdfMember, TruthModel, true_structure_functions

SETUP = toy.SETUP
ROOT = Path(__file__).resolve().parents[1]
NUMBERS = {"ar40": (18, 40), "pb208": (82, 208), "neutron": (0, 1), "deuteron": (1, 2)}


def exchanged(z, a):
    """(PDG identifier, value of each by identifier) of the average nucleon of a nucleus."""

    def value(pid, xf):
        partner = {1: 2, 2: 1}.get(abs(pid), abs(pid)) * int(np.sign(pid))
        return (z * xf[pid] + (a - z) * xf[partner]) / a

    return value


def scaled(factor, *pids):
    return lambda pid, xf: (factor if pid in pids else 1.0) * xf[pid]


KINDS = {
    **{name: exchanged(*numbers) for name, numbers in NUMBERS.items()},
    # A polarised set has the differences of helicities: Δu > 0 > Δd, and a small sea.
    "polarised": lambda pid, xf: {2: 0.6, 1: -0.3, 21: 0.2}.get(pid, 0.05) * xf[pid],
    # π⁺ = u d̄, with the shape of the valence u for both.
    "pion": lambda pid, xf: (
        (0.5 * (xf[2] - xf[-2]) if pid in (2, -1) else 0.0)
        + xf[-2] * (pid in (1, 2, -1, -2))
        + xf[pid] * (pid not in (1, 2, -1, -2))
    ),
    "without gluons": scaled(0.0, 21),
    "two seas": lambda pid, xf: xf[pid] + (2.0 * xf[-abs(pid)] if pid != 21 else 0.0),
    # Sum rules do not notice.
    "negative strange": scaled(-3.0, 3),
    "proton": lambda pid, xf: xf[pid],
}


@pytest.fixture
def made(pdf_set, tmp_path):
    """A function that writes a set of a kind from the embedded one, and gives its directory."""

    def write(kind, name="made"):
        lines = (pdf_set / f"{pdf_set.name}_0000.dat").read_text(encoding="utf-8").splitlines()
        pids = [int(pid) for pid in lines[5].split()]
        values = np.array([line.split() for line in lines[6:-1]], dtype=float)
        xf = dict(zip(pids, values.T, strict=True))
        changed = np.stack([KINDS[kind](pid, xf) for pid in pids], axis=1)
        lines[6:-1] = [" ".join(map(repr, row)) for row in changed.tolist()]
        directory = tmp_path / name
        directory.mkdir()
        info = (pdf_set / f"{pdf_set.name}.info").read_text(encoding="utf-8")
        (directory / f"{name}.info").write_text(info, encoding="utf-8")
        (directory / f"{name}_0000.dat").write_text("\n".join(lines) + "\n", encoding="utf-8")
        return directory

    return write


def test_sum_rules_are_those_of_quark_counting(pdf_set):
    u, d, momentum, q2 = sum_rules(open_grid(pdf_set))
    np.testing.assert_allclose([u, d, momentum], [2, 1, 1], rtol=1e-3)
    assert q2 == 4.0


@pytest.mark.parametrize("nucleus", NUMBERS)
def test_valence_quarks_of_nuclei_are_counted(made, nucleus):
    """(Z (2, 1) + N (1, 2)) / A."""
    z, a = NUMBERS[nucleus]
    u, d, momentum, _ = sum_rules(open_grid(made(nucleus)))
    np.testing.assert_allclose([u, d, momentum], [1 + z / a, 2 - z / a, 1], rtol=2e-3)


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("ar40", r"1\.45 valence u and 1\.55 valence d, .* of a nucleus with Z/A = 0\.45$"),
        ("pb208", r"of a nucleus with Z/A = 0\.39$"),
        ("deuteron", r"of a nucleus with Z/A = 0\.50$"),
        ("neutron", r"1 valence u and 2 valence d, .* those of a neutron$"),
        ("polarised", r"valence u and -\S+ valence d"),
        ("pion", r"0\.999 valence u and -\S+ valence d|1 valence u and -1 valence d"),
        ("without gluons", r"2 valence u and 1 valence d.* have 0\.5\d+ of its momentum"),
        ("two seas", r"2 valence u and 1 valence d.* have 1\.\d+ of its momentum"),
    ],
)
def test_other_hadrons_are_refused_whatever_they_say(made, kind, message):
    """Their .info file has Particle: 2212."""
    with pytest.raises(ValueError, match=message):
        refuse_other_than_protons(open_grid(made(kind)))


def test_a_proton_is_no_other_hadron(pdf_set):
    refuse_other_than_protons(open_grid(pdf_set))


GRID = SimpleNamespace(
    pids=[-4, -3, -2, -1, 1, 2, 3, 4, 21], x_min=1e-5, x_max=1.0, q2_min=1.69, q2_max=1e4
)


@pytest.mark.parametrize(
    ("grid", "setup", "message"),
    [
        (
            {"pids": [1, 2, -1, -2, 3, 21]},
            {},
            r"identifier \[-4\]; .* needs \[-4, -2, -1, 1, 2, 3\]",
        ),
        ({"pids": [1, 2, -1, -2, 3, 21]}, {"antineutrino": True}, r"\[-3, 4\]"),
        ({"pids": [900, 901]}, {}, r"the grid holds \[900, 901\]"),
        (
            {"x_min": 1e-3},
            {},
            r"x from 0\.001 to 1; .*energy_max = 10 GeV, 0\.0006\S* to 0\.99",
        ),
        ({"x_min": 5e-4}, {"energy_max": 20.0}, r"energy_max = 20 GeV, 0\.0003 to 0\.99 or"),
        ({"x_min": 2e-5}, {"lepton": "electron"}, r"1e-05 to 0\.99"),
        ({"x_max": 0.9}, {}, r"x from 1e-05 to 0\.9"),
        ({"q2_max": 16.0}, {}, r"ends at Q = 4 GeV; .* 10 GeV it must reach 4\.47 GeV"),
        ({"q2_max": 81.0}, {"energy_max": 50.0}, r"ends at Q = 9 GeV; .* it must reach 10 GeV"),
        ({"q2_min": 4.41}, {}, r"begins at Q = 2\.1 GeV; it must begin at 2 GeV or below"),
    ],
)
def test_grids_that_end_too_early_are_refused(grid, setup, message):
    pids = [2, 1, 4, -2, -1, -3] if setup.get("antineutrino") else [1, 2, 3, -1, -2, -4]
    changed = SimpleNamespace(**{**vars(GRID), **grid})
    with pytest.raises(ValueError, match=message):
        refuse_short_grids(changed, pids, toy.setup(**setup))
    refuse_short_grids(GRID, pids, toy.setup(**setup))


def test_a_set_that_ends_just_below_one_is_used(pdf_set, tmp_path):
    """As PDF4LHC21 does, at x = 0.9926. The structure functions below are the same."""
    directory = tmp_path / "shorter"
    directory.mkdir()
    info = (pdf_set / f"{pdf_set.name}.info").read_text(encoding="utf-8")
    (directory / "shorter.info").write_text(info, encoding="utf-8")
    lines = (pdf_set / f"{pdf_set.name}_0000.dat").read_text(encoding="utf-8").splitlines()
    x, n_q = lines[3].split(), len(lines[4].split())
    assert float(x[-2]) == 0.99
    lines[3:-1] = [" ".join(x[:-1]), *lines[4 : -1 - n_q]]
    (directory / "shorter_0000.dat").write_text("\n".join([*lines, ""]), encoding="utf-8")
    whole, shorter = (
        true_structure_functions("quark_parton", SETUP, PdfMember(d, 0, "neopdf"))
        for d in (pdf_set, directory)
    )
    x, q2 = np.array([1e-3, 0.1, 0.5, 0.9, 0.97]), np.array([0.5, 2.0, 5.0, 9.0, 15.0])
    np.testing.assert_array_equal(shorter(x, q2), whole(x, q2))
    assert not shorter(np.array([0.995]), np.array([9.0])).any()


@pytest.mark.parametrize("kind", ["ar40", "neutron", "polarised"])
def test_truths_are_made_of_protons_only(made, kind):
    directory = made(kind)
    with pytest.raises(ValueError, match=rf"PDF set {directory}, member 0: .* of a free proton"):
        true_structure_functions("quark_parton", SETUP, PdfMember(directory, 0, "neopdf"))


# Before anything runs


@pytest.fixture(scope="module")
def config():
    default = yaml.safe_load(ROOT.joinpath("config/config.yaml").read_text(encoding="utf-8"))
    return lambda **sections: validate_config({**default, **sections})


def from_set(directory, **changes):
    return {
        "set": directory.name,
        "path": str(directory.parent),
        "member": 0,
        "reader": "neopdf",
        **changes,
    }


def test_a_proton_is_no_problem(config, pdf_set):
    refuse_unusable_truth(config(pdf=from_set(pdf_set)))
    refuse_unusable_truth(config())


def test_a_nucleus_is_refused_at_the_start(config, made):
    with pytest.raises(
        ConfigError, match=r"problems:\n  pdf: PDF set .*made, member 0: .* nucleus"
    ):
        refuse_unusable_truth(config(pdf=from_set(made("ar40"))))


def test_a_negative_cross_section_is_refused_at_the_start(config, made):
    """Sum rules of valence and momentum hold: only the cross section tells."""
    directory = made("negative strange")
    refuse_other_than_protons(open_grid(directory))
    with pytest.raises(
        ConfigError, match=r"pdf: truth quark_parton with .*made, member 0: .* is negative: "
    ) as error:
        refuse_unusable_truth(config(pdf=from_set(directory)))
    # Where the strange sea is as large as the valence.
    assert float(str(error.value).partition(", x = ")[2].partition(",")[0]) < 0.1


def test_what_an_info_file_says_is_a_problem_of_the_configuration(config, made):
    directory = made("proton")
    info = directory / "made.info"
    info.write_text(info.read_text(encoding="utf-8").replace("2212", "2112"), encoding="utf-8")
    with pytest.raises(
        ConfigError, match=r"pdf: .*made.info, line 8: Particle is 2112, the neutron"
    ):
        config(pdf=from_set(directory))


def test_a_damaged_grid_is_refused_at_the_start(config, made):
    directory = made("proton")
    grid = directory / "made_0000.dat"
    grid.write_text(grid.read_text(encoding="utf-8")[:-100], encoding="utf-8")
    with pytest.raises(ConfigError, match=r"pdf: .*made_0000.dat is no valid .* cut short in line"):
        refuse_unusable_truth(config(pdf=from_set(directory)))


def test_a_reader_that_is_not_installed_is_refused_at_the_start(config, pdf_set, monkeypatch):
    monkeypatch.setitem(sys.modules, "lhapdf", None)
    with pytest.raises(ConfigError, match="pdf: the PDF reader 'lhapdf' is not installed"):
        refuse_unusable_truth(config(pdf=from_set(pdf_set, reader="lhapdf")))


OWN_TRUTH = """
import numpy as np


def power_law(setup, pdf):
    def structure_functions(x, Q2):
        f2 = FACTOR * np.sqrt(x) * np.maximum(1 - x, 0) ** 3 * np.ones_like(Q2)
        return np.stack([f2, f2, 0.8 * f2, 0 * f2, 0.5 * f2])

    return structure_functions
"""


@pytest.mark.parametrize(
    ("factor", "message"),
    [
        ("3.5", None),
        (
            "(0.5 - x)",
            r"truth.model: truth own: the cross section is negative: 0\.\d+ of .*, x = 0\.[5-9]",
        ),
        (
            "np.where(x > 0.5, np.nan, 1.0)",
            r"truth.model: truth own: the cross section is nan at E_ν = ",
        ),
    ],
)
def test_own_truths_are_tried_at_the_start(config, tmp_path, monkeypatch, factor, message):
    (tmp_path / "own_truth.py").write_text(OWN_TRUTH.replace("FACTOR", factor), encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "own_truth", raising=False)
    own = TruthModel("own_truth:power_law", needs_pdf=False)
    monkeypatch.setitem(truths.TRUTHS, "own", own)
    checked = config(truth={"model": "own"})
    if message is None:
        refuse_unusable_truth(checked)
        return
    with pytest.raises(ConfigError, match=message):
        refuse_unusable_truth(checked)
