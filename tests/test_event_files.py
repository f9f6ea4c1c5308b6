"""Event files: what is read of each format, and what is refused, by file and event."""

import gzip
import re

import h5py
import numpy as np
import pyhepmc
import pytest
import uproot

import toy
from nd2fd.cross_sections.closure import closure_events
from nd2fd.events.files.reading import EventSource, format_of
from nd2fd.events.files.selection import target_numbers
from nd2fd.events.sampling import histogram_events
from nd2fd.events.weighted_histogram import fill_histograms
from nd2fd.io.declarations import Provenance
from reference_data import reference_file

SETUP = toy.SETUP
MUON_MASS = SETUP.lepton_mass
SHAPE = (12, 14)
N = 2000
DEFAULT = {"data_unit": None, "beam_direction": None}


@pytest.fixture(scope="module")
def events():
    rng = np.random.default_rng(5)
    return closure_events(toy.structure_functions, toy.inputs()[0], None, SETUP, N, rng)


@pytest.fixture(scope="module")
def sample(events):
    """The toy's events as columns, with azimuths, and a neutrino along the third axis."""
    phi = np.random.default_rng(6).uniform(0, 2 * np.pi, N)
    momentum = np.sqrt(events.e_lepton**2 - MUON_MASS**2)
    transverse = momentum * np.sqrt(1 - events.cos_theta**2)
    return {
        "e_lepton": events.e_lepton,
        "cos_theta": events.cos_theta,
        "px": transverse * np.cos(phi),
        "py": transverse * np.sin(phi),
        "pz": momentum * events.cos_theta,
        "e_nu": events.energy,
        "weight": np.ones(N),
        "pdg": np.full(N, 14),
        "target": np.full(N, 1000180400),
        "lepton_pdg": np.full(N, 13),
        "cc": np.ones(N, dtype=int),
    }


def changed(sample, n=None, **columns):
    """The first n events, with some of one column changed, as column={index: value}."""
    made = {name: np.array(values[:n]) for name, values in sample.items()}
    for name, values in columns.items():
        if values is None:
            del made[name]
            continue
        for i, value in values.items():
            made[name][i] = value
    return made


def write_csv(path, sample, preface=(), names=None):
    names = names or list(sample)
    rows = [",".join(repr(v.item()) for v in row) for row in zip(*sample.values(), strict=True)]
    path.write_text("\n".join([*preface, ",".join(names), *rows]) + "\n")


def write_hdf5(path, sample, units=None, **attributes):
    with h5py.File(path, "w") as file:
        file.attrs.update(attributes)
        for name, values in sample.items():
            file[name] = values
            if units and name in ("e_lepton", "px", "py", "pz", "e_nu"):
                file[name].attrs["units"] = units


def gst_branches(sample):
    names = {
        "El": "e_lepton", "pxl": "px", "pyl": "py", "pzl": "pz", "Ev": "e_nu", "cc": "cc",
        "neu": "pdg", "tgt": "target", "fspl": "lepton_pdg", "wght": "weight",
    }  # fmt: skip
    branches = {b: sample[name] for b, name in names.items() if name in sample}
    branches["cc"] = branches["cc"].astype(bool)
    zero = np.zeros(len(branches["Ev"]))
    return branches | {"pxv": zero, "pyv": zero, "pzv": branches["Ev"], "Q2": zero}


def write_gst(path, sample):
    with uproot.recreate(path) as file:
        file.mktree("gst", {k: v.dtype for k, v in gst_branches(sample).items()})
        file["gst"].extend(gst_branches(sample))


def write_nuisance(path, sample, number=np.float64):
    names = {
        "ELep": "e_lepton", "CosLep": "cos_theta", "Enu_true": "e_nu", "PDGnu": "pdg",
        "tgt": "target", "PDGLep": "lepton_pdg", "Weight": "weight",
    }  # fmt: skip
    branches = {b: sample[name] for b, name in names.items() if name in sample}
    for name in ("ELep", "CosLep", "Enu_true"):
        branches[name] = branches[name].astype(number)
    branches["cc"] = sample["cc"].astype(np.int8)
    branches["fScaleFactor"] = np.full(len(sample["cc"]), 1e-42)
    with uproot.recreate(path) as file:
        file.mktree("FlatTree_VARS", {k: v.dtype for k, v in branches.items()})
        file["FlatTree_VARS"].extend(branches)


