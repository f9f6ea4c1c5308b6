"""All leptons in one fit: five structure functions, channels, likelihood and errors of θ."""

from dataclasses import replace

import numpy as np
import pytest

import toy
from nd2fd.forward.nodes import reachable_nodes
from nd2fd.learning.training_settings import TrainingSettings
from nd2fd.leptons.beams import Flavour, read_beams
from nd2fd.leptons.fisher import Changes, errors
from nd2fd.leptons.likelihood import FarLikelihood, starts
from nd2fd.leptons.networks import lepton_networks, train_networks
from nd2fd.leptons.parameters import NAMES, UNITS, Parameters
from nd2fd.leptons.samples import LEPTONS, Sample, samples
from nd2fd.physics.cross_section import measurable_combinations
from nd2fd.physics.density import DensityGrid, event_densities, physical_points
from nd2fd.physics.oscillation import survival_probability
from nd2fd.physics.oscillation_parameters import NUFIT_6_0
from reference_data import reference_file
from toy_leptons import DUNE, LINE, PARAMETERS, analysis, five_of, model, toy_analysis


@pytest.fixture(scope="module")
def fitted():
    return toy_analysis()


# Five structure functions


@pytest.mark.parametrize("antineutrino", [False, True])
@pytest.mark.parametrize("lepton", LEPTONS)
def test_five_coefficients_make_the_cross_section_of_three_combinations(lepton, antineutrino):
    setup = toy.setup(lepton=lepton, antineutrino=antineutrino)
    grid = DensityGrid(setup, 3, 12, 12, 1)

    def five(x, Q2):
        return np.stack([1 + x, 2 - x, np.cos(Q2), 0.7 + x * Q2, np.exp(-x)])

    three = measurable_combinations(five, setup)
    for of_five, of_three in zip(
        physical_points(grid, five=True), physical_points(grid), strict=True
    ):
        w5 = five(of_five.bjorken_x, of_five.Q2)
        expected = (of_three.factors * three(of_three.bjorken_x, of_three.Q2)).sum(axis=0)
        scale = np.abs(of_five.factors * w5).sum(axis=0)
        found = (of_five.factors * w5).sum(axis=0)
        assert np.all(np.abs(found - expected) <= 1e-12 * scale)


def test_electrons_hardly_see_what_the_mass_suppresses():
    def share(lepton):
        grid = DensityGrid(toy.setup(lepton=lepton), 5, 24, 24, 2)
        points = list(physical_points(grid, five=True))
        w = [five_of(False)(p.bjorken_x, p.Q2) * p.factors for p in points]
        events = np.concatenate(w, axis=1).sum(axis=1)
        return -events[4] / events.sum()

    assert 0.002 < share("muon") < 0.05
    # Q² of the events is what m² is compared with: the ratio is near that of m².
    assert share("electron") < 1e-3 * share("muon")


# Near detector


def test_near_contents_are_those_of_direct_quadrature(fitted):
    """Structure functions that splines can be: equal ones."""
    near = fitted.near
    ones = {False: lambda x, Q2: np.ones((5, x.size))}
    by_map = near.design.nominal @ np.ones(near.design.nominal.shape[1])
    np.testing.assert_allclose(by_map / by_map.sum(), near.expected(ones), rtol=1e-9, atol=1e-15)


def test_electrons_have_their_share_of_the_near_events(fitted):
    electrons = fitted.near.design.cells >= fitted.near.n_cells
    found = fitted.near_shares[electrons].sum()
    events = []
    for lepton in LEPTONS:
        grid = fitted.near.model.near_grid(lepton, False)
        of_lepton = measurable_combinations(five_of(False), grid.setup)
        flux = fitted.near.model.near_flux(Sample(False, lepton, "forward"), False, grid.n_energy)
        _, sigma = event_densities(grid, of_lepton, flux[None])
        events.append(flux @ sigma)
    assert found == pytest.approx(events[1] / sum(events), rel=1e-9)
    assert 0.01 < found < 0.02


def test_without_near_electrons_more_is_unknown(fitted):
    alone = analysis(fitted.near.model, near=("muon",))
    of_alone, of_both = (errors(a.changes, PARAMETERS) for a in (alone, fitted))
    known = errors(
        Changes(fitted.changes.of_theta, np.empty((len(fitted.changes.of_theta), 0))), PARAMETERS
    )
    assert np.all(known[:3] < of_both[:3])
    assert np.all(of_both[:3] < of_alone[:3])
    assert of_alone[2] > 1.05 * of_both[2]


