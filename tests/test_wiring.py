"""What stages pass to each other, recomputed from their files by a few lines that are not theirs.

Each stage is right by its own tests. Here the numbers come from outside: four per cent and one
degree are what events scatter by, a drawn flux is a flux with which fits find the truth again, and
the covariance of the flux is the one that the training takes.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
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
from nd2fd.io.schemas.learned import Predictions
from nd2fd.io.schemas.near import NearData
from nd2fd.io.schemas.truth import Truth
from nd2fd.physics.setup import Setup
from nd2fd.streams import random_stream
from stage_runs import load
from wiring_nature import (
    E_MAX,
    FAR_MODES,
    MASS,
    MODE_CENTRES,
    NEAR_MODES,
    NUCLEON,
    TRUE_MASS,
    TRUE_MIXING,
    histogram,
    lepton,
    measured,
    user_flux,
)
from wiring_nature import nature as nature  # a fixture


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
