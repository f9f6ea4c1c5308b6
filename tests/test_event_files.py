"""Event files: what is read of each format, and what is refused, by file and event."""

import gzip

import numpy as np
import pytest
import uproot

import toy
from event_samples import (
    MUON_MASS,
    SETUP,
    SHAPE,
    N,
    changed,
    every_format,
    gst_branches,
    histogram,
    read,
    write_csv,
    written,
)
from event_samples import events as events  # a fixture
from event_samples import sample as sample  # a fixture
from nd2fd.events.files.reading import format_of
from nd2fd.events.files.selection import target_numbers
from nd2fd.events.sampling import histogram_events
from nd2fd.io.declarations import Provenance
from reference_data import reference_file


@every_format
def test_the_toys_events_come_back(tmp_path, name, sample, events):
    path = written(tmp_path, name, sample)
    assert format_of(path).name == name
    found, _ = read(path)
    tolerance = {"rtol": 0, "atol": 1e-14}
    np.testing.assert_allclose(found["e_lepton"], sample["e_lepton"], rtol=1e-15)
    np.testing.assert_allclose(found["cos_theta"], sample["cos_theta"], **tolerance)
    np.testing.assert_allclose(found["e_nu"], sample["e_nu"], rtol=1e-15)
    for column in ("weight", "pdg", "target"):
        assert (found[column] == sample[column]).all()
    made = histogram(path)
    counts = histogram_events([(events.energy, events.v1, events.v2)], *SHAPE)
    assert (made.contents == counts).all()
    assert made.unweighted
    assert made.effective_events == N


def test_artifacts_of_events_are_event_files(tmp_path, events):
    events.save(tmp_path / "far.h5", Provenance("test", "", 0, {}))
    found, _ = read(tmp_path / "far.h5")
    assert (found["e_lepton"] == events.e_lepton).all()
    assert (found["e_nu"] == events.energy).all()


@pytest.mark.parametrize("name", ["CSV", "HDF5"])
@pytest.mark.parametrize(
    "left_out", [("px", "py", "pz"), ("cos_theta",), ("e_lepton", "cos_theta"), ("weight", "cc")]
)
def test_some_columns_are_enough(tmp_path, name, sample, left_out):
    found, _ = read(written(tmp_path, name, changed(sample, **dict.fromkeys(left_out))))
    np.testing.assert_allclose(found["e_lepton"], sample["e_lepton"], rtol=1e-14)
    np.testing.assert_allclose(found["cos_theta"], sample["cos_theta"], rtol=0, atol=1e-14)


@pytest.mark.parametrize("name", ["CSV", "HDF5", "HepMC3"])
def test_units_are_those_of_the_file(tmp_path, name, sample):
    few = changed(sample, 50)
    if name == "HepMC3":
        options = {"unit": 1e3}
    else:
        few |= {column: 1e3 * few[column] for column in ("e_lepton", "px", "py", "pz", "e_nu")}
        options = {"units": "MeV"} if name == "HDF5" else {"preface": ["# unit: MeV"]}
    path = written(tmp_path, name, few, **options)
    found, _ = read(path)
    np.testing.assert_allclose(found["e_lepton"], sample["e_lepton"][:50], rtol=1e-14)
    np.testing.assert_allclose(found["e_nu"], sample["e_nu"][:50], rtol=1e-14)
    with pytest.raises(ValueError, match=r"data_unit is (GeV|MeV)"):
        read(path, data_unit="MeV" if name == "HepMC3" else "GeV")


def test_units_in_headers_and_by_key(tmp_path, sample):
    few = {name: sample[name][:50] for name in ("e_lepton", "cos_theta")}
    few["e_lepton"] = 1e3 * few["e_lepton"]
    write_csv(tmp_path / "a.csv", few, names=["e_lepton [MeV]", "cos_theta"])
    write_csv(tmp_path / "b.csv", few)
    by_header, by_key = (
        read(tmp_path / "a.csv")[0],
        read(tmp_path / "b.csv", data_unit="MeV")[0],
    )
    np.testing.assert_allclose(by_header["e_lepton"], sample["e_lepton"][:50], rtol=1e-14)
    assert (by_header["e_lepton"] == by_key["e_lepton"]).all()
    write_csv(tmp_path / "c.csv", few, names=["e_lepton [keV]", "cos_theta"])
    with pytest.raises(ValueError, match="e_lepton is in keV; energies must be in GeV or MeV"):
        read(tmp_path / "c.csv")


@every_format
def test_only_charged_current_events_on_the_target_are_taken(tmp_path, name, sample):
    mixed = changed(
        sample,
        20,
        cc={1: 0},
        pdg={2: -14, 3: 12},
        lepton_pdg={2: -13, 3: 11},
        target={4: 1000060120, 5: 1000010010},
    )
    found, source = read(written(tmp_path, name, mixed))
    kept = np.delete(sample["e_lepton"][:20], [1, 2, 3, 4, 5])
    np.testing.assert_allclose(found["e_lepton"], kept, rtol=1e-15)
    assert source.tally.read == 20
    assert source.tally.selected == 15
    assert source.tally.others.total() == 5
    assert source.tally.others["target 1000060120"] == 1
    # Argon and carbon, and antineutrinos.
    argon_carbon = toy.setup(target={"Ar40": 1, "C12": 1})
    assert read(tmp_path / written(tmp_path, name, mixed).name, argon_carbon)[0][
        "e_lepton"
    ].size == 16  # fmt: skip
    assert read(written(tmp_path, name, mixed), toy.setup(antineutrino=True))[0][
        "e_lepton"
    ] == pytest.approx(sample["e_lepton"][2:3])