def test_albright_and_jarlskog_leave_three_functions(fitted):
    """Against five functions that obey them; the relations are those of massless quarks."""
    fixed = analysis(model(functions="albright_jarlskog"))
    rng, n = np.random.default_rng(2), fitted.near.basis.n_splines
    w1, w2, w3 = rng.normal(size=(3, n))
    five = np.concatenate([w1, w2, w3, 0.0 * w1, 0.5 * w2])
    three = np.concatenate([w1, w2, w3])
    for of_five, of_three in (
        (fitted.near.design.nominal, fixed.near.design.nominal),
        (fitted.far_map, fixed.far_map),
    ):
        np.testing.assert_allclose(of_three @ three, of_five @ five, rtol=1e-9, atol=1e-12)
    # What is fitted at the far detector is what was learned.
    theta, none = PARAMETERS.theta, np.zeros(fixed.detectors[1].n_pulls)
    learned = fixed.detectors[1].events(fixed.detectors[1].spectra.at(theta[None])[0], none)
    by_map = fixed.far_map @ fixed.posterior.mean
    np.testing.assert_allclose(learned, by_map, rtol=1e-6, atol=1e-9 * by_map.max())
    x = np.linspace(0.05, 0.9, 20)
    true = five_of(False)(x, 3.0 * x)
    np.testing.assert_allclose(fixed.near.model.relations @ true[:3], true, rtol=1e-12)


def test_networks_come_to_the_minimum_of_the_splines(fitted):
    """Five functions of drawn contents; χ² and the price of bending, summed without either."""
    near, rng = fitted.near, np.random.default_rng(7)
    counts = rng.poisson(fitted.near_shares * fitted.n_near)
    shares = counts / counts.sum()
    posterior = near.learn(shares, fitted.near_shares, fitted.n_near, 6.0)
    variance = near.variance(fitted.near_shares, fitted.n_near)
    settings = TrainingSettings(
        "varpro", "silu", "float64", 3, 32, 60, ridge=1e-10, smoothness=0.0, device="cpu"
    )
    trained = train_networks(near, posterior, shares, variance, [1], settings, lambda *_: None)
    nodes, splines = near.model.nodes, near.basis.on_nodes(near.coefficients(posterior))[0]
    reached = reachable_nodes([near.node_map], nodes)
    second = nodes.second_derivatives_within(reached)
    ones = near.design.nominal @ np.kron(np.eye(5), np.ones((near.basis.n_splines, 1)))
    unit = (ones**2 / variance[:, None]).sum(axis=0).mean() * variance.sum()

    def cost(values):
        events = (near.node_map @ values.ravel())[near.design.cells]
        bends = second @ values.reshape(5, -1)[:, reached].T
        misfit = ((shares - events / events.sum()) ** 2 / variance).sum()
        return misfit + posterior.prior[0, 0] * unit * np.square(bends).sum()

    assert posterior.chi2 + posterior.paid == pytest.approx(cost(splines), rel=0.02)
    assert cost(trained.structure_functions[0]) < 1.02 * cost(splines)
    # The splines are coarse: networks may find a little less.
    assert cost(trained.structure_functions[0]) > 0.95 * cost(splines)


def test_networks_as_the_workflow_has_them(fitted):
    """In the unit of the splines, and with their far detector; some seconds of training."""
    section = {"optimizer": "varpro", "activation": "silu", "precision": "float64"}
    section |= {"hidden_layers": 3, "width": 32, "evaluations": 60, "ridge": 1e-10, "device": "cpu"}
    found = lepton_networks(fitted, [1, 2], section, lambda *_: None)
    near = fitted.near
    assert found.structure_functions.shape == (
        2,
        1,
        5,
        near.model.nodes.n_xi,
        near.model.nodes.n_tau,
    )
    splines = near.basis.on_nodes(near.coefficients(fitted.posterior))[0]
    reached = near.weights[0, 0, 1].reshape(splines[1].shape) > 1e-4
    for functions in found.structure_functions:
        np.testing.assert_allclose(functions[0, 1][reached], splines[1][reached], rtol=0.05)
    # They are no worse than splines, and learn nearly nothing that is not there.
    assert np.all(found.chi2 < 2.0 * fitted.posterior.chi2 + 1.0)
    shift = (found.best - found.true_theta) / errors(fitted.changes, PARAMETERS)
    assert np.all(np.abs(shift[:, :3]) < 0.5)
    assert np.all(np.abs(shift[:, 2]) > 1e-3)


# Far detector


def test_muons_oscillate_with_the_survival_probability(fitted):
    spectra = fitted.detectors[0].spectra
    at = spectra.at(PARAMETERS.theta[None])[0]
    k = [c.initial == c.final == "muon" for _, c in spectra.channels].index(True)
    P = survival_probability(NUFIT_6_0, spectra.energy, LINE.baseline, LINE.rho_ye)
    expected = (spectra.fluxes[k] * P).reshape(spectra.n_energy, -1).mean(axis=1)
    np.testing.assert_allclose(at[k], expected, rtol=1e-12)