def write_hepmc3(path, sample, unit=1.0, attributes=None, target_status=20, names=("CV", "other")):
    run = pyhepmc.GenRunInfo()
    weighted = "weight" in sample
    if weighted:
        run.weight_names = list(names)
    for name, value in (attributes or {}).items():
        run.attributes[name] = value
    with pyhepmc.open(path, "w", precision=17) as file:
        for i in range(len(sample["px"])):
            s = {name: values[i].item() for name, values in sample.items()}
            kind = pyhepmc.Units.MomentumUnit
            event = pyhepmc.GenEvent(kind.MEV if unit == 1e3 else kind.GEV)
            event.run_info = run
            if weighted:
                event.weights = [s["weight"] if name == "CV" else 7.0 for name in names]
            vertex = pyhepmc.GenVertex()
            nu = (0.0, 0.0, unit * s["e_nu"], unit * s["e_nu"])
            vertex.add_particle_in(pyhepmc.GenParticle(nu, s["pdg"], 4))
            vertex.add_particle_in(
                pyhepmc.GenParticle((0, 0, 0, 37.2 * unit), s["target"], target_status)
            )
            p = tuple(unit * s[name] for name in ("px", "py", "pz", "e_lepton"))
            pdg = s["lepton_pdg"] if s["cc"] else 14
            vertex.add_particle_out(pyhepmc.GenParticle(p, pdg, 1))
            vertex.add_particle_out(pyhepmc.GenParticle((0.1, 0, 0, 1), 2212, 1))
            event.add_vertex(vertex)
            file.write(event)


WRITERS = {
    "CSV": (write_csv, "csv"),
    "HDF5": (write_hdf5, "h5"),
    "GENIE gst": (write_gst, "root"),
    "NUISANCE flat tree": (write_nuisance, "root"),
    "HepMC3": (write_hepmc3, "hepmc3"),
}
every_format = pytest.mark.parametrize("name", WRITERS)


def written(folder, name, sample, **options):
    write, suffix = WRITERS[name]
    path = folder / f"events.{suffix}"
    write(path, sample, **options)
    return path


def read(path, setup=SETUP, **section):
    """All events of a file in one, and the tally."""
    source = EventSource.open(path, DEFAULT | section, setup)
    parts = list(source.parts(lambda done, note: None))
    joined = {
        name: np.concatenate([getattr(part, name) for part in parts])
        for name in ("e_lepton", "cos_theta", "weight", "e_nu", "pdg", "target")
        if getattr(parts[0], name) is not None
    }
    return joined, source


def histogram(path, setup=SETUP, **section):
    source = EventSource.open(path, DEFAULT | section, setup)
    (made,) = fill_histograms(source.parts(lambda done, note: None), setup, SHAPE)
    return made


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


# Bad files.


def refused(path, words, **section):
    with pytest.raises(ValueError, match=words) as error:
        read(path, **section)
    assert str(path) in str(error.value)


PLACE = {
    "CSV": "line {line}",
    "HDF5": "event {i}",
    "GENIE gst": "gst;1 entry {i}",
    "NUISANCE flat tree": "FlatTree_VARS;1 entry {i}",
    "HepMC3": "event {i}",
}


def place(name, i):
    """The event of index i, as messages call it; lines count from 1, the first has the names."""
    return PLACE[name].format(i=i, line=i + 2)


@every_format
@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("column", ["e_lepton", "weight"])
def test_numbers_that_are_none_are_refused(tmp_path, name, sample, value, column):
    path = written(tmp_path, name, changed(sample, 10, **{column: {7: value}}))
    words = f"{column} is {value}; it must be finite"
    if name == "HepMC3" and column == "weight":
        words = "cannot be read: .*number of weights"
    refused(path, f"{place(name, 7)}: {words}")


@pytest.mark.parametrize("name", ["CSV", "HDF5", "GENIE gst", "HepMC3"])
def test_momenta_that_are_none_are_refused(tmp_path, name, sample):
    path = written(tmp_path, name, changed(sample, 10, cos_theta=None, py={3: np.nan}))
    refused(path, f"{place(name, 3)}: momentum is .*nan.*; it must be finite")


