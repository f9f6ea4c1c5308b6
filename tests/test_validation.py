"""Rows of the validation table; see `validation_table`."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from iminuit import Minuit
from scipy.interpolate import RectBivariateSpline
from scipy.optimize import brentq

import toy
from hoppet_code import structure_functions
from joint_toys import NODES as FIT_NODES
from joint_toys import SPECTRA, TRUE_POINT, detector, functions, sampled
from nd2fd.cross_sections.pdf.continuation import continued_xf
from nd2fd.cross_sections.pdf.grid import open_grid
from nd2fd.cross_sections.quark_parton import quark_parton_model
from nd2fd.detector.smearing import Resolution
from nd2fd.physics.density import DensityGrid, event_densities
from nd2fd.physics.kinematics import density_variables_from_lepton, kinematics
from nd2fd.physics.oscillation import MATTER_EV2_PER_DENSITY_GEV, probabilities
from nd2fd.physics.oscillation_parameters import NUFIT_6_0, OscillationParameters
from nd2fd.statistics.far_kernel import far_kernel
from nd2fd.statistics.joint_likelihood import JointLikelihood
from nd2fd.statistics.profiles import Profile
from reference_data import reference_file
from test_hadron_tensor import Events, brace
from validation_table import Table

BASELINE, DENSITY = 1284.9, 2.848
ENERGY = np.linspace(0.3, 10.0, 98)
INVERTED = replace(NUFIT_6_0, dm2_31=-2.41e-3)
HYDROGEN = toy.setup(target={"H1": 1})

nature = pytest.mark.parametrize("antineutrino", [False, True], ids=["nu", "nubar"])
orderings = pytest.mark.parametrize("parameters", [NUFIT_6_0, INVERTED], ids=["NO", "IO"])


def label(antineutrino, parameters):
    ordering = "inverted" if parameters is INVERTED else "normal"
    return f"{'ν̄' if antineutrino else 'ν'}, {ordering} ordering"


def ours(parameters, antineutrino):
    """All channels of DUNE's baseline, shape (n_energy, 3, 3)."""
    return probabilities(parameters, ENERGY, BASELINE, 0.5 * DENSITY, antineutrino=antineutrino)


@nature
@orderings
def test_oscillations_of_nuoscprobexact(validation, antineutrino, parameters):
    """Exact SU(3) expansion of the evolution operator (Bustamante, arXiv:1904.12391)."""
    exact = pytest.importorskip("oscprob3nu", reason="NuOscProbExact is not installed")
    hamiltonians = pytest.importorskip("hamiltonians3nu")
    p = parameters
    vacuum = hamiltonians.hamiltonian_3nu_vacuum_energy_independent(
        *(np.sqrt(s) for s in (p.sin2_theta12, p.sin2_theta23, p.sin2_theta13)),
        -p.delta_cp if antineutrino else p.delta_cp,
        p.dm2_21,
        p.dm2_31,
    )
    vacuum = np.array(vacuum)
    potential = MATTER_EV2_PER_DENSITY_GEV * 0.5 * DENSITY * (-1 if antineutrino else 1)
    found = ours(parameters, antineutrino)
    eV_per_GeV, km = 1e9, 5.067730716e9
    worst = 0.0
    for energy, mine in zip(ENERGY, found, strict=True):
        matrix = vacuum / (energy * eV_per_GeV)
        matrix[0, 0] += 0.5 * potential / eV_per_GeV
        theirs = np.array(exact.probabilities_3nu(matrix, BASELINE * km)).reshape(3, 3)
        worst = max(worst, abs(mine - theirs).max())
    name = f"largest difference of P, all channels, {label(antineutrino, parameters)}"
    validation.add(name, worst, 0.0, 1e-5, "NuOscProbExact 1.13, arXiv:1904.12391")


@nature
@orderings
def test_oscillations_of_nusquids(validation, antineutrino, parameters):
    """Numerical integration of the evolution (Argüelles et al., arXiv:2112.13804)."""
    nsq = pytest.importorskip("nuSQuIDS", reason="nuSQuIDS is not installed")
    units, p = nsq.Const(), parameters
    kind = nsq.NeutrinoType.antineutrino if antineutrino else nsq.NeutrinoType.neutrino
    solver = nsq.nuSQUIDS(3, kind)
    for i, j, s in ((0, 1, p.sin2_theta12), (0, 2, p.sin2_theta13), (1, 2, p.sin2_theta23)):
        solver.Set_MixingAngle(i, j, np.arcsin(np.sqrt(s)))
    solver.Set_SquareMassDifference(1, p.dm2_21)
    solver.Set_SquareMassDifference(2, p.dm2_31)
    solver.Set_CPPhase(0, 2, p.delta_cp)
    solver.Set_Body(nsq.ConstantDensity(DENSITY, 0.5))
    solver.Set_Track(nsq.ConstantDensity.Track(BASELINE * units.km))
    solver.Set_rel_error(1e-9)
    solver.Set_abs_error(1e-9)
    found, worst = ours(parameters, antineutrino), 0.0
    for energy, mine in zip(ENERGY[::6], found[::6], strict=True):
        for start in range(3):
            solver.Set_E(energy * units.GeV)
            solver.Set_initial_state(np.eye(3)[start], nsq.Basis.flavor)
            solver.EvolveState()
            theirs = [solver.EvalFlavor(end) for end in range(3)]
            worst = max(worst, abs(mine[start] - theirs).max())
    name = f"largest difference of P, all channels, {label(antineutrino, parameters)}"
    validation.add(name, worst, 0.0, 2e-4, "nuSQuIDS 1.13, arXiv:2112.13804; constants differ")