def test_neutrinos_appear_above_all_at_three_quarters_of_a_turn(fitted):
    """Of normal ordering: −sin δ of neutrinos, whose sign P(ν_e → ν_μ) has the other way round."""
    spectra = fitted.detectors[0].spectra
    k = spectra.channels.index(("forward", ("muon", "electron", False)))
    turns = PARAMETERS.theta + np.outer([0.5 * np.pi, 1.5 * np.pi], np.eye(4)[2])
    turns[:, 2] -= PARAMETERS.theta[2]
    few, many = spectra.at(turns)[:, k].sum(axis=1)
    assert many > 1.2 * few


def test_muons_are_as_many_as_was_said(fitted):
    known = fitted.detectors[0]
    spectra = known.spectra.at(PARAMETERS.theta[None])[0]
    by_channel = known.by_channel_sums(spectra)
    seen = [c.final for _, c in known.spectra.channels]
    muons = by_channel[[s == "muon" for s in seen]].sum()
    assert fitted.n_far * muons / by_channel.sum() == pytest.approx(6200.0)
    assert fitted.far_contents.sum() == pytest.approx(fitted.n_far)


OF_FLUXES = pytest.mark.parametrize("modes", [None, "dune_fhc"], ids=["known", "modes"])
"""Of the fluxes."""


def likelihood(fitted, k, contents=None):
    detector = fitted.detectors[k]
    seen = fitted.far_contents if contents is None else contents
    centre = np.zeros(detector.n_pulls)
    return FarLikelihood(detector, PARAMETERS, seen, PARAMETERS.theta, centre)


@OF_FLUXES
def test_gradient_is_the_slope_of_the_value(modes):
    fitted, rng = toy_analysis(modes), np.random.default_rng(1)
    of_data = likelihood(fitted, 1, rng.poisson(fitted.far_contents).astype(float))
    theta = PARAMETERS.theta * np.array([1.05, 1.02, 0.9, 1.01])
    pulls = rng.normal(size=fitted.detectors[1].n_pulls)
    _, gradient, _ = of_data.derivatives(theta, pulls)
    step = 1e-4
    for k in range(4 + pulls.size):
        by = np.eye(4 + pulls.size)[k] * step
        above, below = (
            of_data.value(theta + s * by[:4] * UNITS, pulls + s * by[4:]) for s in (1, -1)
        )
        assert gradient[k] == pytest.approx((above - below) / (2 * step), rel=1e-4, abs=1e-3)


@OF_FLUXES
def test_linear_errors_are_those_of_the_likelihood(modes):
    """Second differences of −2 ln L at contents that the learned cross section expects."""
    fitted = toy_analysis(modes)
    detector = fitted.detectors[1]
    theta, none = PARAMETERS.theta, np.zeros(detector.n_pulls)
    contents = detector.events(detector.spectra.at(theta[None])[0], none)
    of_data = likelihood(fitted, 1, contents * (fitted.n_far / contents.sum()))
    n, step = 4 + none.size, 3e-3
    steps = step * np.eye(n)

    def at(x):
        return of_data.value(theta + x[:4] * UNITS, x[4:])

    hessian = np.array(
        [[at(a + b) - at(a - b) - at(b - a) + at(-a - b) for b in steps] for a in steps]
    ) / (4 * step**2)
    found = np.sqrt(np.diag(np.linalg.inv(hessian / 2)))[:4] * UNITS
    np.testing.assert_allclose(errors(fitted.changes, PARAMETERS), found, rtol=5e-3)


def test_expected_contents_are_fitted_at_the_truth(fitted):
    of_data = likelihood(fitted, 0)
    best = of_data.best(starts(PARAMETERS.theta, PARAMETERS))
    np.testing.assert_allclose(best.theta, PARAMETERS.theta, rtol=2e-3)
    assert abs(best.value) < 1e-3


def test_fixed_parameters_stay(fitted):
    of_data = likelihood(fitted, 1).holding("delta_cp", "dm2_32")
    theta = PARAMETERS.theta + np.array([0.02, 2e-5, 0.5, 0.0])
    found = of_data.minimise(theta).theta
    np.testing.assert_array_equal(found[[1, 2]], theta[[1, 2]])
    assert found[0] != theta[0]


def test_what_is_known_of_a_held_parameter_counts(fitted):
    """Far from the centre of its constraint, where a profile asks for it."""
    known = Parameters.of(NUFIT_6_0, {"sin2_theta13": 0.00057, "sin2_theta23": 0.01})
    free, of_data = likelihood(fitted, 1), replace(likelihood(fitted, 1), parameters=known)
    theta = PARAMETERS.theta + np.array([0.03, 0.0, 0.0, 0.0])
    found, without = (each.holding("sin2_theta23").minimise(theta) for each in (of_data, free))
    np.testing.assert_array_equal(found.theta[0], theta[0])
    assert found.value == pytest.approx(without.value + 3.0**2, abs=1e-3)