@every_format
def test_energies_in_mev_are_noticed(tmp_path, name, sample):
    few = changed(sample, 10)
    few |= {column: 1e3 * few[column] for column in ("e_lepton", "px", "py", "pz")}
    path = written(tmp_path, name, few)
    value = f"{few['e_lepton'][0]:.6g}"
    words = f"{place(name, 0)}: e_lepton is {value} GeV, above setup.energy_max = 10 GeV, as for 10"
    refused(path, f"{words} of 10 events: .*say data_unit")


@pytest.mark.parametrize("name", ["CSV", "HDF5"])
def test_energies_in_gev_are_no_mev(tmp_path, name, sample):
    path = written(tmp_path, name, changed(sample, 10))
    words = f"{place(name, 0)}: e_lepton is .* GeV, less than the mass of the muon, 0.105658 GeV"
    refused(path, words, data_unit="MeV")


@every_format
def test_kinetic_energies_are_refused_where_they_show(tmp_path, name, sample):
    few = changed(sample, 10, e_lepton={4: 0.06}, px={4: 0.0}, py={4: 0.0}, pz={4: 0.0})
    path = written(tmp_path, name, few)
    refused(path, f"{place(name, 4)}: e_lepton is 0.06 GeV, less than the mass of the muon")


@pytest.mark.parametrize("name", ["CSV", "HDF5", "NUISANCE flat tree"])
def test_angles_in_place_of_cosines_are_refused(tmp_path, name, sample):
    few = changed(sample, 200, px=None, py=None, pz=None)
    few["cos_theta"] = np.arccos(few["cos_theta"])
    i = int(np.argmax(few["cos_theta"] > 1))
    path = written(tmp_path, name, few)
    value = f"{few['cos_theta'][i]:.6g}"
    refused(path, rf"{place(name, i)}: cos_theta is {value}; it must be in \[-1, 1\]")


def test_a_column_of_angles_is_no_cosine(tmp_path, sample):
    few = {"e_lepton": sample["e_lepton"][:5], "theta": np.full(5, 0.3)}
    refused(written(tmp_path, "CSV", few), "has no lepton.*theta is there; give its cosine")
    refused(written(tmp_path, "HDF5", few), "has no lepton.*theta is there; give its cosine")


@pytest.mark.parametrize("name", ["CSV", "HDF5", "GENIE gst", "HepMC3"])
def test_energy_and_momentum_of_different_units_are_refused(tmp_path, name, sample):
    few = changed(sample, 10)
    few |= {column: 1e3 * few[column] for column in ("px", "py", "pz")}
    refused(
        written(tmp_path, name, few), rf"{place(name, 0)}: E² - p² is -.* GeV²; that of the muon"
    )


@every_format
@pytest.mark.parametrize(
    ("column", "value", "words"),
    [
        ("pdg", 2212, "pdg of the neutrino is 2212, which is no neutrino"),
        ("target", 18, "target is 18, which is no nucleus"),
        ("lepton_pdg", 2212, "lepton_pdg is 2212, which is no lepton"),
    ],
)
def test_particles_that_are_none_are_refused(tmp_path, name, sample, column, value, words):
    path = written(tmp_path, name, changed(sample, 10, **{column: {6: value}}))
    if name == "HepMC3" and column == "pdg":
        words = "has no incoming neutrino"
    if name == "HepMC3" and column == "lepton_pdg":  # a proton is one more hadron
        assert read(path)[1].tally.others == {"not a charged-current event": 1}
        return
    refused(path, f"{place(name, 6)}: {words}")


@every_format
def test_events_of_others_alone_are_refused(tmp_path, name, sample):
    few = changed(sample, 10, target=dict.fromkeys(range(10), 1000060120))
    refused(
        written(tmp_path, name, few), "none of its 10 events.*left out were target 1000060120: 10"
    )
    few = changed(
        sample, 10, pdg=dict.fromkeys(range(10), 12), lepton_pdg=dict.fromkeys(range(10), 11)
    )
    refused(written(tmp_path, name, few), "none of its 10 events.*muon.*neutrino 12: 10")


@every_format
def test_empty_files_are_refused(tmp_path, name, sample):
    if name != "HepMC3":
        refused(written(tmp_path, name, changed(sample, 0)), "has no events")
    path = tmp_path / f"empty.{WRITERS[name][1]}"
    path.write_bytes(b"")
    refused(path, "is empty")
    with pytest.raises(FileNotFoundError, match="absent"):
        read(tmp_path / "absent.h5")