@pytest.mark.parametrize("antineutrino", [False, True], ids=["nu", "nubar"])
@pytest.mark.parametrize("lepton", ["muon", "electron"])
def test_cross_section_of_contracted_tensors(validation, lepton, antineutrino):
    setup = toy.setup(lepton=lepton, antineutrino=antineutrino, energy_max=10.0)
    events = Events(setup)
    mine, sizes = brace(events, setup, events.structure_functions)
    worst = (abs(mine - events.brace_of_tensors()) / sizes.sum(axis=0)).max()
    name = f"largest relative difference of d²σ, five structure functions, {lepton}"
    name += " antineutrino" if antineutrino else ""
    validation.add(name, worst, 0.0, 1e-8, "L^μν W_μν, Dirac traces in four-vectors")


def test_kinematics_of_four_vectors(validation):
    rng, setup, n = np.random.default_rng(8), toy.SETUP, 100_000
    m, energy = setup.lepton_mass, rng.uniform(0.2, 10.0, n)
    e_lepton, cosine = rng.uniform(m, energy), rng.uniform(-1.0, 1.0, n)
    momentum = np.sqrt(e_lepton**2 - m**2)
    q = np.stack(
        [energy - e_lepton, -momentum * np.sqrt(1 - cosine**2), energy - momentum * cosine]
    )
    Q2 = q[1] ** 2 + q[2] ** 2 - q[0] ** 2
    x = Q2 / (2 * setup.nucleon_mass * q[0])
    inside = (x < 0.999) & (x > 1e-3)
    found = kinematics(energy, *density_variables_from_lepton(e_lepton, cosine, setup), setup)
    worst = abs(found.bjorken_x / x - 1)[inside].max()
    validation.add(
        "largest relative difference of x, 100,000 muons", worst, 0.0, 1e-6, "four-vectors"
    )
    worst = abs(found.Q2 / Q2 - 1)[inside].max()
    validation.add("largest relative difference of Q²", worst, 0.0, 1e-6, "four-vectors")


@pytest.fixture(scope="module")
def hoppet_structure_functions():
    """HOPPET's own at leading order, of the same evolved densities: (x, Q) → (F2, F3) of W⁺."""
    import hoppet

    with structure_functions(1):

        def at(x, q):
            values = hoppet.StrFct(x, q, q, q)
            # HOPPET has half of what the couplings v = a = 1 of a W give.
            return 2.0 * values[hoppet.iF2Wp], 2.0 * values[hoppet.iF3Wp]

        yield at


def test_structure_functions_of_hoppet(validation, pdf_set, hoppet_structure_functions):
    """Of a proton and W⁺, between the thresholds of charm and bottom, where all four take part."""
    embedded = partial(continued_xf, open_grid(pdf_set))
    for x in (0.01, 0.1, 0.3, 0.6):
        q = 3.0
        mine = quark_parton_model(embedded, np.array([x]), np.array([q**2]), HYDROGEN)[:, 0]
        theirs = hoppet_structure_functions(x, q)
        for name, value, reference in (("F2", mine[1], theirs[0]), ("xF3", mine[2], x * theirs[1])):
            validation.add(
                f"{name}(νp), x = {x}, Q = {q:g} GeV", value, reference, 0.003 * abs(reference),
                "HOPPET's own structure functions, leading order",
            )  # fmt: skip


