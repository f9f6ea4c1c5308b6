"""Fits and pseudo-experiments: what an assumption does to them, and how members share look-ups."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.optimize import minimize

import toy
from far_toys import FLUX, GRID, N_REPLICAS, RANGES, SECTIONS, SETUP, SIZES, fit, identity
from far_toys import response as response  # a fixture
from far_toys import seen as seen  # a fixture
from far_toys import truth as truth  # a fixture
from nd2fd.beam.spectra import tabulated_oscillation
from nd2fd.cross_sections.closure import closure_events, closure_truth
from nd2fd.cross_sections.models import cross_section_models
from nd2fd.forward.nodes import NodeGrid
from nd2fd.io.schemas.inputs import Flux
from nd2fd.physics.baseline import Experiment
from nd2fd.physics.density import DensityGrid, midpoints
from nd2fd.physics.kinematics import lepton_from_density_variables
from nd2fd.physics.oscillation_parameters import NUFIT_6_0
from nd2fd.statistics.far_analysis import FarAnalysis
from nd2fd.statistics.far_density import FarDetector
from nd2fd.streams import NO_DRAW
from nd2fd.systematics.members import draw_assumptions
from nd2fd.systematics.systematic import Assumption


@pytest.mark.parametrize("antineutrino", [False, True])
@pytest.mark.parametrize("smeared", [False, True])
def test_analysis_of_the_configuration(response, smeared, antineutrino):
    setup = SECTIONS["setup"] | {"helicity": "antineutrino" if antineutrino else "neutrino"}
    params = SimpleNamespace(**SECTIONS | {"setup": setup})
    found = FarAnalysis.from_params(params, response if smeared else None)
    assert found.detector.grid == DensityGrid(toy.setup(antineutrino=antineutrino), 100, 24, 24, 2)
    assert found.detector.resolution.is_ideal != smeared
    if smeared:
        assert found.detector.resolution.energy == 0.05
        assert found.detector.resolution.angle == pytest.approx(0.03, rel=1e-12)
        np.testing.assert_array_equal(found.detector.acceptance, response.acceptance.ravel())
    assert (found.sin2_theta23, found.dm2_32, found.octant) == (*RANGES, "upper")
    experiment = Experiment(1300.0, 2.848 * 0.5, NUFIT_6_0, antineutrino)
    at = np.array([0.4, 0.6]), np.array([2.3e-3, 2.5e-3])
    expected = experiment.survival_scan(GRID.energy)(*at)
    np.testing.assert_array_equal(found.survival(*at), expected)


def test_own_and_shared_look_ups_agree_in_fits(truth, seen):
    """A member with a look-up of its own, and the others' shared one, in one batch."""
    analysis, events = seen
    own = Assumption(FLUX, calibrations=(identity,))
    looked_up = []

    class Counting(FarAnalysis):
        def look_up(self, v1, v2, assumption):
            looked_up.append(assumption)
            return super().look_up(v1, v2, assumption)

    counting = Counting(**vars(analysis))
    fits = fit(counting, truth, events, [Assumption(FLUX), own, Assumption(FLUX), own])
    assert looked_up == [Assumption(FLUX), own, own]
    np.testing.assert_array_equal(fits.dm2_32[0], fits.dm2_32[2])
    np.testing.assert_array_equal(fits.dm2_32[1], fits.dm2_32[3])
    for name in ("dm2_32", "sin2_2theta23", "octant_log_likelihood", "best_dm2_32"):
        values = getattr(fits, name)
        np.testing.assert_allclose(values[1], values[0], rtol=1e-6)
    alone = fit(analysis, truth, events, [own])
    np.testing.assert_array_equal(alone.dm2_32[0], fits.dm2_32[1])


def test_no_draw_changes_nothing(truth, seen):
    """To the last bit, with or without the systematic in the registry of the draws."""
    analysis, events = seen
    draws = {"flux": [NO_DRAW, NO_DRAW], "muon_energy_scale": [NO_DRAW, NO_DRAW]}
    drawn = draw_assumptions(3, draws, FLUX, SIZES)
    fits = fit(analysis, truth, events, drawn.of_members, drawn.parameters)
    plain = fit(analysis, truth, events, [Assumption(FLUX)] * 2)
    for name in ("dm2_32", "sin2_2theta23", "octant_log_likelihood", "best_octant_sin2_theta23"):
        np.testing.assert_array_equal(getattr(fits, name), getattr(plain, name))
    assert fits.nuisance_parameters is None
    assert not fits.flux_parameters.any()


