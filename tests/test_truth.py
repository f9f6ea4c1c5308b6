"""The toy truth with the embedded PDF set and the DUNE flux."""

from functools import partial

import numpy as np
import pytest

import toy
from nd2fd.beam.builtin import flux_table
from nd2fd.beam.flux import cell_averages, interpolate_flux
from nd2fd.cross_sections.pdf.continuation import parton_densities
from nd2fd.cross_sections.pdf.evolution import evolve_to_lhapdf
from nd2fd.cross_sections.quark_parton import quark_parton_model, toy_truth
from nd2fd.forward.nodes import NodeGrid
from nd2fd.forward.operator import ForwardOperator
from nd2fd.physics.density import DensityGrid, event_densities, total_variation
from reference_data import reference_file

SETUP = toy.SETUP
GRID = DensityGrid(SETUP, 48, 48, 48, 2)


@pytest.fixture(scope="module")
def embedded(tmp_path_factory):
    directory = tmp_path_factory.mktemp("pdf") / "embedded"
    evolve_to_lhapdf(directory)
    return parton_densities(directory, 0, "neopdf")


@pytest.fixture(scope="module")
def flux():
    return cell_averages(partial(interpolate_flux, flux_table("dune_fhc")), GRID.n_energy, 10.0)


def test_total_cross_section_is_that_of_neutrinos(embedded):
    """σ/E_ν ≈ 0.62e-38 cm²/GeV per nucleon at 10 GeV."""
    grid = DensityGrid(SETUP, 40, 64, 64, 2)
    _, sigma = event_densities(grid, toy_truth(embedded, SETUP), np.ones((1, 40)))
    assert sigma[-1] / grid.energy[-1] == pytest.approx(0.62, abs=0.015)


def test_valence_quarks_of_argon_are_counted(embedded):
    """∫ F3 dx counts them, as in the Gross-Llewellyn Smith sum rule: 2 (Z d + N u) / A."""
    edges = np.geomspace(2e-6, 1.0, 4001)
    x = np.sqrt(edges[1:] * edges[:-1])
    xf3 = quark_parton_model(embedded, x, np.full_like(x, 4.0), SETUP)[2]
    # 2 (s - cbar) of the sea is left, since charm and strange are not symmetric.
    d, u, s, dbar, ubar, cbar = embedded([1, 2, 3, -1, -2, -4], x, np.full_like(x, 4.0))
    valence = xf3 - 2 * (s - cbar)
    expected = 2 * ((18 * d + 22 * u) - (18 * ubar + 22 * dbar)) / 40
    np.testing.assert_allclose(valence, expected, atol=1e-12)
    integral = (valence / x * np.diff(edges)).sum()
    assert integral == pytest.approx(2 * (18 * 1 + 22 * 2) / 40, rel=0.02)


def test_callan_gross_and_albright_jarlskog(embedded):
    x, q2 = np.array([0.01, 0.1, 0.5]), np.array([0.5, 2.0, 8.0])
    w1, w2, _, w4, w5 = quark_parton_model(embedded, x, q2, SETUP)
    np.testing.assert_array_equal(w1, w2)
    np.testing.assert_array_equal(w5, w2 / 2)
    assert not w4.any()


def test_default_operator_agrees_with_the_direct_truth(embedded, flux):
    truth = toy_truth(embedded, SETUP)
    (density,), _ = event_densities(GRID, truth, flux[None])
    nodes = NodeGrid.for_setup(SETUP, 64, 64)
    events = (
        ForwardOperator.build(GRID, nodes).event_matrix(flux) @ truth(*nodes.x_and_Q2()).ravel()
    )
    model = (events / (events.sum() * GRID.cell_area)).reshape(density.shape)
    assert np.sqrt(((model - density) ** 2).sum() / (density**2).sum()) < 1e-4


def test_embedded_set_gives_the_density_of_the_official_one(embedded, flux):
    official = parton_densities(reference_file("CT18NNLO"), 0, "neopdf")
    ours, theirs = (
        event_densities(GRID, toy_truth(pdf, SETUP), flux[None])[0][0]
        for pdf in (embedded, official)
    )
    assert total_variation(ours, theirs) < 3e-3
