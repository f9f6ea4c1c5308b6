"""The impulse approximation, against formulas and values that were not written or computed here."""

import numpy as np
import pytest

import toy
from nd2fd.cross_sections.impulse import nucleus as nucleus_module
from nd2fd.cross_sections.impulse import resonance
from nd2fd.cross_sections.impulse.fermi_gas import FermiGas, Tensor, structure_functions
from nd2fd.cross_sections.impulse.form_factors import form_factors
from nd2fd.cross_sections.impulse.nucleon import NUCLEON_MASS as M
from nd2fd.cross_sections.impulse.nucleus import Accuracy, Nucleus, Strengths
from nd2fd.cross_sections.impulse.quasi_elastic import quasi_elastic
from nd2fd.cross_sections.impulse.resonance import breit_wigner, delta_transition
from nd2fd.cross_sections.impulse.targets import GASES, impulse_approximation
from nd2fd.cross_sections.interpolation import interpolated_table, tabulate
from nd2fd.cross_sections.quark_parton import quark_parton_model
from nd2fd.events.positivity import refuse_negative
from nd2fd.events.sampling import sample_events
from nd2fd.physics.cross_section import (
    kinematic_coefficients,
    mass_suppressed_coefficients,
    measurable_combinations,
)
from nd2fd.physics.density import DensityGrid, event_densities
from test_hadron_tensor import contraction, hadron_tensor, lepton_tensor

G_FERMI, GEV2_IN_CM2 = 1.1663788e-5, 0.3893793721e-27
MUON, ELECTRON = 0.1056583755, 0.51099895e-3
V_UD2 = 0.97367**2
FREE = FermiGas(0.01, 0.0, blocked=False)


def nothing(x, Q2):
    return np.zeros((2, *np.broadcast(x, Q2).shape))


def of_nucleons(gas=FREE, **changes):
    return Nucleus(
        **{
            "protons": 0.0,
            "gas": gas,
            "target_mass": M,
            "antineutrino": False,
            "continuum": nothing,
            "Q2_max": 20.0,
        }
        | changes
    )


def rate(W, energy, omega, Q2, antineutrino, mass):
    """d²σ/dQ² dω [1e-38 cm²/GeV³] of W1 … W5 for a target of a nucleon's mass."""

    class Muons:
        lepton_mass = mass

    Muons.antineutrino = antineutrino
    y = omega / energy
    factors = np.concatenate(
        [
            kinematic_coefficients(energy, Q2, y, Muons),
            mass_suppressed_coefficients(Q2, y, Muons),
        ]
    )
    return G_FERMI**2 / (2 * np.pi * omega) * (factors * W).sum(axis=0) * GEV2_IN_CM2 / 1e-38


def limits(energy, mass, W):
    """Smallest and largest Q² where a nucleon at rest becomes W."""
    s = M**2 + 2 * M * energy
    neutrino = (s - M**2) / (2 * np.sqrt(s))
    lepton = (s + mass**2 - W**2) / (2 * np.sqrt(s))
    momentum = np.sqrt(lepton**2 - mass**2)
    return [2 * neutrino * (lepton + sign * momentum) - mass**2 for sign in (-1, 1)]


def llewellyn_smith(energy, Q2, antineutrino, mass):
    """dσ/dQ² [1e-38 cm²/GeV²]: A, B and C of Phys. Rept. 3 (1972) 261, Eq. 3.18 ff."""
    f1, f2, fa, fp = form_factors(Q2, 1.0)
    t, m2 = Q2 / (4 * M**2), mass**2
    a = (m2 + Q2) / M**2
    a *= (
        (1 + t) * fa**2
        - (1 - t) * f1**2
        + t * (1 - t) * f2**2
        + 4 * t * f1 * f2
        - m2 / (4 * M**2) * ((f1 + f2) ** 2 + (fa + 2 * fp) ** 2 - 4 * (1 + t) * fp**2)
    )
    b = Q2 / M**2 * fa * (f1 + f2)
    c = (fa**2 + f1**2 + t * f2**2) / 4
    s_u = (4 * M * energy - Q2 - m2) / M**2
    sign = -1 if antineutrino else 1
    unit = M**2 * G_FERMI**2 * V_UD2 / (8 * np.pi * energy**2) * GEV2_IN_CM2 / 1e-38
    return unit * (a + sign * b * s_u + c * s_u**2)