def test_events_that_are_calibrated_away_leave_the_replicas(truth, seen):
    """The replicas of a member hold the events that are left, as often as those of the others."""
    analysis, events = seen
    low = np.median(events.e_lepton)

    def cut(e_lepton, cos_theta):
        # Nothing is left of an event below the mass.
        return np.where(e_lepton < low, 0.0, e_lepton), cos_theta

    fits = fit(analysis, truth, events, [Assumption(FLUX), Assumption(FLUX, (cut,))])
    kept = events.e_lepton >= low
    assert 0.4 < kept.mean() < 0.6
    some = SimpleNamespace(v1=events.v1[kept], v2=events.v2[kept])
    counts = np.stack(
        [
            np.bincount(row, minlength=events.v1.size)[kept]
            for row in np.random.default_rng(5).integers(
                events.v1.size, size=(N_REPLICAS, events.v1.size)
            )
        ]
    )
    (density,) = analysis.densities(cross_section_models(truth, 1), [Assumption(FLUX)])
    looked_up, inside = analysis.look_up(some.v1, some.v2, Assumption(FLUX))
    assert inside.all()
    replicas, best = analysis.fit(density, looked_up, counts.astype(float))
    np.testing.assert_allclose(fits.dm2_32[1], replicas.dm2_32[:, 0], rtol=1e-6)
    np.testing.assert_allclose(fits.best_dm2_32[1], best.dm2_32[0, 0], rtol=1e-6)


# A brute-force likelihood in muon energy and angle
def cross_section(energy, e_lepton, cos_theta):
    """d²σ/dE_l dcosθ of the truth, written out (Kretzer & Reno); inputs broadcast."""
    m, M = 0.1056583755, 37.2247242 / 40
    energy, e_lepton, cos_theta = np.broadcast_arrays(energy, e_lepton, cos_theta)
    momentum = np.sqrt(np.maximum(e_lepton**2 - m**2, 0.0))
    Q2 = 2 * energy * (e_lepton - momentum * cos_theta) - m**2
    nu = energy - e_lepton
    inside = (momentum > 0) & (nu > 0) & (Q2 > 0) & (Q2 <= 2 * M * nu)
    result = np.zeros(energy.shape)
    energy, Q2, nu, momentum = energy[inside], Q2[inside], nu[inside], momentum[inside]
    x, y, k = Q2 / (2 * M * nu), nu / energy, m**2 / Q2
    w1, w2, w3 = toy.structure_functions(x, Q2)
    brace = (
        y**2 / 2 * (1 + k) * w1
        + (1 - y - m**2 / (4 * energy**2) - M * x * y / (2 * energy)) * w2
        + (y * (1 - y / 2) - k * y**2 / 2) * w3
    )
    result[inside] = momentum / y * brace / (1 + Q2 / 80.3692**2) ** 2
    return result


class BruteForce:
    """ln p(E_l, cosθ | sin²θ23, Δm²32 [1e-3 eV²]), with nothing of nd2fd.statistics."""

    def __init__(self, flux):
        energy = midpoints(300, 10.0)
        self.energy = energy[energy > 0.12]
        self.flux = flux(self.energy)
        # Muons go forward: 1 - cosθ = 2 s².
        n = 90
        share, sine = midpoints(n)[:, None], midpoints(n)
        span = self.energy - 0.1057
        self.totals = np.array(
            [
                (cross_section(e, e - d * share, 1 - 2 * sine**2) * d * 4 * sine).sum() / n**2
                for e, d in zip(self.energy, span, strict=True)
            ]
        )

    def kernel(self, e_lepton, cos_theta):
        return cross_section(self.energy, e_lepton[:, None], cos_theta[:, None])

    def log_density(self, kernel, theta):
        scan = toy.EXPERIMENT.survival_scan(self.energy)
        weight = self.flux * scan(theta[:1], 1e-3 * theta[1:])[0]
        # An event of less than the first energy adds the same for all θ.
        return np.log(np.maximum(kernel @ weight / (self.totals @ weight), 1e-9))

    def slopes(self, kernel, theta):
        """Derivatives of ln p, shape (2, n)."""
        steps = np.diag([1e-4, 1e-4])
        return np.stack(
            [
                (self.log_density(kernel, theta + h) - self.log_density(kernel, theta - h)) / 2e-4
                for h in steps
            ]
        )

    def best_fit(self, e_lepton, cos_theta):
        """In the lower octant."""
        kernel = self.kernel(e_lepton, cos_theta)
        found = minimize(
            lambda theta: -self.log_density(kernel, theta).sum(),
            [0.43, 2.44],
            bounds=[(0.3, 0.5), (2.0, 2.9)],
            method="L-BFGS-B",
            tol=1e-12,
        )
        return found.x[0], 1e-3 * found.x[1]

    def expected_shift(self, theta, factor):
        """Of the fit to very many events whose energies are multiplied: F⁻¹ ⟨∂ ln p(f E_l)⟩."""
        n = 70
        span, sine = midpoints(n)[:, None], midpoints(n)
        e_lepton = np.broadcast_to(0.1057 + 9.8 * span**2, (n, n)).ravel()
        cos_theta = np.broadcast_to(1 - 2 * sine**2, (n, n)).ravel()
        volume = np.broadcast_to(span * sine, (n, n)).ravel()
        kernel = self.kernel(e_lepton, cos_theta)
        scaled = self.kernel(factor * e_lepton, cos_theta)
        used = (kernel.sum(axis=1) > 0) & (scaled.sum(axis=1) > 0)
        kernel, scaled, volume = kernel[used], scaled[used], volume[used]
        p = np.exp(self.log_density(kernel, theta)) * volume
        p /= p.sum()
        slopes = self.slopes(kernel, theta)
        information = (slopes * p) @ slopes.T
        push = self.slopes(scaled, theta) @ p - slopes @ p
        return np.linalg.solve(information, push)