def test_parton_densities_of_another_interpolation(validation):
    """Splines through the official grid's numbers, away from thresholds, where they overshoot."""
    folder = reference_file("CT18NNLO")
    blocks = (folder / "CT18NNLO_0000.dat").read_text(encoding="utf-8").split("---\n")[1:-1]
    mine, worst = open_grid(folder), 0.0
    x, q2 = np.array([0.003, 0.05, 0.2, 0.5]), np.array([6.0, 10.0, 16.0])
    for block in blocks:
        lines = block.splitlines()
        knots, scales = (np.array(line.split(), dtype=float) for line in lines[:2])
        if not scales[0] ** 2 <= q2.min() <= q2.max() <= scales[-1] ** 2:
            continue
        pids = [int(pid) for pid in lines[2].split()]
        values = np.array([line.split() for line in lines[3:]], dtype=float)
        values = values.reshape(knots.size, scales.size, len(pids))
        for pid, table in zip(pids, np.moveaxis(values, 2, 0), strict=True):
            spline = RectBivariateSpline(np.log(knots), 2 * np.log(scales), table)
            theirs = spline(np.log(x), np.log(q2))
            found = mine.xf([pid], x[:, None], q2)[0]
            worst = max(worst, (abs(found - theirs) / np.maximum(abs(theirs), 0.05)).max())
    assert worst > 0.0
    source = "splines of scipy through the official CT18NNLO grid"
    validation.add("largest relative difference of xf, all flavours", worst, 0.0, 0.005, source)


@pytest.mark.parametrize(
    ("antineutrino", "measured"), [(False, 0.677), (True, 0.334)], ids=["nu", "nubar"]
)
def test_total_cross_section(validation, pdf_set, antineutrino, measured):
    embedded = partial(continued_xf, open_grid(pdf_set))
    setup = toy.setup(target={"Fe56": 1}, antineutrino=antineutrino, energy_max=200.0)
    grid = DensityGrid(setup, 20, 64, 64, 2)
    _, sigma = event_densities(grid, toy.quark_parton_truth(embedded, setup), np.ones((1, 20)))
    validation.add(
        f"σ/E of {'ν̄' if antineutrino else 'ν'} on iron at 195 GeV (1e-38 cm²/GeV)",
        float(sigma[-1] / grid.energy[-1]), measured, 0.03 * measured,
        "Review of Particle Physics, 30–200 GeV; leading order, massless charm",
    )  # fmt: skip


MINOS = {
    False: [
        (3.48, 0.748, 0.061),
        (5.89, 0.708, 0.032),
        (10.45, 0.699, 0.043),
        (19.87, 0.689, 0.016),
        (38.87, 0.675, 0.018),
    ],
    True: [
        (6.07, 0.305, 0.029),
        (10.43, 0.303, 0.019),
        (19.82, 0.316, 0.013),
        (38.74, 0.352, 0.024),
    ],
}
"""E [GeV], σ/E of ν and ν̄ on iron [1e-38 cm²/GeV] and its error: arXiv:0910.2201, Table III."""

LEFT_OUT = {False: 1.1, True: 0.9}
"""Quasi-elastic scattering and the Δ, per nucleon [1e-38 cm²], about: the toy has neither."""


@pytest.mark.parametrize("antineutrino", [False, True], ids=["nu", "nubar"])
def test_total_cross_section_at_lower_energies(validation, pdf_set, antineutrino):
    embedded = partial(continued_xf, open_grid(pdf_set))
    setup = toy.setup(target={"Fe56": 1}, antineutrino=antineutrino, energy_max=50.0)
    grid = DensityGrid(setup, 100, 64, 64, 2)
    _, sigma = event_densities(grid, toy.quark_parton_truth(embedded, setup), np.ones((1, 100)))
    for energy, measured, error in MINOS[antineutrino]:
        validation.add(
            f"σ/E of {'ν̄' if antineutrino else 'ν'} on iron at {energy} GeV (1e-38 cm²/GeV)",
            float(np.interp(energy, grid.energy, sigma / grid.energy)),
            measured,
            2 * error + LEFT_OUT[antineutrino] / energy,
            "MINOS, arXiv:0910.2201, Table III; tolerance: twice its error, and "
            f"{LEFT_OUT[antineutrino]}/E for quasi-elastic events and the Δ, which the toy has not",
        )


def test_sum_rules(validation, pdf_set):
    embedded = partial(continued_xf, open_grid(pdf_set))
    edges = np.geomspace(2e-6, 1.0, 8001)
    x, q2 = np.sqrt(edges[1:] * edges[:-1]), np.full(8000, 4.0)
    neutron = toy.setup(target={"Ar40": 1})
    values = [
        quark_parton_model(embedded, x, q2, replace(neutron, antineutrino=a)) for a in (False, True)
    ]
    f3 = (0.5 * (values[0][2] + values[1][2]) / x * np.diff(edges)).sum()
    validation.add(
        "∫ F3 dx, argon, Q² = 4 GeV²", float(f3), 3.0, 0.06, "Gross–Llewellyn Smith, leading order"
    )
    proton = [
        quark_parton_model(embedded, x, q2, replace(HYDROGEN, antineutrino=a))[1]
        for a in (True, False)
    ]
    adler = ((proton[0] - proton[1]) / (2 * x) * np.diff(edges)).sum()
    validation.add("∫ (F2(ν̄p) − F2(νp)) dx/2x", float(adler), 1.0, 0.02, "Adler sum rule")


