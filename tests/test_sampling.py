"""Events drawn from the truth, against its density by direct evaluation."""

import dataclasses
from functools import cache

import numpy as np
import pytest
from scipy.stats import kstest

import toy
from chi_squared import follows, shape_p_value
from nd2fd.beam.flux import cell_averages
from nd2fd.events import coordinates, sampling
from nd2fd.events.sampling import EventSampler, histogram_events, sample_events
from nd2fd.forward.event_kernel import cell_cross_sections
from nd2fd.physics.constants import M_W
from nd2fd.physics.cross_section import kinematic_coefficients, lepton_prefactor
from nd2fd.physics.density import DensityGrid, event_densities, midpoints
from nd2fd.physics.kinematics import (
    density_variables_from_lepton,
    kinematics,
    lepton_from_density_variables,
)

SETUP = toy.SETUP
SETUPS = {"muon": SETUP, "electron": toy.setup(lepton="electron")}
ENERGY_MAX, ENERGY_THRESHOLD = SETUP.energy_max, SETUP.energy_threshold
MUON_MASS, NUCLEON_MASS = SETUP.lepton_mass, SETUP.nucleon_mass
SPECTRA = {"near": toy.flux, "far": toy.oscillated_flux}
GRID = DensityGrid(SETUP, 200, 32, 32, 6)
CELLS = (96, 32, 24)


@cache
def sampler(detector, lepton="muon"):
    return EventSampler.build(SPECTRA[detector], toy.structure_functions, SETUPS[lepton], CELLS)


@cache
def events(detector, lepton="muon"):
    batches = sampler(detector, lepton).batches(600_000, np.random.default_rng(5))
    return tuple(np.concatenate(values) for values in zip(*batches, strict=True))


@cache
def truth(lepton="muon"):
    """(v1, v2) densities of both detectors, their spectra, and σ(E_ν), by direct evaluation."""
    grid = dataclasses.replace(GRID, setup=SETUPS[lepton])
    fluxes = np.stack([cell_averages(s, GRID.n_energy, ENERGY_MAX) for s in SPECTRA.values()])
    densities, sigma = event_densities(grid, toy.structure_functions, fluxes)
    return (
        dict(zip(SPECTRA, densities, strict=True)),
        dict(zip(SPECTRA, fluxes, strict=True)),
        sigma,
    )


@pytest.mark.parametrize("lepton", SETUPS)
@pytest.mark.parametrize("detector", SPECTRA)
def test_events_follow_the_density_of_v1_and_v2(detector, lepton):
    counts = histogram_events([events(detector, lepton)], 32, 32)
    assert follows(counts, truth(lepton)[0][detector])


@pytest.mark.parametrize("lepton", SETUPS)
@pytest.mark.parametrize("detector", SPECTRA)
def test_events_follow_the_spectrum_times_the_total_cross_section(detector, lepton):
    _, fluxes, sigma = truth(lepton)
    observed, _ = np.histogram(events(detector, lepton)[0], np.linspace(0, ENERGY_MAX, 101))
    assert follows(observed, (fluxes[detector] * sigma).reshape(100, 2).sum(axis=1))


def test_fast_oscillations_are_resolved():
    """Below half a GeV the survival probability goes up and down within 50 MeV."""
    low = 0.5
    setup = toy.setup(energy_max=low)
    batches = EventSampler.build(
        toy.oscillated_flux, toy.structure_functions, setup, (32, 24, 24)
    ).batches(200_000, np.random.default_rng(1))
    observed = sum(np.histogram(energy, 100, (0, low))[0] for energy, _, _ in batches)
    grid = DensityGrid(setup, 400, 64, 64, 2)
    _, sigma = event_densities(grid, toy.structure_functions, np.ones((1, 400)))
    expected = cell_averages(toy.oscillated_flux, 400, low) * sigma
    assert follows(observed, expected.reshape(100, 4).sum(axis=1))


