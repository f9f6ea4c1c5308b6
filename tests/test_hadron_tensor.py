"""The brace of the cross section against lepton and hadron tensors, contracted number by number.

Nothing here knows y, k or a coefficient: four-vectors in the laboratory, the trace over the Dirac
matrices of the lepton, and the general hadron tensor of a target that is not polarised. In terms of
the struck parton's momentum p̂ = x p (Kretzer & Reno, hep-ph/0208187, with W4 = xF4 and the like)

    T^μν = -g^μν W1/2 + (2/Q²) [ p̂^μ p̂^ν W2 + q^μ q^ν W4 + (p̂^μ q^ν + q^μ p̂^ν) W5 ]
           - (i/Q²) ε^μναβ p̂_α q_β W3,

which for W1 = W2 = W3 = 2 W5, W4 = 0 is that of one massless left-handed quark, another trace.
"""

from itertools import permutations

import numpy as np
import pytest

import toy
from nd2fd.physics.cross_section import (
    effective_structure_functions,
    kinematic_coefficients,
    lepton_prefactor,
    mass_suppressed_coefficients,
)
from nd2fd.physics.density import cross_section_factors
from nd2fd.physics.kinematics import density_variables_from_lepton, kinematics

METRIC = np.diag([1.0, -1.0, -1.0, -1.0])


def parity(order):
    return np.linalg.det(np.eye(4)[list(order)])


EPSILON = np.zeros((4, 4, 4, 4))
"""ε^μναβ with ε^0123 = -1: the sign with which the tensor above is that of a left-handed quark."""
for _order in permutations(range(4)):
    EPSILON[_order] = -parity(_order)

