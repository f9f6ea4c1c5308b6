"""The impulse approximation, against formulas and values that were not written or computed here."""

import numpy as np
import pytest

from impulse_rates import ELECTRON, MUON, V_UD2, limits, llewellyn_smith, of_nucleons, rate
from nd2fd.cross_sections.impulse import resonance
from nd2fd.cross_sections.impulse.form_factors import form_factors
from nd2fd.cross_sections.impulse.nucleon import NUCLEON_MASS as M
from nd2fd.cross_sections.impulse.nucleus import Strengths
from nd2fd.cross_sections.impulse.quasi_elastic import quasi_elastic
from nd2fd.cross_sections.impulse.resonance import breit_wigner, delta_transition


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
