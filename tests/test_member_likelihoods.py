"""Likelihoods and fits of many members at once, against those of each alone."""

import itertools
from dataclasses import replace

import numpy as np
import pytest

import toy
from nd2fd.cross_sections.models import StructureFunctionModel
from nd2fd.detector.response import response_matrix
from nd2fd.detector.smearing import Resolution, smear_events
from nd2fd.events.sampling import sample_events
from nd2fd.forward.nodes import NodeGrid
from nd2fd.physics.density import DensityGrid
from nd2fd.physics.kinematics import kinematics, lepton_from_density_variables
from nd2fd.statistics import member_fits
from nd2fd.statistics.bootstrap import bootstrap_counts, fit_octant, fit_replicas
from nd2fd.statistics.far_density import FarDetector, SmearedDensity, SurvivalShapes
from nd2fd.statistics.lepton_lattice import LeptonLattice
from nd2fd.statistics.likelihood_table import choose_nodes, tabulate_likelihood
from nd2fd.statistics.member_fits import fit_members
from nd2fd.statistics.member_likelihoods import NODES_TOLERANCE, MemberLikelihoods
from nd2fd.statistics.octants import OCTANTS
from nd2fd.statistics.polynomials import Polynomials, chebyshev_nodes, taylor_powers

SETUP = toy.SETUP
GRID = DensityGrid(SETUP, n_energy=100, n_v1=30, n_v2=30, subsamples=1)
RANGES = {"sin2_theta23_range": (0.36, 0.64), "dm2_32_range": (2.1e-3, 2.8e-3)}


@pytest.mark.parametrize("resolution", [Resolution.ideal(), Resolution(0.1, 0.05)])
def test_lattice_interpolates_what_is_smooth_in_the_lepton_variables(resolution):
    lattice = LeptonLattice.build(GRID, resolution)
    rng = np.random.default_rng(1)
    v1, v2 = rng.random((2, 20000))
    possible = kinematics(SETUP.energy_max, v1, v2, SETUP).physical
    # Near the beam, too, where θ is mirrored, and backwards.
    v1, v2 = v1[possible], v2[possible]

    def values(v1, v2):
        e_lepton, cos_theta = lepton_from_density_variables(v1, v2, SETUP)
        return np.cos(3 * np.log(e_lepton)) * (1 + cos_theta) + cos_theta**2

    at_points = values(lattice.v1, lattice.v2)
    found = lattice.interpolation(v1, v2) @ at_points
    _, cos_theta = lepton_from_density_variables(v1, v2, SETUP)
    assert (cos_theta > 0.9998).sum() > 5
    assert (cos_theta < -0.9).sum() > 5
    error = abs(found - values(v1, v2))
    assert np.quantile(error, 0.99) < 0.01
    assert error.max() < 0.2
    if resolution.is_ideal:
        assert lattice.area.sum() == pytest.approx(possible.mean(), abs=0.02)
    assert lattice.every(3).size == pytest.approx(lattice.v1.size / 9, rel=0.3)


def members(grid):
    """Three cross sections, wrong by up to 10 %, with two fluxes."""
    nodes = NodeGrid.for_setup(SETUP, 32, 32)
    values = toy.structure_functions(*nodes.x_and_Q2()).reshape(3, 32, 32)
    ripple = np.sin(9 * nodes.xi[:, None] + 7 * nodes.tau)
    flux = toy.flux(grid.energy)
    tilt = 1 + 0.1 * (grid.energy - 4) / 6
    return [
        (StructureFunctionModel(nodes, values * (1 + size * ripple)), spectrum)
        for size, spectrum in [(0.0, flux), (0.1, flux), (-0.1, flux * tilt), (0.0, flux * tilt)]
    ]


