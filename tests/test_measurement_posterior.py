"""What data in bins say of structure functions: posterior and marginals."""

from dataclasses import replace

import numpy as np
import pytest

from nd2fd.measurements.fit import FitSettings, energy_prediction
from nd2fd.measurements.marginal import conditional, marginal
from nd2fd.measurements.posterior import ImproperPosteriorError, LinearFit, Posterior
from toy_measurements import EDGES, FLUX, TWO_SLICES


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
