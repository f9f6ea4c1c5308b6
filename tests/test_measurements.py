"""Measured cross sections: predictions in bins, posteriors, and what a marginal predicts."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from scipy.stats import chi2, qmc

import toy
from nd2fd.forward.event_kernel import total_cross_section_map as midpoint_total
from nd2fd.forward.nodes import NodeGrid
from nd2fd.io.schemas.measurements import Measurement
from nd2fd.measurements.bins import VARIABLES, Bins
from nd2fd.measurements.covariance import check_covariance, check_order, whitening
from nd2fd.measurements.fit import (
    FitSettings,
    energy_prediction,
    fit_measurement,
    with_scale_of,
)
from nd2fd.measurements.forward import cross_section_map, total_cross_section_map
from nd2fd.measurements.marginal import conditional, marginal
from nd2fd.measurements.measurement import (
    BinnedMeasurement,
    smeared,
    smearing_of_migration,
    true_map,
)
from nd2fd.measurements.posterior import ImproperPosteriorError, LinearFit, Posterior
from nd2fd.measurements.transfer import predict_from
from nd2fd.physics.constants import G_FERMI, M_W, MUON_MASS
from nd2fd.physics.density import DensityGrid
from nd2fd.physics.setup import Target

SETUP = toy.setup(energy_max=4.0, x_max=2.0)
NODES = NodeGrid.for_setup(SETUP, 24, 24)
EDGES = np.array([0.0, 0.4, 0.8, 1.3, 2.0, 4.0])
FLUX = np.array([1.0, 3.0, 4.0, 2.0, 0.3])


def quadratic(x, Q2):
    """Structure functions that splines on the nodes have exactly; W2 vanishes at Q² = 0."""
    xi, tau = np.sqrt(x / 2.0), np.log1p(Q2 / 0.3) / np.log1p(16.0 / 0.3)
    return np.stack(
        [
            1.0 + 2.0 * tau - xi * tau,
            tau * (0.8 + 0.5 * xi - 0.4 * tau),
            0.2 + 0.7 * xi - 0.4 * xi**2 + 0.1 * tau**2,
        ]
    )


def on_nodes(structure_functions):
    x, Q2 = NODES.x_and_Q2()
    # τ and ξ of the nodes, not of the positive numbers that stand for zero.
    return structure_functions(
        np.where(NODES.xi[:, None] == 0.0, 0.0, x), np.where(NODES.tau == 0.0, 0.0, Q2)
    ).reshape(-1)


def double_differential(energy, momentum, cos_theta):
    """d²σ/dp dcosθ [1e-38 cm²/GeV], written out from hep-ph/0107261, of `quadratic`."""
    m, M = MUON_MASS, SETUP.nucleon_mass
    e_lepton = np.sqrt(momentum**2 + m**2)
    nu = energy - e_lepton
    Q2 = 2 * energy * (e_lepton - momentum * cos_theta) - m**2
    with np.errstate(divide="ignore", invalid="ignore"):
        x, y = Q2 / (2 * M * nu), nu / energy
        possible = (nu > 0) & (Q2 > 0) & (x <= 2.0)
        w1, w2, w3 = quadratic(np.where(possible, x, 1.0), np.where(possible, Q2, 1.0))
        k = m**2 / Q2
        brace = (
            y**2 / 2 * (1 + k) * w1
            + (1 - y - m**2 / (4 * energy**2) - M * x * y / (2 * energy)) * w2
            + (y * (1 - y / 2) - k * y**2 / 2) * w3
        )
        value = G_FERMI**2 * energy * momentum / (np.pi * nu * (1 + Q2 / M_W**2) ** 2) * brace
    return np.where(possible, value * momentum / e_lepton, 0.0) * 3.893793721e-28 / 1e-38


BINS = {
    "momentum_angle": (
        [[0.0, 0.3], [0.3, 0.8], [0.5, 0.9]],
        [[-1.0, 0.2], [0.5, 0.8], [0.94, 1.0]],
    ),
    "energy_angle": (
        [[0.1057, 0.3], [0.3, 0.8], [0.5, 0.9]],
        [[-0.5, 0.2], [0.5, 0.8], [0.9, 1.0]],
    ),
    "transverse_longitudinal": (
        [[0.0, 0.2], [0.2, 0.5], [0.1, 0.4]],
        [[-0.2, 0.3], [0.3, 1.0], [1.0, 2.0]],
    ),
}


@pytest.mark.parametrize("variables", VARIABLES)
@pytest.mark.parametrize(("low", "high"), [(0.2, 1.0), (0.9, 4.0)])
def test_bins_agree_with_quasi_random_points(variables, low, high):
    """Against 2^18 points of a Sobol' sequence in E_ν, p, cosθ and the formula written out."""
    first, second = (np.array(edges) for edges in BINS[variables])
    bins = Bins(variables, first, second, np.tile([low, high], (3, 1)))
    predicted = cross_section_map(bins, EDGES, FLUX, NODES, SETUP).reshape(3, -1) @ on_nodes(
        quadratic
    )
    u, v, w = qmc.Sobol(3, seed=2).random(2**18).T
    energy = low + (high - low) * u
    flux = FLUX[np.searchsorted(EDGES, energy, side="right") - 1]
    for k in range(3):
        a = first[k, 0] + (first[k, 1] - first[k, 0]) * v
        b = second[k, 0] + (second[k, 1] - second[k, 0]) * w
        if variables == "momentum_angle":
            sigma = double_differential(energy, a, b)
        elif variables == "energy_angle":
            p = np.sqrt(np.maximum(a**2 - MUON_MASS**2, 0.0))
            sigma = double_differential(energy, p, b) * a / np.maximum(p, 1e-9)
        else:
            p = np.hypot(a, b)
            sigma = double_differential(energy, p, b / p) * a / p**2
        expected = (flux * sigma).sum() / flux.sum()
        assert predicted[k] == pytest.approx(expected, rel=3e-3)