@pytest.mark.parametrize("resolution", [Resolution.ideal(), Resolution()], ids=["exact", "smeared"])
def test_fits_of_all_members_are_those_of_each(resolution, monkeypatch):
    rng = np.random.default_rng(2)
    # Sums over few energies have steps as functions of the lepton, unless it is smeared.
    grid = replace(GRID, n_energy=200) if resolution.is_ideal else GRID
    detector = FarDetector.exact(grid)
    if not resolution.is_ideal:
        acceptance = np.asarray(response_matrix(grid, resolution).sum(axis=0))
        detector = FarDetector(grid, resolution, acceptance)
    models, fluxes = zip(*members(grid), strict=True)
    densities = detector.densities(models, fluxes)
    known = models[0]
    sample = sample_events(
        1500,
        toy.oscillated_flux,
        lambda x, Q2: known.nodes.interpolate(known.values, x, Q2),
        SETUP,
        rng,
    )
    v1, v2, kept = smear_events(sample.v1, sample.v2, resolution, SETUP, rng)
    v1, v2 = v1[kept], v2[kept]
    counts = bootstrap_counts(v1.size, 60, rng).astype(float)

    survival = toy.EXPERIMENT.survival_scan(grid.energy)
    in_cells = fluxes[0] * known.in_cells(grid).T
    nodes = choose_nodes(
        in_cells[in_cells.any(axis=1)],
        in_cells.sum(axis=0),
        survival,
        **RANGES,
        tolerance=NODES_TOLERANCE,
    )
    at_theta = nodes
    if not resolution.is_ideal:
        shapes = SurvivalShapes.of(nodes.survival)
        densities = [d.at_theta(shapes) for d in densities if isinstance(d, SmearedDensity)]
        at_theta = replace(nodes, survival=np.eye(len(nodes.survival)))
    likelihoods = MemberLikelihoods.tabulate(densities, detector, at_theta, 1500)
    weights = likelihoods.weights(v1, v2, counts, range(4))
    # Far fewer than four tables have.
    assert likelihoods.components.shape[1] < 2 * weights.shape[2]
    for octant, with_series in itertools.product(OCTANTS, (False, True)):
        monkeypatch.setattr(member_fits, "_WORTH_A_SERIES", 1 if with_series else 100)
        found = fit_members(weights, likelihoods.polynomials, octant)
        column = OCTANTS.index(octant)
        best = []
        for member, density in enumerate(densities):
            kernel = density.kernel(detector.look_up(v1, v2))
            alone = fit_replicas(counts, tabulate_likelihood(kernel, density.totals, at_theta))
            expected = np.stack([alone.sin2_theta23, alone.dm2_32], axis=2)[:, column]
            error = abs(found[member] - expected) / expected.std(axis=0)
            assert np.sqrt((error**2).mean()) < (0.06 if resolution.is_ideal else 0.02)
            best.append(expected.mean(axis=0))
        # The members are not all the same.
        assert np.ptp(best, axis=0)[1] > 5e-6
    (only,) = likelihoods.weights(v1, v2, counts, [2])
    np.testing.assert_allclose(only, weights[2], rtol=1e-5, atol=1e-4)


def test_taylor_series_of_full_order_is_the_polynomial():
    bounds, unit = np.array([[0.4, 2.2e-3], [0.7, 2.7e-3]]), np.array([5e-3, 2e-5])
    rng = np.random.default_rng(5)
    polynomials = Polynomials(bounds, rng.standard_normal((2, 3, 4)))
    theta = rng.uniform(*bounds, (6, 2))
    series = polynomials.taylor(theta, 5, unit)
    away = rng.uniform(-10, 10, (6, 2))
    powers = [away[:, 0] ** i * away[:, 1] ** j for i, j in taylor_powers(5)]
    x, y = (2 * (theta + away * unit - bounds[0]) / np.diff(bounds, axis=0)[0] - 1).T
    expected = np.polynomial.chebyshev.chebval2d(x, y, polynomials.coefficients.transpose(1, 2, 0))
    np.testing.assert_allclose(np.einsum("kn,nkq->qn", powers, series), expected, rtol=1e-9)


def test_fits_find_the_highest_of_several_maxima(monkeypatch):
    """Two maxima within the upper octant; which is the higher one depends on sample and member."""
    bounds, shape = np.array([[0.4, 2.2e-3], [0.7, 2.7e-3]]), (6, 4)
    s, m = chebyshev_nodes(bounds, shape)
    functions = np.stack(
        [-(((s - 0.6) ** 2 - 0.0025) ** 2) * 4e6, s, -(((m - 2.4e-3) / 2e-5) ** 2), m * 1e4]
    )
    polynomials = Polynomials.through(bounds, shape, functions)
    rng = np.random.default_rng(3)
    weights = np.ones((5, 40, 4))
    weights[:, :, 1] = 20 * (rng.standard_normal((5, 1)) + rng.standard_normal(40))
    weights[:, :, 3] = rng.standard_normal((5, 40))
    for octant, with_series in itertools.product(OCTANTS, (False, True)):
        monkeypatch.setattr(member_fits, "_WORTH_A_SERIES", 1 if with_series else 100)
        found = fit_members(weights, polynomials, octant)
        for of_member, expected in zip(weights, found, strict=True):
            exact = fit_octant(of_member, polynomials, octant).theta
            assert (abs(exact - expected) < [1e-4, 1e-7]).all()
    assert 20 < (found[:, :, 0] < 0.6).sum() < 180


@pytest.mark.parametrize("with_series", [False, True])
def test_fits_at_maximal_mixing_are_exactly_there(monkeypatch, with_series):
    """Where all replicas agree a region is a point: rounding must not part them."""
    bounds, shape = np.array([[0.39, 2.2e-3], [0.61, 2.7e-3]]), (5, 5)
    s, m = chebyshev_nodes(bounds, shape)
    functions = np.stack([-(((s - 0.49) / 0.004) ** 2), s, -(((m - 2.4e-3) / 2e-5) ** 2), m * 1e4])
    weights = np.ones((30, 50, 4))
    weights[:, :, 1] = np.random.default_rng(6).uniform(-100, 100, 50)
    # One member, far from where samples fit best with all together.
    weights[0, :, 1] += 2000.0
    monkeypatch.setattr(member_fits, "_WORTH_A_SERIES", 1 if with_series else 100)
    found = fit_members(weights, Polynomials.through(bounds, shape, functions), "lower")
    assert (found[0, :, 0] == 0.5).all()
    assert (found[1:, :, 0] < 0.495).all()
