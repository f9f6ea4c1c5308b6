"""Pseudo-experiments, their coverage, and regions of an ensemble."""

from dataclasses import replace

import numpy as np
import pytest

import toy
from chi_squared import reduced_difference
from far_toys import (
    FLUX,
    GRID,
    N_REPLICAS,
    OSCILLATION,
    RANGES,
    SETUP,
    SIZES,
    TRUE_POINT,
    fit,
    nothing,
)
from far_toys import response as response  # a fixture
from far_toys import seen as seen  # a fixture
from far_toys import truth as truth  # a fixture
from nd2fd.cross_sections.closure import closure_events
from nd2fd.cross_sections.models import cross_section_models
from nd2fd.detector.smearing import smear_events
from nd2fd.io.schemas.coverage import CoverageBlock
from nd2fd.statistics.bootstrap import bootstrap_counts
from nd2fd.statistics.drawn_flux import leptons_of_drawn_flux
from nd2fd.statistics.ensemble import N_SIGMAS, regions_of_ensemble
from nd2fd.statistics.far_analysis import FarAnalysis
from nd2fd.statistics.far_density import FarDetector
from nd2fd.statistics.octants import OCTANTS
from nd2fd.statistics.pseudo_experiments import PseudoData, coverage_of, pseudo_experiments
from nd2fd.statistics.regions import member_masks
from nd2fd.streams import NO_DRAW, random_stream
from nd2fd.systematics.members import draw_assumptions
from nd2fd.systematics.systematic import Assumption


# Pseudo-experiments
def experiments(analysis, truth, assumptions, numbers=(0, 1, 2)):
    data = PseudoData(truth, FLUX, OSCILLATION, 800, N_REPLICAS, 3)
    models = cross_section_models(truth, len(assumptions))
    return pseudo_experiments(analysis, data, models, assumptions, numbers, TRUE_POINT, nothing)


def test_own_and_shared_look_ups_agree_in_pseudo_experiments(truth, seen):
    analysis, _ = seen
    own = [Assumption(FLUX, (lambda e, c: (e, c),)) for _ in range(2)]
    block = experiments(analysis, truth, [Assumption(FLUX), own[0], Assumption(FLUX), own[1]])
    assert block.best_dm2_32.shape == (3, 4)
    np.testing.assert_allclose(block.best_dm2_32[:, 0], block.best_dm2_32[:, 2], rtol=1e-9)
    for name in ("best_dm2_32", "best_sin2_2theta23", "sigma_dm2_32", "sigma_sin2_2theta23"):
        values = getattr(block, name)
        for member in (1, 3):
            np.testing.assert_allclose(values[:, member], values[:, 0], rtol=1e-5)
    for member in (1, 3):
        np.testing.assert_array_equal(block.contained[:, member], block.contained[:, 0])
    assert np.unique(block.best_dm2_32[:, 0]).size == 3


def test_calibrated_members_of_pseudo_experiments_are_those_alone(truth, seen):
    """Each sees the events in its own way, and loses some of its own."""
    analysis, _ = seen
    draws = {"flux": [NO_DRAW, NO_DRAW, 0], "muon_energy_scale": [0, NO_DRAW, 1]}
    of_members = draw_assumptions(12, draws, FLUX, {"muon_energy_scale": 0.1}).of_members
    together = experiments(analysis, truth, of_members)
    for member, assumption in enumerate(of_members):
        alone = experiments(analysis, truth, [assumption])
        # What the members' log-likelihoods have in common is tabulated with a finite error.
        difference = together.best_dm2_32[:, member] - alone.best_dm2_32[:, 0]
        assert (abs(difference) < 0.01 * alone.sigma_dm2_32[:, 0]).all()
        np.testing.assert_array_equal(together.contained[:, member], alone.contained[:, 0])
    assert np.unique(together.best_dm2_32[0]).size == 3


def test_experiments_do_not_depend_on_their_block(truth, seen):
    analysis, _ = seen
    together = experiments(analysis, truth, [Assumption(FLUX)], (0, 1, 2))
    alone = experiments(analysis, truth, [Assumption(FLUX)], (2,))
    np.testing.assert_allclose(alone.best_dm2_32[0], together.best_dm2_32[2], rtol=1e-9)
    assert together.experiment.tolist() == [0, 1, 2]
    np.testing.assert_array_equal(together.n_sigma, N_SIGMAS)


