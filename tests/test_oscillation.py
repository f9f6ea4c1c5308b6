"""Oscillation probabilities: identities, direct diagonalisation, then NuFast-LBL's own numbers."""

from dataclasses import replace

import numpy as np
import pytest

from nd2fd.physics import oscillation
from nd2fd.physics.oscillation import (
    MATTER_EV2_PER_DENSITY_GEV,
    PHASE_PER_EV2_KM_GEV,
    probabilities,
    survival_probability,
)
from nd2fd.physics.oscillation_parameters import NUFIT_6_0, OscillationParameters
from reference_data import reference_file

ENERGY = np.geomspace(0.2, 50.0, 200)
BASELINE = 1300.0
RHO_YE = 2.848 * 0.5
INVERTED = replace(NUFIT_6_0, dm2_31=-2.41e-3)

orderings = pytest.mark.parametrize(
    "params", [pytest.param(NUFIT_6_0, id="normal"), pytest.param(INVERTED, id="inverted")]
)
charges = pytest.mark.parametrize("antineutrino", [False, True])
precisions = pytest.mark.parametrize("n_newton", [None, 0, 1])


def pmns(params: OscillationParameters) -> np.ndarray:
    """Mixing matrix as the product of three rotations, shape (..., 3, 3)."""

    def rotation(i, j, sin2, phase=0.0):
        sin2, phase = np.broadcast_arrays(sin2, phase)
        matrix = np.zeros((*sin2.shape, 3, 3), complex)
        matrix[...] = np.eye(3)
        matrix[..., i, i] = matrix[..., j, j] = np.sqrt(1 - sin2)
        matrix[..., i, j] = np.sqrt(sin2) * np.exp(-1j * phase)
        matrix[..., j, i] = -np.conj(matrix[..., i, j])
        return matrix

    return (
        rotation(1, 2, params.sin2_theta23)
        @ rotation(0, 2, params.sin2_theta13, params.delta_cp)
        @ rotation(0, 1, params.sin2_theta12)
    )


def diagonalised(params, energy, baseline, rho_ye, antineutrino) -> np.ndarray:
    """Probabilities from the numerical eigenvectors of the Hamiltonian; 1-d inputs."""
    U = np.conj(pmns(params)) if antineutrino else pmns(params)
    masses = np.stack(np.broadcast_arrays(0.0, params.dm2_21, params.dm2_31), axis=-1)
    H = (U * masses[..., None, :]) @ np.conj(np.swapaxes(U, -1, -2))
    H = np.broadcast_to(H, (*energy.shape, 3, 3)).copy()
    potential = MATTER_EV2_PER_DENSITY_GEV * rho_ye * energy
    H[..., 0, 0] += -potential if antineutrino else potential
    levels, V = np.linalg.eigh(H)
    # Removing the mean level, a common phase, keeps the arguments of exp small.
    levels = levels - levels.mean(axis=-1, keepdims=True)
    phases = np.exp(-2j * levels * (PHASE_PER_EV2_KM_GEV * baseline / energy)[..., None])
    amplitude = (V * phases[..., None, :]) @ np.conj(np.swapaxes(V, -1, -2))
    return np.abs(np.swapaxes(amplitude, -1, -2)) ** 2


def random_parameters(rng, size: int) -> OscillationParameters:
    """Parameters around the measured ones, half of them with inverted ordering."""
    return OscillationParameters(
        sin2_theta12=rng.uniform(0.25, 0.35, size),
        sin2_theta13=rng.uniform(0.015, 0.03, size),
        sin2_theta23=rng.uniform(0.3, 0.7, size),
        delta_cp=rng.uniform(-np.pi, np.pi, size),
        dm2_21=rng.uniform(6.5e-5, 8.5e-5, size),
        dm2_31=rng.uniform(2.2e-3, 2.8e-3, size) * rng.choice([-1.0, 1.0], size),
    )


@orderings
@charges
@precisions
def test_rows_and_columns_sum_to_one(params, antineutrino, n_newton):
    P = probabilities(
        params, ENERGY, BASELINE, RHO_YE, antineutrino=antineutrino, n_newton=n_newton
    )
    np.testing.assert_allclose(P.sum(axis=-1), 1.0, rtol=0, atol=1e-14)
    np.testing.assert_allclose(P.sum(axis=-2), 1.0, rtol=0, atol=1e-14)
    assert P.min() > -1e-4
    assert P.max() < 1 + 1e-4


@orderings
@charges
@precisions
def test_no_oscillation_at_zero_baseline(params, antineutrino, n_newton):
    P = probabilities(params, ENERGY, 0.0, RHO_YE, antineutrino=antineutrino, n_newton=n_newton)
    np.testing.assert_array_equal(P, np.broadcast_to(np.eye(3), P.shape))


