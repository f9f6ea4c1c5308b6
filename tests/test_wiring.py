"""What stages pass to each other, recomputed from their files by a few lines that are not theirs.

Each stage is right by its own tests. Here the numbers come from outside: four per cent and one
degree are what events scatter by, a drawn flux is a flux with which fits find the truth again, and
the covariance of the flux is the one that the training takes.
"""

import itertools
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from scipy.stats import chi2

from nd2fd.beam.spectra import far_spectrum
from nd2fd.cross_sections.models import interpolated
from nd2fd.detector.smearing import Resolution, measured_events, smear_events
from nd2fd.events.sampling import EventSampler, sample_events
from nd2fd.io.declarations import Provenance
from nd2fd.io.schemas.coverage import CoverageBlock
from nd2fd.io.schemas.events import Events
from nd2fd.io.schemas.fits import Fits
from nd2fd.io.schemas.inputs import Flux, Oscillation, Response
from nd2fd.io.schemas.learned import Networks, Predictions
from nd2fd.io.schemas.near import NearData
from nd2fd.io.schemas.truth import Truth
from nd2fd.learning import flow_training, flux_errors, members
from nd2fd.learning.problem import DensityProblem
from nd2fd.learning.weights import poisson_weights
from nd2fd.physics.density import DensityGrid, event_densities
from nd2fd.physics.setup import Setup
from nd2fd.streams import random_stream, stream_seed
from test_stages import Run

MASS, E_MAX = 0.1056583755, 10.0
NUCLEON = 37.2247242 / 40
NEAR_MODES = np.array([[0.02, 0.10, -0.05], [-0.04, 0.02, 0.08]])
FAR_MODES = np.array([[-0.25, 0.20, -0.05], [0.30, -0.10, 0.08]])
MODE_CENTRES = [1.0, 3.0, 7.0]
"""Flux errors in three bins, and where the bins have their centres [GeV]."""
TRUE_MIXING, TRUE_MASS = 4 * 0.47 * 0.53, 2.513e-3 - 7.49e-5


# A detector, written out


def lepton(v1, v2):
    """E_l and cosθ: a = E_l - p cosθ = M v1², b = E_l + p cosθ = 2 E_max v2²."""
    a, b = NUCLEON * v1**2, 2 * E_MAX * v2**2
    energy = (a + b) / 2
    momentum = np.sqrt(np.maximum(energy**2 - MASS**2, 1e-300))
    return energy, np.clip((b - a) / 2 / momentum, -1, 1)


def density_variables(energy, cos_theta):
    momentum = np.sqrt(energy**2 - MASS**2)
    a, b = energy - momentum * cos_theta, energy + momentum * cos_theta
    return np.sqrt(np.maximum(a, 0) / NUCLEON), np.sqrt(b / (2 * E_MAX))


def measured(v1, v2, share, degrees, rng):
    """Events with energies off by a share and angles by degrees; those that are lost left out."""
    energy, cos_theta = lepton(v1, v2)
    energy = energy * (1 + share * rng.normal(size=energy.size))
    theta = np.arccos(cos_theta) + np.pi / 180 * degrees * rng.normal(size=energy.size)
    moves = energy > MASS
    v1, v2 = density_variables(energy[moves], np.cos(theta[moves]))
    inside = (v1 < 1) & (v2 < 1)
    return v1[inside], v2[inside]


def histogram(v1, v2, shape):
    return np.histogram2d(v1, v2, [np.linspace(0, 1, n + 1) for n in shape])[0]


# The stages


def run_of(folder, pdf_set, **overrides):
    pdf = {"set": pdf_set.name, "path": str(pdf_set.parent)}
    return Run(folder, pdf=pdf, **overrides)


def load(run, kind, name):
    return kind.load(run.plan.path(name))


