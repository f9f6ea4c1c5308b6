"""The quark-parton truth with the embedded PDF set, and with the DUNE flux."""

from functools import partial

import numpy as np
import pytest

import toy
from nd2fd.beam.builtin import BEAMS
from nd2fd.beam.flux import cell_averages, interpolate_flux
from nd2fd.cross_sections.pdf.continuation import continued_xf
from nd2fd.cross_sections.pdf.grid import open_grid
from nd2fd.cross_sections.quark_parton import (
    quark_parton_model,
    transverse_quark_parton_model,
)
from nd2fd.cross_sections.truths import TRUTHS, PdfMember, true_structure_functions
from nd2fd.events.sampling import sample_events
from nd2fd.forward.nodes import NodeGrid
from nd2fd.forward.operator import ForwardOperator
from nd2fd.physics.density import (
    DensityGrid,
    event_densities,
    physical_points,
    total_variation,
)
from reference_data import reference_file

SETUP = toy.SETUP
GRID = DensityGrid(SETUP, 48, 48, 48, 2)


@pytest.fixture(scope="module")
def embedded(pdf_set):
    return partial(continued_xf, open_grid(pdf_set))


@pytest.fixture(scope="module")
def flux():
    return cell_averages(partial(interpolate_flux, BEAMS["dune_fhc"].flux()), GRID.n_energy, 10.0)


def test_total_cross_section_is_that_of_neutrinos(embedded):
    """σ/E_ν ≈ 0.62e-38 cm²/GeV per nucleon at 10 GeV."""
    grid = DensityGrid(SETUP, 40, 64, 64, 2)
    _, sigma = event_densities(grid, toy.quark_parton_truth(embedded, SETUP), np.ones((1, 40)))
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


X = np.array([0.002, 0.01, 0.05, 0.1, 0.3, 0.6, 0.85])
Q2 = np.array([0.3, 1.0, 2.0, 4.0, 9.0, 25.0, 50.0])
TARGETS = {
    "hydrogen": ({"H1": 1}, 1, 1),
    "carbon": ({"C12": 1}, 6, 12),
    "oxygen": ({"O16": 1}, 8, 16),
    "argon": ({"Ar40": 1}, 18, 40),
    "iron": ({"Fe56": 1}, 26, 56),
    "water": ({"O16": 1, "H1": 2}, 10, 18),
    "CH": ({"C12": 1, "H1": 1}, 7, 13),
}
"""Nuclei, protons and nucleons."""


def of(embedded, target, antineutrino, x=X, q2=Q2):
    """(F2, xF3) per nucleon."""
    setup = toy.setup(target=target, antineutrino=antineutrino)
    w1, w2, w3, w4, w5 = quark_parton_model(embedded, x, q2, setup)
    np.testing.assert_array_equal(w1, w2)
    np.testing.assert_array_equal(w5, w2 / 2)
    assert not w4.any()
    return w2, w3


@pytest.mark.parametrize("target", TARGETS)
def test_structure_functions_are_those_of_protons_and_neutrons(embedded, target):
    """Written out flavour by flavour; in a neutron u and d change places."""
    nuclei, protons, nucleons = TARGETS[target]
    d, u, s, c, dbar, ubar, sbar, cbar = embedded([1, 2, 3, 4, -1, -2, -3, -4], X, Q2)
    of_nucleons = {
        False: [
            (2 * (d + s + ubar + cbar), 2 * (d + s - ubar - cbar)),
            (2 * (u + s + dbar + cbar), 2 * (u + s - dbar - cbar)),
        ],
        True: [
            (2 * (u + c + dbar + sbar), 2 * (u + c - dbar - sbar)),
            (2 * (d + c + ubar + sbar), 2 * (d + c - ubar - sbar)),
        ],
    }
    for antineutrino, (proton, neutron) in of_nucleons.items():
        expected = (
            protons * np.array(proton) + (nucleons - protons) * np.array(neutron)
        ) / nucleons
        np.testing.assert_allclose(of(embedded, nuclei, antineutrino), expected, rtol=1e-12)