def test_targets_have_the_numbers_of_the_particle_data_group():
    assert target_numbers(SETUP) == {1000180400}
    water = toy.setup(target={"H1": 2, "O16": 1})
    assert target_numbers(water) == {1000010010, 2212, 1000080160}


@pytest.mark.parametrize("name", ["CSV", "HDF5", "GENIE gst", "HepMC3"])
def test_angles_are_to_the_beam(tmp_path, name, sample):
    """A beam along the first axis; GENIE and HepMC3 say where each neutrino goes."""
    few = changed(sample, 30, cos_theta=None)
    path = written(tmp_path, name, few)
    found, _ = read(path, beam_direction=[2.0, 0.0, 0.0])
    momentum = np.sqrt(few["e_lepton"] ** 2 - MUON_MASS**2)
    np.testing.assert_allclose(found["cos_theta"], few["px"] / momentum, rtol=0, atol=1e-14)
    if name == "GENIE gst":
        branches = gst_branches(few)
        branches["pxv"], branches["pzv"] = branches["pzv"], branches["pxv"]
        with uproot.recreate(path) as file:
            file.mktree("gst", {k: v.dtype for k, v in branches.items()})
            file["gst"].extend(branches)
        np.testing.assert_allclose(read(path)[0]["cos_theta"], found["cos_theta"], atol=1e-14)


def test_an_angle_alone_has_no_other_beam(tmp_path, sample):
    path = written(tmp_path, "NUISANCE flat tree", sample)
    with pytest.raises(ValueError, match=r"entry 0: beam_direction is given.*use .*null"):
        read(path, beam_direction=[0.0, 0.0, 1.0])


@every_format
def test_weights_also_negative_ones_are_summed(tmp_path, name, sample, events):
    weight = np.random.default_rng(7).normal(1.0, 1.0, N)
    assert (weight < 0).any()
    path = written(tmp_path, name, sample | {"weight": weight})
    made = histogram(path)
    edges = [np.linspace(0, 1, n + 1) for n in SHAPE]
    for power, sums in ((1, made.contents), (2, made.squares)):
        expected = np.histogram2d(events.v1, events.v2, edges, weights=weight**power)[0]
        np.testing.assert_allclose(sums, expected, rtol=1e-12, atol=1e-12)
    assert made.effective_events == pytest.approx(weight.sum() ** 2 / (weight**2).sum())
    assert not made.unweighted


@every_format
def test_without_weights_each_event_counts_once(tmp_path, name, sample, caplog):
    path = written(tmp_path, name, changed(sample, 40, weight=None))
    with caplog.at_level("INFO", logger="nd2fd"):
        found, source = read(path)
    assert (found["weight"] == 1).all()
    assert not source.tally.weighted
    assert "has no weights; each event counts once" in caplog.text


def test_nuisance_has_single_precision(tmp_path, sample, events):
    path = written(tmp_path, "NUISANCE flat tree", sample, number=np.float32)
    found, _ = read(path)
    np.testing.assert_allclose(found["e_lepton"], sample["e_lepton"], rtol=1e-7)
    counts = histogram_events([(events.energy, events.v1, events.v2)], *SHAPE)
    assert np.abs(histogram(path).contents - counts).sum() <= 4


def test_weights_of_hepmc_go_by_their_name(tmp_path, sample):
    few = changed(sample, 5, weight={2: 3.5})
    path = written(tmp_path, "HepMC3", few, names=("other", "CV"))
    assert (read(path)[0]["weight"] == few["weight"]).all()
    path = written(tmp_path, "HepMC3", few, names=("other", "more"))
    assert (read(path)[0]["weight"] == 7.0).all()


@pytest.mark.parametrize("status", [11, 20])
def test_hepmc_may_be_packed_and_older(tmp_path, sample, status):
    path = written(tmp_path, "HepMC3", changed(sample, 50), target_status=status)
    packed = tmp_path / "events.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    assert (read(packed)[0]["e_lepton"] == read(path)[0]["e_lepton"]).all()
    packed.write_bytes(packed.read_bytes()[:-500])
    with pytest.raises(ValueError, match=r"events\.gz: ends or cannot be read after event"):
        read(packed)


def test_protons_on_target_are_known(tmp_path, sample):
    few = changed(sample, 5)
    paths = [
        written(tmp_path, "CSV", few, preface=["# a comment", "# pot: 1.5e20"]),
        written(tmp_path, "HDF5", few, pot=1.5e20),
        written(tmp_path, "HepMC3", few, attributes={"NuHepMC.Exposure.POT": "1.5e20"}),
    ]
    for path in paths:
        assert read(path)[1].file.pot == 1.5e20
    assert read(written(tmp_path, "GENIE gst", few))[1].file.pot is None


def test_public_looking_files_agree():
    """Fifty events twice: HepMC3 without weights and with statuses 4 and 20, and an RNTuple."""
    hepmc, _ = read(reference_file("../cases/events.hepmc3"))
    genie, _ = read(reference_file("../cases/events_gst_like.root"))
    assert hepmc["e_lepton"].size == 50
    for name, tolerance in (("e_lepton", 1e-12), ("cos_theta", 1e-12), ("e_nu", 1e-12)):
        np.testing.assert_allclose(hepmc[name], genie[name], rtol=tolerance)
    # Of the first event, from the text of the file.
    assert hepmc["cos_theta"][0] == pytest.approx(
        2.1084704572947688 / np.sqrt(2.6643222699716294**2 - 0.10565839999999689**2)
    )
