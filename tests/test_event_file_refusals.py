"""Files of events that are refused, and what is said of them."""

import re

import numpy as np
import pytest
import uproot

from event_samples import WRITERS, N, changed, every_format, histogram, read, written
from event_samples import events as events  # a fixture
from event_samples import sample as sample  # a fixture


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