@orderings
@charges
@precisions
def test_vacuum_limit_is_the_textbook_sum_over_mass_states(params, antineutrino, n_newton):
    U = np.conj(pmns(params)) if antineutrino else pmns(params)
    masses = np.array([0.0, params.dm2_21, params.dm2_31])
    phases = np.exp(-2j * masses * PHASE_PER_EV2_KM_GEV * BASELINE / ENERGY[:, None])
    amplitude = np.einsum("ai,bi,ni->nab", np.conj(U), U, phases)
    P = probabilities(params, ENERGY, BASELINE, 0.0, antineutrino=antineutrino, n_newton=n_newton)
    np.testing.assert_allclose(P, np.abs(amplitude) ** 2, rtol=0, atol=1e-13)


@orderings
@pytest.mark.parametrize("splitting", ["dm2_21", "dm2_31", "dm2_32"])
def test_poles_of_the_tangent_are_no_numerical_problem(params, splitting):
    # Where a phase is an odd multiple of π/2.
    odd = np.arange(1, 20, 2)
    energy = PHASE_PER_EV2_KM_GEV * abs(getattr(params, splitting)) * BASELINE / (odd * np.pi / 2)
    np.testing.assert_allclose(
        probabilities(params, energy, BASELINE, 0.0),
        diagonalised(params, energy, BASELINE, 0.0, antineutrino=False),
        rtol=0,
        atol=1e-12,
    )


def test_two_flavour_limit():
    params = replace(NUFIT_6_0, sin2_theta12=0.0, sin2_theta13=0.0)
    phase = PHASE_PER_EV2_KM_GEV * params.dm2_32 * BASELINE / ENERGY
    sin2_2theta = 4 * params.sin2_theta23 * (1 - params.sin2_theta23)
    expected = 1 - sin2_2theta * np.sin(phase) ** 2
    np.testing.assert_allclose(
        survival_probability(params, ENERGY, BASELINE, RHO_YE), expected, rtol=0, atol=1e-12
    )


@orderings
@precisions
def test_antineutrino_is_neutrino_with_opposite_phase_and_density(params, n_newton):
    mirrored = replace(params, delta_cp=-params.delta_cp)
    np.testing.assert_allclose(
        probabilities(params, ENERGY, BASELINE, RHO_YE, antineutrino=True, n_newton=n_newton),
        probabilities(mirrored, ENERGY, BASELINE, -RHO_YE, n_newton=n_newton),
        rtol=0,
        atol=1e-15,
    )


@orderings
@precisions
def test_time_reversal_is_opposite_phase(params, n_newton):
    mirrored = replace(params, delta_cp=-params.delta_cp)
    P = probabilities(params, ENERGY, BASELINE, RHO_YE, n_newton=n_newton)
    reversed_in_time = probabilities(mirrored, ENERGY, BASELINE, RHO_YE, n_newton=n_newton)
    np.testing.assert_allclose(P, np.swapaxes(reversed_in_time, -1, -2), rtol=0, atol=1e-15)


@orderings
@charges
@precisions
def test_survival_probability_is_the_mu_mu_element(params, antineutrino, n_newton):
    options = {"antineutrino": antineutrino, "n_newton": n_newton}
    np.testing.assert_array_equal(
        survival_probability(params, ENERGY, BASELINE, RHO_YE, **options),
        probabilities(params, ENERGY, BASELINE, RHO_YE, **options)[..., 1, 1],
    )


@charges
def test_broadcasting_equals_a_loop_over_points(antineutrino):
    sin2_theta23 = np.array([0.45, 0.55])
    dm2_31 = np.array([2.4e-3, -2.4e-3, 2.6e-3])
    energy = np.array([0.5, 1.0, 2.5, 6.0])
    scan = replace(NUFIT_6_0, sin2_theta23=sin2_theta23[:, None, None], dm2_31=dm2_31[:, None])
    P = probabilities(scan, energy, BASELINE, RHO_YE, antineutrino=antineutrino)
    survival = survival_probability(scan, energy, BASELINE, RHO_YE, antineutrino=antineutrino)
    assert P.shape == (2, 3, 4, 3, 3)
    assert survival.shape == (2, 3, 4)
    for i, j, k in np.ndindex(2, 3, 4):
        point = replace(NUFIT_6_0, sin2_theta23=sin2_theta23[i], dm2_31=dm2_31[j])
        one = probabilities(point, energy[k], BASELINE, RHO_YE, antineutrino=antineutrino)
        assert one.shape == (3, 3)
        np.testing.assert_allclose(P[i, j, k], one, rtol=0, atol=1e-14)
        np.testing.assert_allclose(survival[i, j, k], one[1, 1], rtol=0, atol=1e-14)