def test_a_wrong_energy_scale_moves_the_fit():
    """As a brute-force likelihood of the scaled energies says, and as linear theory expects.

    With a falling flux energies that are too high look like a larger Δm²32. (With one that peaks at
    the first maximum of the oscillation they look like a larger mixing.)
    """
    truth_value = 0.42
    experiment = Experiment(1300.0, 1.424, replace(NUFIT_6_0, sin2_theta23=truth_value))
    energy = np.linspace(0.0, 10.0, 401)

    def falling(energy):
        return (1 - np.exp(-((energy / 0.8) ** 4))) / (energy + 0.3)

    flux = Flux(
        energy=energy, near=falling(energy), far=falling(energy), near_modes=np.zeros((1, 401))
    )
    oscillation = tabulated_oscillation(experiment, 10.0)
    grid = DensityGrid(SETUP, 300, 28, 28, 3)
    truth = closure_truth(
        toy.structure_functions, flux, oscillation, grid, NodeGrid.for_setup(SETUP, 64, 64)
    )
    survival = experiment.survival_scan(grid.energy)
    analysis = FarAnalysis(FarDetector.exact(grid), survival, *RANGES, "lower")
    rng = np.random.default_rng(0)
    events = closure_events(toy.structure_functions, flux, oscillation, SETUP, 6000, rng)
    draws = {"flux": [NO_DRAW] * 4, "muon_energy_scale": [NO_DRAW, 0, 1, 2]}
    sizes = {"muon_energy_scale": 0.005}
    drawn = draw_assumptions(12, draws, flux, sizes)
    z = drawn.parameters["muon_energy_scale"][:, 0]
    assert z.min() < -0.3
    assert z.max() > 0.3
    fits = fit(analysis, truth, events, drawn.of_members, drawn.parameters)
    np.testing.assert_array_equal(fits.nuisance_parameters[:, 0], z)
    assert not fits.flux_parameters.any()
    sigma, sigma_sin2 = fits.dm2_32[0].std(), fits.sin2_2theta23[0].std()

    brute_force = BruteForce(falling)
    e_lepton, cos_theta = lepton_from_density_variables(events.v1, events.v2, SETUP)
    for member, size in enumerate(z):
        factor = 1 + 0.005 * size
        kept = factor * e_lepton > 0.1057
        s, m = brute_force.best_fit(factor * e_lepton[kept], cos_theta[kept])
        assert abs(fits.best_dm2_32[member] - m) < 0.05 * sigma
        assert abs(fits.best_sin2_2theta23[member] - 4 * s * (1 - s)) < 0.1 * sigma_sin2

    shifts = fits.best_dm2_32 - fits.best_dm2_32[0]
    assert abs(shifts).max() > 0.2 * sigma
    theta = np.array([truth_value, 2.4381])
    for member in (1, 2, 3):
        expected = 1e-3 * brute_force.expected_shift(theta, 1 + 0.005 * z[member])[1]
        assert np.sign(expected) == np.sign(z[member])
        assert shifts[member] == pytest.approx(expected, rel=0.1)


def test_drawn_flux_and_scale_together(truth, seen):
    """A batch in which all differ is that of single members."""
    analysis, events = seen
    draws = {"flux": [NO_DRAW, 0, 1], "muon_energy_scale": [4, NO_DRAW, 5]}
    drawn = draw_assumptions(12, draws, FLUX, SIZES)
    fits = fit(analysis, truth, events, drawn.of_members, drawn.parameters)
    np.testing.assert_array_equal(fits.flux_parameters, drawn.parameters["flux"])
    for member, assumption in enumerate(drawn.of_members):
        alone = fit(analysis, truth, events, [assumption])
        np.testing.assert_array_equal(fits.dm2_32[member], alone.dm2_32[0])
    assert np.unique(fits.best_dm2_32).size == 3