@pytest.mark.parametrize("mass", [MUON, ELECTRON])
@pytest.mark.parametrize("antineutrino", [False, True])
@pytest.mark.parametrize("energy", [0.3, 1.0, 5.0])
def test_quasi_elastic_is_that_of_llewellyn_smith(energy, antineutrino, mass):
    low, high = limits(energy, mass, M)
    Q2 = np.linspace(low, high, 50)[1:-1]
    w1, w2, w3, w4, w5 = quasi_elastic(Q2, 1.0)
    # At x = 1: F1 = w1 and the like (docstring of nucleon.py), times ∫ dω 2M² δ(2Mω - Q²) = M.
    p_q = Q2 / 2
    W = M * np.stack(
        [2 * w1, p_q * w2 / M**2, p_q * w3 / M**2, Q2 * w4 / (2 * M**2), p_q * w5 / M**2]
    )
    found = rate(W, energy, Q2 / (2 * M), Q2, antineutrino, mass)
    expected = llewellyn_smith(energy, Q2, antineutrino, mass)
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9 * expected.max())


def test_quasi_elastic_cross_section_is_that_of_neutrinos():
    """0.9 to 1.1e-38 cm² of a neutron above 1 GeV; that of protons is a third at 1 GeV."""
    node, weight = np.polynomial.legendre.leggauss(80)

    def total(energy, antineutrino):
        low, high = limits(energy, MUON, M)
        Q2 = low + (high - low) * (1 + node) / 2
        return (weight * llewellyn_smith(energy, Q2, antineutrino, MUON)).sum() * (high - low) / 2

    for energy in (1.0, 2.0, 5.0, 10.0):
        assert total(energy, False) == pytest.approx(1.0, abs=0.1)
    assert 0.3 < total(1.0, True) / total(1.0, False) < 0.45
    assert total(50.0, True) / total(50.0, False) == pytest.approx(1.0, abs=0.05)


def test_form_factors_at_zero_are_charges_and_moments():
    f1, f2, fa, fp = form_factors(np.zeros(1), 1.0)
    assert f1[0] == pytest.approx(1.0)
    assert f2[0] == pytest.approx(2.7928473 - 1.0 + 1.9130427)
    assert fa[0] == 1.2754
    # Goldberger-Treiman: F_P(0) = 2 M² g_A / m_π².
    assert fp[0] == pytest.approx(2 * M**2 * 1.2754 / 0.13957039**2)
    # Dipoles of 0.71 GeV² within a few per cent, as all fits are.
    Q2 = np.array([0.5, 1.0])
    f1, f2, _, _ = form_factors(Q2, 1.0)
    np.testing.assert_allclose((f1 + f2) / 4.70589 * (1 + Q2 / 0.71) ** 2, 1.0, rtol=0.05)


LALAKULICH_PASCHOS = {
    0.05: (4.19579, 2.46341, 16.0416, 0.753365, 13.0974),
    0.2: (2.94513, 1.80834, 8.39503, -5.69722, 3.61177),
    1.0: (0.53841, 0.311702, 0.76226, -0.267036, 0.254337),
    3.0: (0.0457894, 0.0203643, 0.0325966, -0.00597755, 0.0123402),
}
"""w1 … w5 at W = 1.232 GeV by Q² [GeV²]: the formulas of the model's authors, evaluated from their
own program as it is in GENIE (src/Physics/Resonance/XSection/P33PaschosLalakulichPXSec.cxx), with
the masses of this package. Theirs are half as large, and have the other sign of w3."""


@pytest.mark.parametrize("Q2", LALAKULICH_PASCHOS)
def test_delta_is_that_of_lalakulich_and_paschos(Q2):
    found = delta_transition(np.array([Q2]), np.array([1.232]))[:, 0] / V_UD2
    np.testing.assert_allclose(found, LALAKULICH_PASCHOS[Q2], rtol=2e-5)