@pytest.fixture(scope="module")
def nature(tmp_path_factory, pdf_set):
    """Fluxes of the user's, a truth, and events; nothing assumed nor learned yet."""
    folder = tmp_path_factory.mktemp("wiring")
    energy = np.arange(0.05, 10.2, 0.1)
    for name, peak in (("near", 2.5), ("far", 3.0)):
        values = np.exp(-0.5 * (energy - peak) ** 2) + 0.03
        np.savetxt(folder / f"{name}.csv", np.stack([energy, values], axis=1), delimiter=",")
    rows = [
        f"{detector},{k}," + ",".join(map(str, shifts))
        for detector, modes in (("ND", NEAR_MODES), ("FD", FAR_MODES))
        for k, shifts in enumerate(modes)
    ]
    (folder / "modes.csv").write_text("\n".join(["det,k,0-2GeV,2-4GeV,4-10GeV", *rows]))
    run = run_of(
        folder / "results",
        pdf_set,
        flux={
            "near": str(folder / "near.csv"),
            "far": str(folder / "far.csv"),
            "uncertainty": str(folder / "modes.csv"),
            "remove_normalisation": False,
        },
        smearing={"energy_resolution": 0.15, "angle_resolution": 6.0},
        near_detector={"n_events": 60_000},
        far_detector={"n_events": 2000, "n_energy": 60},
        fits={"sin2_theta23": [0.3, 0.7], "dm2_32": [1.9e-3, 2.9e-3]},
        grid={"n_energy": 40, "n_v1": 20, "n_v2": 24},
        ensembles={
            "smeared": {"size": 2, "near_events": 60_000},
            "flux_truth": {"size": 3},
            "flux": {"size": 3, "near_events": 60_000},
            "flow": {"size": 2},
        },
        coverage={
            "experiments": {"truth_smeared": 2, "flux_truth": 2},
            "experiments_per_job": 2,
            "n_energy": 60,
            "draw_flux": False,
        },
    )
    run.inputs()
    run.truth()
    run.far_events()
    run.near_event_file()
    return run


def user_flux(energy, peak):
    return np.exp(-0.5 * (energy - peak) ** 2) + 0.03


def test_fluxes_of_the_user_reach_both_detectors(nature):
    flux = load(nature, Flux, "inputs/flux.h5")
    at = np.array([0.5, 2.05, 3.05, 7.0])
    for values, peak in ((flux.near, 2.5), (flux.far, 3.0)):
        found = np.interp(at, flux.energy, values)
        np.testing.assert_allclose(found, user_flux(at, peak), rtol=4e-3)
    # At the centres of their bins modes are what their file says.
    for modes, expected in ((flux.near_modes, NEAR_MODES), (flux.far_modes, FAR_MODES)):
        found = [np.interp(MODE_CENTRES, flux.energy, mode) for mode in modes]
        np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_near_flux_of_a_cell_is_its_average(nature):
    truth = load(nature, Truth, "truth/densities.h5")
    fine = (np.arange(40 * 1000) + 0.5) * E_MAX / 40_000
    inside = fine > 0.05
    expected = (user_flux(fine, 2.5) * inside).reshape(40, -1).mean(axis=1)
    np.testing.assert_allclose(truth.near_flux, expected, rtol=5e-3)


def two_flavours(energy):
    """Good to some per cent of the events: θ13 and matter are left out."""
    return 1 - TRUE_MIXING * np.sin(1.267 * 2.45e-3 * 1300 / energy) ** 2


def test_far_events_are_of_the_far_flux_and_oscillate(nature):
    truth, events = (
        load(nature, kind, name)
        for kind, name in ((Truth, "truth/densities.h5"), (Events, "far/events.h5"))
    )
    energy = np.linspace(0.2, 9.9, 2000)
    sigma = np.interp(energy, truth.energy, truth.sigma_total)
    edges = np.array([0.2, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0, 5.0, 9.9])

    def rates(spectrum):
        values = np.histogram(energy, edges, weights=spectrum * sigma)[0]
        return values / values.sum()

    found = np.histogram(events.energy, edges)[0] / events.energy.size
    expected = rates(user_flux(energy, 3.0) * two_flavours(energy))
    assert abs(found - expected).max() < 0.03
    for wrong in (user_flux(energy, 3.0), user_flux(energy, 2.5) * two_flavours(energy)):
        assert abs(found - rates(wrong)).max() > 0.06


