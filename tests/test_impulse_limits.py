"""The impulse approximation in limits and beside measured cross sections."""

from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import toy
from impulse_rates import G_FERMI, GEV2_IN_CM2, MUON, of_nucleons, rate
from nd2fd.cross_sections.impulse import quasi_elastic as quasi_elastic_module
from nd2fd.cross_sections.impulse.fermi_gas import FermiGas
from nd2fd.cross_sections.impulse.nucleon import NUCLEON_MASS as M
from nd2fd.cross_sections.impulse.nucleus import SWITCH, Strengths
from nd2fd.cross_sections.impulse.resonance import breit_wigner, delta_transition
from nd2fd.cross_sections.impulse.targets import GASES, impulse_approximation
from nd2fd.cross_sections.interpolation import interpolated_table, tabulate
from nd2fd.cross_sections.pdf.continuation import continued_xf
from nd2fd.cross_sections.pdf.grid import open_grid
from nd2fd.physics.cross_section import measurable_combinations
from nd2fd.physics.density import DensityGrid, event_densities

MEASURED = pd.read_csv(Path(__file__).with_name("total_cross_sections.csv"), comment="#")


@pytest.mark.parametrize("antineutrino", [False, True])
def test_cross_section_of_massless_leptons_is_a_quadratic_in_y(antineutrino):
    """At fixed x and Q² the textbook's coefficients of 1, y and y², with no W4 and W5 in them."""
    nucleus = of_nucleons(GASES["Ar40"], protons=0.45, antineutrino=antineutrino)
    sign = -1 if antineutrino else 1
    for x, Q2 in ((0.9, 0.3), (0.4, 0.5), (1.3, 0.8)):
        omega = Q2 / (2 * M * x)
        y = np.linspace(0.15, 0.9, 7)
        w1, w2, w3, _, _ = W = nucleus(np.array([x]), np.array([Q2]))
        assert abs(W).min() > 0
        # G²/2πω is in front of the sum: what is left is 1 - y - M²x²y²/Q² and the like.
        unit = G_FERMI**2 / (2 * np.pi * omega) * GEV2_IN_CM2 / 1e-38
        at = omega / y, np.full(7, omega), np.full(7, Q2)
        values = rate(W, *at, antineutrino, 1e-9) / unit
        expected = [w2, sign * w3 - w2, w1 / 2 - (M * x) ** 2 / Q2 * w2 - sign * w3 / 2]
        found = np.polynomial.polynomial.polyfit(y, values, 4)
        np.testing.assert_allclose(found, [*np.ravel(expected), 0, 0], atol=1e-6 * abs(found).max())


def test_pseudoscalar_form_factor_is_for_leptons_with_a_mass(monkeypatch):
    """Without binding: with it nucleons take up another q than the lepton gives."""
    energy, omega, Q2 = (np.array([v]) for v in (0.5, 0.12, 0.1))

    def both():
        nucleus = of_nucleons(GASES["Ar40"]._replace(binding=0.0), protons=0.45)
        W = nucleus(Q2 / (2 * M * omega), Q2)
        return [rate(W, energy, omega, Q2, False, mass).item() for mass in (1e-6, MUON)]

    massless, muons = both()
    form_factors = quasi_elastic_module.form_factors

    def without(Q2, axial_mass):
        f1, f2, fa, fp = form_factors(Q2, axial_mass)
        return f1, f2, fa, 0 * fp

    monkeypatch.setattr(quasi_elastic_module, "form_factors", without)
    massless_without, muons_without = both()
    assert massless_without == pytest.approx(massless, rel=1e-9)
    assert abs(muons_without / muons - 1) > 0.005


def test_delta_of_slow_nucleons_is_that_of_a_free_one():
    """k_F → 0: the five W_i of one nucleon, with an error that falls with k_F²."""
    Q2, W = np.array([0.2, 0.5, 0.3]), np.array([1.2, 1.28, 1.4])
    p_q = (W**2 - M**2 + Q2) / 2
    x = Q2 / (2 * p_q)
    strength = 0.5 * breit_wigner(W)
    w1, w2, w3, w4, w5 = strength * delta_transition(Q2, W)
    free = np.stack(
        [2 * x * w1, p_q * w2 / M**2, *(Q2 / (2 * M**2) * w for w in (w3, 2 * x * w4 / 2, w5))]
    )
    only = Strengths(quasi_elastic=0.0, second_region=0.0, continuum=0.0)

    def distance(fermi):
        gas = FermiGas(fermi, 0.0, blocked=False)
        # Neutrons: Δ⁺, a third of what protons make.
        return of_nucleons(gas, strengths=only)(x, Q2) - free

    assert W.max() < SWITCH[0]
    fine, coarse = distance(0.01), distance(0.02)
    assert (abs(fine).max(axis=1) < 2e-3 * abs(free).max(axis=1)).all()
    large = abs(coarse) > 1e-4 * abs(free)
    assert large.sum() > 8
    np.testing.assert_allclose((fine / coarse)[large], 0.25, atol=0.06)


@pytest.fixture(scope="module")
def of_carbon(pdf_set):
    """σ/E_ν [1e-38 cm²/GeV] of carbon at 0.55 … 21.45 GeV by helicity."""
    densities = partial(continued_xf, open_grid(pdf_set))

    def computed(antineutrino, energy_max):
        setup = toy.setup(
            target={"C12": 1}, x_max=2.0, energy_max=energy_max, antineutrino=antineutrino
        )
        five = impulse_approximation(densities, setup)
        table = tabulate(five, lambda x, Q2: np.zeros((5, x.size)), setup, 220, 160)
        truth = measurable_combinations(interpolated_table(table, antineutrino=False), setup)
        grid = DensityGrid(setup, 20, 64, 64, 2)
        _, sigma = event_densities(grid, truth, np.ones((1, 20)))
        return grid.energy, sigma / grid.energy

    return computed


@pytest.mark.parametrize("helicity", ["neutrino", "antineutrino"])
def test_total_cross_section_is_that_of_experiments(of_carbon, helicity):
    """Weighted means of NOMAD and MINOS; below, the model has no pairs of nucleons."""
    measured = MEASURED[MEASURED.helicity == helicity]
    energy, found = of_carbon(helicity == "antineutrino", 22.0)
    for start, end, low, high in (
        (3.4, 9.0, 0.86, 1.0),
        (9.0, 20.0, 0.93, 1.01),
    ):
        used = measured[(measured.energy > start) & (measured.energy < end)]
        weights = 1 / used.error**2
        ratio = np.interp(used.energy, energy, found) / used.sigma
        assert low < np.average(ratio, weights=weights * used.sigma**2) < high
    if helicity == "neutrino":
        energy, found = of_carbon(False, 3.0)
        # Between ANL's 0.76 and SciBooNE's 1.16 at 1.1 GeV lie all measured ones.
        low = measured[measured.energy < 1.6]
        ratio = np.interp(low.energy, energy, found) / low.sigma
        assert 0.6 < ratio.min() < ratio.max() < 1.0