def test_total_cross_section_agrees_with_cells_of_v1_and_v2():
    truth = on_nodes(quadratic)
    grid = DensityGrid(SETUP, 16, 96, 96, 4)
    cells = midpoint_total(NODES, grid).reshape(16, -1) @ truth
    ours = total_cross_section_map(grid.energy, NODES, SETUP) @ truth
    above = grid.energy > 0.5
    assert ours[above] == pytest.approx(cells[above], rel=3e-3)


def test_a_lepton_that_cannot_be_made_has_no_cross_section():
    first, second = np.array([[2.0, 2.5], [0.5, 0.6]]), np.array([[0.9, 1.0], [-1.0, -0.9]])
    bins = Bins("momentum_angle", first, second, np.tile([0.2, 0.5], (2, 1)))
    assert np.all(cross_section_map(bins, EDGES, FLUX, NODES, SETUP) == 0.0)


def test_edges_of_bins_are_checked():
    good = np.array([[0.0, 1.0]])
    for bad, words in (
        ([[1.0, 0.5]], r"bin 0: momentum from 1 to 0\.5"),
        ([[-0.1, 0.5]], r"bin 0: momentum from -0\.1"),
    ):
        with pytest.raises(ValueError, match=words):
            Bins("momentum_angle", np.array(bad), good, good)
    with pytest.raises(ValueError, match=r"bin 0: cos_theta from 0 to 1\.2"):
        Bins("momentum_angle", good, np.array([[0.0, 1.2]]), good)
    with pytest.raises(ValueError, match="no variables 'x_Q2'"):
        Bins("x_Q2", good, good, good)


def test_posterior_is_that_of_the_normal_equations():
    rng = np.random.default_rng(5)
    basis = FitSettings(nodes=24, intervals=8).basis(2.0, 16.0)
    design = rng.normal(size=(30, 3 * basis.n_splines))
    fit = LinearFit(design, rng.normal(size=30), basis.bends)
    prior = np.kron(np.eye(3), basis.bends)
    evidences = []
    for strength in (0.3, 20.0):
        precision = design.T @ design + strength * prior
        covariance = np.linalg.inv(precision)
        mean = covariance @ design.T @ fit.data
        posterior = fit.posterior(strength)
        maps = rng.normal(size=(4, mean.size))
        ours, root = posterior.of(maps)
        assert ours == pytest.approx(maps @ mean, rel=1e-5, abs=1e-6)
        assert root @ root.T == pytest.approx(maps @ covariance @ maps.T, rel=1e-4, abs=1e-6)
        assert posterior.effective_parameters == pytest.approx(
            np.trace(covariance @ design.T @ design), rel=1e-5
        )
        assert posterior.paid == pytest.approx(strength * mean @ prior @ mean, rel=1e-5)
        rank = 3 * (basis.n_splines - 3)
        evidences.append(
            -0.5 * (fit.data @ (fit.data - design @ mean))
            - 0.5 * (np.linalg.slogdet(precision)[1] - rank * np.log(strength))
            - posterior.log_evidence
        )
    # Up to a constant that does not depend on λ.
    assert evidences[0] == pytest.approx(evidences[1], abs=1e-4)