def test_events_are_smeared_by_what_the_configuration_says(nature):
    true, smeared = (load(nature, Events, f"far/{name}.h5") for name in ("events", "smeared"))
    order = np.argsort(true.energy)
    partner = order[np.searchsorted(true.energy, smeared.energy, sorter=order)]
    np.testing.assert_array_equal(true.energy[partner], smeared.energy)
    share = smeared.e_lepton / true.e_lepton[partner] - 1
    assert share.std() == pytest.approx(0.15, rel=0.05)
    theta, theta_measured = (
        np.degrees(np.arccos(cosine)) for cosine in (true.cos_theta[partner], smeared.cos_theta)
    )
    # Far from 0 and 180 degrees, where angles are mirrored.
    wide = (theta > 25) & (theta < 155)
    assert wide.sum() > 500
    assert (theta_measured - theta)[wide].std() == pytest.approx(6.0, rel=0.08)


def test_lost_events_take_their_energy_with_them(nature):
    """E' / E of each event is Gaussian about one: with the energies of others it is not."""
    events = load(nature, Events, "far/events.h5")
    tagged = replace(events, energy=events.e_lepton)
    setup = Setup.from_config(nature.section("setup"))
    found = measured_events(tagged, Resolution(0.4, 0.0), setup, np.random.default_rng(1))
    assert found.v1.size < 0.99 * events.v1.size
    ratio = found.e_lepton / found.energy
    assert ratio.min() > 0
    assert ratio.max() < 1 + 0.4 * 5


def test_response_is_what_happens_to_muons(nature):
    """Of one cell after the other, by moving muons that fill it evenly."""
    response = load(nature, Response, "inputs/response.h5")
    matrix = response.matrix().toarray()
    rng, shape = np.random.default_rng(7), (20, 24)
    cells = [(4, 12), (6, 8), (10, 10), (14, 6)]
    for i, j in cells:
        v1 = (i + rng.uniform(size=400_000)) / shape[0]
        v2 = (j + rng.uniform(size=400_000)) / shape[1]
        a_b = NUCLEON * v1**2 * 2 * E_MAX * v2**2
        assert (a_b > MASS**2).all()
        found = histogram(*measured(v1, v2, 0.15, 6.0, rng), shape) / v1.size
        column = matrix[:, i * shape[1] + j].reshape(shape)
        assert abs(found - column).sum() < 0.03
        assert found.sum() == pytest.approx(column.sum(), abs=2e-3)
        assert response.acceptance[i, j] == pytest.approx(found.sum(), abs=2e-3)


def agree(first, second):
    """Two histograms of as many events, by χ²."""
    many = first + second > 20
    statistic = ((first - second)[many] ** 2 / (first + second)[many]).sum()
    return 1e-4 < chi2.sf(statistic, many.sum())


def test_near_data_of_a_smeared_ensemble_are_smeared_events(nature):
    """Against the file of near-detector events, which another stage has drawn."""
    nature.near("smeared")
    near = load(nature, NearData, "near/smeared/0.h5")
    events = load(nature, Events, "near/events.h5")
    counts = near.density * near.acceptance[:, None, None] * 60_000 / (20 * 24)
    np.testing.assert_allclose(counts, np.rint(counts), atol=1e-6)
    rng = np.random.default_rng(8)
    expected = histogram(*measured(events.v1, events.v2, 0.15, 6.0, rng), (20, 24))
    for found in counts:
        assert agree(found, expected)
    assert not agree(counts[0], histogram(events.v1, events.v2, (20, 24)))
    assert (counts[0] != counts[1]).any()