_PAULI = np.array([[[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]])
_ZERO, _ONE = np.zeros((2, 2)), np.eye(2)
GAMMA = np.stack(
    [np.block([[_ONE, _ZERO], [_ZERO, -_ONE]])]
    + [np.block([[_ZERO, sigma], [-sigma, _ZERO]]) for sigma in _PAULI]
)
"""Dirac matrices γ^μ."""
LEFT = (np.eye(4) - 1j * GAMMA[0] @ GAMMA[1] @ GAMMA[2] @ GAMMA[3]) / 2


def slash(p):
    return np.einsum("nm,mij->nij", p @ METRIC, GAMMA)


def dot(p, q):
    return np.einsum("nm,mk,nk->n", p, METRIC, q)


def current(incoming, outgoing):
    """Tr[p̸' γ^μ P_L p̸ γ^ν], shape (n, 4, 4): of a fermion; a mass drops out by chirality."""
    vertex = GAMMA @ LEFT
    before = np.einsum("mij,njk,vkl->nmvil", vertex, slash(incoming), GAMMA, optimize=True)
    return np.einsum("nli,nmvil->nmv", slash(outgoing), before, optimize=True)


def lepton_tensor(neutrino, lepton, antineutrino):
    """L^μν; an antilepton goes in where the lepton came out."""
    if antineutrino:
        return current(lepton, neutrino)
    return current(neutrino, lepton)


def hadron_tensor(parton, q, structure_functions):
    """T^μν of W1 … W5, each of shape (n,)."""
    w1, w2, w3, w4, w5 = (w[:, None, None] for w in structure_functions)
    Q2 = -dot(q, q)[:, None, None]

    def outer(a, b):
        return a[:, :, None] * b[:, None, :]

    mixed = outer(parton, q) + outer(q, parton)
    symmetric = outer(parton, parton) * w2 + outer(q, q) * w4 + mixed * w5
    odd = np.einsum("mvab,na,nb->nmv", EPSILON, parton @ METRIC, q @ METRIC, optimize=True)
    return -0.5 * METRIC * w1 + (2.0 * symmetric - 1j * odd * w3) / Q2


def contraction(lepton, hadron):
    """L^μν T_μν: a real number."""
    result = (lepton * (METRIC @ hadron @ METRIC)).sum(axis=(1, 2))
    np.testing.assert_allclose(result.imag, 0.0, atol=1e-10 * abs(result).max())
    return result.real


class Events:
    """Random muons or electrons, with E_ν where their mass matters and where it does not."""

    def __init__(self, setup, n=2000):
        rng = np.random.default_rng(17)
        m, self.setup = setup.lepton_mass, setup
        self.energy = m * np.exp(rng.uniform(np.log(1.5), np.log(60.0), n))
        e_lepton = rng.uniform(m, self.energy)
        self.cos_theta = 1.0 - 2.0 * rng.uniform(0.0, 1.0, n) ** 2
        self.e_lepton = e_lepton
        self.momentum = np.sqrt(e_lepton**2 - m**2)
        sine = np.sqrt(1.0 - self.cos_theta**2)
        zero = np.zeros(n)
        self.neutrino = np.stack([self.energy, zero, zero, self.energy], axis=1)
        self.lepton = np.stack(
            [e_lepton, self.momentum * sine, zero, self.momentum * self.cos_theta], axis=1
        )
        self.q = self.neutrino - self.lepton
        self.Q2 = -dot(self.q, self.q)
        self.target = np.stack([zero + setup.nucleon_mass, zero, zero, zero], axis=1)
        self.p_q = dot(self.target, self.q)
        self.x = self.Q2 / (2.0 * self.p_q)
        self.parton = self.x[:, None] * self.target
        self.structure_functions = rng.normal(size=(5, n))

    def brace_of_tensors(self):
        """In the units of the brace, where the factor of W2 goes to 1 for k' → k.

        There the trace gives L^μν = 4 k^μ k^ν, and with Q² = 2 p̂·q the term of W2 is
        4 (k·p̂)² (2/Q²) = 4 (k·p̂) (k·p) / (p·q).
        """
        lepton = lepton_tensor(self.neutrino, self.lepton, self.setup.antineutrino)
        hadron = hadron_tensor(self.parton, self.q, self.structure_functions)
        k_p = dot(self.neutrino, self.parton)
        unit = 4.0 * k_p * dot(self.neutrino, self.target) / self.p_q
        return contraction(lepton, hadron) / unit

    def inelasticity(self):
        return self.q[:, 0] / self.energy


every_setup = pytest.mark.parametrize(
    "setup",
    [
        toy.setup(lepton=lepton, antineutrino=antineutrino, target=target, energy_max=10.0)
        for lepton in ("muon", "electron")
        for antineutrino in (False, True)
        for target in ({"H1": 1}, {"Ar40": 1})
    ],
    ids=lambda s: (
        f"{'anti' * s.antineutrino}{s.lepton}-{s.target.nuclei[0][0]}"
        if hasattr(s, "lepton")
        else None
    ),
)


def brace(events, setup, structure_functions):
    """As the package has it, with all five."""
    y = events.inelasticity()
    known = kinematic_coefficients(events.energy, events.Q2, y, setup)
    suppressed = mass_suppressed_coefficients(events.Q2, y, setup)
    factors = np.concatenate([known, suppressed])
    return (factors * structure_functions).sum(axis=0), abs(factors * structure_functions)


@pytest.mark.parametrize("antineutrino", [False, True])
def test_tensors_are_those_of_a_quark(antineutrino):
    """ν q: (k·p̂)(k'·p̂'); ν̄ q: (k·p̂')(k'·p̂), as left- and right-handed particles scatter."""
    events = Events(toy.setup(antineutrino=antineutrino))
    direction = np.random.default_rng(3).normal(size=(events.x.size, 3))
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    light = np.concatenate([np.ones((events.x.size, 1)), direction], axis=1)
    chosen = dot(light, events.q) > 0.2 * np.linalg.norm(events.q, axis=1)
    assert chosen.sum() > 300
    light, q, Q2 = light[chosen], events.q[chosen], events.Q2[chosen]
    neutrino, lepton = events.neutrino[chosen], events.lepton[chosen]
    # Massless before and after: p̂·q = Q²/2.
    parton = light * (Q2 / (2.0 * dot(light, q)))[:, None]
    struck = parton + q
    np.testing.assert_allclose(dot(struck, struck) / struck[:, 0] ** 2, 0.0, atol=1e-9)
    one = np.ones_like(Q2)
    hadron = hadron_tensor(parton, q, np.stack([one, one, one, 0 * one, one / 2]))
    # The trace is twice p̂^μ p̂'^ν + p̂'^μ p̂^ν - g^μν p̂·p̂' and the odd part.
    expected = current(parton, struck) / (2.0 * Q2[:, None, None])
    scale = abs(expected).max(axis=(1, 2), keepdims=True)
    np.testing.assert_allclose(hadron / scale, expected / scale, rtol=0, atol=1e-9)
    first, second = (struck, parton) if antineutrino else (parton, struck)
    amplitude = 8.0 * dot(neutrino, first) * dot(lepton, second) / Q2
    found = contraction(lepton_tensor(neutrino, lepton, antineutrino), hadron)
    scale = neutrino[:, 0] * lepton[:, 0] * parton[:, 0] * struck[:, 0] / Q2
    np.testing.assert_allclose(found / scale, amplitude / scale, rtol=0, atol=1e-8)


@every_setup
def test_brace_is_the_contraction_of_the_tensors(setup):
    events = Events(setup)
    expected = events.brace_of_tensors()
    found, terms = brace(events, setup, events.structure_functions)
    np.testing.assert_allclose(found / terms.max(axis=0), expected / terms.max(axis=0), atol=1e-9)
    # The same with the three combinations that one lepton mass leaves.
    known = kinematic_coefficients(events.energy, events.Q2, events.inelasticity(), setup)
    effective = effective_structure_functions(events.structure_functions, events.Q2, setup)
    terms = abs(known * effective).max(axis=0)
    three = (known * effective).sum(axis=0)
    np.testing.assert_allclose(three / terms, expected / terms, atol=1e-9)


@every_setup
def test_a_wrong_coefficient_would_be_noticed(setup):
    """Each of the five with the wrong sign or off by 1 % is far from the contraction."""
    events = Events(setup)
    expected = events.brace_of_tensors()
    for wrong in range(5):
        for factor in (-1.0, 1.01):
            structure_functions = events.structure_functions.copy()
            structure_functions[wrong] *= factor
            found, terms = brace(events, setup, structure_functions)
            assert (abs(found - expected) / terms.max(axis=0)).max() > 1e-4, (wrong, factor)
    other = toy.setup(lepton=setup.lepton, antineutrino=not setup.antineutrino)
    found, terms = brace(events, other, events.structure_functions)
    assert (abs(found - expected) / terms.max(axis=0)).max() > 0.1


@every_setup
def test_kinematics_are_those_of_the_four_vectors(setup):
    events = Events(setup)
    setup = toy.setup(lepton=setup.lepton, target=dict(setup.target.nuclei), x_max=2.0)
    v1, v2 = density_variables_from_lepton(events.e_lepton, events.cos_theta, setup)
    point = kinematics(events.energy, v1, v2, setup)
    np.testing.assert_array_equal(
        point.physical, (events.x > 0) & (events.x <= 2.0) & (events.q[:, 0] > 0)
    )
    inside = point.physical
    assert inside.sum() > 200
    scale = events.energy * events.e_lepton
    np.testing.assert_allclose(
        (point.Q2 / scale)[inside], (events.Q2 / scale)[inside], rtol=0, atol=1e-11
    )
    np.testing.assert_allclose(point.inelasticity[inside], events.inelasticity()[inside], rtol=1e-9)
    np.testing.assert_allclose(
        point.bjorken_x[inside], (point.Q2 / (2 * events.p_q))[inside], rtol=1e-9
    )


@every_setup
def test_cross_section_in_density_variables_is_that_of_the_tensors(setup):
    """d²σ/dv1 dv2 in 1e-38 cm²: G_F, M_W and (ħc)² as in the Review of Particle Physics.

    With the contraction for the brace; its normalisation is that of the test below. One over the
    Jacobian ∂(v1, v2)/∂(E_l, cosθ) is taken by differences.
    """
    events = Events(setup)
    m, M = setup.lepton_mass, setup.nucleon_mass

    def density_variables(e_lepton, cos_theta):
        longitudinal = np.sqrt(e_lepton**2 - m**2) * cos_theta
        return np.sqrt((e_lepton - longitudinal) / M), np.sqrt((e_lepton + longitudinal) / 20.0)

    e_lepton, cos_theta = events.e_lepton, events.cos_theta
    v1, v2 = density_variables(e_lepton, cos_theta)
    y, Q2 = events.inelasticity(), events.Q2
    used = (e_lepton > 1.01 * m) & (abs(cos_theta) < 0.999) & (events.x > 0) & (events.x < 0.999)
    assert used.sum() > 200
    step = 1e-5
    along_e, along_cos = (
        np.subtract(
            density_variables(e_lepton * (1 + by_e), cos_theta + by_cos),
            density_variables(e_lepton * (1 - by_e), cos_theta - by_cos),
        )[:, used]
        for by_e, by_cos in ((step, 0.0), (0.0, step))
    )
    area = abs(along_e[0] * along_cos[1] - along_e[1] * along_cos[0])
    jacobian = 4 * step**2 * e_lepton[used] / area
    propagator = 1 / (1 + Q2 / 80.3692**2)
    fermi = 1.1663788e-5**2 * events.momentum / (np.pi * y) * propagator**2
    expected = (fermi * events.brace_of_tensors())[used] * jacobian * 0.3893793721e-27 / 1e-38

    x, _, factors, physical = cross_section_factors(events.energy, v1, v2, setup)
    assert physical[used].all()
    np.testing.assert_allclose(x[used], events.x[used], rtol=1e-7)
    terms = factors * effective_structure_functions(events.structure_functions, Q2, setup)
    found, scale = terms.sum(axis=0)[used], abs(terms).max(axis=0)[used]
    np.testing.assert_allclose(found / scale, expected / scale, rtol=0, atol=3e-5)


def test_normalisation_is_that_of_the_fermi_theory():
    """Of ν on a quark, dσ/dy = G_F² ŝ / π with ŝ = 2 M E_ν x, flat in y.

    f quarks in dx make d²σ/dx dy = f dσ/dy, and the brace is then F2 = 2 x f.
    """
    events = Events(toy.SETUP)
    inside = events.q[:, 0] > 0
    momentum, Q2, y, energy = (
        v[inside] for v in (events.momentum, events.Q2, events.inelasticity(), events.energy)
    )
    # ∂(x, y) / ∂(E_l, cosθ) by differences, at fixed E_ν.
    e_lepton, cos_theta = events.e_lepton[inside], events.cos_theta[inside]

    def x_of(cos_theta):
        Q2 = 2 * energy * (e_lepton - momentum * cos_theta) - events.setup.lepton_mass**2
        return Q2 / (2 * 0.930618105 * (energy - e_lepton))

    dx_dcos = (x_of(cos_theta + 1e-4) - x_of(cos_theta - 1e-4)) / 2e-4
    jacobian = abs(dx_dcos) / energy
    s_hat_per_x = 2 * 0.930618105 * energy
    expected = 1.1663788e-5**2 * s_hat_per_x / np.pi * jacobian / (1 + Q2 / 80.3692**2) ** 2
    np.testing.assert_allclose(2 * lepton_prefactor(momentum, Q2, y), expected, rtol=1e-6)
