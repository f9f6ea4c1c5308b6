"""Nucleons in a nucleus: averages over a Fermi gas, by brute force."""

import numpy as np
import pytest

import toy
from impulse_rates import MUON, of_nucleons
from nd2fd.cross_sections.impulse import nucleus as nucleus_module
from nd2fd.cross_sections.impulse.fermi_gas import FermiGas, Tensor, structure_functions
from nd2fd.cross_sections.impulse.nucleon import NUCLEON_MASS as M
from nd2fd.cross_sections.impulse.nucleus import Accuracy, Strengths
from nd2fd.cross_sections.impulse.quasi_elastic import quasi_elastic
from nd2fd.cross_sections.impulse.resonance import breit_wigner, delta_transition
from nd2fd.cross_sections.impulse.targets import GASES, impulse_approximation
from nd2fd.cross_sections.interpolation import interpolated_table, tabulate
from nd2fd.cross_sections.quark_parton import quark_parton_model
from nd2fd.events.positivity import refuse_negative
from nd2fd.events.sampling import sample_events
from nd2fd.physics.cross_section import (
    kinematic_coefficients,
    mass_suppressed_coefficients,
    measurable_combinations,
)
from nd2fd.physics.density import DensityGrid, event_densities
from test_hadron_tensor import contraction, hadron_tensor, lepton_tensor


def test_tensor_is_projected_on_the_structure_functions():
    """The covariant tensor of W1 … W5 (test_hadron_tensor.py) has the components put in."""
    rng = np.random.default_rng(5)
    n = 200
    omega, Q2 = rng.uniform(0.05, 5.0, n), rng.uniform(0.01, 5.0, n)
    components = Tensor(*rng.normal(size=(5, n)))
    x = Q2 / (2 * 0.93 * omega)
    W = structure_functions(components, x, Q2, omega, 0.93)
    zero = 0 * omega
    parton = np.stack([0.93 * x, zero, zero, zero], axis=1)
    q = np.stack([omega, zero, zero, np.sqrt(omega**2 + Q2)], axis=1)
    found = hadron_tensor(parton, q, W)
    for index, component in (((0, 0), 0), ((0, 3), 1), ((3, 3), 2), ((1, 1), 3), ((2, 2), 3)):
        expected = x * components[component]
        np.testing.assert_allclose(found[(slice(None), *index)], expected, rtol=1e-8, atol=1e-8)
    np.testing.assert_allclose(1j * found[:, 1, 2], x * components.txy, rtol=1e-8, atol=1e-8)


def brute_force(gas, nucleon_tensor, omega, Q2, shift):
    """M ∫ d³p n/E W^μν(p, q) of a sphere of momenta, point by point; 00, 0z, zz, xx and i xy."""
    node, weight = np.polynomial.legendre.leggauss(64)
    p = gas.fermi_momentum * (1 + node) / 2
    p, cos, phi = np.meshgrid(p, node, np.arange(8) * np.pi / 4, indexing="ij")
    sine = np.sqrt(1 - cos**2)
    energy = np.sqrt(M**2 + p**2)
    vector = np.stack([energy - shift, p * sine * np.cos(phi), p * sine * np.sin(phi), p * cos])
    share = weight[:, None, None] * weight[:, None] / 4 * 2 * np.pi / 8
    volume = share * gas.fermi_momentum * p**2 / (4 * np.pi * gas.fermi_momentum**3 / 3) * 2
    q = np.array([omega, 0.0, 0.0, np.sqrt(omega**2 + Q2)])
    tensor = nucleon_tensor(vector, q) * (M / energy * volume)
    total = tensor.sum(axis=(2, 3, 4))
    return total[0, 0], total[0, 3], total[3, 3], (total[1, 1] + total[2, 2]) / 2, total[1, 2]


def covariant(w, p, q):
    """-g w1 + … of the docstring of nucleon.py; of the odd part i times xy, for ε^0123 = -1."""
    metric = np.diag([1.0, -1.0, -1.0, -1.0])[..., None, None, None]
    q = np.broadcast_to(q[:, None, None, None], p.shape)
    mixed = p[:, None] * q[None] + q[:, None] * p[None]
    total = (
        -metric * w[0]
        + (p[:, None] * p[None] * w[1] + q[:, None] * q[None] * w[3] + mixed * w[4]) / M**2
    )
    total[1, 2] = (p[0] * q[3] - p[3] * q[0]) * w[2] / (2 * M**2)
    return total