@pytest.mark.parametrize("share", [0.3, 0.9])
@every_format
def test_truncated_files_are_refused(tmp_path, name, sample, share):
    path = written(tmp_path, name, sample)
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    if name == "CSV":
        # As long as it does not end within a number.
        lines = path.read_text().splitlines()
        path.write_text("\n".join([*lines[:-1], ",".join(lines[-2].split(",")[:3])]) + "\n")
        refused(path, f"line {len(lines)}: .* is nan|line {len(lines)}")
    else:
        refused(path, "damaged or incomplete|ends or cannot be read after event")


def test_damage_within_hepmc_is_found(tmp_path, sample):
    path = written(tmp_path, "HepMC3", changed(sample, 30))
    lines = path.read_text().splitlines(keepends=True)
    tenth = [i for i, line in enumerate(lines) if line.startswith("E ")][10]
    del lines[tenth + 4 : tenth + 6]
    path.write_text("".join(lines))
    refused(path, "cannot be read after event (9|10);")


def test_lines_that_are_no_numbers_are_named(tmp_path, sample):
    path = written(tmp_path, "CSV", changed(sample, 10))
    lines = path.read_text().splitlines()
    lines[4] = lines[4].replace(lines[4].split(",")[0], "2,5")
    path.write_text("\n".join(lines) + "\n")
    refused(path, "Expected 11 fields in line 5, saw 12")
    path.write_text("\n".join([lines[0], *lines[4:]]) + "\n")
    refused(path, "line 2: has more values than the 11 columns")
    lines[4] = ",".join(["abc", *lines[3].split(",")[1:]])
    path.write_text("\n".join(lines) + "\n")
    refused(path, "line 5: e_lepton is 'abc'; it must be a number")
    lines[4] = lines[3].replace(",14,", ",14.5,")
    path.write_text("\n".join(lines) + "\n")
    refused(path, "line 5: pdg is 14.5; it must be an integer")


@every_format
def test_bad_events_in_later_parts_are_named(tmp_path, name, sample, monkeypatch):
    for module in ("hdf5", "text", "root_trees"):
        monkeypatch.setattr(f"nd2fd.events.files.{module}.EVENTS_PER_PART", 8)
    monkeypatch.setattr("nd2fd.events.files.hepmc3._PER_PART", 8)
    path = written(tmp_path, name, changed(sample, 30, e_lepton={21: np.nan}))
    refused(path, f"{place(name, 21)}: e_lepton is nan")


def test_hepmc_events_without_a_weight_among_others(tmp_path, sample):
    path = written(tmp_path, "HepMC3", changed(sample, 10), names=("CV",))
    lines = path.read_text().splitlines(keepends=True)
    weights = [i for i, line in enumerate(lines) if re.match(r"W [0-9.e+-]+$", line)]
    del lines[weights[-3]]
    path.write_text("".join(lines))
    refused(path, "event 7: has no weight, others have")


def test_columns_of_different_lengths_are_refused(tmp_path, sample):
    few = changed(sample, 5)
    few["weight"] = few["weight"][:4]
    refused(written(tmp_path, "HDF5", few), "different lengths: .*weight 4")


def test_other_files_are_of_no_known_format(tmp_path, sample):
    for content in (b"%PDF-1.7\n", b"1.0 2.0\n3.0 4.0\n"):
        (tmp_path / "x").write_bytes(content)
        refused(tmp_path / "x", "no known format; known are HDF5, GENIE gst.* CSV")
    with uproot.recreate(tmp_path / "other.root") as file:
        file.mktree("t", {"x": np.float64})
    refused(tmp_path / "other.root", "no known format")


def test_weights_that_cancel_and_leptons_outside_are_refused(tmp_path, sample):
    weight = np.tile([1.0, -1.0], N // 2)
    path = written(tmp_path, "HDF5", sample | {"weight": weight})
    with pytest.raises(ValueError, match=f"the weights of {N} events sum to 0; it must be above"):
        histogram(path)
    backward = {"e_lepton": np.full(10, 3.0), "cos_theta": np.full(10, -0.9)}
    with pytest.raises(ValueError, match=r"10 of 10 events have v1 or v2 above 1.*x_max = 1"):
        histogram(written(tmp_path, "HDF5", backward))
