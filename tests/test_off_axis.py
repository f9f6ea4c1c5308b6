"""Fluxes beside the axis, against pions that decay one by one."""

from functools import cache

import numpy as np
import pytest

from nd2fd.beam.off_axis import off_axis_flux
from nd2fd.io.schemas.inputs import Flux

# Review of Particle Physics [GeV].
PION, MUON = 0.13957039, 0.1056583755
ENERGY_MAX = 6.0
N_DECAYS = 3_000_000
EDGES = np.linspace(0.0, ENERGY_MAX, 61)


def pion_spectrum(energy):
    """Pions per GeV, any unit; next to none below 1 GeV or above 14 GeV."""
    return np.exp(-0.5 * ((energy - 6.0) / 1.6) ** 2)


def flux_on_axis():
    """Of relativistic pions: E_ν = (1 - m_μ²/m_π²) E_π, and (2γ)²/4π neutrinos per steradian."""
    share = 1.0 - (MUON / PION) ** 2
    energy = np.linspace(0.2, ENERGY_MAX, 1200)
    pion = energy / share
    flux = pion_spectrum(pion) / share * (2.0 * pion / PION) ** 2 / (4.0 * np.pi)
    modes = np.stack([0.05 * np.ones_like(energy), 0.1 * np.sin(energy)])
    return Flux(energy=energy, near=flux, near_modes=modes)


@cache
def decays():
    """E_ν and angle of neutrinos from isotropic decays, weight, and pion energy."""
    rng = np.random.default_rng(8)
    pion = rng.uniform(0.5, 14.0, N_DECAYS)
    cosine = rng.uniform(-1.0, 1.0, N_DECAYS)
    at_rest = (PION**2 - MUON**2) / (2.0 * PION)
    momentum = np.sqrt(pion**2 - PION**2)
    # Boost along z.
    energy = (pion + momentum * cosine) / PION * at_rest
    along = (momentum + pion * cosine) / PION * at_rest
    across = at_rest * np.sqrt(1.0 - cosine**2)
    weight = pion_spectrum(pion) * 13.5 / N_DECAYS
    return energy, np.arctan2(across, along), weight, pion


def per_steradian(angle, half_width, change=1.0):
    """Flux in cells of E_ν and its statistical error, of decays at an angle [mrad]."""
    energy, angles, weight, _ = decays()
    low, high = 1e-3 * (angle - half_width), 1e-3 * (angle + half_width)
    ring = (angles > low) & (angles < high)
    area = 2.0 * np.pi * (np.cos(low) - np.cos(high)) * (EDGES[1] - EDGES[0])
    weights = (weight * change)[ring]
    sums = [np.histogram(energy[ring], EDGES, weights=w)[0] for w in (weights, weights**2)]
    return sums[0] / area, np.sqrt(sums[1]) / area


def in_cells(flux, values):
    """Averages over the cells, of a flux at points."""
    fine = np.linspace(0.0, ENERGY_MAX, 6001)
    at = np.interp(fine, flux.energy, values)
    whole = np.concatenate([[0.0], np.cumsum(0.5 * (at[1:] + at[:-1]))]) * (fine[1] - fine[0])
    return np.diff(whole[::100]) / (EDGES[1] - EDGES[0])


@pytest.mark.parametrize(("angle", "half_width"), [(0.7, 0.7), (10.0, 0.3), (20.0, 0.3)])
def test_flux_is_that_of_decaying_pions(angle, half_width):
    expected, error = per_steradian(angle, half_width)
    flux = off_axis_flux(flux_on_axis(), 0.0 if angle < 1 else angle, ENERGY_MAX)
    found = in_cells(flux, flux.near)
    counted = expected > 0.02 * expected.max()
    # The edge at an angle is spread over two steps of 30 MeV, in cells of 100 MeV.
    at_edge = 0.01 if angle < 1 else 0.06
    tolerance = 4.0 * error + 0.02 * expected + at_edge * expected.max()
    assert counted.sum() >= 5
    assert (np.abs(found - expected)[counted] < tolerance[counted]).all()
    assert found.sum() == pytest.approx(expected.sum(), rel=0.015)


def test_narrow_beam_ends_where_kinematics_say():
    """No neutrino is above E*/tanθ, which is 1.49 GeV at 20 mrad."""
    flux = off_axis_flux(flux_on_axis(), 20.0, ENERGY_MAX)
    at_rest = (PION**2 - MUON**2) / (2.0 * PION)
    assert not flux.near[flux.energy > at_rest / np.tan(0.02) + 0.03].any()
    assert flux.energy[flux.near.argmax()] == pytest.approx(1.47, abs=0.05)


def test_on_the_axis_it_is_the_same_flux():
    flux = flux_on_axis()
    same = off_axis_flux(flux, 0.0, ENERGY_MAX)
    inside = (same.energy > 0.3) & (same.energy < ENERGY_MAX)
    expected = np.interp(same.energy, flux.energy, flux.near)
    np.testing.assert_allclose(
        same.near[inside], expected[inside], rtol=3e-3, atol=2e-3 * expected.max()
    )
    modes = np.stack([np.interp(same.energy, flux.energy, mode) for mode in flux.near_modes])
    np.testing.assert_allclose(same.near_modes[:, inside], modes[:, inside], atol=2e-3)


def test_modes_are_changes_of_the_pion_spectrum():
    """Of the second mode, by the pion's energy on the axis; the first changes all alike."""
    *_, pion = decays()
    shift = 0.1 * np.sin((1.0 - (MUON / PION) ** 2) * pion)
    expected, error = per_steradian(20.0, 0.3, shift)
    flux = off_axis_flux(flux_on_axis(), 20.0, ENERGY_MAX)
    seen = flux.near > 0.0
    np.testing.assert_allclose(flux.near_modes[0, seen], 0.05, rtol=1e-9)
    found = in_cells(flux, flux.near * flux.near_modes[1])
    largest = in_cells(flux, flux.near).max()
    np.testing.assert_allclose(found, expected, atol=4.0 * error.max() + 0.01 * largest)
    assert np.abs(expected).max() > 10.0 * error.max()
    assert (
        off_axis_flux(Flux(**{**vars(flux_on_axis()), "near_modes": None}), 5.0, 3.0).near_modes
        is None
    )


def test_no_neutrinos_are_refused():
    with pytest.raises(ValueError, match=r"no neutrinos below 0\.1 GeV at 0 mrad"):
        off_axis_flux(flux_on_axis(), 0.0, 0.1)