@pytest.mark.parametrize("octant", OCTANTS)
def test_pseudo_experiments_are_fits_of_their_events(truth, seen, octant):
    """One experiment by the functions of the fits, with θ nodes of its own."""
    analysis = replace(seen[0], octant=octant)
    block = experiments(analysis, truth, [Assumption(FLUX)], (4,))
    data = PseudoData(truth, FLUX, OSCILLATION, 800, N_REPLICAS, 3)
    v1, v2 = data.events(data.sampler(analysis), analysis, 4)
    events, inside = analysis.look_up(v1, v2, Assumption(FLUX))
    assert inside.all()
    (density,) = analysis.densities(cross_section_models(truth, 1), [Assumption(FLUX)])
    replicas, best = analysis.fit(density, events, data.counts(v1.size, 4)[:-1])
    column = OCTANTS.index(octant)
    mixing, mass = replicas.sin2_theta23[:, column], replicas.dm2_32[:, column]
    sigma = mass.std()
    assert abs(block.best_dm2_32[0, 0] - best.dm2_32[0, column]) < 0.01 * sigma
    assert block.sigma_dm2_32[0, 0] == pytest.approx(sigma, rel=0.01)
    spread = (4 * mixing * (1 - mixing)).std()
    assert block.sigma_sin2_2theta23[0, 0] == pytest.approx(spread, rel=0.02)


def test_counts_are_those_of_fits_and_of_the_events(truth):
    data = PseudoData(truth, FLUX, OSCILLATION, 800, N_REPLICAS, 3)
    *replicas, events = data.counts(40, 7)
    rng = random_stream(3, "coverage_bootstrap", "", 7)
    np.testing.assert_array_equal(replicas, bootstrap_counts(40, N_REPLICAS, rng))
    assert (events == 1.0).all()


def test_leptons_of_a_drawn_flux(truth, seen):
    """Against events sampled from the varied flux itself."""
    z = np.array([0.0, -2.5, 3.0])
    varied = replace(FLUX, far=FLUX.far * (1 + z @ FLUX.far_modes))
    analysis, rng = seen[0], np.random.default_rng(6)
    samplers = [
        PseudoData(truth, flux, OSCILLATION, 800, N_REPLICAS, 3).sampler(analysis)
        for flux in (FLUX, varied)
    ]
    found, plain, expected = (
        leptons_of_drawn_flux(samplers[sampler], FLUX, modes, 60_000, rng)
        for sampler, modes in ((0, z), (0, 0 * z), (1, 0 * z))
    )

    assert len(found[0]) == 60_000
    assert reduced_difference(found, expected) < 1.8
    assert reduced_difference(plain, expected) > 4


def test_pseudo_experiments_draw_nature_s_flux(truth, seen):
    analysis, _ = seen
    nominal = PseudoData(truth, FLUX, OSCILLATION, 800, N_REPLICAS, 3)
    drawn = replace(nominal, draw_flux=True)
    models = cross_section_models(truth, 1)
    arguments = ([Assumption(FLUX)], (0, 5), TRUE_POINT, nothing)
    blocks = [pseudo_experiments(analysis, d, models, *arguments) for d in (nominal, drawn)]
    assert blocks[0].true_mode is None
    z = [random_stream(3, "coverage_flux", "", number).standard_normal(3) for number in (0, 5)]
    np.testing.assert_array_equal(blocks[1].true_mode, z)
    rng = random_stream(3, "coverage_events", "", 5)
    sampler = drawn.sampler(analysis)
    leptons = leptons_of_drawn_flux(sampler, FLUX, z[1], 800, rng)
    v1, v2, kept = smear_events(*leptons, analysis.detector.resolution, SETUP, rng)
    np.testing.assert_array_equal(drawn.events(sampler, analysis, 5), [v1[kept], v2[kept]])
    assert (blocks[1].best_dm2_32 != blocks[0].best_dm2_32).all()


def block_of(contained):
    n, members = contained.shape[:2]
    values = np.arange(n * members, dtype=float).reshape(n, members)
    return CoverageBlock(
        experiment=np.arange(n),
        n_sigma=np.array(N_SIGMAS),
        contained=contained,
        best_sin2_2theta23=values,
        best_dm2_32=2 * values,
        sigma_sin2_2theta23=3 * values,
        sigma_dm2_32=4 * values,
    )