def test_strength_has_the_largest_evidence():
    rng = np.random.default_rng(6)
    basis = FitSettings(nodes=24, intervals=8).basis(2.0, 16.0)
    design = rng.normal(size=(40, 3 * basis.n_splines))
    rough = np.linalg.solve(
        np.linalg.cholesky(np.kron(np.eye(3), basis.bends + 1e-3 * np.eye(basis.n_splines))).T,
        rng.normal(size=3 * basis.n_splines),
    )
    fit = LinearFit(design, design @ rough + rng.normal(size=40), basis.bends)
    best = fit.best_strength()
    assert 0.2 < best < 5.0
    for factor in (0.7, 1.4):
        assert fit.log_evidence(factor * best) < fit.log_evidence(best)


def test_too_few_data_are_refused():
    basis = FitSettings(nodes=24, intervals=8).basis(2.0, 16.0)
    design = np.random.default_rng(1).normal(size=(8, 3 * basis.n_splines))
    with pytest.raises(ImproperPosteriorError, match="more bins help"):
        LinearFit(design, np.ones(8), basis.bends).best_strength()


def test_prediction_given_the_marginal_is_that_of_the_joint_gaussian():
    """With a proper prior all is one Gaussian: condition it on the marginal at once."""
    rng = np.random.default_rng(3)
    n, n_marginal, n_coefficients = 12, 4, 7
    design, matrix = rng.normal(size=(n, n_coefficients)), rng.normal(size=(n_marginal, n))
    half = rng.normal(size=(n, n))
    covariance, values = half @ half.T + np.eye(n), rng.normal(size=n)
    measured = matrix @ values
    # Posterior of c given the marginal, prior N(0, 1).
    noise = np.linalg.inv(matrix @ covariance @ matrix.T)
    part = matrix @ design
    posterior_covariance = np.linalg.inv(part.T @ noise @ part + np.eye(n_coefficients))
    mean = posterior_covariance @ part.T @ noise @ measured
    posterior = Posterior(mean, np.linalg.cholesky(posterior_covariance), 1.0, 0, 0, 0, 0)
    found = energy_prediction(values, covariance, matrix, design, 0.0 * design, posterior)

    whole = design @ design.T + covariance
    gain = whole @ matrix.T @ np.linalg.inv(matrix @ whole @ matrix.T)
    expected = gain @ measured
    remaining = whole - gain @ matrix @ whole
    assert found["predicted"] == pytest.approx(expected, rel=1e-8)
    both = found["predicted_error"] ** 2 + found["conditional_error"] ** 2
    assert both == pytest.approx(np.diag(remaining), rel=1e-8)
    residual = values - expected
    assert found["conditional_chi2"][0] == pytest.approx(
        residual @ np.linalg.pinv(remaining, rcond=1e-9) @ residual, rel=1e-6
    )
    assert found["n_conditional"] == n - n_marginal


TWO_SLICES = Bins(
    "momentum_angle",
    np.array([[0.0, 0.3], [0.3, 1.0], [0.0, 0.2], [0.2, 0.3], [0.3, 0.5], [0.5, 1.0]]),
    np.tile([0.0, 0.5], (6, 1)),
    np.array([[0.4, 0.8]] * 2 + [[0.8, 2.0]] * 4),
)