def test_vector_current_of_the_delta_is_conserved(monkeypatch):
    """q_μ W^μν = 0 without the axial current, for any W: two relations of the five."""
    couplings = resonance._couplings
    monkeypatch.setattr(
        resonance,
        "_couplings",
        lambda Q2, W: couplings(Q2, W)._replace(c4a=0 * W, c5a=0 * W, c6a=0 * W),
    )
    Q2, W = (v.ravel() for v in np.meshgrid([0.05, 0.4, 2.0], [1.1, 1.232, 1.6]))
    w1, w2, w3, w4, w5 = delta_transition(Q2, W)
    p_q = (W**2 - M**2 + Q2) / 2
    np.testing.assert_allclose(w5, p_q / Q2 * w2, rtol=1e-9)
    np.testing.assert_allclose(w1 + Q2 / M**2 * w4, p_q / M**2 * w5, rtol=1e-9)
    np.testing.assert_allclose(w3, 0.0, atol=1e-12)


def test_breit_wigner_is_a_density_of_the_mass():
    W = np.linspace(1.08, 2.0, 20_000)
    assert np.trapezoid(breit_wigner(W) * 2 * W, W) == pytest.approx(1.0, abs=0.12)
    assert W[np.argmax(breit_wigner(W))] == pytest.approx(1.22, abs=0.015)
    assert breit_wigner(np.array([1.07]))[0] == 0.0
    narrow = W[breit_wigner(W) > 0.5 * breit_wigner(W).max()]
    # The pole of the Δ has a width of 0.1 GeV.
    assert np.ptp(narrow) == pytest.approx(0.095, abs=0.015)


def test_delta_cross_section_is_that_of_neutrinos():
    """σ(ν p → μ Δ⁺⁺) rises to 0.6 … 0.8e-38 cm² (ANL, BNL; hep-ph/0501109, figures)."""
    proton = of_nucleons(protons=1.0, strengths=Strengths(quasi_elastic=0.0))
    node, weight = np.polynomial.legendre.leggauss(40)
    total = []
    for energy in (0.6, 1.0, 5.0):
        W_max = min(np.sqrt(M**2 + 2 * M * energy) - MUON, 1.8)
        sigma = 0.0
        for at, step in zip(
            1.08 + (W_max - 1.08) * (1 + node) / 2, weight * (W_max - 1.08) / 2, strict=True
        ):
            low, high = limits(energy, MUON, at)
            Q2 = np.exp(np.log(low) + np.log(high / low) * (1 + node) / 2)
            omega = (at**2 - M**2 + Q2) / (2 * M)
            values = rate(proton(Q2 / (2 * M * omega), Q2), energy, omega, Q2, False, MUON)
            sigma += step * at / M * (weight * Q2 * values).sum() * np.log(high / low) / 2
        total.append(sigma)
    assert 0.1 < total[0] < 0.3
    assert total[1] == pytest.approx(0.5, abs=0.1)
    assert total[2] == pytest.approx(0.7, abs=0.1)


def test_tensor_is_projected_on_the_structure_functions():
    """The covariant tensor of W1 … W5 (test_hadron_tensor.py) has the components put in."""
    rng = np.random.default_rng(5)
    n = 200
    omega, Q2 = rng.uniform(0.05, 5.0, n), rng.uniform(0.01, 5.0, n)
    components = Tensor(*rng.normal(size=(5, n)))
    x = Q2 / (2 * 0.93 * omega)
    W = structure_functions(components, x, Q2, omega, 0.93)
    zero = 0 * omega
    parton = np.stack([0.93 * x, zero, zero, zero], axis=1)
    q = np.stack([omega, zero, zero, np.sqrt(omega**2 + Q2)], axis=1)
    found = hadron_tensor(parton, q, W)
    for index, component in (((0, 0), 0), ((0, 3), 1), ((3, 3), 2), ((1, 1), 3), ((2, 2), 3)):
        expected = x * components[component]
        np.testing.assert_allclose(found[(slice(None), *index)], expected, rtol=1e-8, atol=1e-8)
    np.testing.assert_allclose(1j * found[:, 1, 2], x * components.txy, rtol=1e-8, atol=1e-8)


