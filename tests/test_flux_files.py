"""Flux files: the same flux in every format, what a file leaves open, what is refused."""

import re

import numpy as np
import pytest
import uproot
import yaml

from nd2fd.beam.files.columns import neutrinos_in
from nd2fd.beam.files.layout import Layout, UnclearLayoutError
from nd2fd.beam.files.reading import read_flux
from nd2fd.beam.flux import FluxTable
from reference_data import reference_file

NUMU, NUMUBAR = ("muon", False), ("muon", True)

# One flux for all formats: a histogram, per GeV, with bins that are not equal.
EDGES = np.array([0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 10.0])
PER_GEV = np.array([1.0, 4.0, 9.0, 8.0, 5.0, 2.0, 0.6, 0.1])
OTHERS = {"nue": 0.01, "nutau": 0.0, "nuebar": 0.02, "numubar": 0.1, "nutaubar": 0.0}
LOW, HIGH, CENTRES = EDGES[:-1], EDGES[1:], (EDGES[:-1] + EDGES[1:]) / 2
# Outer halves of the outer bins by hand: -0.5, which is not a flux, and 0.1 - 2 * 0.5/3, neither.
AS_POINTS = FluxTable(np.array([0.0, *CENTRES, 10.0]), np.array([0.0, *PER_GEV, 0.0]))


def rows(*columns, sep=" ", end="\n"):
    """Text of columns."""
    return end.join(sep.join(f"{x:.8g}" for x in row) for row in zip(*columns, strict=True)) + end


def seven(energy, numu):
    """Columns E, nue, numu, nutau and the antineutrinos."""
    return [energy, *(OTHERS.get(name, 1.0) * numu for name in SPECIES)]


SPECIES = ("nue", "numu", "nutau", "nuebar", "numubar", "nutaubar")


def hepdata(values, name="Flux of numu", units="GeV", scale=1.0):
    """A HEPData table."""
    bins = [
        {"low": float(a), "high": float(b)} for a, b in zip(scale * LOW, scale * HIGH, strict=True)
    ]
    table = {
        "independent_variables": [{"header": {"name": "E_nu", "units": units}, "values": bins}],
        "dependent_variables": [
            {
                "header": {"name": name},
                "values": [{"value": float(v), "errors": []} for v in values],
            }
        ],
    }
    return yaml.safe_dump(table)


TEXTS = {
    "low high": (rows(LOW, HIGH, PER_GEV), "txt", {"content": "per_gev"}),
    "low high, per bin": (rows(LOW, HIGH, PER_GEV * (HIGH - LOW)), "dat", {"content": "per_bin"}),
    "low high, MeV": (rows(1e3 * LOW, 1e3 * HIGH, PER_GEV), "txt", {"unit": "MeV"}),
    "header says MeV": (
        "# Elow[MeV] Ehigh[MeV] flux\n" + rows(1e3 * LOW, 1e3 * HIGH, PER_GEV),
        "txt",
        {},
    ),
    "intervals": (
        "FLUX PREDICTION AT ND280\n#bin  #bin_enu[GeV/c]  #Flux[cm^{-2}/50MeV]\n"
        + "".join(
            f"{i} [{a:g},{b:g}] {f:g}\n"
            for i, (a, b, f) in enumerate(zip(LOW, HIGH, PER_GEV, strict=True))
        ),
        "txt",
        {"column": 4},
    ),
    "ranges": (
        "Bin Energy numu numub\n"
        + "".join(
            f"{i} {a:.2f}-{b:.2f} {f:g} {f / 9:g}\n"
            for i, (a, b, f) in enumerate(zip(LOW, HIGH, PER_GEV, strict=True))
        ),
        "txt",
        {},
    ),
    "lower edges, closed": (
        rows(EDGES, np.append(PER_GEV, 0.0)),
        "txt",
        {"energies": "lower_edges"},
    ),
    "HEPData": (hepdata(PER_GEV), "yaml", {}),
    "HEPData in MEV": (hepdata(PER_GEV, scale=1e3, units="MEV"), "yaml", {}),
    "HEPData, per bin": (hepdata(PER_GEV * (HIGH - LOW)), "yml", {"content": "per_bin"}),
    "HEPData's CSV": (
        "#: table: Flux\nE [GeV],E [GeV] LOW,E [GeV] HIGH,numu,numu_bar\n"
        + rows(CENTRES, LOW, HIGH, PER_GEV, 0.1 * PER_GEV, sep=","),
        "csv",
        {},
    ),
    "CSV with a header": (
        '"E_low (GeV)","E_high (GeV)","nue","numu","numubar"\n'
        + rows(LOW, HIGH, 0.01 * PER_GEV, PER_GEV, 0.1 * PER_GEV, sep=","),
        "csv",
        {},
    ),
    "CSV, a column by name": (
        "lo;hi;cv;up\n" + rows(LOW, HIGH, PER_GEV, 2 * PER_GEV, sep=";", end="\r\n"),
        "csv",
        {"column": "cv"},
    ),
}