def test_resonance_in_a_gas_is_an_average_over_nucleons():
    gas = FermiGas(0.25, 0.028, blocked=True)
    found = of_nucleons(gas, protons=0.4, accuracy=Accuracy(200, 16))
    for omega, Q2 in ((0.5, 0.3), (1.0, 0.8), (0.4, 0.05), (1.5, 0.8)):
        q0 = omega - gas.binding
        shifted = Q2 + omega**2 - q0**2

        def delta(p, q, shifted=shifted):
            W2 = M**2 + 2 * (p[0] * q[0] - p[3] * q[3]) - shifted
            W = np.sqrt(np.maximum(W2, 1.2))
            w = delta_transition(np.full(W.size, shifted), W.ravel()).reshape(5, *W.shape)
            strength = 0.5 * 1.8 * breit_wigner(W) * (W2 > 1.2)
            strength = strength * (1 - nucleus_module.smooth_step(W, 1.6, 1.8))
            return covariant(w * strength, p, q)

        expected = brute_force(gas, delta, q0, shifted, 0.0)
        q = np.array([np.hypot(omega, np.sqrt(Q2))])
        tensor = found._resonance(np.array([omega]), q)
        factor = 1.5 * M / (gas.fermi_momentum**3 * q)
        np.testing.assert_allclose(
            np.array(tensor)[:, 0] * factor, expected, rtol=3e-3, atol=3e-4 * abs(expected[3])
        )


def test_continuum_in_a_gas_is_an_average_over_nucleons():
    """A smooth continuum, transverse for each nucleon: -g + qq/q² and the like, written out."""
    gas = FermiGas(0.25, 0.028, blocked=True)

    def f2_and_f3(x, Q2):
        return np.stack([x**0.5 * (1 - x) ** 3, 0.7 * x**-0.5 * (1 - x) ** 3])

    found = of_nucleons(gas, continuum=f2_and_f3, accuracy=Accuracy(4, 64))
    for omega, Q2 in ((3.0, 1.0), (5.0, 4.0), (1.5, 0.2)):

        def tensor(p, q, Q2=Q2):
            D = p[0] * q[0] - p[3] * q[3]
            W = np.sqrt(np.maximum(M**2 + 2 * D - Q2, 1.0))
            strength = nucleus_module.smooth_step(W, 1.2, 1.5)
            strength = strength + (1 - strength) * nucleus_module.smooth_step(W, 1.6, 1.8)
            f2, f3 = f2_and_f3(np.minimum(Q2 / (2 * D), 1.0), Q2)
            q = np.broadcast_to(q[:, None, None, None], p.shape)
            P = p + q * D / Q2
            square = P[0] ** 2 - P[1] ** 2 - P[2] ** 2 - P[3] ** 2
            metric = np.diag([1.0, -1.0, -1.0, -1.0])[..., None, None, None]
            total = f2 / D * (square * (-metric - q[:, None] * q[None] / Q2) + P[:, None] * P[None])
            total[1, 2] = f3 / (2 * D) * (p[0] * q[3] - p[3] * q[0])
            return strength * total

        expected = brute_force(gas, tensor, omega, Q2, gas.binding)
        q = np.array([np.hypot(omega, np.sqrt(Q2))])
        part = found._continuum(np.array([omega]), np.array([Q2]), q)
        factor = 1.5 * M / (gas.fermi_momentum**3 * q)
        np.testing.assert_allclose(
            np.array(part)[:, 0] * factor, expected, rtol=2e-3, atol=2e-4 * abs(expected[3])
        )


def test_a_gas_of_slow_nucleons_is_free_nucleons():
    """k_F → 0: the five W_i integrate to those of the line at x = 1; of order k_F²/M²."""
    found = of_nucleons(strengths=Strengths(delta=0.0))
    for Q2 in (0.1, 0.5, 2.0):
        line = Q2 / (2 * M)
        width = 0.0103 / M * np.sqrt(Q2 + line**2)
        omega = np.linspace(line - width, line + width, 2001)
        W = found(Q2 / (2 * M * omega), np.full_like(omega, Q2))
        w1, w2, w3, w4, w5 = quasi_elastic(np.array([Q2]), 1.0)
        expected = M * np.array(
            [2 * w1, Q2 * w2 / (2 * M**2), Q2 * w3 / (2 * M**2), Q2 * w4 / (2 * M**2), w5 * 0]
        ).reshape(5)
        expected[4] = M * Q2 * w5[0] / (2 * M**2)
        # 2xF1 = 2x w1 has x = Q²/2Mω along with it, the same within the line's width.
        np.testing.assert_allclose(np.trapezoid(W, omega, axis=1), expected, rtol=2e-3)


