"""Systematic uncertainties: what is drawn, and what a member then assumes."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import kstest

import toy
from chi_squared import follows
from nd2fd.beam.modes import vary_flux
from nd2fd.beam.spectra import near_spectrum, unoscillated_far_spectrum
from nd2fd.cross_sections.closure import closure_truth
from nd2fd.cross_sections.models import interpolated
from nd2fd.detector.smearing import Resolution
from nd2fd.events.sampling import EventSampler, histogram_events
from nd2fd.forward.event_kernel import event_cross_sections
from nd2fd.forward.nodes import NodeGrid
from nd2fd.learning.near_data import near_data
from nd2fd.physics.density import DensityGrid, midpoints
from nd2fd.physics.kinematics import density_variables_from_lepton, lepton_from_density_variables
from nd2fd.statistics.far_analysis import FarAnalysis
from nd2fd.statistics.far_density import FarDetector
from nd2fd.streams import NO_DRAW, random_stream
from nd2fd.systematics import PULLS, SYSTEMATICS, VARIED
from nd2fd.systematics.members import calibrated, draw_assumptions
from nd2fd.systematics.systematic import Assumption

SETUP = toy.SETUP
FLUX, OSCILLATION = toy.inputs()
SIZES = {"muon_energy_scale": 0.02}
SEED = 7


def draw(**draws):
    return draw_assumptions(SEED, draws, FLUX, SIZES)


def scaled(z, sizes=SIZES):
    return SYSTEMATICS["muon_energy_scale"].assume(Assumption(FLUX), np.array([z]), sizes)


# Registry


def test_registry():
    resolutions = ("muon_energy_resolution", "muon_angle_resolution")
    assert VARIED == ("network_seed", "near_statistics", "flux", "muon_energy_scale")
    assert PULLS == ("flux", "muon_energy_scale", *resolutions)
    assert tuple(SYSTEMATICS) == (*VARIED, *resolutions)
    for name, systematic in SYSTEMATICS.items():
        assert systematic.name == name
        assert systematic.prior
        assert systematic.at_near
        assert systematic.at_far
        assert systematic.drawn_by or name in PULLS
        # With parameters something is assumed, and without there is nothing to assume.
        assert (systematic.n_parameters is None) == (systematic.assume is None)


# Draws


def test_parameters_are_standard_normal_and_independent():
    n = 3000
    found = draw(flux=range(n), muon_energy_scale=range(n)).parameters
    assert found["flux"].shape == (n, 3)
    assert found["muon_energy_scale"].shape == (n, 1)
    z = np.concatenate([found["flux"], found["muon_energy_scale"]], axis=1)
    for column in z.T:
        assert kstest(column, "norm").pvalue > 1e-3
        assert abs(np.corrcoef(column[1:], column[:-1])[0, 1]) < 4 / np.sqrt(n)
    correlation = np.corrcoef(z.T) - np.eye(4)
    assert abs(correlation).max() < 4 / np.sqrt(n)


def test_a_draw_is_known_by_its_name_and_number():
    many = draw(flux=[0, 4, NO_DRAW, 9], muon_energy_scale=[2, NO_DRAW, NO_DRAW, 4])
    alone = draw(muon_energy_scale=[4], flux=[9])
    for name in ("flux", "muon_energy_scale"):
        np.testing.assert_array_equal(many.parameters[name][3], alone.parameters[name][0])
    expected = random_stream(SEED, "muon_energy_scale", "", 2).standard_normal(1)
    np.testing.assert_array_equal(many.parameters["muon_energy_scale"][0], expected)
    expected = random_stream(SEED, "flux", "", 4).standard_normal(3)
    np.testing.assert_array_equal(many.parameters["flux"][1], expected)
    other = draw_assumptions(SEED + 1, {"muon_energy_scale": [2]}, FLUX, SIZES)
    assert other.parameters["muon_energy_scale"][0] != many.parameters["muon_energy_scale"][0]


def test_what_is_recorded():
    found = draw(flux=[0, NO_DRAW], muon_energy_scale=[3, 1])
    recorded = found.recorded()
    assert list(recorded) == ["flux_parameters", "nuisance_parameters"]
    np.testing.assert_array_equal(recorded["flux_parameters"], found.parameters["flux"])
    scale = found.parameters["muon_energy_scale"]
    np.testing.assert_array_equal(recorded["nuisance_parameters"], scale)
    assert scale.all()
    nothing = draw(flux=[NO_DRAW] * 2, muon_energy_scale=[NO_DRAW] * 2).recorded()
    np.testing.assert_array_equal(nothing["flux_parameters"], np.zeros((2, 3)))
    assert nothing["nuisance_parameters"] is None


def test_a_flux_without_errors_has_no_parameters():
    flux = replace(FLUX, near_modes=None, far_modes=None)
    found = draw_assumptions(SEED, {"flux": [NO_DRAW], "muon_energy_scale": [1]}, flux, SIZES)
    assert found.parameters["flux"].shape == (1, 0)
    assert found.recorded()["flux_parameters"] is None
    assert found.of_members[0].flux is flux


def test_no_draw_changes_nothing():
    """The nominal fluxes themselves, and events to the last bit."""
    found = draw(flux=[NO_DRAW, 1], muon_energy_scale=[NO_DRAW, NO_DRAW])
    assert found.of_members[0] == Assumption(FLUX)
    assert found.of_members[0].flux is FLUX
    v1, v2 = np.array([0.3, 0.999]), np.array([0.5, 0.9999])
    for assumption in found.of_members:
        kept = calibrated(v1, v2, assumption, SETUP)
        np.testing.assert_array_equal(kept[0], v1)
        np.testing.assert_array_equal(kept[1], v2)
        assert kept[2].all()


# Flux


@pytest.mark.parametrize("far", [True, False])
def test_flux_is_varied_by_its_modes(far):
    flux, _ = toy.inputs(far=far)
    z = random_stream(SEED, "flux", "", 3).standard_normal(3)
    found = draw_assumptions(SEED, {"flux": [3]}, flux, SIZES).of_members[0]
    near, far_flux = vary_flux(
        flux.energy, flux.near, flux.far, (flux.near_modes, flux.far_modes), z
    )
    np.testing.assert_array_equal(found.flux.near, near)
    np.testing.assert_allclose(near, flux.near * (1 + z @ flux.near_modes), rtol=1e-12)
    if far:
        np.testing.assert_array_equal(found.flux.far, far_flux)
        np.testing.assert_allclose(far_flux, flux.far * (1 + z @ flux.far_modes), rtol=1e-12)
    else:
        assert found.flux.far is None
    # How large its modes are stays the same, and nothing is calibrated.
    np.testing.assert_array_equal(found.flux.near_modes, flux.near_modes)
    assert found.calibrations == ()


# Energy scale


@pytest.mark.parametrize("lepton", ["muon", "electron"])
@pytest.mark.parametrize("z", [-1.7, 0.6])
def test_energies_are_scaled_and_angles_are_kept(z, lepton):
    setup = toy.setup(lepton=lepton)
    rng = np.random.default_rng(1)
    e_lepton = setup.lepton_mass + (9.9 - setup.lepton_mass) * rng.uniform(0, 1, 20_000)
    e_lepton[:100] = setup.lepton_mass * rng.uniform(1.0, 1.05, 100)
    cos_theta = 1 - 2 * rng.uniform(0, 1, 20_000) ** 3
    v1, v2 = density_variables_from_lepton(e_lepton, cos_theta, setup)
    inside = (v1 < 1) & (v2 < 1)
    v1, v2, e_lepton, cos_theta = (v[inside] for v in (v1, v2, e_lepton, cos_theta))
    new_v1, new_v2, kept = calibrated(v1, v2, scaled(z), setup)
    found = lepton_from_density_variables(new_v1[kept], new_v2[kept], setup)
    factor = 1 + 0.02 * z
    np.testing.assert_allclose(found[0], factor * e_lepton[kept], rtol=1e-9)
    np.testing.assert_allclose(found[1], cos_theta[kept], atol=1e-6)
    # What is left out could not be, or is beyond the unit square.
    momentum = np.sqrt(np.maximum((factor * e_lepton) ** 2 - setup.lepton_mass**2, 0))
    a, b = (factor * e_lepton + s * momentum * cos_theta for s in (-1, 1))
    allowed = (factor * e_lepton > setup.lepton_mass) & (a < setup.a_max) & (b < setup.b_max)
    np.testing.assert_array_equal(kept, allowed)
    assert 0 < (~kept).sum() < 2000


def test_systematics_add_up():
    """A member that varies both has the drawn flux and the drawn scale."""
    both = draw(flux=[3], muon_energy_scale=[5]).of_members[0]
    flux, scale = draw(flux=[3]).of_members[0], draw(muon_energy_scale=[5]).of_members[0]
    np.testing.assert_array_equal(both.flux.near, flux.flux.near)
    np.testing.assert_array_equal(both.flux.far, flux.flux.far)
    assert (flux.flux.near != FLUX.near).any()
    (calibrate,), (expected,) = both.calibrations, scale.calibrations
    assert calibrate(2.0, 0.5) == expected(2.0, 0.5)
    assert calibrate(2.0, 0.5)[0] != 2.0


def test_calibrations_come_one_after_the_other():
    assumption = SYSTEMATICS["muon_energy_scale"].assume(scaled(1.0), np.array([-2.0]), SIZES)
    assert len(assumption.calibrations) == 2
    v1, v2 = np.array([0.3]), np.array([0.6])
    energy = [
        lepton_from_density_variables(*calibrated(v1, v2, a, SETUP)[:2], SETUP)[0][0]
        for a in (Assumption(FLUX), assumption)
    ]
    assert energy[1] / energy[0] == pytest.approx(1.02 * 0.96, rel=1e-12)


def test_both_detectors_take_the_same_factor():
    """Events that a member looks up, and those of its near-detector histogram."""
    grid = DensityGrid(SETUP, 40, 24, 24, 3)
    truth = closure_truth(
        toy.structure_functions, FLUX, OSCILLATION, grid, NodeGrid.for_setup(SETUP, 24, 24)
    )
    assumed = draw(flux=[NO_DRAW] * 3, muon_energy_scale=[NO_DRAW, 2, 5])
    z = assumed.parameters["muon_energy_scale"][:, 0]
    assert z[0] == 0.0
    assert abs(z[1:]).min() > 0.1

    analysis = FarAnalysis(
        FarDetector.exact(grid),
        toy.EXPERIMENT.survival_scan(grid.energy),
        (0.3, 0.7),
        (2.1e-3, 2.8e-3),
        "lower",
    )
    n = 200_000
    sampler = EventSampler.build(near_spectrum(FLUX), interpolated(truth), SETUP)
    near = near_data(
        truth,
        FLUX,
        None,
        Resolution.ideal(),
        grid,
        assumed,
        [0, 1, 2],
        n,
        [random_stream(SEED, "near_events", "", 0) for _ in range(3)],
        [],
        lambda *_: None,
    )
    np.testing.assert_array_equal(near.nuisance_parameters[:, 0], z)
    assert not near.flux_parameters.any()
    batches = list(sampler.batches(n, random_stream(SEED, "near_events", "", 0)))
    v1, v2 = (np.concatenate([getattr(b, name) for b in batches]) for name in ("v1", "v2"))
    e_lepton, cos_theta = lepton_from_density_variables(v1, v2, SETUP)
    for member, assumption in enumerate(assumed.of_members):
        # The same events with their energies multiplied, but for leptons that come to rest.
        factor = 1 + 0.02 * z[member]
        moves = factor * e_lepton > SETUP.lepton_mass
        moved = density_variables_from_lepton(factor * e_lepton[moves], cos_theta[moves], SETUP)
        counts = np.histogram2d(*moved, [np.linspace(0, 1, 25)] * 2)[0]
        found = near.density[member] * grid.cell_area * near.acceptance[member] * n
        if assumption.calibrations:  # without, no single events are drawn
            np.testing.assert_allclose(found, counts, atol=1e-6)
        measured, kept = analysis.look_up(v1, v2, assumption)
        seen = lepton_from_density_variables(measured.v1, measured.v2, SETUP)
        np.testing.assert_allclose(seen[0], factor * e_lepton[kept], rtol=1e-9)
        assert near.acceptance[member] == pytest.approx(kept.mean(), abs=1e-4)


@pytest.mark.parametrize("z", [-1.5, 1.5])
def test_calibrated_events_follow_the_density_of_scaled_energies(z):
    """p'(E, cosθ) = p(E/f, cosθ) / f, by direct evaluation in cells of (v1, v2)."""
    grid, s, factor = DensityGrid(SETUP, 60, 24, 24, 1), 8, 1 + 0.02 * z
    truth = closure_truth(
        toy.structure_functions, FLUX, OSCILLATION, grid, NodeGrid.for_setup(SETUP, 64, 64)
    )
    fine = midpoints(24 * s)
    v1, v2 = (v.ravel() for v in np.meshgrid(fine, fine, indexing="ij"))
    reachable = v1 * v2 > SETUP.smallest_product
    v1, v2 = v1[reachable], v2[reachable]
    e_lepton, cos_theta = lepton_from_density_variables(v1, v2, SETUP)

    def transverse_over_mass(energy):
        """|∂(E, cosθ)/∂(v1, v2)| but for a constant: v1 v2 / p."""
        momentum = np.sqrt(np.maximum(energy**2 - SETUP.lepton_mass**2, 0.0))
        at = density_variables_from_lepton(energy, cos_theta, SETUP)
        return at, at[0] * at[1] / momentum

    possible = e_lepton / factor > 1.0001 * SETUP.lepton_mass
    e_lepton, cos_theta = e_lepton[possible], cos_theta[possible]
    (_, to_measured), (true, to_true) = (
        transverse_over_mass(e) for e in (e_lepton, e_lepton / factor)
    )
    kernel = event_cross_sections(interpolated(truth), grid.energy, *true, SETUP)
    values = np.zeros(reachable.size)
    places = np.flatnonzero(reachable)[possible]
    inside = (true[0] < 1) & (true[1] < 1)
    values[places] = inside * (kernel @ truth.near_flux) * to_measured / to_true
    expected = values.reshape(24, s, 24, s).sum(axis=(1, 3))

    sampler = EventSampler.build(near_spectrum(FLUX), interpolated(truth), SETUP)
    batches = list(sampler.batches(150_000, np.random.default_rng(4)))
    v1, v2 = (np.concatenate([getattr(b, name) for b in batches]) for name in ("v1", "v2"))
    histograms = []
    for assumption in (scaled(z), Assumption(FLUX)):
        m1, m2, kept = calibrated(v1, v2, assumption, SETUP)
        histograms.append(histogram_events([(m1[kept], m1[kept], m2[kept])], 24, 24))
    # Away from forward muons, where the edge of the density cuts cells and midpoints are too few.
    low = np.arange(24) / 24
    far_from_edge = np.outer(low, low) > SETUP.smallest_product * 1.1
    assert expected[far_from_edge].sum() > 0.5 * expected.sum()
    calibrated_counts, plain = (h[far_from_edge] for h in histograms)
    assert follows(calibrated_counts, expected[far_from_edge])
    assert not follows(plain, expected[far_from_edge])


def test_far_flux_is_the_assumed_one():
    grid = DensityGrid(SETUP, 40, 8, 8, 1)
    analysis = FarAnalysis(
        FarDetector.exact(grid),
        toy.EXPERIMENT.survival_scan(grid.energy),
        (0.3, 0.7),
        (2.1e-3, 2.8e-3),
        "lower",
    )
    assumption = draw(flux=[2]).of_members[0]
    found = analysis.far_flux(assumption)
    np.testing.assert_array_equal(found, unoscillated_far_spectrum(assumption.flux)(grid.energy))
    nominal = analysis.far_flux(Assumption(FLUX))
    z = random_stream(SEED, "flux", "", 2).standard_normal(3)
    factor = np.interp(grid.energy, FLUX.energy, 1 + z @ FLUX.far_modes)
    np.testing.assert_allclose(found / nominal, factor, rtol=1e-3)
    without, _ = toy.inputs(far=False)
    with pytest.raises(ValueError, match="the flux has no far detector"):
        analysis.far_flux(Assumption(without))