def brute_force(gas, nucleon_tensor, omega, Q2, shift):
    """M ∫ d³p n/E W^μν(p, q) of a sphere of momenta, point by point; 00, 0z, zz, xx and i xy."""
    node, weight = np.polynomial.legendre.leggauss(64)
    p = gas.fermi_momentum * (1 + node) / 2
    p, cos, phi = np.meshgrid(p, node, np.arange(8) * np.pi / 4, indexing="ij")
    sine = np.sqrt(1 - cos**2)
    energy = np.sqrt(M**2 + p**2)
    vector = np.stack([energy - shift, p * sine * np.cos(phi), p * sine * np.sin(phi), p * cos])
    share = weight[:, None, None] * weight[:, None] / 4 * 2 * np.pi / 8
    volume = share * gas.fermi_momentum * p**2 / (4 * np.pi * gas.fermi_momentum**3 / 3) * 2
    q = np.array([omega, 0.0, 0.0, np.sqrt(omega**2 + Q2)])
    tensor = nucleon_tensor(vector, q) * (M / energy * volume)
    total = tensor.sum(axis=(2, 3, 4))
    return total[0, 0], total[0, 3], total[3, 3], (total[1, 1] + total[2, 2]) / 2, total[1, 2]


def covariant(w, p, q):
    """-g w1 + … of the docstring of nucleon.py; of the odd part i times xy, for ε^0123 = -1."""
    metric = np.diag([1.0, -1.0, -1.0, -1.0])[..., None, None, None]
    q = np.broadcast_to(q[:, None, None, None], p.shape)
    mixed = p[:, None] * q[None] + q[:, None] * p[None]
    total = (
        -metric * w[0]
        + (p[:, None] * p[None] * w[1] + q[:, None] * q[None] * w[3] + mixed * w[4]) / M**2
    )
    total[1, 2] = (p[0] * q[3] - p[3] * q[0]) * w[2] / (2 * M**2)
    return total


def test_resonance_in_a_gas_is_an_average_over_nucleons():
    gas = FermiGas(0.25, 0.028, blocked=True)
    found = of_nucleons(gas, protons=0.4, accuracy=Accuracy(200, 16))
    for omega, Q2 in ((0.5, 0.3), (1.0, 0.8), (0.4, 0.05), (1.5, 0.8)):
        q0 = omega - gas.binding
        shifted = Q2 + omega**2 - q0**2

        def delta(p, q, shifted=shifted):
            W2 = M**2 + 2 * (p[0] * q[0] - p[3] * q[3]) - shifted
            W = np.sqrt(np.maximum(W2, 1.2))
            w = delta_transition(np.full(W.size, shifted), W.ravel()).reshape(5, *W.shape)
            strength = 0.5 * 1.8 * breit_wigner(W) * (W2 > 1.2)
            strength = strength * (1 - nucleus_module.smooth_step(W, 1.6, 1.8))
            return covariant(w * strength, p, q)

        expected = brute_force(gas, delta, q0, shifted, 0.0)
        q = np.array([np.hypot(omega, np.sqrt(Q2))])
        tensor = found._resonance(np.array([omega]), q)
        factor = 1.5 * M / (gas.fermi_momentum**3 * q)
        np.testing.assert_allclose(
            np.array(tensor)[:, 0] * factor, expected, rtol=3e-3, atol=3e-4 * abs(expected[3])
        )


