"""Data from event files: the toy's own events give what they give without a file."""

import numpy as np
import pytest
import yaml

import toy
from configurations import planned
from event_samples import WRITERS, written
from nd2fd.cross_sections.closure import closure_events
from nd2fd.events.files.reading import EventSource
from nd2fd.events.measured_events import measured_events
from nd2fd.events.sampling import histogram_events
from nd2fd.events.weighted_histogram import WeightedHistogram, fill_histograms
from nd2fd.learning.near_file import (
    bootstrapped,
    calibrated_histograms,
    histogram_of,
    near_data_of_file,
    near_histogram,
)
from nd2fd.learning.weights import poisson_weights
from nd2fd.physics.density import DensityGrid
from nd2fd.statistics.joint_fits import near_counts
from nd2fd.streams import NO_DRAW
from nd2fd.systematics.members import draw_assumptions
from workflow_jobs import jobs_of
from workflow_runs import copy_project

SETUP = toy.SETUP
GRID = DensityGrid(SETUP, 40, 12, 14, 2)
FLUX, OSCILLATION = toy.inputs()
N = 1500
AS_IT_IS = {"data_unit": None, "beam_direction": None}
SIZES = {"muon_energy_scale": 0.02}


def nothing(done, note):
    pass


@pytest.fixture(scope="module")
def events():
    rng = np.random.default_rng(8)
    return closure_events(toy.structure_functions, FLUX, OSCILLATION, SETUP, N, rng)


@pytest.fixture(scope="module")
def sample(events):
    momentum = np.sqrt(events.e_lepton**2 - SETUP.lepton_mass**2)
    return {
        "e_lepton": events.e_lepton,
        "cos_theta": events.cos_theta,
        "px": momentum * np.sqrt(1 - events.cos_theta**2),
        "py": np.zeros(N),
        "pz": momentum * events.cos_theta,
        "e_nu": events.energy,
        "weight": np.ones(N),
        "pdg": np.full(N, 14),
        "target": np.full(N, 1000180400),
        "lepton_pdg": np.full(N, 13),
        "cc": np.ones(N, dtype=int),
    }


def source(path):
    return EventSource.open(path, AS_IT_IS, SETUP)


def assumptions(*numbers):
    draws = {"flux": [NO_DRAW] * len(numbers), "muon_energy_scale": list(numbers)}
    return draw_assumptions(3, draws, FLUX, SIZES)


def made_of(contents, squares):
    return WeightedHistogram(
        contents, squares, contents.sum(), squares.sum(), int(contents.sum()), 0
    )


@pytest.mark.parametrize("name", WRITERS)
def test_data_are_those_of_the_events(tmp_path, name, sample, events):
    """Bit by bit the near histogram; of the far events v1 and v2 up to rounding."""
    path = written(tmp_path, name, sample)
    counts = histogram_events([(events.energy, events.v1, events.v2)], GRID.n_v1, GRID.n_v2)
    read = near_histogram(source(path), GRID, N, nothing)
    assert (read.contents == counts).all()
    data = near_data_of_file([histogram_of(read)], FLUX, GRID, assumptions(NO_DRAW), [0], 1, [])
    assert (data.density[0] == counts / N / (counts.sum() / N * GRID.cell_area)).all()
    assert data.n_events == N
    assert data.squares is None
    of_joint = near_counts(read, None, None, None, GRID, N, 1)
    assert (of_joint.counts == counts).all()
    assert of_joint.squares is None
    far = measured_events(source(path), N, nothing)
    np.testing.assert_allclose(far.v1, events.v1, rtol=1e-11)
    np.testing.assert_allclose(far.v2, events.v2, rtol=1e-13)


@pytest.mark.parametrize("name", WRITERS)
def test_the_number_of_events_must_be_that_of_the_file(tmp_path, name, sample):
    path = written(tmp_path, name, sample)
    words = rf"near_detector.n_events is 7, but event file .* has {N} selected events; write near_"
    with pytest.raises(ValueError, match=words):
        near_histogram(source(path), GRID, 7, nothing)
    with pytest.raises(ValueError, match=f"write far_detector.n_events: {N}"):
        measured_events(source(path), 7, nothing)


def test_weighted_far_events_are_refused(tmp_path, sample):
    weight = np.ones(N)
    weight[9] = 2.0
    path = written(tmp_path, "HDF5", sample | {"weight": weight})
    with pytest.raises(ValueError, match=r"weight 2, the first one 1: .* is no likelihood"):
        measured_events(source(path), N, nothing)
    # Common weights are none.
    path = written(tmp_path, "HDF5", sample | {"weight": np.full(N, 0.3)})
    assert measured_events(source(path), N, nothing).v1.size == N


def test_measured_events_may_have_no_neutrino_energy(tmp_path, sample):
    few = {name: sample[name] for name in ("e_lepton", "cos_theta")}
    assert measured_events(source(written(tmp_path, "CSV", few)), N, nothing).energy is None


