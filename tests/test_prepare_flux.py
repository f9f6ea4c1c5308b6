"""Fluxes and modes on common energies."""

import numpy as np
import pytest

from nd2fd.beam.builtin import BEAMS
from nd2fd.beam.builtin_modes import flux_modes
from nd2fd.beam.flux import FluxTable, interpolate_flux
from nd2fd.beam.modes import modes_at
from nd2fd.beam.prepare import prepare_flux

FAR = FluxTable(np.array([0.4, 2.0, 3.3, 12.0]), np.array([0.1, 4.0, 5.0, 0.2]))
ENERGY = np.linspace(0.0, 13.0, 3001)


@pytest.mark.parametrize("far", [FAR, None], ids=["far detector", "none"])
def test_nothing_is_lost_between_the_points(far):
    near, modes = BEAMS["dune_fhc"].flux(), flux_modes("dune_fhc", 10.0)
    flux = prepare_flux(near, far, modes, 10.0, without_normalisation=False)
    tables = [(near, flux.near)] if far is None else [(near, flux.near), (far, flux.far)]
    # At its first and last energy a flux steps to zero, between two points of the other.
    inside = (ENERGY > 0.4) & (ENERGY < 10.1)
    for table, values in tables:
        restored = interpolate_flux(FluxTable(flux.energy, values), ENERGY)
        np.testing.assert_allclose(
            restored[inside], interpolate_flux(table, ENERGY)[inside], rtol=1e-12
        )
    expected = modes_at(modes, ENERGY[inside])
    prepared = [flux.near_modes] if far is None else [flux.near_modes, flux.far_modes]
    for shifts, wanted in zip(prepared, expected, strict=False):
        restored = np.array([np.interp(ENERGY[inside], flux.energy, s) for s in shifts])
        np.testing.assert_allclose(restored, wanted, rtol=0, atol=1e-14)
    assert (flux.far is None) == (flux.far_modes is None) == (far is None)


def test_removing_the_normalisation():
    near = BEAMS["nova"].flux()
    flux = prepare_flux(near, near, flux_modes("smooth", 5.0), 5.0, without_normalisation=True)
    np.testing.assert_array_equal(flux.near, flux.far)
    inside = flux.energy <= 5.0
    energy, weight = flux.energy[inside], flux.near[inside]
    integral = np.trapezoid(weight, energy)
    assert np.abs(np.trapezoid(flux.near_modes[:, inside] * weight, energy)).max() < 1e-3 * integral
    kept = prepare_flux(near, near, flux_modes("smooth", 5.0), 5.0, without_normalisation=False)
    np.testing.assert_allclose(
        flux.far_modes - flux.near_modes, kept.far_modes - kept.near_modes, atol=1e-15
    )
    assert np.trapezoid(kept.near_modes[0, inside] * weight, energy) > 0.05 * integral


def test_without_modes():
    near = BEAMS["bnb"].flux()
    flux = prepare_flux(near, None, None, 3.0, without_normalisation=True)
    np.testing.assert_array_equal(flux.energy, near.energy)
    np.testing.assert_array_equal(flux.near, near.flux)
    assert flux.far is flux.near_modes is flux.far_modes is None


def test_a_flux_above_the_spectrum_is_refused():
    table = FluxTable(np.array([6.0, 7.0]), np.array([1.0, 2.0]))
    with pytest.raises(ValueError, match=r"vanishes in \(0, energy_max = 5\) GeV"):
        prepare_flux(table, table, flux_modes("smooth", 5.0), 5.0, without_normalisation=True)