def test_continuum_in_a_gas_is_an_average_over_nucleons():
    """A smooth continuum, transverse for each nucleon: -g + qq/q² and the like, written out."""
    gas = FermiGas(0.25, 0.028, blocked=True)

    def f2_and_f3(x, Q2):
        return np.stack([x**0.5 * (1 - x) ** 3, 0.7 * x**-0.5 * (1 - x) ** 3])

    found = of_nucleons(gas, continuum=f2_and_f3, accuracy=Accuracy(4, 64))
    for omega, Q2 in ((3.0, 1.0), (5.0, 4.0), (1.5, 0.2)):

        def tensor(p, q, Q2=Q2):
            D = p[0] * q[0] - p[3] * q[3]
            W = np.sqrt(np.maximum(M**2 + 2 * D - Q2, 1.0))
            strength = nucleus_module.smooth_step(W, 1.2, 1.5)
            strength = strength + (1 - strength) * nucleus_module.smooth_step(W, 1.6, 1.8)
            f2, f3 = f2_and_f3(np.minimum(Q2 / (2 * D), 1.0), Q2)
            q = np.broadcast_to(q[:, None, None, None], p.shape)
            P = p + q * D / Q2
            square = P[0] ** 2 - P[1] ** 2 - P[2] ** 2 - P[3] ** 2
            metric = np.diag([1.0, -1.0, -1.0, -1.0])[..., None, None, None]
            total = f2 / D * (square * (-metric - q[:, None] * q[None] / Q2) + P[:, None] * P[None])
            total[1, 2] = f3 / (2 * D) * (p[0] * q[3] - p[3] * q[0])
            return strength * total

        expected = brute_force(gas, tensor, omega, Q2, gas.binding)
        q = np.array([np.hypot(omega, np.sqrt(Q2))])
        part = found._continuum(np.array([omega]), np.array([Q2]), q)
        factor = 1.5 * M / (gas.fermi_momentum**3 * q)
        np.testing.assert_allclose(
            np.array(part)[:, 0] * factor, expected, rtol=2e-3, atol=2e-4 * abs(expected[3])
        )


def test_a_gas_of_slow_nucleons_is_free_nucleons():
    """k_F → 0: the five W_i integrate to those of the line at x = 1; of order k_F²/M²."""
    found = of_nucleons(strengths=Strengths(delta=0.0))
    for Q2 in (0.1, 0.5, 2.0):
        line = Q2 / (2 * M)
        width = 0.0103 / M * np.sqrt(Q2 + line**2)
        omega = np.linspace(line - width, line + width, 2001)
        W = found(Q2 / (2 * M * omega), np.full_like(omega, Q2))
        w1, w2, w3, w4, w5 = quasi_elastic(np.array([Q2]), 1.0)
        expected = M * np.array(
            [2 * w1, Q2 * w2 / (2 * M**2), Q2 * w3 / (2 * M**2), Q2 * w4 / (2 * M**2), w5 * 0]
        ).reshape(5)
        expected[4] = M * Q2 * w5[0] / (2 * M**2)
        # 2xF1 = 2x w1 has x = Q²/2Mω along with it, the same within the line's width.
        np.testing.assert_allclose(np.trapezoid(W, omega, axis=1), expected, rtol=2e-3)


def test_pauli_blocking_and_binding():
    """Blocked: nothing with |p + q| < k_F; the peak is where q²/2M and the binding are paid."""
    gas = FermiGas(0.25, 0.028, blocked=True)
    of_gas = of_nucleons(gas, strengths=Strengths(delta=0.0))
    free = of_nucleons(gas._replace(blocked=False), strengths=Strengths(delta=0.0))
    for q in (0.3, 0.8):
        omega = np.linspace(gas.binding + 1e-4, 0.95 * q, 2000)
        at = [o._quasi_elastic(omega, np.full_like(omega, q)).txx for o in (of_gas, free)]
        blocked, open_ = (np.trapezoid(v, omega) for v in at)
        if q < 0.5:
            # Share of a sphere of radius k_F that a shift by q takes out of it, of the share for
            # which |p + q| > |p| (the rest would give energy away), at low energies.
            r = q / gas.fermi_momentum
            cap = (1 - r / 2) ** 2 * (2 + r / 2) / 4
            assert blocked / open_ == pytest.approx((0.75 * r - r**3 / 16) / (1 - cap), rel=0.02)
        else:
            assert blocked == pytest.approx(open_, rel=1e-9)
            mean = np.trapezoid(at[0] * omega, omega) / blocked
            assert mean == pytest.approx(np.hypot(M, q) - M + gas.binding, rel=0.03)


