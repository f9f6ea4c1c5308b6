"""Files of fluxes that are refused, and what is said of them."""

import re

import numpy as np
import pytest
import uproot

from flux_texts import CENTRES, EDGES, HIGH, LOW, NUMU, PER_GEV, hepdata, rows, seven
from nd2fd.beam.files.layout import Layout
from nd2fd.beam.files.reading import read_flux
from test_flux_files import CURVE, POINTS


# What is wrong.
@pytest.mark.parametrize(
    ("text", "said", "message"),
    [
        ("# a\n1 1\n2 x3\n", {}, "line 3: 'x3' is not a number (comments start with #)"),
        ("1,1\n2,\n", {}, "line 2: '' is not a number"),
        ("0,5;1\n1,5;2\n", {}, "line 1: '0,5' is not a number (decimals take a point)"),
        ("a b\nc d\n1 1\n", {}, "line 2: 'c' is not a number"),
        ("E flux x\n1 1\n2 1\n", {}, "line 1: 3 names of columns (E, flux, x); the rows below hav"),
        ("1 1\n2 1 1 1 1 1 1\n", {}, "line 2: 7 columns; the rows above have 2"),
        ("1\n2\n", {}, "line 1: one column; E and flux are needed"),
        ("1 1\n3 1\n2 1\n", {}, "line 3: energy 2 is not above 3"),
        ("1 1\n1 2\n", {}, "line 2: energy 1 is not above 1"),
        ("1 1\n2 -1e-9\n", {}, "line 2: -1e-09 is not allowed; values must be finite and >= 0"),
        ("1 1\n2 -1\n", {}, "line 2: -1 is not allowed"),
        ("1 1\n2 nan\n", {}, "line 2: nan is not allowed"),
        ("1 1\ninf 1\n", {}, "line 2: inf is not allowed"),
        ("-1 1\n2 1\n", {}, "line 1: -1 is not allowed"),
        ("1 1\n", {}, "1 row(s) of numbers; at least 2 are needed"),
        ("", {}, "0 row(s) of numbers"),
        ("1 0\n2 0\n", {}, "the flux is 0 everywhere"),
        ("E[TeV] f\n.5 1\n1.5 1\n", {}, "energies in TeV; they must be in GeV or MeV"),
        # A number is believed, a name is not.
        (
            rows(*seven(POINTS, CURVE)),
            {"column": 1},
            "there is no 1 to choose; it has columns 2, 3",
        ),
        (rows(*seven(POINTS, CURVE)), {"column": 8}, "there is no 8 to choose"),
        (
            rows(*seven(POINTS, CURVE)),
            {"column": "numu"},
            "there is no 'numu'; it has columns 2, 3",
        ),
        (rows(POINTS, CURVE), {"column": "dune"}, "column is dune, which needs seven columns"),
        (
            "E,numubar\n" + rows(POINTS, CURVE, sep=","),
            {},
            "column 2 (numubar) is of ν̄_μ, the setu",
        ),
        ("# E anti-nu_mu\n" + rows(POINTS, CURVE), {}, "setup of ν_μ: change setup.helicity"),
        ("E,a,a\n" + rows(POINTS, CURVE, CURVE, sep=","), {"column": "a"}, "2 columns are called"),
        (
            "# E numu numubar nue nuebar nutau nutaubar\n" + rows(*seven(POINTS, CURVE)),
            {"column": "dune"},
            "the header calls column 2 'numu', not ν_e",
        ),
        # A reverse horn current: the ν_μ in it are a contamination.
        (
            rows(POINTS, *([CURVE] * 4), 2 * CURVE, CURVE),
            {"column": "dune"},
            "0.5 times as many ν_μ as ν̄_μ: a contamination of their beam? Change setup.helicity",
        ),
        (
            "E,numu,numubar\n" + rows(POINTS, CURVE, 9 * CURVE, sep=","),
            {},
            "0.11 times as many ν_μ as ν̄_μ",
        ),
        # Energies.
        (
            rows(POINTS, CURVE),
            {"energies": "low_high"},
            "energies is low_high, but no two neighbou",
        ),
        (rows(LOW, HIGH, PER_GEV), {"energies": "points"}, "holds lower and upper edges of bins"),
        (
            rows(LOW, PER_GEV),
            {"energies": "lower_edges", "content": "per_gev"},
            "the upper edge of the last bin is unknown: add a row with that edge and flux 0",
        ),
        (
            rows(CENTRES, PER_GEV),
            {"energies": "points", "content": "per_bin"},
            "points do not tell the widths of the bins",
        ),
        (
            "0 1 1 5\n1 2 1 5\n3 4 1 5\n",
            {"energies": "low_high"},
            "no two neighbouring columns are",
        ),
    ],
)
def test_wrong_files_are_refused_with_name_and_line(tmp_path, text, said, message):
    path = tmp_path / "flux.txt"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=re.escape(message)) as caught:
        read_flux(path, NUMU, Layout(**said))
    assert str(path) in str(caught.value)