@pytest.mark.parametrize("lepton", SETUPS)
def test_events_follow_the_density_of_lepton_momentum_and_angle(lepton):
    """Against d²σ/dE_l dcosθ, which knows neither v1, v2 nor the sampler's coordinates."""
    setup = SETUPS[lepton]
    mass = setup.lepton_mass
    n_energy, n, s = 160, 20, 8
    # sin(θ/2) rather than cosθ: muons go forward.
    momentum, sine = np.meshgrid(midpoints(n * s, ENERGY_MAX), midpoints(n * s), indexing="ij")
    e_lepton, cos_theta = np.hypot(momentum, mass), 1.0 - 2.0 * sine**2
    v1, v2 = density_variables_from_lepton(e_lepton, cos_theta, setup)
    expected = np.zeros_like(v1)
    flux = cell_averages(toy.flux, n_energy, ENERGY_MAX)
    for energy, weight in zip(midpoints(n_energy, ENERGY_MAX), flux, strict=True):
        point = kinematics(energy, v1, v2, setup)
        inside = point.physical
        x, Q2, y = (values[inside] for values in (point.bjorken_x, point.Q2, point.inelasticity))
        brace = kinematic_coefficients(energy, Q2, y, setup) * toy.structure_functions(x, Q2)
        prefactor = lepton_prefactor(momentum[inside], Q2, y)
        expected[inside] += weight * prefactor * brace.sum(axis=0)
    expected *= momentum / e_lepton * sine
    expected = expected.reshape(n, s, n, s).sum(axis=(1, 3))
    e_lepton, cos_theta = lepton_from_density_variables(*events("near", lepton)[1:], setup)
    observed, *_ = np.histogram2d(
        np.sqrt(e_lepton**2 - mass**2),
        np.sqrt(0.5 * (1.0 - cos_theta)),
        [np.linspace(0, ENERGY_MAX, n + 1), np.linspace(0, 1, n + 1)],
    )
    assert follows(observed, expected)
    assert follows(observed.sum(axis=1), expected.sum(axis=1))
    assert follows(observed.sum(axis=0), expected.sum(axis=0))


@pytest.mark.parametrize("lepton", SETUPS)
def test_events_follow_an_analytic_density(lepton):
    """With W2 alone, and the propagator taken out of it, d²σ/dx dy is a polynomial in y."""
    setup = SETUPS[lepton]
    mass = setup.lepton_mass

    def structure_functions(x, Q2):
        w2 = x * (1.0 - x) * (1.0 + Q2 / M_W**2) ** 2
        return np.stack([np.zeros_like(x), w2, np.zeros_like(x)])

    energy, v1, v2 = sample_events(
        100_000, np.ones_like, structure_functions, setup, np.random.default_rng(3)
    )
    point = kinematics(energy, v1, v2, setup)
    x, y = point.bjorken_x, point.inelasticity

    def limits(energy, x):
        """Limits of y, Albright and Jarlskog, Nucl. Phys. B 84 (1975) 467."""
        k = mass**2 / (2.0 * NUCLEON_MASS * energy * x)
        centre = 1.0 - k - mass**2 / (2.0 * energy**2)
        root = np.sqrt(np.maximum((1.0 - k) ** 2 - (mass / energy) ** 2, 0.0))
        scale = 2.0 * (1.0 + NUCLEON_MASS * x / (2.0 * energy))
        return (centre - root) / scale, (centre + root) / scale

    def primitive(energy, x, y):
        """∫ dy of the brace over W2, at fixed E_ν and x, and y ≥ 0."""
        slope = 1.0 + NUCLEON_MASS * x / (2.0 * energy)
        return y * (1.0 - mass**2 / (4.0 * energy**2)) - 0.5 * slope * y**2

    low, high = limits(energy, x)
    fraction = (primitive(energy, x, y) - primitive(energy, x, low)) / (
        primitive(energy, x, high) - primitive(energy, x, low)
    )
    assert 1e-3 < kstest(fraction, "uniform").pvalue < 1 - 1e-3

    fine_energy, fine_x = np.meshgrid(midpoints(400, ENERGY_MAX), midpoints(400), indexing="ij")
    low, high = limits(fine_energy, fine_x)
    x_min = mass**2 / (2.0 * NUCLEON_MASS * (fine_energy - mass))
    physical = (fine_energy > mass) & (fine_x > x_min)
    expected = np.where(
        physical,
        fine_energy
        * fine_x
        * (1.0 - fine_x)
        * (primitive(fine_energy, fine_x, high) - primitive(fine_energy, fine_x, low)),
        0.0,
    )
    observed, *_ = np.histogram2d(
        energy, x, [np.linspace(0, ENERGY_MAX, 21), np.linspace(0, 1, 21)]
    )
    assert follows(observed, expected.reshape(20, 20, 20, 20).sum(axis=(1, 3)))


def test_the_share_of_accepted_proposals_measures_the_integral():
    """Bounds that do not hold, or proposals shared out wrongly between them, would shift it."""
    proposals = sampler("near")
    batch = next(proposals.batches(10**9, np.random.default_rng(7)))
    share = batch.energy.size / sampling._PROPOSALS_PER_BATCH
    cell = (ENERGY_MAX - ENERGY_THRESHOLD) / proposals.lower.size
    _, fluxes, sigma = truth()
    integral = (fluxes["near"] * sigma).sum() * ENERGY_MAX / GRID.n_energy
    assert share * proposals._upper().sum() * cell == pytest.approx(integral, rel=2e-3)