def test_the_number_of_events_of_a_detector_is_free(fitted):
    detector = fitted.detectors[1]
    doubled = replace(
        detector, kernels={key: 2.0 * kernel for key, kernel in detector.kernels.items()}
    )
    pulls = np.full(detector.n_pulls, 0.3)
    values = [
        replace(likelihood(fitted, 1), detector=d).value(PARAMETERS.theta, pulls)
        for d in (detector, doubled)
    ]
    assert values[0] == pytest.approx(values[1], rel=1e-12)


def test_what_is_learned_moves_with_the_near_contents(fitted):
    """Linear pulls against learning anew from drawn contents."""
    rng = np.random.default_rng(4)
    counts = rng.poisson(fitted.near_shares * fitted.n_near)
    shares = counts / counts.sum()
    linear = fitted.pulls_of_shares @ (shares - fitted.near_shares)
    anew = fitted.near.learn(shares, fitted.near_shares, fitted.n_near, 6.0)
    moved = fitted.posterior.factor.T @ (anew.mean - fitted.posterior.mean)
    # The strength of the prior is learned, too, which the linear pulls leave out.
    assert np.linalg.norm(fitted.ways.T @ moved - linear) < 0.2 * np.linalg.norm(linear)
    assert 0.3 < np.sqrt(np.mean(linear**2)) < 1.5


# Antineutrinos


def test_wrong_signs_have_structure_functions_of_their_own():
    horns, helicities = ("forward", "reverse"), (False, True)
    own = analysis(model(horns, helicities), horns=horns)
    shared = analysis(model(horns, helicities, shared=True), horns=horns)
    assert own.near.coefficients(own.posterior).shape[:2] == (2, 5)
    assert shared.near.coefficients(shared.posterior).shape[:2] == (1, 5)
    # Argon has more neutrons: F2 of neutrinos, on d, is above that of antineutrinos, on u.
    assert shared.posterior.chi2 > 10 * own.posterior.chi2


def test_reverse_current_has_mostly_antineutrinos():
    beams = read_beams({"reverse": DUNE}, (False, True))
    neutrinos, antineutrinos = (
        beams[Flavour("reverse", False, "muon", anti)].flux.sum() for anti in (False, True)
    )
    assert 0.05 < neutrinos / antineutrinos < 0.15


# Names and refusals


def test_samples_are_named_and_fed():
    assert [s.name for s in samples(True, LEPTONS, ("forward",))] == [
        "far_muon_forward",
        "far_electron_forward",
    ]
    assert Sample(False, "electron", "reverse").channels((False, True)) == [
        ("electron", "electron", False),
        ("electron", "electron", True),
    ]
    assert len(Sample(True, "electron", "forward").channels((False,))) == 2


def test_other_parameters_are_refused():
    with pytest.raises(ValueError, match=f"no parameter 'theta23'; there are {', '.join(NAMES)}"):
        Parameters.of(NUFIT_6_0, {"theta23": 0.1})


def test_a_flux_file_without_the_flavour_is_refused(tmp_path):
    file = tmp_path / "flux.csv"
    file.write_text("E_GeV,numu,nutau\n0.5,2,1\n1.0,3,1\n1.5,1,1\n", encoding="utf-8")
    layout = {"energies": "points", "content": "per_gev"}
    named = DUNE | {"near": str(file), "near_format": layout}
    message = r"near electron neutrino flux with forward horn current: flux file .*flux.csv: "
    with pytest.raises(ValueError, match=message):
        read_beams({"forward": named}, (False,))


def test_dune_sees_as_many_electrons_as_its_design_report():
    """1,092 signal events (arXiv:2006.16043, table of ν_e events: 3.5 years staged, ν mode)."""
    far = reference_file("dune_flux_fd_fhc.txt")
    layout = {"column": "dune", "unit": "GeV", "energies": "points", "content": "per_gev"}
    named = DUNE | {"far": str(far), "far_format": layout}
    found = analysis(replace(model(), beams=read_beams({"forward": named}, (False,))))
    known = found.detectors[0]
    by_channel = known.by_channel_sums(known.spectra.at(PARAMETERS.theta[None])[0])
    events = dict(
        zip(known.spectra.channels, by_channel * found.n_far / by_channel.sum(), strict=True)
    )
    signal = events["forward", ("muon", "electron", False)]
    assert signal == pytest.approx(1092, rel=0.05)