@pytest.fixture(scope="module")
def argon():
    return {
        antineutrino: impulse_approximation(
            toy.parton_densities, toy.setup(antineutrino=antineutrino, x_max=2.0)
        )
        for antineutrino in (False, True)
    }


@pytest.mark.parametrize("antineutrino", [False, True])
def test_tensor_of_argon_is_positive(antineutrino):
    """W^μν a_μ a*_ν ≥ 0 for every polarisation a: a cross section for any lepton at all."""
    rng = np.random.default_rng(8)
    omega = np.exp(rng.uniform(np.log(0.03), np.log(10.0), 4000))
    Q2 = np.exp(rng.uniform(np.log(1e-3), np.log(10.0), 4000))
    setup = toy.setup(antineutrino=antineutrino, x_max=2.0)

    def quarks(x, Q2):
        _, f2, xf3, _, _ = quark_parton_model(toy.parton_densities, x, Q2, setup)
        return np.stack([f2, xf3 / x])

    tensor = of_nucleons(
        GASES["Ar40"], protons=0.45, antineutrino=antineutrino, continuum=quarks
    ).tensor(omega, Q2)
    scale = np.abs(tensor.t00) + tensor.tzz + tensor.txx + 1e-6 * tensor.txx.max()
    assert (tensor.txx >= np.abs(tensor.txy) - 1e-9 * scale).all()
    assert (tensor.t00 > -1e-9 * scale).all()
    assert (tensor.t00 * tensor.tzz - tensor.t0z**2 > -1e-6 * scale**2).all()
    assert (tensor.txx > 0).sum() > 2000


@pytest.mark.parametrize("antineutrino", [False, True])
def test_cross_section_is_the_contraction_with_the_leptons_tensor(antineutrino):
    """Of argon, four-vector by four-vector, at a few muons."""
    setup = toy.setup(antineutrino=antineutrino, x_max=2.0)
    nucleus = of_nucleons(GASES["Ar40"], protons=0.45, antineutrino=antineutrino)
    energy = np.array([0.6, 1.0, 1.0, 3.0])
    omega, Q2 = np.array([0.1, 0.15, 0.45, 0.5]), np.array([0.1, 0.2, 0.3, 0.4])
    e_lepton = energy - omega
    p = np.sqrt(e_lepton**2 - MUON**2)
    q = np.sqrt(Q2 + omega**2)
    cos = (2 * energy * e_lepton - Q2 - MUON**2) / (2 * energy * p)
    assert (abs(cos) < 1).all()
    # q along z, the neutrino in the plane of x and z.
    along = (energy - p * cos) / q
    across = np.sqrt(1 - along**2)
    zero = 0 * energy
    neutrino = np.stack([energy, energy * across, zero, energy * along], axis=1)
    lepton = neutrino - np.stack([omega, zero, zero, q], axis=1)
    np.testing.assert_allclose(lepton[:, 0] ** 2 - (lepton[:, 1:] ** 2).sum(1), MUON**2, atol=1e-9)
    t = nucleus.tensor(omega, Q2)
    hadron = np.zeros((4, 4, 4), dtype=complex)
    hadron[:, 0, 0], hadron[:, 3, 3] = t.t00, t.tzz
    hadron[:, 0, 3] = hadron[:, 3, 0] = t.t0z
    hadron[:, 1, 1] = hadron[:, 2, 2] = t.txx
    hadron[:, 1, 2], hadron[:, 2, 1] = -1j * t.txy, 1j * t.txy
    product = contraction(lepton_tensor(neutrino, lepton, antineutrino), hadron)
    # L^μν of the trace goes to 4 k^μ k^ν: as in test_hadron_tensor.py, with T = x W.
    unit = 4 * energy**2 * M / omega
    x = Q2 / (2 * M * omega)
    expected = product * x / (unit * x)
    factors = np.concatenate(
        [
            kinematic_coefficients(energy, Q2, omega / energy, setup),
            mass_suppressed_coefficients(Q2, omega / energy, setup),
        ]
    )
    found = (factors * nucleus(x, Q2)).sum(axis=0)
    np.testing.assert_allclose(found, expected, rtol=1e-9)