def test_pauli_blocking_and_binding():
    """Blocked: nothing with |p + q| < k_F; the peak is where q²/2M and the binding are paid."""
    gas = FermiGas(0.25, 0.028, blocked=True)
    of_gas = of_nucleons(gas, strengths=Strengths(delta=0.0))
    free = of_nucleons(gas._replace(blocked=False), strengths=Strengths(delta=0.0))
    for q in (0.3, 0.8):
        omega = np.linspace(gas.binding + 1e-4, 0.95 * q, 2000)
        at = [o._quasi_elastic(omega, np.full_like(omega, q)).txx for o in (of_gas, free)]
        blocked, open_ = (np.trapezoid(v, omega) for v in at)
        if q < 0.5:
            # Share of a sphere of radius k_F that a shift by q takes out of it, of the share for
            # which |p + q| > |p| (the rest would give energy away), at low energies.
            r = q / gas.fermi_momentum
            cap = (1 - r / 2) ** 2 * (2 + r / 2) / 4
            assert blocked / open_ == pytest.approx((0.75 * r - r**3 / 16) / (1 - cap), rel=0.02)
        else:
            assert blocked == pytest.approx(open_, rel=1e-9)
            mean = np.trapezoid(at[0] * omega, omega) / blocked
            assert mean == pytest.approx(np.hypot(M, q) - M + gas.binding, rel=0.03)


@pytest.fixture(scope="module")
def argon():
    return {
        antineutrino: impulse_approximation(
            toy.parton_densities, toy.setup(antineutrino=antineutrino, x_max=2.0)
        )
        for antineutrino in (False, True)
    }


@pytest.mark.parametrize("antineutrino", [False, True])
def test_tensor_of_argon_is_positive(antineutrino):
    """W^μν a_μ a*_ν ≥ 0 for every polarisation a: a cross section for any lepton at all."""
    rng = np.random.default_rng(8)
    omega = np.exp(rng.uniform(np.log(0.03), np.log(10.0), 4000))
    Q2 = np.exp(rng.uniform(np.log(1e-3), np.log(10.0), 4000))
    setup = toy.setup(antineutrino=antineutrino, x_max=2.0)

    def quarks(x, Q2):
        _, f2, xf3, _, _ = quark_parton_model(toy.parton_densities, x, Q2, setup)
        return np.stack([f2, xf3 / x])

    tensor = of_nucleons(
        GASES["Ar40"], protons=0.45, antineutrino=antineutrino, continuum=quarks
    ).tensor(omega, Q2)
    scale = np.abs(tensor.t00) + tensor.tzz + tensor.txx + 1e-6 * tensor.txx.max()
    assert (tensor.txx >= np.abs(tensor.txy) - 1e-9 * scale).all()
    assert (tensor.t00 > -1e-9 * scale).all()
    assert (tensor.t00 * tensor.tzz - tensor.t0z**2 > -1e-6 * scale**2).all()
    assert (tensor.txx > 0).sum() > 2000


@pytest.mark.parametrize("antineutrino", [False, True])
def test_cross_section_is_the_contraction_with_the_leptons_tensor(antineutrino):
    """Of argon, four-vector by four-vector, at a few muons."""
    setup = toy.setup(antineutrino=antineutrino, x_max=2.0)
    nucleus = of_nucleons(GASES["Ar40"], protons=0.45, antineutrino=antineutrino)
    energy = np.array([0.6, 1.0, 1.0, 3.0])
    omega, Q2 = np.array([0.1, 0.15, 0.45, 0.5]), np.array([0.1, 0.2, 0.3, 0.4])
    e_lepton = energy - omega
    p = np.sqrt(e_lepton**2 - MUON**2)
    q = np.sqrt(Q2 + omega**2)
    cos = (2 * energy * e_lepton - Q2 - MUON**2) / (2 * energy * p)
    assert (abs(cos) < 1).all()
    # q along z, the neutrino in the plane of x and z.
    along = (energy - p * cos) / q
    across = np.sqrt(1 - along**2)
    zero = 0 * energy
    neutrino = np.stack([energy, energy * across, zero, energy * along], axis=1)
    lepton = neutrino - np.stack([omega, zero, zero, q], axis=1)
    np.testing.assert_allclose(lepton[:, 0] ** 2 - (lepton[:, 1:] ** 2).sum(1), MUON**2, atol=1e-9)
    t = nucleus.tensor(omega, Q2)
    hadron = np.zeros((4, 4, 4), dtype=complex)
    hadron[:, 0, 0], hadron[:, 3, 3] = t.t00, t.tzz
    hadron[:, 0, 3] = hadron[:, 3, 0] = t.t0z
    hadron[:, 1, 1] = hadron[:, 2, 2] = t.txx
    hadron[:, 1, 2], hadron[:, 2, 1] = -1j * t.txy, 1j * t.txy
    product = contraction(lepton_tensor(neutrino, lepton, antineutrino), hadron)
    # L^μν of the trace goes to 4 k^μ k^ν: as in test_hadron_tensor.py, with T = x W.
    unit = 4 * energy**2 * M / omega
    x = Q2 / (2 * M * omega)
    expected = product * x / (unit * x)
    factors = np.concatenate(
        [
            kinematic_coefficients(energy, Q2, omega / energy, setup),
            mass_suppressed_coefficients(Q2, omega / energy, setup),
        ]
    )
    found = (factors * nucleus(x, Q2)).sum(axis=0)
    np.testing.assert_allclose(found, expected, rtol=1e-9)


