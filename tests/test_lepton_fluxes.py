"""Errors of the fluxes in analyses of all leptons."""

from dataclasses import replace

import numpy as np
import pytest

import toy
from nd2fd.beam.flux import FluxTable, interpolate_flux
from nd2fd.leptons.experiments import draws_of_pulls
from nd2fd.leptons.fisher import errors
from nd2fd.leptons.flux_errors import FluxErrors
from nd2fd.leptons.likelihood import FarLikelihood
from nd2fd.leptons.parameters import NAMES
from nd2fd.leptons.profiles import best
from nd2fd.leptons.samples import LEPTONS
from toy_leptons import PARAMETERS, analysis, model, toy_analysis

OF_BEAM, OF_FLAVOURS = (
    FluxErrors.of("dune_fhc", sharing, toy.SETUP.energy_max) for sharing in ("beam", "flavour")
)


def nature(modes, z):
    """Events of fluxes that are varied at all energies of finer tables."""
    beams = {}
    for flavour, table in model().beams.items():
        energy = np.linspace(table.energy[0], table.energy[-1], 4 * table.energy.size - 3)
        factor = 1.0 + z @ modes.shifts(flavour.far, flavour.lepton, energy)
        beams[flavour] = FluxTable(energy, interpolate_flux(table, energy) * factor)
    return analysis(replace(model(), beams=beams))


def shifts_of_best_fits(found, drawn):
    """Of (sin²θ23, Δm²32, δ_CP) in errors, with expected contents."""
    pulls = found.pulls_of_shares @ (drawn.near_shares - found.near_shares)
    contents = drawn.far_contents * (found.n_far / drawn.n_far)
    data = FarLikelihood(found.detectors[1], PARAMETERS, contents, PARAMETERS.theta, pulls)
    lowest = best(data, PARAMETERS.theta)
    return ((lowest.theta - PARAMETERS.theta) / errors(found.changes, PARAMETERS))[:3]


@pytest.mark.parametrize(
    ("modes", "k", "parameter"),
    [(OF_BEAM, 5, "dm2_32"), (OF_FLAVOURS, 12, "delta_cp")],
    ids=["beam", "electrons"],
)
def test_a_varied_flux_moves_fits_that_know_it_better(modes, k, parameter):
    """One mode by two standard deviations, with quadrature of varied fluxes."""
    z = np.zeros(len(modes.shifts(False, "muon", np.ones(1))))
    z[k] = 2.0
    drawn = nature(modes, z)
    known = shifts_of_best_fits(toy_analysis(), drawn)
    fitted = shifts_of_best_fits(toy_analysis("dune_fhc", modes.sharing), drawn)
    assert abs(known[NAMES.index(parameter)]) > 1.3
    assert np.all(np.abs(fitted) < 0.5)


def test_fluxes_of_electrons_are_not_those_of_muons():
    """Modes that flavours share do not move their ratio apart; modes of their own do."""
    energy = np.array([2.0])
    muon, electron = (OF_FLAVOURS.shifts(True, lepton, energy) for lepton in LEPTONS)
    np.testing.assert_array_equal(muon * electron, 0.0)
    np.testing.assert_array_equal(
        muon + electron, np.tile(OF_BEAM.shifts(True, "muon", energy), (2, 1))
    )


def test_far_contents_are_those_of_the_map():
    """At the posterior mean, and by modes: cells of what was learned, times its fluxes."""
    found = toy_analysis("dune_fhc")
    learned = found.detectors[1]
    at = learned.spectra.at(PARAMETERS.theta[None])[0]
    contents = learned.events(at, np.zeros(learned.n_pulls))
    coefficients, modes = found.posterior.coefficients.ravel(), found.posterior.modes
    assert np.abs(modes).max() > 0.1
    mapped = found.far_map[:, : coefficients.size] @ coefficients
    np.testing.assert_allclose(contents, mapped, rtol=1e-9, atol=1e-9 * contents.max())
    # Structure functions as they are, other fluxes: half a standard deviation back.
    channels = learned.spectra.channels
    energy = learned.spectra.cell_energy
    shifts = np.stack([OF_BEAM.shifts(True, c.initial, energy)[3] for _, c in channels])
    factor = 1.0 + modes @ OF_BEAM.shifts(True, "muon", energy)
    varied = learned.events(at * (1.0 - 0.5 * shifts / factor), np.zeros(learned.n_pulls))
    mapped = contents - 0.5 * found.far_map[:, coefficients.size + 3]
    np.testing.assert_allclose(varied, mapped, rtol=1e-9, atol=1e-9 * contents.max())


def test_centres_of_pulls_scatter_by_near_events_and_fluxes():
    """What neither near contents nor modes scatter is what the price of bending holds."""
    found = toy_analysis("dune_fhc")
    near, posterior = found.near, found.posterior
    variance = near.variance(found.near_shares, found.n_near)
    draw, rng = draws_of_pulls(found), np.random.default_rng(6)
    drawn = np.stack([draw(rng) for _ in range(2000)])
    scatter = drawn.T @ drawn / len(drawn)
    ones = near.design.nominal @ np.kron(np.eye(5), np.ones((near.basis.n_splines, 1)))
    unit = (ones**2 / variance[:, None]).sum(axis=0).mean() * variance.sum()
    n_coefficients = posterior.coefficients.size
    moved = posterior.root(found.ways)[:n_coefficients]
    held = moved.T @ np.kron(posterior.prior, unit * near.basis.bends) @ moved
    # Errors of 2,000 draws are 3 % of a variance and 2 % of a covariance.
    np.testing.assert_allclose(scatter + held, np.eye(len(scatter)), atol=0.13)


def test_with_errors_of_the_fluxes_less_is_known():
    known, *uncertain = (
        errors(toy_analysis(*of).changes, PARAMETERS)[:3]
        for of in ((), ("dune_fhc",), ("dune_fhc", "flavour"))
    )
    for of_modes in uncertain:
        assert np.all(of_modes > known)
    assert uncertain[0][1] > 1.05 * known[1]
    # What bends costs the same.
    np.testing.assert_array_equal(
        toy_analysis("dune_fhc").posterior.prior, toy_analysis().posterior.prior
    )
    # Also where the prior has to say how electrons differ from muons.
    flux = OF_BEAM
    alone, uncertain_alone = (
        errors(analysis(replace(model(), flux_errors=of), near=("muon",)).changes, PARAMETERS)[:3]
        for of in (model().flux_errors, flux)
    )
    assert np.all(uncertain_alone > alone)
