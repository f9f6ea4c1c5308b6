"""Constants and conversions, from the SI and from measurements that do not use them."""

import numpy as np
import pytest
from scipy import constants as si

from nd2fd.physics import constants, oscillation
from nd2fd.physics.density import CROSS_SECTION_UNIT

HBAR_C = si.hbar * si.c / si.e * 1e-9 * 1e2
"""ħc in GeV cm, exact since 2019."""


def test_cross_sections_are_in_square_centimetres():
    assert pytest.approx(HBAR_C**2, rel=1e-9) == constants.GEV_M2_TO_CM2
    assert pytest.approx(HBAR_C**2 * 1e38, rel=1e-9) == CROSS_SECTION_UNIT


def test_masses_are_those_of_codata():
    for found, name in (
        (constants.ELECTRON_MASS, "electron mass energy equivalent in MeV"),
        (constants.MUON_MASS, "muon mass energy equivalent in MeV"),
        (constants.ATOMIC_MASS_UNIT, "atomic mass constant energy equivalent in MeV"),
    ):
        assert found == pytest.approx(1e-3 * si.value(name), rel=1e-8), name


def test_fermi_constant_is_that_of_the_muon_lifetime():
    """1/τ = G_F² m⁵ / (192 π³) · (1 - 8ρ + 8ρ³ - ρ⁴ - 12ρ² ln ρ) (1 - α/2π (π² - 25/4)).

    ρ = m_e²/m_µ², τ = 2.1969811 µs (Review of Particle Physics); the next order is below 1e-5.
    """
    muon, electron = (1e-3 * si.value(f"{name} mass energy equivalent in MeV")
                      for name in ("muon", "electron"))  # fmt: skip
    rho = (electron / muon) ** 2
    phase_space = 1 - 8 * rho + 8 * rho**3 - rho**4 - 12 * rho**2 * np.log(rho)
    radiation = 1 - si.alpha / (2 * np.pi) * (np.pi**2 - 25 / 4)
    width = si.hbar / si.e * 1e-9 / 2.1969811e-6
    squared = width * 192 * np.pi**3 / (muon**5 * phase_space * radiation)
    assert pytest.approx(np.sqrt(squared), rel=2e-5) == constants.G_FERMI


def test_mass_of_the_w_is_that_of_the_z_and_the_mixing_angle():
    """Ratio of CODATA, known to 1.5e-4, and M_Z = 91.1880 GeV (Review of Particle Physics)."""
    ratio = si.value("W to Z mass ratio")
    assert pytest.approx(ratio * 91.1880, rel=4e-4) == constants.M_W


def test_phase_of_oscillations():
    """Δm² L / 4E for 1 eV², 1 km and 1 GeV: 1.267. ħc is rounded to six digits there."""
    expected = 1e3 / (4 * si.hbar * si.c / si.e * 1e9)
    assert pytest.approx(expected, rel=2e-6) == oscillation.PHASE_PER_EV2_KM_GEV
    assert expected == pytest.approx(1.26693, rel=1e-5)


def test_matter_potential():
    """2√2 G_F n_e E for 1 GeV and 1 g/cm³ with one electron for each nucleon of mass u."""
    electrons = si.N_A * HBAR_C**3
    expected = 2 * np.sqrt(2) * 1.1663788e-5 * electrons * 1e18
    # NuFast-LBL's nucleons are rounded, too.
    assert pytest.approx(expected, rel=1e-3) == oscillation.MATTER_EV2_PER_DENSITY_GEV