@pytest.mark.parametrize("case", TEXTS)
def test_a_histogram_is_the_same_flux_in_every_format(tmp_path, case):
    text, suffix, said = TEXTS[case]
    path = tmp_path / f"flux.{suffix}"
    path.write_text("\ufeff" + text if suffix == "csv" else text, encoding="utf-8")
    table = read_flux(path, NUMU, Layout(**({"content": "per_gev"} | said)))
    np.testing.assert_allclose(table.energy, AS_POINTS.energy, rtol=1e-12)
    np.testing.assert_allclose(table.flux, AS_POINTS.flux, rtol=1e-7)


@pytest.mark.parametrize("per_bin", [False, True])
@pytest.mark.parametrize("scale", [1.0, 1e3])
def test_root_histograms(tmp_path, per_bin, scale):
    path = tmp_path / "flux.dat"  # known by its first bytes
    contents = PER_GEV * (HIGH - LOW) if per_bin else PER_GEV
    with uproot.recreate(path) as root:
        root["beam/h_numu"] = contents, scale * EDGES
        root["beam/h_numubar"] = 0.1 * contents, scale * EDGES
        root["tree"] = {"x": np.ones(3)}
    layout = Layout(unit="MeV" if scale > 1 else None, content="per_bin" if per_bin else "per_gev")
    table = read_flux(path, NUMU, layout)
    np.testing.assert_allclose(table.energy, AS_POINTS.energy)
    np.testing.assert_allclose(table.flux, AS_POINTS.flux)


POINTS = np.arange(0.25, 10.0, 0.5)
CURVE = POINTS * np.exp(-POINTS)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (rows(POINTS, CURVE), {}),
        ("E_nu (GeV), flux\n" + rows(POINTS, CURVE, sep=", "), {}),
        ("# E [MeV]  flux (peak at 1000 MeV)\n" + rows(1e3 * POINTS, CURVE, sep="\t"), {}),
        (rows(1e3 * POINTS, CURVE), {"unit": "MeV"}),
        ("# flux per 50 MeV, peak at 1000 MeV\n" + rows(POINTS, CURVE), {}),
        ("# all in mev\n" + rows(1e3 * POINTS, CURVE), {}),
        (rows(*seven(POINTS, CURVE)), {"column": "dune"}),
        (rows(*seven(POINTS, CURVE), sep=","), {"column": 3}),
        ("# E " + " ".join(SPECIES) + "\n" + rows(*seven(POINTS, CURVE)), {}),
        (
            "#  Enu(GeV) "
            + " ".join(SPECIES)
            + " (all fluxes in nus/cm^2/POT/GeV)\n"
            + rows(*seven(POINTS, CURVE)),
            {},
        ),
        ("# E nu_e nu_mu nu_tau anti_nu_e a_b x\n" + rows(*seven(POINTS, CURVE)), {}),
        (rows(POINTS - 0.25, CURVE), {"energies": "lower_edges", "column": 2}),
    ],
)
def test_equal_steps_are_points_per_anything(tmp_path, text, said):
    path = tmp_path / "flux.txt"
    path.write_text(text)
    table = read_flux(path, NUMU, Layout(**said))
    inside = slice(1, -1) if said.get("energies") else slice(None)
    np.testing.assert_allclose(table.energy[inside], POINTS, rtol=1e-12)
    np.testing.assert_allclose(table.flux[inside], CURVE, rtol=1e-7)