def test_predictions_have_both_detectors(nature):
    truth = load(nature, Truth, "truth/densities.h5")
    nature.predict("truth")
    found = load(nature, Predictions, "predictions/truth/0.h5")
    for density, expected in ((found.near[0], truth.near), (found.far[0], truth.far)):
        assert abs(density - expected).mean() < 0.02
    assert abs(truth.near - truth.far).mean() > 0.1


# Training


class NoTrainingError(Exception):
    """In place of a training, which nobody needs here."""


@pytest.fixture
def captured(nature, monkeypatch):
    """What the training of a batch is given; a first one, for flux errors, finds the truth."""
    truth = load(nature, Truth, "truth/densities.h5")

    given = []

    def train_together(data, *_):
        given.append(data)
        return SimpleNamespace(structure_functions=None)

    def joined(_):
        raise NoTrainingError

    def find_the_truth(data, *_, **__):
        return SimpleNamespace(
            structure_functions=np.stack([truth.structure_functions] * len(data.seeds)),
            weights=np.zeros((len(data.seeds), 1)),
        )

    def of_all(field):
        return list(itertools.chain.from_iterable(getattr(data, field) for data in given))

    monkeypatch.setattr(members, "train_together", train_together)
    monkeypatch.setattr(members, "joined", joined)
    monkeypatch.setattr(members, "fitted_shifts", lambda *_: None)
    monkeypatch.setattr(flux_errors, "train_together", find_the_truth)

    def of_batch(name, batch):
        if not Path(nature.plan.path(f"near/{name}/{batch}.h5")).exists():
            nature.near(name, batch)
        with pytest.raises(NoTrainingError):
            nature.train(name, batch)
        return replace(
            given[0],
            common_errors=None if given[0].common_errors is None else of_all("common_errors"),
            **{f: of_all(f) for f in ("event_matrices", "densities", "weights", "seeds")},
        )

    return of_batch


@pytest.mark.parametrize("name", ["flux", "smeared"])
def test_networks_learn_their_own_data_with_their_own_streams(nature, captured, name):
    data = captured(name, 0)
    near = load(nature, NearData, f"near/{name}/0.h5")
    np.testing.assert_array_equal(data.densities, near.density.reshape(2, -1))
    response = load(nature, Response, "inputs/response.h5").matrix()
    if name == "flux":
        assert data.response is None
    else:
        assert abs(data.response - response).max() == 0
    # Neither varies the seeds.
    assert data.seeds == [stream_seed(3, "network", "", 0)] * 2


def test_networks_start_from_their_file(nature, captured, tmp_path, monkeypatch):
    """With the weights of its first member, about its structure functions; errors are theirs."""
    truth = load(nature, Truth, "truth/densities.h5")
    rng, shape = np.random.default_rng(6), truth.structure_functions.shape
    values = truth.structure_functions * rng.uniform(0.9, 1.1, (2, *shape))
    sizes = [2, *[nature.config.training.width] * nature.config.training.hidden_layers, 3]
    n_weights = sum((a + 1) * b for a, b in itertools.pairwise(sizes))
    learned = Networks(
        member=np.arange(2),
        xi=truth.xi,
        tau=truth.tau,
        x_max=truth.x_max,
        Q2_max=truth.Q2_max,
        structure_functions=values,
        layer_sizes=np.array(sizes),
        weights=rng.normal(size=(2, n_weights)),
        loss=np.ones((2, 1)),
        best_step=np.zeros(2, dtype=np.int64),
    )
    path = str(tmp_path / "carbon.h5")
    learned.save(path, Provenance("train_members", "", 1, {}))
    monkeypatch.setattr(nature.plan, "start", lambda name: {"start": path})
    data = captured("flux", 0)
    np.testing.assert_array_equal(data.start.weights, learned.weights[0])
    np.testing.assert_allclose(data.start.values, values[0], rtol=1e-9, atol=1e-12)
    of_start = np.maximum(data.event_matrices[0] @ values[0].ravel(), 0.0)
    of_start *= data.weights[0].size / of_start.sum()
    grid = nature.config.grid
    expected = poisson_weights(of_start.reshape(1, grid.n_v1, grid.n_v2))
    np.testing.assert_allclose(data.weights[0], expected.ravel(), rtol=1e-9)