@pytest.mark.parametrize("antineutrino", [False, True])
def test_argon_is_quarks_at_large_mass(argon, antineutrino):
    """Moving quarks about by 25 % of x changes smooth functions little."""
    setup = toy.setup(antineutrino=antineutrino, x_max=2.0)
    x, Q2 = np.array([0.05, 0.1, 0.2, 0.3]), np.full(4, 12.0)
    found = argon[antineutrino](x, Q2)
    expected = quark_parton_model(toy.parton_densities, x, Q2, setup)
    for i in (1, 2, 4):
        np.testing.assert_allclose(found[i], expected[i], rtol=0.05)
    np.testing.assert_allclose(found[0], expected[0] * (1 + (2 * M * x) ** 2 / Q2), rtol=0.05)


def test_water_is_oxygen_and_hydrogen():
    x, Q2 = np.array([0.1, 0.4, 0.9]), np.array([0.5, 0.4, 0.3])
    water, oxygen, hydrogen = (
        impulse_approximation(
            toy.parton_densities,
            toy.setup(target=target, energy_max=3.0, x_max=2.0),
        )
        for target in ({"H1": 2, "O16": 1}, {"O16": 1}, {"H1": 1})
    )
    # The mass per nucleon, and with it x, is that of the target: 0.1 % apart here.
    expected = (16 * oxygen(x, Q2) + 2 * hydrogen(x, Q2)) / 18
    np.testing.assert_allclose(water(x, Q2), expected, rtol=0.03, atol=1e-3)
    # Neutrinos have no quasi-elastic scattering on protons: there is nothing at x = 0.9.
    assert not hydrogen(x, Q2)[:, 2].any()
    assert oxygen(x, Q2)[1, 2] > 0.1


def test_table_is_linear_between_its_points():
    setup = toy.setup(x_max=2.0)

    def bilinear(x, Q2):
        root, log = np.sqrt(x), np.log(Q2 + 0.02)
        return np.stack([(1 + i * root) * (2 + log * (5 - i)) for i in range(5)])

    table = tabulate(bilinear, lambda x, Q2: -bilinear(x, Q2), setup, 40, 30)
    assert table.x[-1] == 2.0
    assert table.Q2[-1] == setup.Q2_max
    x, Q2 = np.random.default_rng(2).uniform(1e-4, 1.99, (2, 500))
    np.testing.assert_allclose(
        interpolated_table(table, antineutrino=False)(x, Q2), bilinear(x, Q2), rtol=1e-9
    )
    np.testing.assert_allclose(
        interpolated_table(table, antineutrino=True)(x, Q2), -bilinear(x, Q2), rtol=1e-9
    )


@pytest.fixture(scope="module")
def table(argon):
    return tabulate(argon[False], argon[True], toy.setup(x_max=2.0), 220, 140)


@pytest.mark.parametrize("antineutrino", [False, True])
def test_events_are_those_of_the_density(table, antineutrino):
    """At the quasi-elastic peak, too, the sampler's bounds hold, and nothing is negative."""
    setup = toy.setup(antineutrino=antineutrino, x_max=2.0, energy_max=3.0)
    five = interpolated_table(table, antineutrino=antineutrino)
    effective = measurable_combinations(five, setup)
    refuse_negative(effective, setup)
    grid = DensityGrid(setup, 48, 24, 24, 4)
    flux = np.exp(-(((grid.energy - 1.0) / 0.4) ** 2))
    densities, _ = event_densities(grid, effective, flux[None])
    n = 40_000
    events = sample_events(
        n,
        lambda energy: np.exp(-(((energy - 1.0) / 0.4) ** 2)),
        effective,
        setup,
        np.random.default_rng(4),
    )
    counts, _, _ = np.histogram2d(events.v1, events.v2, [24, 24], [[0, 1], [0, 1]])
    expected = densities[0] * grid.cell_area * n
    used = expected > 20
    pulls = (counts - expected)[used] / np.sqrt(expected[used])
    assert used.sum() > 40
    assert (pulls**2).mean() == pytest.approx(1.0, abs=0.6)