def test_marginal_averages_over_flux_and_shared_bins():
    part = marginal(TWO_SLICES, EDGES, FLUX)
    assert part.bins.first.tolist() == [[0.0, 0.3], [0.3, 1.0]]
    assert part.bins.energy.tolist() == [[0.4, 2.0]] * 2
    values = np.array([1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
    # Neutrinos: 3 · 0.4 in the first range, 4 · 0.5 + 2 · 0.7 in the second.
    low, high = 1.2, 3.4
    expected = [
        (low * 1.0 + high * (3.0 * 0.2 + 4.0 * 0.1) / 0.3) / (low + high),
        (low * 2.0 + high * (5.0 * 0.2 + 6.0 * 0.5) / 0.7) / (low + high),
    ]
    assert part.matrix @ values == pytest.approx(expected, rel=1e-12)


def test_no_marginal_without_ranges_of_energy_or_shared_rows():
    assert marginal(TWO_SLICES.take(np.arange(2)), EDGES, FLUX) is None
    other_rows = np.array([[0.0, 0.5]] * 2 + [[0.5, 1.0]] * 4)
    assert marginal(replace(TWO_SLICES, second=other_rows), EDGES, FLUX) is None


def test_conditional_covariance_leaves_nothing_of_the_marginal():
    rng = np.random.default_rng(8)
    half = rng.normal(size=(6, 6))
    matrix = marginal(TWO_SLICES, EDGES, FLUX).matrix
    given = conditional(half @ half.T, matrix)
    assert np.abs(matrix @ given.covariance).max() < 1e-10
    assert np.abs(matrix @ given.remainder).max() < 1e-10
    assert given.complement.shape == (4, 6)


@cache
def every_bin():
    """Bins with ranges of E_ν, and their map from node values."""
    p = [[0.0, 0.2], [0.2, 0.4], [0.4, 0.6], [0.6, 0.9], [0.9, 1.4]]
    c = [[-1.0, 0.0], [0.0, 0.5], [0.5, 0.8], [0.8, 0.92], [0.92, 1.0]]
    e = [[0.4, 0.8], [0.8, 1.3], [1.3, 4.0]]
    rows = [(a, b, d) for d in e for b in c for a in p]
    bins = Bins("momentum_angle", *(np.array([row[k] for row in rows]) for k in range(3)))
    return bins, cross_section_map(bins, EDGES, FLUX, NODES, SETUP).reshape(bins.n_bins, -1)


def binned(scale=1.0, noise=0.0, relative=0.05, smearing=None, truth=quadratic, **changes):
    """A measurement of a known cross section with ranges of E_ν."""
    bins, true = every_bin()
    values = true @ on_nodes(truth)
    kept = np.flatnonzero(values > 1e-3 * values.max())
    bins, values = bins.take(kept), scale * values[kept]
    if smearing is not None:
        smearing = smearing(bins.n_bins)
        values = smearing @ values
    error = relative * np.abs(values) + 1e-3
    drawn = values + noise * error * np.random.default_rng(4).normal(size=values.size)
    given = {"unit": 1e-38, "per": "nucleon", "absolute": True} | changes
    return BinnedMeasurement(
        bins, drawn, np.diag(error**2), flux_edges=EDGES, flux=FLUX, smearing=smearing, **given
    )


SETTINGS = FitSettings(nodes=24, intervals=10)


def test_energy_slices_follow_from_the_marginal():
    """A known cross section: what its marginal predicts holds; without E_ν nothing does."""
    fit = fit_measurement(binned(noise=1.0).artifact(SETUP.target), SETUP, SETTINGS)
    assert 0.01 < chi2.sf(fit.chi2[0], fit.n_data[0] - fit.effective_parameters[0]) < 0.99
    n = fit.n_conditional.item()
    assert n == fit.n_data[0] - fit.n_data[1]
    assert 0.01 < chi2.sf(fit.conditional_chi2[0], n) < 0.99
    assert fit.conditional_chi2[2] > 10 * n
    above = fit.neutrino_energy > 0.5
    true = total_cross_section_map(fit.neutrino_energy, NODES, SETUP) @ on_nodes(quadratic)
    for which in (0, 1):
        pull = (fit.sigma[which] - true)[above] / fit.sigma_error[which][above]
        assert np.sqrt(np.mean(pull**2)) < 2.0


def test_data_that_do_not_depend_on_energy_are_not_described():
    measured = binned()
    values = measured.values.copy()
    for k in range(values.size):
        same = np.all(measured.bins.first == measured.bins.first[k], axis=1)
        same &= np.all(measured.bins.second == measured.bins.second[k], axis=1)
        values[k] = measured.values[same].mean()
    wrong = replace(measured, values=values)
    fit = fit_measurement(wrong.artifact(SETUP.target), SETUP, SETTINGS)
    assert fit.conditional_chi2[0] > 3 * fit.n_conditional


def test_smearing_acts_from_the_left():
    def matrix(n):
        smearing = np.eye(n) + np.diag(np.full(n - 1, 0.4), 1)
        smearing[0, 5] = 1.5
        return smearing

    measured = binned(smearing=matrix, relative=0.02).artifact(SETUP.target)
    fit = fit_measurement(measured, SETUP, SETTINGS)
    assert fit.chi2[0] < 0.2 * fit.n_data[0]
    assert fit.transposed_chi2 > 10 * fit.n_data[0]
    true = true_map(measured, NODES, SETUP) @ on_nodes(quadratic)
    assert smeared(measured, true) == pytest.approx(measured.values, rel=1e-8)


@pytest.mark.parametrize(
    ("per", "target", "nucleons"),
    [("nucleon", "Ar40", 1), ("nucleus", "Ar40", 40), ("target", "2 H1 + O16", 18)],
)
def test_values_become_those_of_a_nucleon(per, target, nucleons):
    artifact = binned(unit=1e-36, per=per).artifact(Target.parse(target))
    factor = 100.0 / nucleons
    assert artifact.values == pytest.approx(binned().values * factor)
    assert artifact.covariance == pytest.approx(binned().covariance * factor**2)


def test_a_nucleus_of_a_compound_is_unclear():
    with pytest.raises(ValueError, match="target has several"):
        binned(per="nucleus").artifact(Target.parse("C12 + H1"))


def test_of_a_shape_only_the_shape_counts():
    """The fit of a shape whose covariance has no error of the scale, and of ten times that."""
    chi2s = []
    for scale in (1.0, 10.0):
        measured = binned(noise=1.0, absolute=False)
        content = measured.bins.area * measured.values
        n = content.size
        normalised = np.eye(n) - np.outer(measured.values, measured.bins.area) / content.sum()
        covariance = normalised @ measured.covariance @ normalised.T
        shape = replace(measured, values=scale * measured.values, covariance=scale**2 * covariance)
        fit = fit_measurement(shape.artifact(SETUP.target), SETUP, SETTINGS)
        chi2s.append(fit.chi2[0])
        assert 0.5 < fit.chi2[0] / (fit.n_data[0] - fit.effective_parameters[0]) < 1.5
    assert chi2s[0] == pytest.approx(chi2s[1], rel=0.02)


def test_migration_moves_numbers_of_events():
    """Half of the events of the wide true bin are measured in each of two narrow ones."""
    true = Bins(
        "momentum_angle", np.array([[0.0, 1.0]]), np.array([[0.0, 1.0]]), np.array([[0.4, 2.0]])
    )
    measured = Bins(
        "momentum_angle",
        np.array([[0.0, 0.5], [0.5, 1.0]]),
        np.tile([0.0, 1.0], (2, 1)),
        np.tile([0.4, 2.0], (2, 1)),
    )
    half = np.array([[0.5], [0.5]])
    smearing = smearing_of_migration(half, measured, true, EDGES, FLUX)
    assert smearing @ [3.0] == pytest.approx([3.0, 3.0])
    with pytest.raises(ValueError, match=r"column 0 sums to 1\.4"):
        smearing_of_migration(np.array([[0.7], [0.7]]), measured, true, EDGES, FLUX)
    with pytest.raises(ValueError, match="1 × 2; from 1 true to 2 measured"):
        smearing_of_migration(half.T, measured, true, EDGES, FLUX)


def test_peelle_s_puzzle():
    """1.5 and 1.0 with 10 % each and 20 % in common: a constant should not be 0.88."""
    values = np.array([1.5, 1.0])
    own = np.diag((0.1 * values) ** 2)
    covariance = own + 0.2**2 * np.outer(values, values)
    ones = np.ones(2)

    def constant(used):
        inverse = np.linalg.inv(used)
        return (ones @ inverse @ values) / (ones @ inverse @ ones)

    assert constant(covariance) == pytest.approx(0.88, abs=0.01)
    fitted = values
    for _ in range(6):
        used = with_scale_of(fitted, values, covariance, 0.19999)
        fitted = constant(used) * ones
    assert used == pytest.approx(own + 0.04 * np.outer(fitted, fitted), rel=1e-3)
    assert constant(used) == pytest.approx((1.5 / 2.25 + 1.0) / (1 / 2.25 + 1.0), rel=1e-3)


def test_a_scale_error_that_the_covariance_has_not_is_refused():
    with pytest.raises(ValueError, match=r"normalisation_error is 0\.3.*below 0\.0"):
        with_scale_of(np.ones(4), np.ones(4), 0.01 * np.eye(4), 0.3)


def test_a_measurement_predicts_another_but_for_its_scale():
    source = binned(relative=0.01).artifact(SETUP.target)
    other = binned(scale=1.3, relative=0.01).artifact(SETUP.target)
    same = predict_from(source, source, (SETUP, SETUP), (SETTINGS, SETTINGS))
    assert same.predicted == pytest.approx(source.values, rel=0.02, abs=1e-3)
    assert same.scale == pytest.approx(1.0, abs=0.01)
    scaled = predict_from(other, source, (SETUP, SETUP), (SETTINGS, SETTINGS))
    assert scaled.scale == pytest.approx(1.3, abs=0.02)
    assert scaled.chi2[0] > 5 * scaled.n_data > 50 * scaled.scaled_chi2
    # The error of the prediction adds to that of the data.
    assert scaled.chi2[1] > scaled.chi2[0]


def test_bins_beyond_the_largest_energy_are_refused():
    with pytest.raises(ValueError, match="E_nu = 4 GeV, beyond energy_max = 3 GeV"):
        fit_measurement(binned().artifact(SETUP.target), toy.setup(energy_max=3.0), SETTINGS)


def test_measurements_that_do_not_fit_together_are_refused():
    good = binned()
    n = good.values.size
    for change, words in (
        ({"values": good.values[1:]}, f"{n - 1} values in {n} bins"),
        ({"values": np.full(n, np.nan)}, "bin 0: the value is nan"),
        ({"unit": 1.0}, r"unit is 1\.0 cm²"),
        ({"smearing": np.eye(n)[:-1]}, f"smearing matrix is {n - 1} × {n}"),
        ({"true_bins": good.bins}, "true bins but no smearing"),
        ({"flux": FLUX[1:]}, "6 edges of 4 bins"),
        ({"flux": -FLUX}, "not negative"),
        (
            {"flux": np.array([1.0, 1.0, 1.0, 0.0, 0.0]), "flux_edges": EDGES / 2},
            "there is no flux",
        ),
    ):
        with pytest.raises(ValueError, match=words):
            replace(good, **change)


def test_covariances_are_checked():
    good = np.array([[4.0, 1.0], [1.0, 9.0]])
    check_covariance(good, 2)
    for bad, words in (
        (good[:1], "1 × 2; there are 2 bins"),
        (np.eye(3), "3 × 3; there are 2 bins"),
        (np.array([[4.0, 1.0], [2.0, 9.0]]), "not symmetric: 1 of bins 0 and 1, 2"),
        (np.array([[4.0, 7.0], [7.0, 9.0]]), r"not positive definite.*-0\.1"),
        (np.array([[4.0, 0.0], [0.0, 0.0]]), "variance of bin 1 is 0"),
        (np.array([[4.0, np.nan], [np.nan, 9.0]]), "bins 0 and 1 is nan"),
    ):
        with pytest.raises(ValueError, match=words):
            check_covariance(bad, 2)
    check_order(good, np.array([2.0, 3.0]))
    with pytest.raises(ValueError, match=r"bin 0 has the error 3, but 2 .*2 of 2.*same order"):
        check_order(good, np.array([3.0, 2.0]))


def test_whitening_leaves_out_what_is_rounding():
    rng = np.random.default_rng(2)
    half = rng.normal(size=(5, 3))
    covariance = half @ half.T
    white = whitening(covariance)
    assert white.shape == (3, 5)
    assert white @ covariance @ white.T == pytest.approx(np.eye(3), abs=1e-9)


def test_measurement_artifacts_are_read_as_written(tmp_path):
    measured = binned(smearing=np.eye)
    artifact = measured.artifact(SETUP.target)
    assert isinstance(artifact, Measurement)
    assert artifact.true_first is None
    assert artifact.smearing == pytest.approx(np.eye(measured.values.size))