@charges
def test_agrees_with_direct_diagonalisation(antineutrino):
    rng = np.random.default_rng(20240503)
    size = 5000
    params = random_parameters(rng, size)
    energy = rng.uniform(0.2, 20.0, size)
    baseline = rng.uniform(100.0, 3000.0, size)
    rho_ye = rng.uniform(0.0, 6.0, size)
    np.testing.assert_allclose(
        probabilities(params, energy, baseline, rho_ye, antineutrino=antineutrino),
        diagonalised(params, energy, baseline, rho_ye, antineutrino),
        rtol=0,
        atol=1e-11,
    )


@charges
def test_any_angle_and_close_levels_agree_with_direct_diagonalisation(antineutrino):
    # Two masses nearly equal, or equal to the matter potential: the cubic alone loses 8 digits.
    rng = np.random.default_rng(20240504)
    size = 5000
    dm2_21 = rng.uniform(6.5e-5, 8.5e-5, size)
    ratio = 10 ** rng.uniform(-3.0, 1.0, size)
    normal = rng.random(size) < 0.5
    params = OscillationParameters(
        *rng.uniform(0.0, 1.0, (3, size)),
        delta_cp=rng.uniform(-np.pi, np.pi, size),
        dm2_21=dm2_21,
        dm2_31=dm2_21 * np.where(normal, 1.0 + ratio, -ratio),
    )
    energy = rng.uniform(0.2, 20.0, size)
    rho_ye = rng.uniform(0.0, 3.0, size)
    np.testing.assert_allclose(
        probabilities(params, energy, BASELINE, rho_ye, antineutrino=antineutrino),
        diagonalised(params, energy, BASELINE, rho_ye, antineutrino),
        rtol=0,
        atol=1e-11,
    )


@orderings
@charges
@pytest.mark.parametrize("rho_ye", [0.0, 1e-9, RHO_YE])
def test_tiny_solar_splitting_is_no_numerical_problem(params, antineutrino, rho_ye):
    params = replace(params, dm2_21=np.geomspace(1e-18, 1e-6, 1000))
    energy = np.full(1000, 2.5)
    np.testing.assert_allclose(
        probabilities(params, energy, BASELINE, rho_ye, antineutrino=antineutrino),
        diagonalised(params, energy, BASELINE, rho_ye, antineutrino),
        rtol=0,
        atol=1e-11,
    )


@orderings
@charges
def test_newton_steps_converge_to_the_exact_cubic(params, antineutrino):
    energy = np.linspace(0.2, 12.0, 500)

    def deviation(n_newton):
        P = probabilities(
            params, energy, BASELINE, RHO_YE, antineutrino=antineutrino, n_newton=n_newton
        )
        exact = probabilities(params, energy, BASELINE, RHO_YE, antineutrino=antineutrino)
        return np.abs(P - exact).max()

    assert 1e-7 < deviation(0) < 2e-5
    assert deviation(1) < 1e-8
    assert deviation(2) < 1e-13
    assert deviation(3) < 1e-13


@pytest.mark.parametrize(
    ("group", "n_newton"), [("exact", None), ("n0", 0), ("n1", 1)], ids=["exact", "n0", "n1"]
)
@charges
def test_agrees_with_nufast_lbl(group, n_newton, antineutrino):
    table = np.genfromtxt(reference_file("nufast_reference.csv"), delimiter=",", names=True)
    table = table[(table["E_GeV"] < 0) == antineutrino]
    assert table.size > 50
    columns = ("s12sq", "s13sq", "s23sq", "delta_rad", "dmsq21_eV2", "dmsq31_eV2")
    params = OscillationParameters(*(table[column] for column in columns))
    P = probabilities(
        params,
        np.abs(table["E_GeV"]),
        table["L_km"],
        table["rhoYe_g_cm3"],
        antineutrino=antineutrino,
        n_newton=n_newton,
    )
    for i, initial in enumerate("emt"):
        for f, final in enumerate("emt"):
            reference = table[f"P{initial}{final}_{group}"]
            np.testing.assert_allclose(P[:, i, f], reference, rtol=0, atol=1e-13)


def test_dm2_32():
    params = NUFIT_6_0.with_dm2_32(np.array([2.4e-3, -2.5e-3]))
    np.testing.assert_allclose(params.dm2_32, [2.4e-3, -2.5e-3], rtol=1e-12)
    assert params.sin2_theta23 == NUFIT_6_0.sin2_theta23


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sin2_theta12": -0.1}, r"sin2_theta12 contains -0.1; it must be in \[0, 1\]"),
        ({"sin2_theta13": np.nan}, "sin2_theta13 contains nan"),
        ({"sin2_theta23": np.array([0.5, 1.2])}, "sin2_theta23 contains 1.2"),
        ({"delta_cp": np.inf}, "delta_cp contains inf; it must be finite"),
        ({"dm2_21": 0.0}, "dm2_21 contains 0.0; it must be positive"),
        ({"dm2_31": np.array([[2.5e-3], [5e-5]])}, "dm2_31 contains 5e-05.*above dm2_21"),
        ({"dm2_31": -np.inf}, "dm2_31 contains -inf"),
        ({"dm2_21": np.array([7e-5, 3e-3])}, "dm2_31 contains 0.002513"),
    ],
)
def test_impossible_parameters_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        replace(NUFIT_6_0, **changes)