def test_fluxes_per_area_and_proton_are_no_edges(tmp_path):
    """Two columns of 1e-13, each row rising, are next to equal only where everything is small."""
    path = tmp_path / "flux.txt"
    fluxes = [share * 1e-13 * PER_GEV for share in (0.01, 0.1, 1.0)]
    path.write_text("E nue numubar numu\n" + rows(CENTRES, *fluxes), encoding="utf-8")
    table = read_flux(path, NUMU, Layout(unit="GeV", energies="points", content="per_gev"))
    np.testing.assert_allclose(table.energy, CENTRES, rtol=1e-7)
    np.testing.assert_allclose(table.flux, 1e-13 * PER_GEV, rtol=1e-7)


GOOD = hepdata(PER_GEV)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [1\n", "not YAML"),
        ("a: 1\n", "not a HEPData table of one independent variable"),
        ("- 1\n", "not a HEPData table"),
        (GOOD.replace("value: 9.0", "value: '-'"), "value 3: value is missing or not a number"),
        (GOOD.replace("value: 9.0", "value: -9.0"), "value 3: -9 is not allowed"),
        (GOOD.replace("high: 0.5\n", "high: 0.4\n"), "bin 1 ends at 0.4, the next begins at 0.5"),
        (hepdata(PER_GEV, name="numubar"), "column 2 (numubar) is of ν̄_μ, the setup of ν_μ"),
        (hepdata(PER_GEV[:-1]), "7 values of Flux of numu, 8 energies"),
        (hepdata(PER_GEV), "content: per_gev"),
    ],
)
def test_wrong_hepdata(tmp_path, text, message):
    path = tmp_path / "flux.yaml"
    path.write_text(text)
    with pytest.raises(ValueError, match=re.escape(message)) as caught:
        read_flux(path, NUMU, Layout())
    assert str(path) in str(caught.value)


def test_hepdata_that_is_no_text(tmp_path):
    path = tmp_path / "flux.yaml"
    path.write_bytes(b"independent_variables: \xff\xfe")
    with pytest.raises(ValueError, match=r"flux\.yaml: not YAML"):
        read_flux(path, NUMU, Layout())


def test_any_comment_may_stand_above(tmp_path):
    path = tmp_path / "flux.txt"
    path.write_text(f"# {'a, ' * 70_000}\n# {'b' * 140_000},\n" + rows(POINTS, CURVE))
    np.testing.assert_allclose(read_flux(path, NUMU, Layout()).flux, CURVE, rtol=1e-7)


def test_wrong_root_files(tmp_path):
    path = tmp_path / "flux.root"
    path.write_bytes(b"root\0\0 and nothing else")
    with pytest.raises(ValueError, match=r"flux\.root: cannot be read as a ROOT file"):
        read_flux(path, NUMU, Layout())
    with uproot.recreate(path) as root:
        root["h2"] = np.ones((2, 2)), np.arange(3.0), np.arange(3.0)
    with pytest.raises(
        ValueError, match=r"no histogram of one dimension \(TH1\); it holds h2 \(TH2"
    ):
        read_flux(path, NUMU, Layout())
    with uproot.recreate(path) as root:
        root["h"] = np.array([1.0, -1.0, 1.0]), np.arange(4.0)
    with pytest.raises(ValueError, match=r"flux\.root, h, bin 2: -1 is not allowed"):
        read_flux(path, NUMU, Layout())
    with uproot.recreate(path) as root:
        root["numu"] = PER_GEV, EDGES
        root["numu_bar"] = 2 * PER_GEV, EDGES
    with pytest.raises(ValueError, match=r"0\.5 times as many ν_μ as ν̄_μ"):
        read_flux(path, NUMU, Layout(content="per_gev"))


def test_binary_and_missing_files(tmp_path):
    path = tmp_path / "flux.h5"
    path.write_bytes(b"\x89HDF\r\n\x1a\n\0\0\0\0")
    with pytest.raises(ValueError, match=r"flux\.h5"):
        read_flux(path, NUMU, Layout())
    with pytest.raises(FileNotFoundError, match=r"flux file .*absent\.txt does not exist"):
        read_flux(tmp_path / "absent.txt", NUMU, Layout())