def test_a_histogram_keeps_its_outer_half_bins(tmp_path):
    path = tmp_path / "flux.txt"
    path.write_text("1 2 6\n2 3 4\n3 5 4\n")
    table = read_flux(path, NUMU, Layout(content="per_bin"))
    np.testing.assert_allclose(table.energy, [1, 1.5, 2.5, 4, 5])
    # Half a bin further along the lines through (1.5, 6), (2.5, 4) and (2.5, 4), (4, 2).
    np.testing.assert_allclose(table.flux, [7, 6, 4, 2, 2 - 4 / 3])


@pytest.mark.parametrize(
    ("wanted", "share"),
    [
        (("electron", False), 0.01),
        (("muon", False), 1.0),
        (("electron", True), 0.02),
        (("muon", True), 3.0),
        (("tau", True), 0.5),
    ],
)
def test_lepton_and_helicity_choose_among_seven_columns(tmp_path, wanted, share):
    shares = {("electron", False): 0.01, ("muon", False): 1.0, ("tau", False): 0.3}
    shares |= {("electron", True): 0.02, ("muon", True): 3.0, ("tau", True): 0.5}
    if wanted == ("muon", False):
        shares["muon", True] = 0.5
    if wanted == ("electron", False):
        shares["electron", True] = 0.001
    path = tmp_path / "flux.txt"
    path.write_text(rows(POINTS, *(s * CURVE for s in shares.values())))
    table = read_flux(path, wanted, Layout(column="dune"))
    np.testing.assert_allclose(table.flux, share * CURVE, rtol=1e-7)


@pytest.mark.parametrize(
    ("name", "neutrinos"),
    [
        ("numu", NUMU),
        ("nu_mu", NUMU),
        ("ν_μ", NUMU),
        ("hEnumu_cv", NUMU),
        (r"$\nu_\mu$ [1/cm2]", NUMU),
        ("muon neutrino", NUMU),
        ("flux_numu", NUMU),
        ("numubar", NUMUBAR),
        ("numub", NUMUBAR),
        ("anumu", NUMUBAR),
        ("nubar_mu", NUMUBAR),
        ("anti-nu_mu", NUMUBAR),
        ("ν̄_μ", NUMUBAR),
        (r"\bar{\nu}_{\mu}", NUMUBAR),
        ("muon antineutrino", NUMUBAR),
        ("nue", ("electron", False)),
        ("nuebar", ("electron", True)),
        ("nutau", ("tau", False)),
        ("E_nu", None),
        ("nu_energy", None),
        ("Enu [GeV]", None),
        ("flux", None),
        ("number", None),
        ("numerator", None),
    ],
)
def test_names_of_neutrinos(name, neutrinos):
    assert neutrinos_in(name) == neutrinos


# What a file does not say.