def test_the_file_is_read_in_parts(tmp_path, sample, monkeypatch):
    """Whatever the parts, the sums are the same, and progress ends at the whole."""
    monkeypatch.setattr("nd2fd.events.files.hdf5.EVENTS_PER_PART", 400)
    seen = []
    read = source(written(tmp_path, "HDF5", sample))
    parts = near_histogram(read, GRID, N, lambda done, note: seen.append((done, note)))
    assert [done for done, _ in seen] == [400, 800, 1200, N]
    assert seen[-1][1] == f"{N} events selected"
    assert parts.contents.sum() == N


def test_calibrations_move_the_leptons_of_each_member(tmp_path, sample):
    path = written(tmp_path, "HDF5", sample)
    assumed = assumptions(0, NO_DRAW, 5)
    made = calibrated_histograms(source(path), GRID, assumed, nothing)
    for member, z in enumerate(assumed.parameters["muon_energy_scale"][:, 0]):
        scaled = sample | {"e_lepton": (1 + 0.02 * z) * sample["e_lepton"]}
        del scaled["px"]
        scaled = written(tmp_path, "HDF5", scaled)
        (expected,) = fill_histograms(source(scaled).parts(nothing), SETUP, (12, 14))
        assert (made[member].contents == expected.contents).all()
    assert (made[0].contents != made[1].contents).any()
    data = near_data_of_file(made, FLUX, GRID, assumed, [4, 5, 6], 1, [])
    assert (data.density[0] != data.density[1]).any()


def test_bootstraps_have_the_mean_and_the_variance_of_the_sample():
    rng = np.random.default_rng(2)
    counts = rng.poisson(30.0, (12, 14)).astype(float)
    plain = made_of(counts, counts)
    weighted = made_of(0.7 * counts, 1.3 * counts)
    negative = made_of(np.where(counts > 30, counts, -0.1 * counts), 2.0 * counts)
    for made in (plain, weighted, negative):
        drawn = np.stack([bootstrapped(made, rng) for _ in range(2000)])
        error = np.sqrt(made.squares / 2000)
        pulls = (drawn.mean(axis=0) - made.contents) / error
        assert abs(pulls.mean()) < 0.3
        assert pulls.std() == pytest.approx(1.0, abs=0.2)
        np.testing.assert_allclose(drawn.var(axis=0).sum(), made.squares.sum(), rtol=0.02)
    assert plain.unweighted
    assert drawn.sum() != pytest.approx(0)
    sizes = {bootstrapped(plain, rng).sum() for _ in range(5)}
    assert sizes == {counts.sum()}


def test_members_with_their_own_sample_have_bootstraps(tmp_path, sample):
    read = near_histogram(source(written(tmp_path, "HDF5", sample)), GRID, N, nothing)
    two = assumptions(NO_DRAW, NO_DRAW)
    streams = [("a", 0), ("a", 1)]
    data = near_data_of_file([histogram_of(read)], FLUX, GRID, two, [0, 1], 3, streams)
    assert (data.density[0] != data.density[1]).any()
    one = near_data_of_file(
        [histogram_of(read)], FLUX, GRID, assumptions(NO_DRAW), [1], 3, streams[1:]
    )
    assert (one.density[0] == data.density[1]).all()
    shared = near_data_of_file([histogram_of(read)], FLUX, GRID, two, [0, 1], 3, [])
    assert (shared.density[0] == shared.density[1]).all()


def test_weights_set_the_errors(tmp_path, sample):
    """The variance of a cell is Σ w², that of N_eff unweighted events only on average."""
    weight = np.where(sample["cos_theta"] > 0.9, 4.0, 1.0)
    path = written(tmp_path, "HDF5", sample | {"weight": weight})
    n_effective = round(weight.sum() ** 2 / (weight**2).sum())
    with pytest.raises(ValueError, match=f"effective number of {N} weighted ones.*: {n_effective}"):
        near_histogram(source(path), GRID, N, nothing)
    read = near_histogram(source(path), GRID, n_effective, nothing)
    data = near_data_of_file([histogram_of(read)], FLUX, GRID, assumptions(NO_DRAW), [0], 1, [])
    assert data.n_events == n_effective
    # Var of a density p: p / (N area) without weights, Σ w² / (Σ w area)² with them.
    variance = data.squares[0] / (weight.sum() ** 2 / (weight**2).sum() * GRID.cell_area)
    np.testing.assert_allclose(
        variance, read.squares / (weight.sum() * GRID.cell_area) ** 2, rtol=1e-12
    )
    ratio = poisson_weights(data.squares) / poisson_weights(data.density)
    heavy, light = read.squares > 3.9 * read.contents, read.squares < 1.1 * read.contents
    assert np.median(ratio[0][heavy & (read.contents > 20)]) < np.median(
        ratio[0][light & (read.contents > 5)]
    )
    of_joint = near_counts(read, None, None, None, GRID, N, 1)
    assert of_joint.counts.sum() == pytest.approx(n_effective, abs=0.5)
    assert (of_joint.squares == read.squares).all()


