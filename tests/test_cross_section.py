"""Kinematics and cross section: identities, and an independent calculation."""

import numpy as np
import pytest
from scipy.integrate import dblquad

import toy
from nd2fd.physics.cross_section import (
    density_variable_prefactor,
    effective_structure_functions,
    kinematic_coefficients,
    lepton_prefactor,
    mass_suppressed_coefficients,
)
from nd2fd.physics.kinematics import (
    density_variables_from_lepton,
    kinematics,
    lepton_from_density_variables,
)

SETUP = toy.SETUP
MUON_MASS, NUCLEON_MASS = SETUP.lepton_mass, SETUP.nucleon_mass


@pytest.fixture
def points():
    """Random physical points: E_ν, v1, v2."""
    rng = np.random.default_rng(1)
    energy, v1, v2 = rng.uniform([[0.3], [0.01], [0.01]], [[10.0], [1.0], [1.0]], (3, 5000))
    keep = kinematics(energy, v1, v2, SETUP).physical
    assert keep.sum() > 500
    return energy[keep], v1[keep], v2[keep]


def test_density_variables_are_inverted(points):
    _, v1, v2 = points
    e_lepton, cos_theta = lepton_from_density_variables(v1, v2, SETUP)
    back = density_variables_from_lepton(e_lepton, cos_theta, SETUP)
    np.testing.assert_allclose(back, (v1, v2), rtol=1e-9)


def test_invariants_agree_with_four_vectors(points):
    energy, v1, v2 = points
    e_lepton, cos_theta = lepton_from_density_variables(v1, v2, SETUP)
    momentum = np.sqrt(e_lepton**2 - MUON_MASS**2)
    transverse = momentum * np.sqrt(1 - cos_theta**2)
    neutrino = np.stack([energy, 0 * energy, energy])
    muon = np.stack([e_lepton, transverse, momentum * cos_theta])
    q = neutrino - muon
    Q2 = -(q[0] ** 2 - q[1] ** 2 - q[2] ** 2)
    point = kinematics(energy, v1, v2, SETUP)
    np.testing.assert_allclose(point.Q2, Q2, rtol=1e-7, atol=1e-9)
    np.testing.assert_allclose(point.bjorken_x, Q2 / (2 * NUCLEON_MASS * q[0]), rtol=1e-6)
    np.testing.assert_allclose(point.inelasticity, q[0] / energy, rtol=1e-10)


@pytest.mark.parametrize(
    ("v1", "v2"),
    [
        (0.01, 0.01),  # a b < m²: no such muon
        (0.5, 0.9),  # needs a muon above the neutrino's energy
        (0.99, 0.1),  # x > 1
    ],
)
def test_unphysical_points_are_recognised(v1, v2):
    assert not kinematics(np.array(2.0), np.array(v1), np.array(v2), SETUP).physical


@pytest.mark.parametrize("antineutrino", [False, True])
def test_three_structure_functions_do_what_five_do(points, antineutrino):
    """Eq. (1) of the paper with W1 … W5 equals Eq. (2) with the three effective ones."""
    setup = toy.setup(antineutrino=antineutrino)
    point = kinematics(*points, setup)
    five = np.random.default_rng(2).normal(size=(5, point.Q2.size))
    known = kinematic_coefficients(points[0], point.Q2, point.inelasticity, setup)
    suppressed = mass_suppressed_coefficients(point.Q2, point.inelasticity, setup)
    with_five = (known * five[:3]).sum(axis=0) + (suppressed * five[3:]).sum(axis=0)
    three = effective_structure_functions(five, point.Q2, setup)
    terms = np.abs(known * three)
    np.testing.assert_allclose((known * three).sum(axis=0), with_five, atol=1e-12 * terms.max())


def test_coefficients_agree_with_the_published_formula(points):
    """The brace written out as in Kretzer & Reno, term by term, at each point."""
    energy = points[0]
    point = kinematics(*points, SETUP)
    y, x, Q2, m, M = point.inelasticity, point.bjorken_x, point.Q2, MUON_MASS, NUCLEON_MASS
    k = m**2 / Q2
    c1, c2, c3 = kinematic_coefficients(energy, Q2, y, SETUP)
    np.testing.assert_allclose(c1, y**2 / 2 * (1 + k), rtol=1e-12)
    np.testing.assert_allclose(
        c2, 1 - y - m**2 / (4 * energy**2) - M * x * y / (2 * energy), atol=1e-12
    )
    np.testing.assert_allclose(c3, y * (1 - y / 2) - k * y**2 / 2, atol=1e-12)


