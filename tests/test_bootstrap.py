"""Bootstrap fits of the oscillation parameters, against MINUIT and an exact likelihood."""

import numpy as np
import pytest
from iminuit import Minuit

from nd2fd.statistics import bootstrap
from nd2fd.statistics.bootstrap import bootstrap_counts, fit_replicas
from nd2fd.statistics.likelihood import log_density
from nd2fd.statistics.likelihood_table import choose_nodes, tabulate_likelihood
from nd2fd.statistics.octants import OCTANTS

RANGES = {"sin2_theta23_range": (0.3, 0.7), "dm2_32_range": (2.2e-3, 2.7e-3)}
BASELINE = 1300.0


def likelihood_table(kernel, totals, survival):
    return tabulate_likelihood(kernel, totals, choose_nodes(kernel, totals, survival, **RANGES))


def vacuum_survival(energy):
    """Exact P(ν_μ → ν_μ) in vacuum from the PMNS matrix, at the NuFIT 6.0 values."""
    s12, s13, delta, dm21 = np.sqrt(0.308), np.sqrt(0.02215), np.radians(212), 7.49e-5
    c12, c13 = np.sqrt(1 - s12**2), np.sqrt(1 - s13**2)

    def survival(sin2_theta23, dm2_32):
        s23, c23 = np.sqrt(sin2_theta23), np.sqrt(1 - sin2_theta23)
        u_mu = [
            -s12 * c23 - c12 * s13 * s23 * np.exp(1j * delta),
            c12 * c23 - s12 * s13 * s23 * np.exp(1j * delta),
            s23 * c13,
        ]
        masses = [0 * dm2_32, dm21 + 0 * dm2_32, dm21 + dm2_32]
        amplitude = sum(
            (abs(u) ** 2)[:, None]
            * np.exp(-2j * 1.26693 * m[:, None] * BASELINE / np.asarray(energy))
            for u, m in zip(u_mu, masses, strict=True)
        )
        return abs(amplitude) ** 2

    return survival


def toy_experiment(n_events, n_energy, sin2_theta23, seed):
    """Events with one observable, a muon energy that follows the neutrino energy within 17 %."""
    energy = np.linspace(0.5, 8, n_energy)
    rate = energy * np.exp(-(((energy - 2.6) / 1.1) ** 2) / 2)
    survival = vacuum_survival(energy)
    probability = rate * survival(np.array([sin2_theta23]), np.array([2.438e-3]))[0]
    rng = np.random.default_rng(seed)
    true_energy = rng.choice(energy, n_events, p=probability / probability.sum())
    observed = rng.normal(0.6 * true_energy, 0.1 * true_energy)
    pull = (observed[:, None] - 0.6 * energy) / (0.1 * energy)
    return rate * np.exp(-(pull**2) / 2) / energy, rate * 0.1 * np.sqrt(2 * np.pi), survival


def minuit_optimum(counts, kernel, totals, survival, s_range, s_starts):
    """Best of several MIGRAD minima: (sin²θ23, Δm²32, log-likelihood)."""

    def cost(s, m):
        p = survival(np.array([s]), np.array([1e-3 * m]))[0]
        return -(counts @ np.log(kernel @ p / (totals @ p)))

    minima = []
    for s in s_starts:
        minuit = Minuit(cost, s=s, m=2.44)
        minuit.errordef = Minuit.LIKELIHOOD
        minuit.limits = [s_range, (2.2, 2.7)]
        minuit.errors = [0.01, 0.01]
        minuit.tol = 1e-3
        minuit.migrad()
        minima.append((minuit.fval, minuit.values["s"], minuit.values["m"]))
    value, s, m = min(minima)
    return s, 1e-3 * m, -value


@pytest.mark.parametrize(
    ("n_events", "n_energy", "n_checked", "sin2_theta23", "seed"),
    [(1500, 60, 50, 0.47, 1), (1500, 60, 15, 0.51, 2), (6200, 100, 20, 0.44, 3)],
)
def test_optimum_agrees_with_minuit(n_events, n_energy, n_checked, sin2_theta23, seed):
    kernel, totals, survival = toy_experiment(n_events, n_energy, sin2_theta23, seed)
    counts = bootstrap_counts(n_events, 200, np.random.default_rng(seed))
    fits = fit_replicas(counts, likelihood_table(kernel, totals, survival))
    sigma_sin2, sigma_m = fits.estimates("lower").std(axis=0)
    octants = (((0.3, 0.5), (0.45, 0.495)), ((0.5, 0.7), (0.504, 0.525, 0.56)))
    for r in range(n_checked):
        optima = np.array(
            [minuit_optimum(counts[r], kernel, totals, survival, *octant) for octant in octants]
        )
        s = fits.sin2_theta23[r]
        sin2_difference = 4 * s * (1 - s) - 4 * optima[:, 0] * (1 - optima[:, 0])
        np.testing.assert_allclose(sin2_difference / sigma_sin2, 0, atol=0.01)
        np.testing.assert_allclose((fits.dm2_32[r] - optima[:, 1]) / sigma_m, 0, atol=0.01)
        # The density floor moves the likelihood, not the optimum.
        np.testing.assert_allclose(fits.log_likelihood[r], optima[:, 2], atol=0.05)
    assert not fits.at_boundary.any()