@pytest.mark.parametrize("antineutrino", [False, True])
def test_argon_is_quarks_at_large_mass(argon, antineutrino):
    """Moving quarks about by 25 % of x changes smooth functions little."""
    setup = toy.setup(antineutrino=antineutrino, x_max=2.0)
    x, Q2 = np.array([0.05, 0.1, 0.2, 0.3]), np.full(4, 12.0)
    found = argon[antineutrino](x, Q2)
    expected = quark_parton_model(toy.parton_densities, x, Q2, setup)
    for i in (1, 2, 4):
        np.testing.assert_allclose(found[i], expected[i], rtol=0.05)
    np.testing.assert_allclose(found[0], expected[0] * (1 + (2 * M * x) ** 2 / Q2), rtol=0.05)


def test_water_is_oxygen_and_hydrogen():
    x, Q2 = np.array([0.1, 0.4, 0.9]), np.array([0.5, 0.4, 0.3])
    water, oxygen, hydrogen = (
        impulse_approximation(
            toy.parton_densities,
            toy.setup(target=target, energy_max=3.0, x_max=2.0),
        )
        for target in ({"H1": 2, "O16": 1}, {"O16": 1}, {"H1": 1})
    )
    # The mass per nucleon, and with it x, is that of the target: 0.1 % apart here.
    expected = (16 * oxygen(x, Q2) + 2 * hydrogen(x, Q2)) / 18
    np.testing.assert_allclose(water(x, Q2), expected, rtol=0.03, atol=1e-3)
    # Neutrinos have no quasi-elastic scattering on protons: there is nothing at x = 0.9.
    assert not hydrogen(x, Q2)[:, 2].any()
    assert oxygen(x, Q2)[1, 2] > 0.1


def test_table_is_linear_between_its_points():
    setup = toy.setup(x_max=2.0)

    def bilinear(x, Q2):
        root, log = np.sqrt(x), np.log(Q2 + 0.02)
        return np.stack([(1 + i * root) * (2 + log * (5 - i)) for i in range(5)])

    table = tabulate(bilinear, lambda x, Q2: -bilinear(x, Q2), setup, 40, 30)
    assert table.x[-1] == 2.0
    assert table.Q2[-1] == setup.Q2_max
    x, Q2 = np.random.default_rng(2).uniform(1e-4, 1.99, (2, 500))
    np.testing.assert_allclose(
        interpolated_table(table, antineutrino=False)(x, Q2), bilinear(x, Q2), rtol=1e-9
    )
    np.testing.assert_allclose(
        interpolated_table(table, antineutrino=True)(x, Q2), -bilinear(x, Q2), rtol=1e-9
    )


@pytest.fixture(scope="module")
def table(argon):
    return tabulate(argon[False], argon[True], toy.setup(x_max=2.0), 220, 140)


@pytest.mark.parametrize("antineutrino", [False, True])
def test_events_are_those_of_the_density(table, antineutrino):
    """At the quasi-elastic peak, too, the sampler's bounds hold, and nothing is negative."""
    setup = toy.setup(antineutrino=antineutrino, x_max=2.0, energy_max=3.0)
    five = interpolated_table(table, antineutrino=antineutrino)
    effective = measurable_combinations(five, setup)
    refuse_negative(effective, setup)
    grid = DensityGrid(setup, 48, 24, 24, 4)
    flux = np.exp(-(((grid.energy - 1.0) / 0.4) ** 2))
    densities, _ = event_densities(grid, effective, flux[None])
    n = 40_000
    events = sample_events(
        n,
        lambda energy: np.exp(-(((energy - 1.0) / 0.4) ** 2)),
        effective,
        setup,
        np.random.default_rng(4),
    )
    counts, _, _ = np.histogram2d(events.v1, events.v2, [24, 24], [[0, 1], [0, 1]])
    expected = densities[0] * grid.cell_area * n
    used = expected > 20
    pulls = (counts - expected)[used] / np.sqrt(expected[used])
    assert used.sum() > 40
    assert (pulls**2).mean() == pytest.approx(1.0, abs=0.6)
