"""Negative cross sections are refused, with share and place, before an event is drawn."""

import re

import numpy as np
import pytest

import toy
from nd2fd.events.positivity import LARGEST_SHARE, refuse_negative
from nd2fd.physics.density import DensityGrid, physical_points

SETUP = toy.SETUP
PLACE = re.compile(
    r"negative: (\S+) of \|d²σ\| at E_ν = (\S+) GeV .* most at E_ν = (\S+) GeV, x = (\S+), "
    r"Q² = (\S+) GeV², y = (\S+)$"
)


def refusal(structure_functions, setup=SETUP):
    """Share, E_ν, E_ν again, x, Q² and y of the message."""
    with pytest.raises(ValueError, match="cross section is negative") as error:
        refuse_negative(structure_functions, setup)
    return [float(number) for number in PLACE.search(str(error.value)).groups()]


def changed(factor):
    """The toy's structure functions times a function of x and Q²."""
    return lambda x, Q2: toy.structure_functions(x, Q2) * factor(x, Q2)


def by_quadrature(structure_functions, setup, energy):
    """Share that is negative at E_ν, from cells of (v1, v2), which are not the sampler's."""
    grid = DensityGrid(toy.setup(energy_max=2 * energy), 1, 96, 96, 2)
    (points,) = physical_points(grid)
    values = (points.factors * structure_functions(points.bjorken_x, points.Q2)).sum(axis=0)
    return np.maximum(-values, 0).sum() / np.abs(values).sum()


@pytest.mark.parametrize(
    "factor",
    [
        lambda x, Q2: 0.6 - x,
        lambda x, Q2: x - 0.1,
        lambda x, Q2: 3.0 - Q2,
        lambda x, Q2: np.sign(Q2 - 0.05),
    ],
)
def test_share_and_place_are_told(factor):
    share, energy, again, x, Q2, y = refusal(changed(factor))
    assert energy == again
    assert share == pytest.approx(by_quadrature(changed(factor), SETUP, energy), rel=0.1)
    assert factor(x, Q2) < 0
    assert Q2 == pytest.approx(2 * SETUP.nucleon_mass * energy * x * y, rel=0.02)


def test_a_cross_section_negative_everywhere():
    assert refusal(changed(lambda x, Q2: -1.0))[0] == 1.0


def test_antineutrinos_with_callan_gross_are_refused():
    """(1 - y)² - M x y/(2E) < 0 at large y, on valence quarks."""
    setup = toy.setup(antineutrino=True)
    share, energy, _, x, _, y = refusal(toy.quark_parton_truth(toy.parton_densities, setup), setup)
    assert 0.05 < share < 0.3
    assert (1 - y) ** 2 < setup.nucleon_mass * x * y / (2 * energy)


@pytest.mark.parametrize("antineutrino", [False, True])
@pytest.mark.parametrize("lepton", ["muon", "electron"])
@pytest.mark.parametrize("energy_max", [0.5, 3.0, 50.0])
@pytest.mark.parametrize("target", ["H1", "Ar40", "Pb208"])
def test_positive_truths_pass(antineutrino, lepton, energy_max, target):
    setup = toy.setup(
        antineutrino=antineutrino, lepton=lepton, energy_max=energy_max, target={target: 1}
    )
    refuse_negative(toy.quark_parton_truth(toy.parton_densities, setup, transverse=True), setup)
    if not antineutrino:
        refuse_negative(toy.quark_parton_truth(toy.parton_densities, setup), setup)


def test_rounding_passes_and_a_little_more_does_not():
    """The factor is -a for x above 0.5, and the share proportional to a."""

    def dip(a):
        return changed(lambda x, Q2: np.where(x > 0.5, -a, 1.0))

    a = 0.01
    share = refusal(dip(a))[0]
    refuse_negative(dip(0.5 * a * LARGEST_SHARE / share), SETUP)
    assert refusal(dip(2.0 * a * LARGEST_SHARE / share))[0] == pytest.approx(2e-6, rel=0.05)


def test_cross_sections_that_are_no_number_are_refused():
    structure_functions = changed(lambda x, Q2: np.where(x > 0.7, np.nan, 1.0))
    with pytest.raises(ValueError, match=r"is nan at E_ν = .*, x = (0\.[7-9]|1)"):
        refuse_negative(structure_functions, SETUP)


def test_a_cross_section_of_zero_is_refused():
    with pytest.raises(ValueError, match="is zero up to 10 GeV"):
        refuse_negative(changed(lambda x, Q2: 0.0), SETUP)