def three_bins(sin2_theta23, dm2_32):
    return np.stack([np.ones_like(sin2_theta23), sin2_theta23, dm2_32 / 3e-3], axis=1)


def three_bin_fit(n1, n2, n3):
    """Fit when events tell their energy, and P = (1, s, m) with m = Δm²32 / 3e-3 eV².

    ln L = n2 ln s + n3 ln m - N ln(1 + s + m): the optimum is s = n2/n1, m = n3/n1, and
    m = n3 (1 + s)/(n1 + n2) at fixed s.
    """
    kernel = np.repeat(np.eye(3), [n1, n2, n3], axis=0)
    table = likelihood_table(kernel, np.ones(3), three_bins)
    fits = fit_replicas(np.ones((1, n1 + n2 + n3)), table)
    return fits, fits.sin2_theta23[0], fits.dm2_32[0] / 3e-3


def test_closed_form_optimum_and_the_octant_bound():
    fits, s, m = three_bin_fit(10000, 4400, 8100)
    # The floor adds 1e-6 to densities, a third of which each bin holds.
    np.testing.assert_allclose(s, [0.44, 0.5], rtol=1e-5)
    np.testing.assert_allclose(m, [0.81, 8100 * 1.5 / 14400], rtol=1e-5)
    assert s[1] == 0.5
    lower, upper = (fits.estimates(octant)[0] for octant in OCTANTS)
    np.testing.assert_allclose(lower, [4 * 0.44 * 0.56, 3e-3 * 0.81], rtol=1e-5)
    np.testing.assert_allclose(upper, [1.0, 3e-3 * 8100 * 1.5 / 14400], rtol=1e-5)
    # Maximal mixing is no edge of the range.
    assert not fits.at_boundary.any()


def test_optimum_on_the_outer_bounds_is_flagged():
    fits, s, m = three_bin_fit(10000, 7400, 9000)
    assert s.tolist() == [0.5, 0.7]
    assert m[1] == pytest.approx(9000 * 1.7 / 17400, rel=1e-5)
    assert [fits.ends_at_boundary(octant)[0] for octant in OCTANTS] == [False, True]

    fits, s, m = three_bin_fit(10000, 4400, 9900)
    assert fits.dm2_32[0, 0] == 2.7e-3
    assert s[0] == pytest.approx(4400 * 1.9 / 19900, rel=1e-5)
    assert fits.ends_at_boundary("lower")[0]


@pytest.mark.parametrize("tilt", [-0.02, 0.02])
def test_the_higher_of_two_maxima_within_an_octant_is_found(tilt):
    def survival(sin2_theta23, dm2_32):
        one = np.ones_like(sin2_theta23)
        bins = [one, 0.5 + (sin2_theta23 - 0.6) ** 2, dm2_32 / 3e-3, one + tilt * sin2_theta23]
        return np.stack(bins, axis=1)

    n = np.array([10000, 5025, 8100, round(10000 * (1 + 0.6 * tilt))])
    table = likelihood_table(np.repeat(np.eye(4), n, axis=0), np.ones(4), survival)
    fits = fit_replicas(np.ones((1, n.sum())), table)
    s, m = np.meshgrid(np.linspace(0.5, 0.7, 801), np.linspace(2.4e-3, 2.46e-3, 201))
    p = survival(s.ravel(), m.ravel())
    scan = n @ np.log(p / p.sum(axis=1, keepdims=True)).T
    best = scan.argmax()
    assert 0.04 < abs(s.ravel()[best] - 0.6) < 0.06
    assert fits.sin2_theta23[0, 1] == pytest.approx(s.ravel()[best], abs=5e-4)
    assert fits.dm2_32[0, 1] == pytest.approx(m.ravel()[best], abs=5e-7)