@pytest.mark.parametrize("function", [probabilities, survival_probability])
@pytest.mark.parametrize(
    ("arguments", "n_newton", "message"),
    [
        ((0.0, BASELINE, RHO_YE), None, "energy contains 0.0; it must be positive"),
        (([1.0, -2.0], BASELINE, RHO_YE), None, "energy contains -2.0"),
        (([1.0, np.inf], BASELINE, RHO_YE), None, "energy contains inf"),
        ((1.0, -1.0, RHO_YE), None, "baseline contains -1.0"),
        ((1.0, np.nan, RHO_YE), None, "baseline contains nan"),
        ((1.0, BASELINE, np.nan), None, "rho_ye contains nan"),
        ((1.0, BASELINE, RHO_YE), -1, "n_newton is -1; it must be >= 0"),
    ],
)
def test_impossible_arguments_are_refused(function, arguments, n_newton, message):
    with pytest.raises(ValueError, match=message):
        function(NUFIT_6_0, *arguments, n_newton=n_newton)


@pytest.mark.parametrize(
    "shapes",
    [
        ((), (30_000,)),
        ((200, 1), (100,)),
        ((150, 1, 1), (150,)),
        ((2, 3, 1), (5000,)),
        ((20_000,), ()),
    ],
)
def test_blocks_are_put_together_in_order(shapes):
    """Above the size of a block, against single evaluations at random places."""
    rng = np.random.default_rng(1)
    theta_shape, energy_shape = shapes
    sin2_theta23 = rng.uniform(0.3, 0.7, theta_shape)
    dm2_31 = rng.uniform(2.3e-3, 2.7e-3, theta_shape)
    energy = rng.uniform(0.3, 10.0, energy_shape)
    params = replace(NUFIT_6_0, sin2_theta23=sin2_theta23, dm2_31=dm2_31)
    survival = survival_probability(params, energy, 1300.0, 1.4)
    shape = np.broadcast_shapes(theta_shape, energy_shape)
    assert survival.shape == shape
    everything = probabilities(params, energy, 1300.0, 1.4)
    np.testing.assert_array_equal(everything[..., 1, 1], survival)
    theta, dm2, e = (np.broadcast_to(v, shape) for v in (sin2_theta23, dm2_31, energy))
    for index in zip(*(rng.integers(n, size=20) for n in shape), strict=True):
        one = replace(NUFIT_6_0, sin2_theta23=float(theta[index]), dm2_31=float(dm2[index]))
        expected = survival_probability(one, e[index], 1300.0, 1.4)
        assert survival[index] == pytest.approx(float(expected), abs=1e-14)


@pytest.mark.parametrize("points_at_once", [1, 37, 1000])
@pytest.mark.parametrize(
    "shapes",
    [
        ((), (), (1500,)),
        ((5, 1, 1), (20, 1), (15,)),
        ((15,), (1,), (5, 20, 1)),
        ((15,), (20, 1), (5, 1, 1)),
        ((1500,), (), ()),
        ((3, 1), (0,), ()),
    ],
)
def test_no_byte_depends_on_the_blocks(shapes, points_at_once, monkeypatch):
    rng = np.random.default_rng(2)
    delta_shape, dm2_shape, energy_shape = shapes
    params = replace(
        NUFIT_6_0,
        delta_cp=rng.uniform(-np.pi, np.pi, delta_shape),
        dm2_31=rng.uniform(2.3e-3, 2.7e-3, dm2_shape),
    )
    energy = rng.uniform(0.3, 10.0, energy_shape)
    functions = (probabilities, survival_probability)
    whole = [f(params, energy, BASELINE, RHO_YE) for f in functions]
    assert whole[1].shape == np.broadcast_shapes(*shapes)
    monkeypatch.setattr(oscillation, "_BLOCK", points_at_once)
    pieces = [f(params, energy, BASELINE, RHO_YE) for f in functions]
    for a, b in zip(whole, pieces, strict=True):
        np.testing.assert_array_equal(a, b)


def test_each_channel_is_contiguous():
    P = probabilities(NUFIT_6_0, np.linspace(1.0, 2.0, 6).reshape(2, 3), BASELINE, RHO_YE)
    assert P.shape == (2, 3, 3, 3)
    assert all(P[..., i, f].flags.c_contiguous for i, f in np.ndindex(3, 3))