def one_flavour(antineutrino, antiquark, n=1000):
    """The brace for W1 = W2 = ±W3 = 2 W5 = 1 at random points, and y, m²/ŝ, target-mass term."""
    setup = toy.setup(antineutrino=antineutrino)
    rng = np.random.default_rng(3)
    energy, x, y = rng.uniform([[2.0], [0.1], [0.2]], [[10.0], [0.9], [0.9]], (3, n))
    Q2 = 2 * NUCLEON_MASS * energy * x * y
    five = np.stack([np.ones_like(x)] * 3 + [np.zeros_like(x), np.full_like(x, 0.5)])
    five[2] *= -1 if antiquark else 1
    brace = (kinematic_coefficients(energy, Q2, y, setup) * five[:3]).sum(axis=0)
    brace += (mass_suppressed_coefficients(Q2, y, setup) * five[3:]).sum(axis=0)
    target_mass = -(MUON_MASS**2 + Q2) / (4 * energy**2)
    return brace, y, MUON_MASS**2 / (2 * NUCLEON_MASS * energy * x), target_mass


@pytest.mark.parametrize("anti", [False, True])
def test_single_quark_flavour_gives_one_minus_m2_over_s(anti):
    """ν on a quark, or ν̄ on an antiquark: 1 - m²/ŝ, ŝ = 2 M E_ν x, up to the target-mass term."""
    brace, _, m2_over_s, target_mass = one_flavour(anti, anti)
    np.testing.assert_allclose(brace - target_mass, 1 - m2_over_s, rtol=1e-12)


@pytest.mark.parametrize("antineutrino", [False, True])
def test_helicity_suppresses_the_opposite_combination(antineutrino):
    """ν on an antiquark, or ν̄ on a quark: (k·p̂')(k'·p̂) ∝ (1 - y) (1 - y - m²/ŝ)."""
    brace, y, m2_over_s, target_mass = one_flavour(antineutrino, not antineutrino)
    expected = (1 - y) * (1 - y - m2_over_s)
    np.testing.assert_allclose(brace - target_mass, expected, atol=1e-12)


def test_total_is_the_same_in_both_sets_of_variables():
    """∫ dE_l dcosθ = ∫ dv1 dv2 for F2 ∝ x(1-x)³: checks Jacobian, prefactors and support."""
    energy = 3.0

    def brace(Q2, y, x):
        f2 = x * (1 - x) ** 3
        w = effective_structure_functions(np.array([f2, f2, 0.8 * f2, 0.0, f2 / 2]), Q2, SETUP)
        return float(kinematic_coefficients(np.array(energy), Q2, y, SETUP) @ w)

    def in_muon_variables(cos_theta, e_lepton):
        momentum = np.sqrt(e_lepton**2 - MUON_MASS**2)
        Q2 = 2 * energy * (e_lepton - momentum * cos_theta) - MUON_MASS**2
        nu = energy - e_lepton
        x = Q2 / (2 * NUCLEON_MASS * nu)
        if not 0 < x <= 1:
            return 0.0
        return brace(Q2, nu / energy, x) * lepton_prefactor(momentum, Q2, nu / energy)

    def lowest_cosine(e_lepton):
        momentum = np.sqrt(e_lepton**2 - MUON_MASS**2)
        largest_Q2 = 2 * NUCLEON_MASS * (energy - e_lepton)
        return max(-1.0, (e_lepton - (largest_Q2 + MUON_MASS**2) / (2 * energy)) / momentum)

    direct, _ = dblquad(
        in_muon_variables, MUON_MASS, energy, lowest_cosine, lambda _: 1.0, epsrel=1e-4
    )

    n = 1200
    v1, v2 = np.meshgrid(*[(np.arange(n) + 0.5) / n] * 2, indexing="ij")
    point = kinematics(np.array(energy), v1, v2, SETUP)
    keep = point.physical
    Q2, x, y = point.Q2[keep], point.bjorken_x[keep], point.inelasticity[keep]
    f2 = x * (1 - x) ** 3
    w = effective_structure_functions(np.stack([f2, f2, 0.8 * f2, 0 * f2, f2 / 2]), Q2, SETUP)
    values = (kinematic_coefficients(energy, Q2, y, SETUP) * w).sum(axis=0)
    values *= density_variable_prefactor(v1[keep], v2[keep], Q2, y, SETUP)
    assert values.sum() / n**2 == pytest.approx(direct, rel=1e-3)


@pytest.mark.parametrize("antineutrino", [False, True])
def test_left_handed_quarks_scatter_isotropically_at_high_energy(antineutrino):
    """d²σ/dx dy of ν is flat in y for quarks and ∝ (1-y)² for antiquarks; of ν̄ the reverse."""
    setup = toy.setup(antineutrino=antineutrino)
    energy, x = 1e5, 0.3
    y = np.linspace(0.05, 0.95, 19)
    Q2 = 2 * NUCLEON_MASS * energy * x * y
    c1, c2, c3 = kinematic_coefficients(np.array(energy), Q2, y, setup)
    quark, antiquark = c1 + c2 + c3, c1 + c2 - c3
    flat, suppressed = (antiquark, quark) if antineutrino else (quark, antiquark)
    np.testing.assert_allclose(flat, 1.0, atol=1e-4)
    np.testing.assert_allclose(suppressed, (1 - y) ** 2, atol=1e-4)