def test_flux_errors_of_a_training_are_those_of_the_flux(nature, captured):
    """In N times the loss, a χ², a flux off by z costs zᵀ I (1 + I)⁻¹ z, nearly |z|².

    I is what the histogram says of the modes with its own errors.
    The flux and its modes are those of the files, about the flux that each member has drawn.
    """
    n_events, data = 60_000, captured("flux", 0)
    truth = load(nature, Truth, "truth/densities.h5")
    grid = DensityGrid(Setup.from_config(nature.section("setup")), 40, 20, 24, 2)
    fine = (np.arange(40 * 200) + 0.5) * E_MAX / 8000
    flux = user_flux(fine, 2.5) * (fine > 0.05)
    modes = np.stack([np.interp(fine, MODE_CENTRES, mode) for mode in NEAR_MODES])

    def density(z):
        in_cells = (flux * (1 + z @ modes)).reshape(40, -1).mean(axis=1)
        return event_densities(grid, interpolated(truth), in_cells[None])[0].ravel()

    drawn = [random_stream(3, "flux", "", member).standard_normal(2) for member in range(2)]
    off_by, costs = np.array([2.0, -2.0]), []
    for z, errors, weights in zip(drawn, data.common_errors, data.weights, strict=True):
        steps = 0.01 * np.eye(2)
        expected = np.sqrt(n_events) * np.stack(
            [(density(z + h) - density(z - h)) / 0.02 for h in steps], axis=1
        )
        np.testing.assert_allclose(errors, expected, atol=0.003 * abs(expected).max())
        information = data.cell_area * expected.T @ (expected * weights[:, None])
        costs.append(off_by @ np.linalg.solve(np.eye(2) + information, information @ off_by))
    problem = DensityProblem(
        data.event_matrices,
        np.stack([density(z) for z in drawn]),
        np.stack(data.weights),
        None,
        data.cell_area,
        data.nodes,
        torch.float64,
        "cpu",
        np.stack(data.common_errors),
    )
    rows = np.flatnonzero(np.diff(data.event_matrices[0].indptr))
    # To first order: densities have a total that the flux changes, too.
    changes = [0.5 * (density(z + off_by) - density(z - off_by)) for z in drawn]
    off = np.stack([density(z) + change for z, change in zip(drawn, changes, strict=True)])[:, rows]
    cost = n_events * problem.squared_distance(torch.from_numpy(off)).numpy()
    np.testing.assert_allclose(cost, costs, rtol=0.05)
    assert (np.array(costs) > 6.5).all()


def test_flows_of_a_batch_start_from_their_own_seeds(nature, monkeypatch):
    seeds = []

    def train_flow(grid, flux, density, settings, seed, *_):
        seeds.append(seed)
        if len(seeds) == 2:
            raise NoTrainingError

    monkeypatch.setattr(flow_training, "train_flow", train_flow)
    nature.near("flow")
    with pytest.raises(NoTrainingError):
        nature.train("flow")
    assert seeds == [stream_seed(3, "network", "flow", member) for member in range(2)]


# Fits


def pulls(fits, member=0):
    """Distance of a member's best fit from the truth in its errors."""
    mixing = fits.best_sin2_2theta23[member] - TRUE_MIXING, fits.sin2_2theta23[member].std()
    mass = fits.best_dm2_32[member] - TRUE_MASS, fits.dm2_32[member].std()
    return np.array([mixing[0] / mixing[1], mass[0] / mass[1]])


@pytest.fixture
def far_data(nature):
    """Puts other events in the place of the far detector's, for one test."""
    paths = {name: nature.plan.path(f"far/{name}.h5") for name in ("events", "smeared")}
    kept = {path: Path(path).read_bytes() for path in paths.values()}

    def replace_by(name, v1, v2):
        e_lepton, cos_theta = lepton(v1, v2)
        own = Events(v1=v1, v2=v2, e_lepton=e_lepton, cos_theta=cos_theta, energy=0 * v1 + 1)
        own.save(paths[name], Provenance("test", "", 3, {}, "0"))

    yield replace_by
    for path, content in kept.items():
        Path(path).write_bytes(content)