def test_derivatives_are_those_of_the_likelihood():
    kernel, totals, survival = toy_experiment(200, 60, 0.47, 8)
    counts = bootstrap_counts(200, 3, np.random.default_rng(8))
    table = likelihood_table(kernel, totals, survival)
    theta = np.array([[0.44, 2.41e-3], [0.5, 2.44e-3], [0.57, 2.47e-3]])
    functions = np.tensordot(counts @ table.loadings, table.polynomials.coefficients, axes=1)
    value, gradient, hessian = bootstrap.expand(theta, functions, polynomials=table.polynomials)

    def exact(theta):
        return np.vecdot(counts, log_density(kernel, totals, survival(*theta.T)))

    np.testing.assert_allclose(value, exact(theta), atol=1e-4)
    offsets = np.array([[1e-3, 0], [0, 2e-6]])
    for i, a in enumerate(offsets):
        scale = np.sqrt(abs(hessian[:, i, i]))
        numeric = (exact(theta + a) - exact(theta - a)) / (2 * a[i])
        np.testing.assert_allclose(gradient[:, i] / scale, numeric / scale, atol=1e-3)
        for j, b in enumerate(offsets):
            corners = (exact(theta + p * a + q * b) * p * q for p in (1, -1) for q in (1, -1))
            numeric = sum(corners) / (4 * a[i] * b[j])
            scale = np.sqrt(abs(hessian[:, i, i] * hessian[:, j, j]))
            np.testing.assert_allclose(hessian[:, i, j] / scale, numeric / scale, atol=2e-3)


def test_climb_reaches_the_top_of_quadratics_in_a_box():
    rng = np.random.default_rng(9)
    n = 3000
    root = rng.normal(size=(n, 2, 2)) + np.array([[1, 1], [1, 1]])
    curvature = 100 * root @ root.transpose(0, 2, 1)
    centre = rng.uniform(-0.3, 1.3, (n, 2))
    start = rng.choice([0, 0.3, 0.5, 1], (n, 2))

    def quadratic(theta, which):
        which = which[:, 0].astype(int)
        gradient = np.einsum("nij,nj->ni", curvature[which], centre[which] - theta)
        value = np.vecdot(gradient, theta - centre[which]) / 2
        return value, gradient, -curvature[which]

    bounds = np.array([[0.0, 0.0], [1.0, 1.0]])
    which = np.arange(n, dtype=float)[:, None]
    theta, value = bootstrap.climb(
        quadratic, which, start, bounds=bounds, max_step=np.array([0.2, 0.3])
    )
    assert ((theta >= 0) & (theta <= 1)).all()

    # The top is the centre if that lies within, or else the best point of the four edges.
    candidates = [np.where(((centre >= 0) & (centre <= 1)).all(axis=1)[:, None], centre, 0)]
    for i in (0, 1):
        for bound in (0, 1):
            away = (bound - centre[:, i]) * curvature[:, 0, 1] / curvature[:, 1 - i, 1 - i]
            free = np.clip(centre[:, 1 - i] - away, 0, 1)
            edge = np.stack([np.full(n, bound), free], axis=1)
            candidates.append(edge if i == 0 else edge[:, ::-1])
    top = np.max([quadratic(candidate, which)[0] for candidate in candidates], axis=0)
    np.testing.assert_allclose(value, top, atol=1e-7)


@pytest.mark.parametrize(("start", "top"), [(0.1, 1), (-0.1, -1), (0.577, 1)])
def test_climb_leaves_a_valley_in_bounded_steps(start, top):
    visited = []

    def double_well(theta, _):
        visited.append(theta[0].copy())
        x, y = theta.T
        gradient = np.stack([4 * x - 4 * x**3, -y], axis=1)
        hessian = np.zeros((len(x), 2, 2))
        hessian[:, 0, 0], hessian[:, 1, 1] = 4 - 12 * x**2, -1
        return 2 * x**2 - x**4 - y**2 / 2, gradient, hessian

    max_step = np.array([0.5, 0.2])
    theta, value = bootstrap.climb(
        double_well,
        np.ones((1, 1)),
        np.array([[start, 0.5]]),
        bounds=np.array([[-2.0, -2.0], [2.0, 2.0]]),
        max_step=max_step,
    )
    np.testing.assert_allclose(theta, [[top, 0]], atol=1e-4)
    np.testing.assert_allclose(value, 1, atol=1e-8)
    assert (abs(np.diff(visited, axis=0)) <= max_step * (1 + 1e-12)).all()