@pytest.fixture(scope="module")
def likelihood():
    sample = sampled(2000, 1)
    kernel = far_kernel(
        FIT_NODES, functions()[:1], SPECTRA, detector(Resolution.ideal()), sample.v1, sample.v2
    )
    return JointLikelihood.build(SPECTRA, kernel, np.zeros(3), np.empty((3, 0)))


def test_fit_of_minuit(validation, likelihood):
    profile = Profile.of(likelihood, [np.array([s, 2.45e-3]) for s in (0.44, 0.56)])
    best = profile.best
    minuit = Minuit(
        lambda s, m: likelihood.value(np.array([s, m * 1e-3]), np.empty(0)),
        best.theta[0] + 0.01,
        2.45,
    )
    minuit.errordef = Minuit.LEAST_SQUARES
    minuit.limits[0] = (0.01, 0.99)
    minuit.migrad()
    source = f"iminuit, the same likelihood of {len(likelihood.kernel.events)} events"
    validation.add(
        "best fit of Δm²32 (1e-3 eV²)", 1e3 * best.theta[1], minuit.values["m"], 5e-4, source
    )

    def above(mass):
        """Least in either octant, the mass splitting fixed."""
        least = []
        for start in (0.44, 0.58):
            minuit.values["s"], minuit.values["m"] = start, mass
            minuit.fixed["m"] = True
            least.append(minuit.migrad().fval)
        return min(least) - best.value - 1.0

    middle = 1e3 * best.theta[1]
    width = 0.5 * (brentq(above, middle, middle + 0.2) - brentq(above, middle - 0.2, middle))
    found = 1e3 * profile.half_width_dm2_32()
    name = "half of its profile interval at 1σ, both octants"
    validation.add(name, found, width, 0.01 * width, source)


def test_error_of_the_fisher_matrix(validation, likelihood):
    """Known cross section, many events: the curvature at the truth."""
    step, theta = 1e-6, np.array(TRUE_POINT)
    spectra = [
        likelihood.spectra.amplitudes((theta + np.array([0.0, d]))[None])[0, 0]
        for d in (0.0, step, -step)
    ]
    sample = sampled(40_000, 2, TRUE_POINT)
    kernel = far_kernel(
        FIT_NODES, functions()[:1], SPECTRA, detector(Resolution.ideal()),
        sample.v1, sample.v2,
    )  # fmt: skip
    p, up, down = (kernel.events[:, 0] @ a / (kernel.totals[0] @ a) for a in spectra)
    fisher = np.mean(((up - down) / (2 * step) / p) ** 2) * len(p)
    fit = JointLikelihood.build(SPECTRA, kernel, np.zeros(3), np.empty((3, 0)))
    curvature = fit.derivatives(theta, np.empty(0))[2][1, 1] / theta[1] ** 2
    validation.add(
        "error of Δm²32 at fixed θ23 (1e-6 eV²), 40,000 events", 1e6 / np.sqrt(0.5 * curvature),
        1e6 / np.sqrt(fisher), 0.05e6 / np.sqrt(fisher), "Fisher information, sum over the events",
    )  # fmt: skip


@nature
def test_oscillations_of_nufast(validation, antineutrino):
    table = np.genfromtxt(reference_file("nufast_reference.csv"), delimiter=",", names=True)
    table = table[(table["E_GeV"] < 0) == antineutrino]
    columns = ("s12sq", "s13sq", "s23sq", "delta_rad", "dmsq21_eV2", "dmsq31_eV2")
    found = probabilities(
        OscillationParameters(*(table[column] for column in columns)),
        abs(table["E_GeV"]), table["L_km"], table["rhoYe_g_cm3"], antineutrino=antineutrino,
    )  # fmt: skip
    theirs = np.stack([table[f"P{i}{f}_exact"] for i in "emt" for f in "emt"], axis=1)
    worst = abs(found.reshape(-1, 9) - theirs).max()
    name = f"largest difference of P, {table.size} points, {'ν̄' if antineutrino else 'ν'}"
    validation.add(name, worst, 0.0, 1e-13, "NuFast-LBL 2, arXiv:2405.02400")


def test_rows_beyond_their_tolerance_fail(tmp_path):
    table = Table()
    table.add("a", 1.0, 1.1, 0.2, "here")
    with pytest.raises(AssertionError, match="beyond"):
        table.add("beyond", 1.0, 1.3, 0.2, "here")
    table.absent["test_b"] = "no program"
    table.write(tmp_path / "page.md")
    page = (tmp_path / "page.md").read_text(encoding="utf-8")
    assert "| a | 1 | 1.1 | -0.1 | 0.2 | here |" in page
    assert "`test_b`: no program" in page