@pytest.mark.parametrize("target", ["carbon", "oxygen"])
def test_isoscalar_targets_have_one_f2_but_for_the_heavy_sea(embedded, target):
    (f2, xf3), (f2_bar, xf3_bar) = (of(embedded, TARGETS[target][0], a) for a in (False, True))
    s, c, sbar, cbar = embedded([3, 4, -3, -4], X, Q2)
    np.testing.assert_allclose(f2 - f2_bar, 2 * (s - sbar - c + cbar), atol=1e-12)
    np.testing.assert_allclose(xf3 - xf3_bar, 2 * (s + sbar - c - cbar), atol=1e-12)
    # Strange and charm are nearly as many as their antiquarks.
    np.testing.assert_allclose(f2, f2_bar, rtol=5e-3)
    argon, argon_bar = (of(embedded, {"Ar40": 1}, a)[0] for a in (False, True))
    assert abs(argon / argon_bar - 1).max() > 0.05


def integral(integrand):
    """∫ dx/x of a function of x down to 2e-6; what is below is a valence quark's, √x small."""
    edges = np.geomspace(2e-6, 1.0, 4001)
    x = np.sqrt(edges[1:] * edges[:-1])
    return (integrand(x) / x * np.diff(edges)).sum()


@pytest.mark.parametrize("q2", [2.0, 4.0, 30.0])
def test_adler_sum_rule(embedded, q2):
    """∫ dx/x (F2(ν̄p) - F2(νp)) = 2 (u_v - d_v) = 2, since ν̄ see the u quarks of the proton."""

    def difference(x):
        at = np.full_like(x, q2)
        return of(embedded, {"H1": 1}, True, x, at)[0] - of(embedded, {"H1": 1}, False, x, at)[0]

    assert integral(difference) == pytest.approx(2.0, rel=0.02)


@pytest.mark.parametrize("q2", [2.0, 4.0, 30.0])
@pytest.mark.parametrize("target", TARGETS)
def test_gross_llewellyn_smith_sum_rule(embedded, target, q2):
    """∫ dx (F3(ν) + F3(ν̄)) / 2 = 3 valence quarks per nucleon, whatever the target."""

    def average(x):
        at = np.full_like(x, q2)
        return sum(of(embedded, TARGETS[target][0], a, x, at)[1] for a in (False, True)) / 2

    assert integral(average) == pytest.approx(3.0, rel=0.02)


@pytest.mark.parametrize(
    ("antineutrino", "measured"), [(False, 0.677), (True, 0.334)], ids=["nu", "nubar"]
)
def test_cross_sections_at_high_energy_are_the_measured_ones(embedded, antineutrino, measured):
    """σ/E_ν [1e-38 cm²/GeV per nucleon] of 30 to 200 GeV (Review of Particle Physics).

    Iron at 195 GeV. Leading order with massless charm is good to some per cent there.
    """
    setup = toy.setup(target={"Fe56": 1}, antineutrino=antineutrino, energy_max=200.0)
    grid = DensityGrid(setup, 20, 64, 64, 2)
    _, sigma = event_densities(grid, toy.quark_parton_truth(embedded, setup), np.ones((1, 20)))
    assert sigma[-1] / grid.energy[-1] == pytest.approx(measured, rel=0.03)


def test_antineutrinos_at_ten_gev_see_about_a_third(embedded):
    """σ(ν̄)/σ(ν) of an isoscalar target, 1/3 for valence quarks alone.

    Measured is 0.49 at high energy, to which this truth rises (the test above). At 10 GeV it has
    too few ν̄: no quasi-elastic scattering nor resonances, and densities that vanish at low Q².
    """
    sigma = []
    for antineutrino in (False, True):
        setup = toy.setup(target={"C12": 1}, antineutrino=antineutrino)
        grid = DensityGrid(setup, 40, 64, 64, 2)
        _, total = event_densities(grid, toy.quark_parton_truth(embedded, setup), np.ones((1, 40)))
        sigma.append(total[-1] / grid.energy[-1])
    assert sigma[1] / sigma[0] == pytest.approx(0.37, abs=0.02)


@pytest.mark.parametrize(
    ("antineutrino", "transverse"), [(False, False), (False, True), (True, True)]
)
@pytest.mark.parametrize("energy_max", [0.5, 3.0, 10.0])
def test_no_cross_section_is_negative(embedded, antineutrino, transverse, energy_max):
    setup = toy.setup(antineutrino=antineutrino, energy_max=energy_max)
    negative = total = 0.0
    for points in physical_points(DensityGrid(setup, 20, 48, 48, 1)):
        truth = toy.quark_parton_truth(embedded, setup, transverse=transverse)(
            points.bjorken_x, points.Q2
        )
        values = (points.factors * truth).sum(axis=0)
        negative -= values[values < 0].sum()
        total += values.sum()
    assert negative < 1e-9 * total