def far_events(nature, shifts, n_events=6000):
    """(v1, v2) of events of the oscillated far flux times one plus shifts at `MODE_CENTRES`."""
    oscillation = load(nature, Oscillation, "inputs/oscillation.h5")

    def spectrum(energy):
        survival = np.interp(energy, oscillation.energy, oscillation.survival_probability)
        return user_flux(energy, 3.0) * (1 + np.interp(energy, MODE_CENTRES, shifts)) * survival

    setup = Setup.from_config(nature.section("setup"))
    truth = interpolated(load(nature, Truth, "truth/densities.h5"))
    events = sample_events(n_events, spectrum, truth, setup, np.random.default_rng(9))
    return events.v1, events.v2


def test_fit_of_smeared_events_finds_the_truth(nature, far_data):
    """They are smeared here. As if measured exactly they would give a mixing far too small."""
    events = far_events(nature, [0, 0, 0])
    far_data("smeared", *measured(*events, 0.15, 6.0, np.random.default_rng(9)))
    nature.fit("truth_smeared")
    assert abs(pulls(load(nature, Fits, "fits/truth_smeared/0.h5"))).max() < 3.5


def test_fit_with_a_drawn_flux_finds_the_truth_where_that_is_the_flux(nature, far_data):
    """Of the drawn far flux; with the nominal one Δm² or mixing are far off.

    Member 2 is the first of the second batch.
    """
    z = random_stream(3, "flux", "", 2).standard_normal(2)
    shifts = z @ FAR_MODES
    assert shifts.max() - shifts.min() > 1
    far_data("events", *far_events(nature, shifts))
    nature.fit("flux_truth", 1)
    fits = load(nature, Fits, "fits/flux_truth/1.h5")
    np.testing.assert_array_equal(fits.flux_parameters[0], z)
    assert abs(pulls(fits)).max() < 3.5


@pytest.mark.parametrize("name", ["truth_smeared", "flux_truth"])
def test_a_pseudo_experiment_is_a_fit_of_its_events(nature, far_data, name):
    """Of the second one, by the stage that fits: member by member, batch by batch."""
    truth, flux = load(nature, Truth, "truth/densities.h5"), load(nature, Flux, "inputs/flux.h5")
    nature.coverage(name)
    blocks = CoverageBlock.load_joined(nature.plan.coverage_blocks(name), "experiment")
    rng = random_stream(3, "coverage_events", "", 1)
    setup = Setup.from_config(nature.section("setup"))
    spectrum = far_spectrum(flux, load(nature, Oscillation, "inputs/oscillation.h5"))
    (events,) = EventSampler.build(spectrum, interpolated(truth), setup).batches(2000, rng)
    v1, v2 = events.v1, events.v2
    if name == "truth_smeared":
        resolution = Resolution(0.15, np.radians(6.0))
        v1, v2, kept = smear_events(v1, v2, resolution, setup, rng)
        v1, v2 = v1[kept], v2[kept]
    far_data("smeared" if name == "truth_smeared" else "events", v1, v2)
    batches = nature.plan.batches("fits", name)
    for batch in range(len(batches)):
        nature.fit(name, batch)
    fits = Fits.load_joined(batches)
    assert blocks.best_dm2_32.shape == (2, fits.member.size)
    for parameter in ("dm2_32", "sin2_2theta23"):
        found, expected = (getattr(of, f"best_{parameter}") for of in (blocks, fits))
        sigma = getattr(fits, parameter).std(axis=1)
        # Likelihoods of all members are tabulated together, on a lattice of leptons.
        assert (abs(found[1] - expected) < 0.03 * sigma).all()
        assert (abs(found[0] - expected) > 0.05 * sigma).all()