# Configuration and plan.


@pytest.fixture
def files(tmp_path):
    """A configuration with files for both detectors; nothing reads them."""
    for name in ("near.root", "far.csv"):
        (tmp_path / name).write_text("x")
    return {
        "near_detector": {"data": str(tmp_path / "near.root"), "n_events": 1234},
        "far_detector": {"data": str(tmp_path / "far.csv"), "n_events": 5000},
    }


def test_the_files_number_of_events_is_that_of_all_that_have_events(files):
    plan = planned(files)
    numbers = {name: plan.ensemble(name).near_events for name in plan.ensembles}
    assert numbers["nominal"] is None
    assert numbers["seeds"] is None
    assert numbers["nd30m"] == numbers["nd3m"] == numbers["systematics"] == 1234
    assert {plan.joint_near_events(name) for name in plan.joint_fits} == {1234}
    near_alone = planned({"far_detector": files["far_detector"]})
    assert near_alone.near_events("nd30m") == 30_000_000
    assert near_alone.near_file is None


def test_data_files_take_the_place_of_what_is_drawn(files):
    energy_scale = {"ensembles": {"flux": {"vary": ["flux", "muon_energy_scale"]}}}
    plan = planned(files, energy_scale)
    near, far = files["near_detector"]["data"], files["far_detector"]["data"]
    assert (plan.near_file, plan.far_file) == (near, far)
    assert plan.with_near_events == ["nd30m", "nd3m", "smeared", "flux", "systematics"]
    histogram = "results/near/histogram.h5"
    assert plan.near_events_of_file("systematics") == {"histogram": histogram}
    assert plan.near_events_of_file("flux") == {"events": near}
    assert plan.joint_near_data("joint_smeared") == {"near": histogram}
    assert plan.near_bootstraps("nd30m", 0)[3] == ["nd30m", 3]
    assert plan.near_bootstraps("flux", 0) == []
    # Measured events are smeared already.
    assert plan.far_data("systematics") == plan.far_data("truth") == "results/far/events.h5"
    assert plan.joint_far_data("joint_smeared") == "results/far/events.h5"
    assert plan.reading("near_detector") == AS_IT_IS
    drawn = planned()
    assert drawn.joint_near_data("joint") == {}
    assert drawn.far_data("systematics") == "results/far/smeared.h5"


@pytest.mark.parametrize("detector", ["near_detector", "far_detector"])
@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"data": "absent.h5"}, "data = 'absent.h5': there is no such file"),
        ({"data_unit": "keV"}, "data_unit = 'keV'.*GeV.*MeV"),
        ({"beam_direction": [0, 0, 0]}, "beam_direction.*must not be zero"),
        ({"beam_direction": [0, 1]}, "beam_direction"),
        ({"beam_direction": "z"}, "beam_direction = 'z': must be a list of three numbers or null"),
    ],
)
def test_bad_keys_are_refused(detector, keys, words):
    with pytest.raises(ValueError, match=rf"{detector}\.{words}"):
        planned({detector: keys})


def test_events_without_a_flux_are_refused(files):
    with pytest.raises(ValueError, match=r"flux\.near = null: must be text"):
        planned(files, {"flux": {"near": None}})


@pytest.mark.slow
def test_rules_ask_for_what_the_files_give(tmp_path, files):
    directory = copy_project(tmp_path / "project")
    (directory / "data.yaml").write_text(yaml.safe_dump(files))
    jobs = jobs_of(directory, "config/ci.yaml", "data.yaml")
    made = {}
    for job in jobs:
        made.setdefault(job["rule"], []).append(job)
    assert not {"far_events", "far_smeared"} & made.keys()
    (near,), (far,) = made["read_near_events"], made["read_far_events"]
    assert near["input"] == {"events": files["near_detector"]["data"]}
    assert near["params"]["n_events"] == 1234
    assert far["input"] == {"events": files["far_detector"]["data"]}
    assert far["output"] == ["results/far/events.h5"]
    of_file = {job["wildcards"]["ensemble"] for job in made["near_members_of_file"]}
    assert of_file == {"nd30m", "nd3m", "smeared", "flux", "systematics"}
    assert not of_file & {job["wildcards"]["ensemble"] for job in made["near_members"]}
    assert {job["input"]["near"] for job in made["joint_fit"]} == {"results/near/histogram.h5"}
    fits = {job["input"]["events"] for job in (*made["fit_members"], *made["joint_fit"])}
    assert fits == {"results/far/events.h5"}