@pytest.mark.parametrize(
    ("text", "said", "asked"),
    [
        # Lower edges read as centres would shift the flux by half a bin.
        (rows(POINTS - 0.25, CURVE), {}, ["0 GeV and on in steps of 0.5 GeV", "energies: lower_"]),
        (rows(POINTS + 0.25, CURVE), {}, ["0.5 GeV and on in steps", "lower_edges", "points"]),
        (rows(CENTRES, PER_GEV), {}, ["energies: lower_edges", "content: per_gev", "0.5 to 3 GeV"]),
        # Bin numbers.
        (rows(range(20), CURVE), {}, ["0, 1, 2, …, numbers of bins?", "energies"]),
        (rows(range(1, 21), CURVE), {}, ["1, 2, 3, …, numbers of bins?"]),
        # Seven columns of whatever order.
        (
            rows(*seven(POINTS, CURVE)),
            {},
            ["which is the flux of ν_μ", "column: its number", "dune"],
        ),
        ("# E a b c d e f\n" + rows(*seven(POINTS, CURVE)), {}, ["2 (a), 3 (b)", "column"]),
        (rows(POINTS, CURVE, CURVE), {}, ["column: its number or name", "2, 3"]),
        ("E,flux,error\n" + rows(POINTS, CURVE, CURVE, sep=","), {}, ["2 (flux), 3 (error)"]),
        # Per bin or per GeV.
        (rows(LOW, HIGH, PER_GEV), {}, ["0.5 to 4 GeV", "content: per_gev", "per_bin"]),
        (rows(CENTRES, PER_GEV), {"energies": "points"}, ["content: per_gev"]),
        (rows(CENTRES, PER_GEV), {"content": "per_gev"}, ["energies: lower_edges"]),
    ],
)
def test_what_is_open_is_asked(tmp_path, text, said, asked):
    path = tmp_path / "flux.txt"
    path.write_text(text)
    with pytest.raises(UnclearLayoutError) as caught:
        read_flux(path, NUMU, Layout(**said))
    for part in [str(path), *asked]:
        assert part in str(caught.value)


def test_of_several_histograms_one_must_be_named(tmp_path):
    path = tmp_path / "flux.root"
    with uproot.recreate(path) as root:
        root["nd"] = PER_GEV, np.arange(9.0)
        root["fd"] = PER_GEV, np.arange(9.0)
        root["h2"] = np.ones((2, 2)), np.arange(3.0), np.arange(3.0)
    with pytest.raises(
        UnclearLayoutError, match=r"Give column: its name; it has histograms nd, fd"
    ):
        read_flux(path, NUMU, Layout())
    for wrong in ("h2", "xx"):
        with pytest.raises(ValueError, match=f"there is no '{wrong}'; it has histograms nd, fd"):
            read_flux(path, NUMU, Layout(column=wrong))
    with pytest.raises(ValueError, match=r"no 1 to choose; it has histograms nd, fd"):
        read_flux(path, NUMU, Layout(column=1))
    assert read_flux(path, NUMU, Layout(column="fd")).energy[1] == 0.5


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


def test_a_contamination_may_be_chosen_by_number(tmp_path):
    path = tmp_path / "flux.csv"
    path.write_text("E,numu,numubar\n" + rows(POINTS, CURVE, 9 * CURVE, sep=","))
    np.testing.assert_allclose(read_flux(path, NUMU, Layout(column=2)).flux, CURVE, rtol=1e-7)


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


# Files that experiments released.


def test_t2ks_text_and_histogram_are_one_flux():
    per_gev = Layout(content="per_gev")
    text = read_flux(reference_file("t2k_ccinc_2018/flux.txt"), NUMU, per_gev)
    with pytest.raises(UnclearLayoutError, match="histograms hflux, hist_xsec"):
        read_flux(reference_file("t2k_ccinc_2018/histograms.root"), NUMU, per_gev)
    layout = Layout(column="hflux", content="per_gev")
    histogram = read_flux(reference_file("t2k_ccinc_2018/histograms.root"), NUMU, layout)
    np.testing.assert_allclose(text.energy, histogram.energy, atol=1e-9)
    np.testing.assert_allclose(text.flux, histogram.flux, rtol=1e-5, atol=1e-5 * text.flux.max())
    assert text.energy[text.flux.argmax()] == pytest.approx(0.575)


def test_microboones_histogram_leaves_nothing_open():
    path = reference_file("microboone_ccinc_3d/MicroBooNE_FHC_numu_flux.root")
    table = read_flux(path, NUMU, Layout())
    low = table.energy < 3
    # "approximately 0.8 GeV", arXiv:2307.06413
    mean = np.average(table.energy[low], weights=table.flux[low])
    assert mean == pytest.approx(0.8, abs=0.06)
