"""Targets, leptons and ranges, against published masses and against what events can reach."""

import numpy as np
import pytest

import toy
from nd2fd.forward.nodes import NodeGrid
from nd2fd.physics.density import DensityGrid
from nd2fd.physics.kinematics import kinematics
from nd2fd.physics.setup import LEPTON_MASSES, NUCLEI, Setup, Target

# Atomic masses [u], AME 2020 (Chinese Phys. C 45 (2021) 030003).
ATOMIC_MASS = {
    "H1": 1.007825031898,
    "H2": 2.014101777844,
    "He4": 4.002603254130,
    "C12": 12.0,
    "O16": 15.994914619257,
    "Ar40": 39.962383122,
    "Ca40": 39.962590850,
    "Fe56": 55.934935537,
    "Pb208": 207.976651189,
}
U, M_E = 0.93149410242, 0.51099895e-3
"""[GeV], CODATA 2018."""

WATER, SCINTILLATOR = {"O16": 1, "H1": 2}, {"C12": 1, "H1": 1}


@pytest.mark.parametrize("name", NUCLEI)
def test_masses_of_nuclei_are_the_published_ones(name):
    nucleus = NUCLEI[name]
    # The paper's argon is heavier by its electrons: it has the mass of the atom.
    n_electrons = 0 if name == "Ar40" else nucleus.Z
    assert nucleus.mass == pytest.approx(ATOMIC_MASS[name] * U - n_electrons * M_E, rel=1e-6)
    assert nucleus.A == round(ATOMIC_MASS[name])


def test_argon_is_that_of_the_paper():
    assert toy.SETUP.nucleon_mass == pytest.approx(37.2247242 / 40, rel=1e-15)
    assert toy.SETUP.nucleon_mass == pytest.approx(0.930618, abs=5e-7)


@pytest.mark.parametrize(
    ("nuclei", "nucleon_mass", "proton_fraction"),
    [
        ({"H1": 1}, 0.938272, 1.0),
        ({"C12": 1}, (12 * U - 6 * M_E) / 12, 0.5),
        ({"Ar40": 1}, 0.930618, 18 / 40),
        ({"Fe56": 1}, (55.93493554 * U - 26 * M_E) / 56, 26 / 56),
        # 18.0106 u of H₂O and 13.0078 u of CH, less their 10 and 7 electrons.
        (WATER, (18.01056468 * U - 10 * M_E) / 18, 10 / 18),
        (SCINTILLATOR, (13.00782503 * U - 7 * M_E) / 13, 7 / 13),
    ],
    ids=["hydrogen", "carbon", "argon", "iron", "water", "CH"],
)
def test_targets_are_averages_over_their_nucleons(nuclei, nucleon_mass, proton_fraction):
    target = Target(tuple(nuclei.items()))
    assert target.nucleon_mass == pytest.approx(nucleon_mass, rel=1e-6)
    assert target.proton_fraction == pytest.approx(proton_fraction, rel=1e-12)
    more = Target(tuple((name, 2.5 * number) for name, number in nuclei.items()))
    assert more.nucleon_mass == pytest.approx(target.nucleon_mass, rel=1e-12)
    assert more.proton_fraction == pytest.approx(target.proton_fraction, rel=1e-12)


def test_setup_of_the_configuration():
    section = {
        "target": "O16 + 2 H1",
        "lepton": "electron",
        "helicity": "antineutrino",
        "energy_max": 4.0,
        "x_max": 1.5,
    }
    expected = Setup(Target((("O16", 1), ("H1", 2))), "electron", True, 4.0, 1.5)
    assert Setup.from_config(section) == expected
    grid = {"n_energy": 3, "n_v1": 4, "n_v2": 5, "subsamples": 2}
    assert DensityGrid.from_config(section, grid) == DensityGrid(expected, 3, 4, 5, 2)
    other = Setup.from_config(section | {"helicity": "neutrino", "target": "Ar40"})
    assert not other.antineutrino
    assert other.target.proton_fraction == 18 / 40


@pytest.mark.parametrize(("lepton", "mass"), [("muon", 0.1056583755), ("electron", 0.51099895e-3)])
@pytest.mark.parametrize("x_max", [1.0, 2.0])
def test_threshold_is_where_the_first_event_can_be(lepton, mass, x_max):
    """The energy at which a free scan of all muons finds the first physical one."""
    assert LEPTON_MASSES[lepton] == mass
    setup = toy.setup(lepton=lepton, energy_max=4.0, x_max=x_max)
    # At the threshold the lepton goes forward, with x = x_max.
    expected = mass + mass**2 / (2 * setup.nucleon_mass * x_max)
    assert setup.energy_threshold == pytest.approx(expected, rel=1e-12)
    e_lepton = mass * (1 + np.geomspace(1e-7, 1e-1, 2000)[:, None])
    cos_theta = 1 - np.geomspace(1e-7, 2.0, 2000)
    momentum = np.sqrt(e_lepton**2 - mass**2)
    v1 = np.sqrt((e_lepton - momentum * cos_theta) / setup.a_max)
    v2 = np.sqrt((e_lepton + momentum * cos_theta) / setup.b_max)
    below, above = (
        kinematics(np.array(f * setup.energy_threshold), v1, v2, setup).physical.any()
        for f in (1 - 1e-6, 1 + 1e-4)
    )
    assert not below
    assert above