@pytest.mark.parametrize("lepton", SETUPS)
def test_the_box_is_the_physical_region(lepton):
    """Nothing physical is outside of the sampler's coordinates, nothing in them is unphysical."""
    setup = SETUPS[lepton]
    threshold = setup.energy_threshold
    rng = np.random.default_rng(8)
    energy, s, t = rng.random((3, 100_000))
    energy = threshold + (ENERGY_MAX - threshold) * energy**3
    x, y, _ = coordinates.inelastic(energy, s, t, setup)
    point = kinematics(energy, *coordinates.density_variables(energy, x, y, setup), setup)
    assert point.physical.all()
    np.testing.assert_allclose(point.bjorken_x, x, rtol=1e-6)
    np.testing.assert_allclose(point.inelasticity, y, rtol=1e-6)

    point = kinematics(energy, *rng.random((2, energy.size)), setup)
    inside = point.physical
    assert inside.sum() > 5_000
    energy, x, y = energy[inside], point.bjorken_x[inside], point.inelasticity[inside]
    assert (energy > threshold).all()
    x_min = coordinates.inelastic(energy, np.zeros(1), np.zeros(1), setup).bjorken_x
    assert (x >= x_min).all()
    s = (np.sqrt(x) - np.sqrt(x_min)) / (1.0 - np.sqrt(x_min))
    assert (y >= coordinates.inelastic(energy, s, np.zeros(1), setup).inelasticity).all()
    assert (y <= coordinates.inelastic(energy, s, np.ones(1), setup).inelasticity).all()


def test_where_nodes_undershoot_there_are_no_events():
    """Learned cross sections, and the truth between nodes, may be a little negative at edges."""

    def structure_functions(x, Q2):
        return toy.structure_functions(x, Q2) * (1.0 - 1.5 * x)

    energy, v1, v2 = sample_events(
        200_000, toy.flux, structure_functions, SETUP, np.random.default_rng(4)
    )
    assert kinematics(energy, v1, v2, SETUP).bjorken_x.max() <= 1 / 1.5
    grid = dataclasses.replace(GRID, n_energy=100)
    flux = cell_averages(toy.flux, grid.n_energy, ENERGY_MAX)
    observed, _ = np.histogram(energy, np.linspace(0, ENERGY_MAX, grid.n_energy + 1))
    assert follows(observed, flux * cell_cross_sections(structure_functions, grid).sum(axis=1))


@pytest.mark.parametrize(("slope", "share"), [(4.0, "0.73"), (1e9, "1")])
def test_a_cross_section_that_is_negative_for_more_is_refused(slope, share):
    def structure_functions(x, Q2):
        return toy.structure_functions(x, Q2) * (1.0 - slope * x)

    with pytest.raises(ValueError, match=rf"negative for {share} of the events .* E_ν = .* x = "):
        sample_events(10, toy.flux, structure_functions, SETUP, np.random.default_rng(4))


@pytest.mark.parametrize("n_events", [1, 1000, 3_000_000])
def test_sampling_ends_where_next_to_nothing_is_accepted(n_events):
    """Bounds that are far too high: one event in a million proposals."""
    good = sampler("near")
    poor = dataclasses.replace(good, lower=0.0 * good.lower, upper=1e6 * good.upper)
    with pytest.raises(RuntimeError, match=r"of \d+ proposals became events, of which \d+ are wan"):
        list(poor.batches(n_events, np.random.default_rng(1)))


def test_the_excess_of_the_last_batch_is_dropped_at_random():
    """Many samples, each smaller than the batch it comes from, together follow the spectrum."""
    rng = np.random.default_rng(6)
    energy = np.concatenate(
        [batch.energy for _ in range(100) for batch in sampler("near").batches(200, rng)]
    )
    _, fluxes, sigma = truth()
    observed, _ = np.histogram(energy, np.linspace(0, ENERGY_MAX, 41))
    assert follows(observed, (fluxes["near"] * sigma).reshape(40, 5).sum(axis=1))


def test_a_wrong_density_is_noticed():
    """The tests above can fail: 2 % more high-energy flux, or events off by a tenth of a cell."""
    _, fluxes, sigma = truth()
    observed, _ = np.histogram(events("near")[0], np.linspace(0, ENERGY_MAX, 201))
    assert shape_p_value(observed, fluxes["near"] * sigma * (1 + 0.02 * GRID.energy)) < 1e-6
    energy, v1, v2 = events("near")
    shifted = histogram_events([(energy, v1, np.minimum(v2 + 0.1 / 32, 0.999))], 32, 32)
    assert shape_p_value(shifted, truth()[0]["near"]) < 1e-3


