"""Flux files: the same flux in every format, what a file leaves open, what is refused."""

import numpy as np
import pytest
import uproot

from flux_texts import (
    AS_POINTS,
    CENTRES,
    EDGES,
    HIGH,
    LOW,
    NUMU,
    NUMUBAR,
    PER_GEV,
    SPECIES,
    TEXTS,
    rows,
    seven,
)
from nd2fd.beam.files.columns import neutrinos_in
from nd2fd.beam.files.layout import Layout, UnclearLayoutError
from nd2fd.beam.files.reading import read_flux
from reference_data import reference_file


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


def test_a_contamination_may_be_chosen_by_number(tmp_path):
    path = tmp_path / "flux.csv"
    path.write_text("E,numu,numubar\n" + rows(POINTS, CURVE, 9 * CURVE, sep=","))
    np.testing.assert_allclose(read_flux(path, NUMU, Layout(column=2)).flux, CURVE, rtol=1e-7)


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