@pytest.mark.parametrize("lepton", LEPTON_MASSES)
@pytest.mark.parametrize("x_max", [1.0, 1.5, 2.0])
@pytest.mark.parametrize("energy_max", [0.5, 3.0, 10.0, 50.0])
def test_no_event_is_beyond_the_ranges(energy_max, x_max, lepton):
    """Ends of the node grid and of the unit square, on a fine scan of (v1, v2) beyond its edges."""
    v1, v2 = np.meshgrid(*2 * [np.linspace(0.01, 1.2, 300)], indexing="ij")
    for name in NUCLEI:
        setup = toy.setup(target={name: 1}, lepton=lepton, energy_max=energy_max, x_max=x_max)
        point = kinematics(np.array(energy_max), v1, v2, setup)
        assert point.physical.any()
        assert point.Q2[point.physical].max() < setup.Q2_max
        assert point.bjorken_x[point.physical].max() <= x_max * (1 + 1e-12)
        assert v1[point.physical].max() < 1.0
        assert v2[point.physical].max() < 1.0
        # Not wasteful either: events do fill most of the range.
        if energy_max >= 10.0:
            assert point.Q2[point.physical].max() > 0.6 * setup.Q2_max
    nodes = NodeGrid.for_setup(setup, 8, 9)
    x, Q2 = nodes.x_and_Q2()
    assert x.max() == pytest.approx(x_max, rel=1e-12)
    assert Q2.max() == pytest.approx(2 * energy_max * x_max, rel=1e-12)
    np.testing.assert_allclose(nodes.tau_of_Q2(Q2[0]), nodes.tau, atol=1e-8)
    np.testing.assert_allclose(nodes.xi_of_x(x[1:, 0]), nodes.xi[1:], rtol=1e-12)


def test_smallest_product_is_that_of_a_forward_lepton():
    for lepton, mass in LEPTON_MASSES.items():
        setup = toy.setup(lepton=lepton, energy_max=7.0, x_max=1.3)
        e_lepton = np.array([mass * 1.01, 1.0, 6.0])
        momentum = np.sqrt(e_lepton**2 - mass**2)
        # E - p would cancel.
        a, b = mass**2 / (e_lepton + momentum), e_lepton + momentum
        product = np.sqrt(a / (setup.nucleon_mass * 1.3) * b / 14.0)
        np.testing.assert_allclose(product, setup.smallest_product, rtol=1e-12)


@pytest.mark.parametrize(
    ("text", "nuclei"),
    [
        ("Ar40", (("Ar40", 1),)),
        ("2 H1 + O16", (("H1", 2), ("O16", 1))),
        ("C12+1.4 H1", (("C12", 1), ("H1", 1.4))),
    ],
)
def test_targets_are_read(text, nuclei):
    assert Target.parse(text) == Target(nuclei)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "'' in '' is not a nucleus"),
        ("Ar 40", "'Ar 40' in 'Ar 40' is not a nucleus"),
        ("H1 + ", "'' in 'H1 \\+ ' is not a nucleus"),
        ("2H1", "'2H1' in '2H1' is not a nucleus"),
        ("-1 H1", "'-1 H1' in"),
        ("0 H1", "0.0 of H1; the number must be positive"),
        ("Xe131", "no nucleus 'Xe131'; there are H1"),
    ],
)
def test_unreadable_targets_are_refused(text, message):
    with pytest.raises(ValueError, match=message):
        Target.parse(text)


@pytest.mark.parametrize(
    ("nuclei", "message"),
    [
        ((), "at least one nucleus"),
        ((("Ar39", 1),), "no nucleus 'Ar39'; there are H1, H2, He4"),
        ((("O16", 1), ("H1", 0)), "0 of H1; the number must be positive"),
        ((("O16", -2),), "-2 of O16"),
        ((("O16", float("nan")),), "nan of O16"),
        ((("O16", float("inf")),), "inf of O16"),
    ],
)
def test_senseless_targets_are_refused(nuclei, message):
    with pytest.raises(ValueError, match=message):
        Target(nuclei)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"lepton": "tau"}, "no lepton 'tau'; there are electron, muon"),
        ({"x_max": 0.0}, "x_max is 0.0; it must be positive"),
        ({"x_max": float("nan")}, "x_max is nan"),
        ({"energy_max": 0.1}, "energy_max is 0.1 GeV; it must be above the threshold, 0.1117 GeV"),
        ({"energy_max": float("nan")}, "energy_max is nan"),
    ],
)
def test_senseless_setups_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        toy.setup(**changes)