def test_coverage_is_the_fraction_of_experiments():
    """The ensemble holds the truth where 15.9 % (2.3 %) of its members do."""
    contained = np.zeros((5, 10, 2, 3), dtype=bool)
    contained[:3, :2] = True
    contained[3, :1] = True
    found = coverage_of(block_of(contained), TRUE_POINT, np.random.default_rng(1))
    assert found.n_experiments == 5
    np.testing.assert_allclose(found.coverage, [[0.6] * 3, [0.8] * 3])
    np.testing.assert_allclose(found.error[0], np.sqrt(0.6 * 0.4 / 5))
    np.testing.assert_allclose(found.members, (3 * 0.2 + 0.1) / 5)
    assert (found.redrawn <= 1).all()
    np.testing.assert_allclose(found.best_dm2_32, 2 * found.best_sin2_2theta23)
    np.testing.assert_allclose(found.best_sin2_2theta23, np.arange(5) * 10 + 4.5)
    assert (found.true_sin2_2theta23, found.true_dm2_32) == TRUE_POINT


# Regions of an ensemble
def test_regions_of_an_ensemble_of_fits(truth):
    """Against the rule written out: 15.9 % and 2.3 % of member regions, octant by octant."""
    analysis = FarAnalysis(
        FarDetector.exact(GRID), toy.EXPERIMENT.survival_scan(GRID.energy), *RANGES, "lower"
    )
    rng = np.random.default_rng(31)
    events = closure_events(toy.structure_functions, FLUX, OSCILLATION, SETUP, 1000, rng)
    drawn = draw_assumptions(12, {"flux": [0, 1, 2, 3]}, FLUX, SIZES)
    fits = fit(analysis, truth, events, drawn.of_members, drawn.parameters)
    n = 41
    found = regions_of_ensemble(fits, *RANGES, n)
    np.testing.assert_allclose(found.sin2_2theta23, np.linspace(0.84, 1.0, n), rtol=1e-12)
    np.testing.assert_allclose(found.sin2_theta23, np.linspace(0.3, 0.7, n))
    np.testing.assert_allclose(found.dm2_32, np.linspace(2.0e-3, 2.9e-3, n))
    estimates = np.stack([fits.sin2_2theta23, fits.dm2_32], axis=2)
    masks = member_masks(estimates, [found.sin2_2theta23, found.dm2_32], (1.0, 2.0), 1.0)
    np.testing.assert_allclose(found.member_fraction, np.mean(masks, axis=0))
    np.testing.assert_array_equal(found.mask[0], found.member_fraction[0] >= 0.15866)
    np.testing.assert_array_equal(found.mask[1], found.member_fraction[1] >= 0.02276)
    masks = []
    for member in range(4):
        of_data = fits.best_octant_log_likelihood[member]
        lower, upper = 1.0, np.exp(of_data[1] - of_data[0])
        weights = np.empty((N_REPLICAS, 2))
        for replica, (s_lower, s_upper) in enumerate(fits.octant_sin2_theta23[member]):
            share = lower * (s_lower < 0.5), upper * (s_upper > 0.5)
            weights[replica] = np.array(share) / sum(share)
        points = np.stack(
            [fits.octant_sin2_theta23[member].ravel(), fits.octant_dm2_32[member].ravel()], axis=1
        )
        axes = [found.sin2_theta23, found.dm2_32]
        masks.append(member_masks(points[None], axes, (1.0, 2.0), None, weights.reshape(1, -1))[0])
    np.testing.assert_allclose(found.octant_member_fraction, np.mean(masks, axis=0))
    # Intervals hold the bulk of all replicas, and are within the ranges.
    low, high = found.interval_dm2_32[1]
    assert ((fits.dm2_32 > low) & (fits.dm2_32 < high)).mean() > 0.9
    assert found.interval_dm2_32[0, 0] >= low
    assert found.interval_sin2_2theta23[1, 1] <= 1.0
    of_octants = found.interval_sin2_theta23
    assert of_octants.shape == (2, 2, 2)
    assert np.nanmax(of_octants[:, 0]) <= 0.5 <= np.nanmin(of_octants[:, 1])