def test_starts_are_the_maxima_of_the_profile():
    s_axis, m_axis = np.linspace(0.5, 0.7, 9), np.linspace(2.2e-3, 2.7e-3, 6)
    # The best Δm²32 moves between the nodes, which by itself would hide the second maximum.
    profile = np.array([[0.0, 1, 2, 1.99, 1.98, 1.99, 2.01, 1, 0], [5.0, 4, 3, 2, 1, 0, 1, 2, 3]])
    best_m = 2.45e-3 + 1e-3 * (s_axis - 0.6)
    on_grid = profile[..., None] - ((m_axis - best_m[:, None]) / 1e-4) ** 2
    replica, start = bootstrap._starts(on_grid, s_axis, m_axis)
    assert replica.tolist() == [0, 0, 1, 1]
    nodes = [2, 6, 0, 8]
    np.testing.assert_allclose(start[:, 0], s_axis[nodes], rtol=1e-12)
    np.testing.assert_allclose(start[:, 1], best_m[nodes], rtol=1e-12)


def test_octants_of_a_symmetric_probability_are_mirror_images():
    energy = np.linspace(0.5, 6, 40)

    def survival(sin2_theta23, dm2_32):
        phase = 1.26693 * dm2_32[:, None] * BASELINE / energy
        return 1 - 4 * (sin2_theta23 * (1 - sin2_theta23))[:, None] * np.sin(phase) ** 2

    kernel, totals, _ = toy_experiment(500, 40, 0.42, 4)
    counts = bootstrap_counts(500, 20, np.random.default_rng(4))
    fits = fit_replicas(counts, likelihood_table(kernel, totals, survival))
    s, m, value = fits.sin2_theta23, fits.dm2_32, fits.log_likelihood
    np.testing.assert_allclose(s[:, 0] + s[:, 1], 1, atol=1e-4)
    np.testing.assert_allclose(m[:, 0], m[:, 1], atol=1e-8)
    np.testing.assert_allclose(value[:, 0], value[:, 1], atol=1e-6)


def test_an_impossible_event_does_not_move_the_fit():
    kernel, totals, survival = toy_experiment(500, 40, 0.45, 5)
    plain = fit_replicas(np.ones((1, 500)), likelihood_table(kernel, totals, survival))
    clamped = np.vstack([kernel, np.zeros(40)])
    result = fit_replicas(np.ones((1, 501)), likelihood_table(clamped, totals, survival))
    assert result.sin2_theta23[0] == pytest.approx(plain.sin2_theta23[0], abs=2e-5)
    assert result.dm2_32[0] == pytest.approx(plain.dm2_32[0], abs=2e-8)


def test_replicas_are_fitted_independently(monkeypatch):
    table = likelihood_table(*toy_experiment(300, 30, 0.47, 6))
    counts = bootstrap_counts(300, 12, np.random.default_rng(6))
    together = fit_replicas(counts, table)
    monkeypatch.setattr(bootstrap, "CHUNK_ELEMENTS", 5 * 41 * 26)
    apart = fit_replicas(counts[::-1], table)
    np.testing.assert_allclose(apart.sin2_theta23[::-1], together.sin2_theta23, rtol=1e-9)
    np.testing.assert_allclose(apart.dm2_32[::-1], together.dm2_32, rtol=1e-9)


def test_replicas_resample_with_replacement():
    counts = bootstrap_counts(50, 4000, np.random.default_rng(7))
    assert (counts.sum(axis=1) == 50).all()
    # Multinomial: mean 1 and variance 1 - 1/n of each count.
    assert abs(counts.mean(axis=0) - 1).max() < 5 / np.sqrt(4000)
    assert counts.var(axis=0).mean() == pytest.approx(1 - 1 / 50, abs=0.02)
    fewer = bootstrap_counts(50, 10, np.random.default_rng(7))
    np.testing.assert_array_equal(fewer, counts[:10])


def test_counts_of_other_events_are_refused():
    table = likelihood_table(*toy_experiment(20, 30, 0.47, 6))
    with pytest.raises(ValueError, match=r"counts has shape \(1, 21\)"):
        fit_replicas(np.ones((1, 21)), table)


def test_a_fit_that_does_not_converge_is_reported(monkeypatch):
    monkeypatch.setattr(bootstrap, "MAX_STEPS", 1)
    monkeypatch.setattr(bootstrap, "STEPS_ACROSS", 0)
    with pytest.raises(RuntimeError, match="1 of 1"):
        three_bin_fit(10000, 4400, 8100)