@pytest.mark.parametrize("n_events", [1, 1000, 25_000])
def test_as_many_events_as_asked_for(n_events, monkeypatch):
    monkeypatch.setattr(sampling, "_PROPOSALS_PER_BATCH", 10_000)
    batches = list(sampler("near").batches(n_events, np.random.default_rng(2)))
    assert [len(values) for batch in batches for values in batch] == [
        size for batch in batches for size in [batch.v1.size] * 3
    ]
    assert sum(batch.energy.size for batch in batches) == n_events
    assert len(batches) >= n_events // 10_000


def test_small_samples_are_in_random_order():
    energy, _, _ = sample(4000)
    assert abs(np.corrcoef(energy[1:], energy[:-1])[0, 1]) < 0.06


def sample(n, seed=1):
    rng = np.random.default_rng(seed)
    return sample_events(n, toy.flux, toy.structure_functions, SETUP, rng)


def test_sample_depends_on_the_stream_alone():
    np.testing.assert_array_equal(sample(100), sample(100))
    assert not np.array_equal(sample(100), sample(100, seed=2))


@pytest.mark.parametrize("factor", [0.5, 2.0])
@pytest.mark.parametrize("name", ["spectrum", "structure_functions"])
def test_a_density_outside_of_its_bounds_is_refused(name, factor):
    original = getattr(sampler("near"), name)
    changed = dataclasses.replace(
        sampler("near"), **{name: lambda *point: factor * original(*point)}
    )
    with pytest.raises(RuntimeError, match=r"outside of its bounds.*would be biased"):
        list(changed.batches(1000, np.random.default_rng(1)))


def test_a_wrong_lower_bound_is_noticed():
    """Although no event below it has to be evaluated."""
    good = sampler("near")
    wrong = dataclasses.replace(good, lower=good.upper, spectrum_lower=good.spectrum_upper)
    with pytest.raises(RuntimeError, match="outside of its bounds"):
        list(wrong.batches(1000, np.random.default_rng(1)))


@pytest.mark.parametrize("n_events", [0, -3])
def test_no_events_are_refused(n_events):
    with pytest.raises(ValueError, match=f"n_events is {n_events}; it must be at least 1"):
        sampler("near").batches(n_events, np.random.default_rng(1))


@pytest.mark.parametrize(
    ("spectrum", "message"),
    [
        (np.zeros_like, "vanishes everywhere"),
        (lambda energy: (energy < 0.1) * 1.0, "vanishes everywhere"),
        (lambda energy: 5.0 - energy, "must be finite and at least 0"),
        (lambda energy: np.where(energy > 3.0, np.nan, 1.0), "spectrum is nan at 3.00"),
    ],
)
def test_a_spectrum_that_is_none_is_refused(spectrum, message):
    with pytest.raises(ValueError, match=message):
        EventSampler.build(spectrum, toy.structure_functions, SETUP, (8, 4, 4))


def test_a_cross_section_that_is_not_finite_is_refused():
    with pytest.raises(ValueError, match=r"cross section is not finite at E_ν = 0\.11"):
        EventSampler.build(toy.flux, lambda x, Q2: np.full((3, x.size), np.nan), SETUP, (8, 4, 4))


def test_energies_and_cells_out_of_range_are_refused():
    with pytest.raises(ValueError, match=r"energy_max is 0.1 GeV; it must be above the threshold"):
        toy.setup(energy_max=0.1)
    with pytest.raises(ValueError, match="at least 2 along each axis"):
        EventSampler.build(toy.flux, toy.structure_functions, SETUP, (8, 1, 4))


def test_histogram_counts_cells_v1_major():
    rng = np.random.default_rng(0)
    batches = [tuple(rng.random((3, n))) for n in (1000, 500)]
    v1, v2 = (np.concatenate([batch[i] for batch in batches]) for i in (1, 2))
    expected, *_ = np.histogram2d(v1, v2, [np.linspace(0, 1, 6), np.linspace(0, 1, 9)])
    counts = histogram_events(iter(batches), 5, 8)
    assert counts.dtype == np.int64
    np.testing.assert_array_equal(counts, expected)


@pytest.mark.parametrize("value", [-0.01, 1.0, np.nan])
def test_events_outside_of_the_unit_square_are_refused(value):
    inside, outside = np.array([0.5, 0.5]), np.array([0.5, value])
    with pytest.raises(ValueError, match="v2 of an event is"):
        histogram_events([(inside, inside, outside)], 4, 4)