def test_callan_gross_is_negative_for_antineutrinos(embedded):
    """Why the configuration refuses it: (1 - y)² - M x y/(2E) at large y, on valence quarks."""
    setup = toy.setup(antineutrino=True)
    (points,) = physical_points(DensityGrid(setup, 1, 48, 48, 1))
    values = (
        points.factors * toy.quark_parton_truth(embedded, setup)(points.bjorken_x, points.Q2)
    ).sum(axis=0)
    assert values.min() < 0
    assert not TRUTHS["quark_parton"].antineutrinos


def test_events_with_electrons_can_be_drawn(pdf_set):
    """They reach x = 1e-8, where the PDF set has ended."""
    setup = toy.setup(lepton="electron")
    pdf = PdfMember.of_job(str(pdf_set / "ct18nnlo.info"), 0, "neopdf")
    truth = true_structure_functions("quark_parton", setup, pdf)
    sample = sample_events(100, np.ones_like, truth, setup, np.random.default_rng(1))
    assert sample.energy.size == 100


def test_transverse_truth_has_no_longitudinal_cross_section(embedded, pdf_set):
    """σ_L ∝ (1 + 4M²x²/Q²) F2 - 2xF1 vanishes; F2 and F3 are those of the other model."""
    setup = toy.setup(antineutrino=True)
    plain = quark_parton_model(embedded, X, Q2, setup)
    w1, *others = transverse_quark_parton_model(embedded, X, Q2, setup)
    np.testing.assert_array_equal(others, plain[1:])
    ratio = (X / Q2 * X) * 4 * 0.930618**2
    np.testing.assert_allclose(w1, (1 + ratio) * plain[1], rtol=1e-6)
    pdf = PdfMember.of_job(str(pdf_set / "ct18nnlo.info"), 0, "neopdf")
    found = true_structure_functions("quark_parton_transverse", setup, pdf)(X, Q2)
    np.testing.assert_array_equal(
        found, toy.quark_parton_truth(embedded, setup, transverse=True)(X, Q2)
    )


def test_registered_truth_is_the_quark_parton_model(embedded, pdf_set):
    info = str(pdf_set / "ct18nnlo.info")
    pdf = PdfMember.of_job(info, 0, "neopdf")
    assert PdfMember.of_job(None, 0, "neopdf") is None
    assert TRUTHS["quark_parton"].needs_pdf
    setup = toy.setup(target={"Fe56": 1})
    found = true_structure_functions("quark_parton", setup, pdf)(X, Q2)
    np.testing.assert_array_equal(found, toy.quark_parton_truth(embedded, setup)(X, Q2))


def test_jobs_refuse_a_truth_with_a_negative_cross_section(pdf_set):
    """Callan-Gross for antineutrinos, had the configuration let it through."""
    pdf = PdfMember(pdf_set, 0, "neopdf")
    with pytest.raises(
        ValueError, match=r"truth quark_parton with .*, member 0: .* negative: 0\.1"
    ):
        true_structure_functions("quark_parton", toy.setup(antineutrino=True), pdf)


def test_callan_gross_and_albright_jarlskog(embedded):
    x, q2 = np.array([0.01, 0.1, 0.5]), np.array([0.5, 2.0, 8.0])
    w1, w2, _, w4, w5 = quark_parton_model(embedded, x, q2, SETUP)
    np.testing.assert_array_equal(w1, w2)
    np.testing.assert_array_equal(w5, w2 / 2)
    assert not w4.any()


def test_default_operator_agrees_with_the_direct_truth(embedded, flux):
    truth = toy.quark_parton_truth(embedded, SETUP)
    (density,), _ = event_densities(GRID, truth, flux[None])
    nodes = NodeGrid.for_setup(SETUP, 64, 64)
    events = (
        ForwardOperator.build(GRID, nodes).event_matrix(flux) @ truth(*nodes.x_and_Q2()).ravel()
    )
    model = (events / (events.sum() * GRID.cell_area)).reshape(density.shape)
    assert np.sqrt(((model - density) ** 2).sum() / (density**2).sum()) < 1e-4


def test_embedded_set_gives_the_density_of_the_official_one(embedded, flux):
    official = partial(continued_xf, open_grid(reference_file("CT18NNLO")))
    ours, theirs = (
        event_densities(GRID, toy.quark_parton_truth(pdf, SETUP), flux[None])[0][0]
        for pdf in (embedded, official)
    )
    assert total_variation(ours, theirs) < 3e-3
