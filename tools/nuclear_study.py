"""Print the tables of docs/studies/nuclear.md.

    python tools/nuclear_study.py accuracy|nodes|closure|models EXPERIMENT PDF [HELICITY]

EXPERIMENT is a file of config/experiments without its ending, such as dune_impulse; PDF the folder
of a PDF set, such as results/pdf/ct18nnlo_embedded of any run. One or two minutes on one core each.
"""

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path

import numpy as np
import yaml
from numpy.typing import NDArray

from nd2fd.beam.builtin_modes import flux_modes
from nd2fd.beam.flux import FluxTable, cell_averages, interpolate_flux
from nd2fd.beam.prepare import prepare_flux
from nd2fd.config.problems import validate_config
from nd2fd.cross_sections.impulse.nucleus import NOMINAL as TRUTH
from nd2fd.cross_sections.impulse.nucleus import Accuracy, Strengths
from nd2fd.cross_sections.impulse.targets import GASES, impulse_approximation
from nd2fd.cross_sections.interpolation import interpolated_table, tabulate
from nd2fd.cross_sections.quark_parton import checked_densities, transverse_quark_parton_model
from nd2fd.cross_sections.truths import PdfMember
from nd2fd.forward.nodes import NodeGrid, reachable_nodes
from nd2fd.forward.operator import ForwardOperator
from nd2fd.forward.splines import SplineBasis
from nd2fd.learning.spline_design import SplineDesign
from nd2fd.learning.spline_posterior import SplinePosterior, learn_counts
from nd2fd.physics.baseline import Experiment
from nd2fd.physics.cross_section import measurable_combinations
from nd2fd.physics.density import DensityGrid, event_densities, total_variation
from nd2fd.physics.setup import Setup
from nd2fd.physics.structure_functions import FiveStructureFunctions, StructureFunctions
from nd2fd.statistics.joint_design import with_modes

Array = NDArray[np.float64]

ROOT = Path(__file__).resolve().parents[1]
N_NEAR, PRICE, FLOOR = 30_000_000, 2.0, 0.01
TABLE = (384, 288)
"""Points of the tables of this study; smaller than those of the truth, for speed."""

NUCLEON_MASS = 0.938918754


@dataclass(frozen=True)
class Case:
    """An experiment of the configuration, on a grid of expected events."""

    setup: Setup
    raw: dict
    pdf: PdfMember
    grid: DensityGrid

    @classmethod
    def of(cls, name: str, pdf: str, *, antineutrino: bool) -> "Case":
        """From config.yaml, a file of config/experiments, and the folder of a PDF set."""
        raw = yaml.safe_load((ROOT / "config/config.yaml").read_text())
        for key, value in yaml.safe_load(
            (ROOT / f"config/experiments/{name}.yaml").read_text()
        ).items():
            raw[key] = raw[key] | value if isinstance(value, dict) else value
        config = validate_config(raw)
        setup = Setup.from_config(config.setup.model_dump(mode="json"))
        setup = replace(setup, antineutrino=antineutrino)
        member = PdfMember(Path(pdf), 0, "neopdf")
        return cls(setup, raw, member, DensityGrid(setup, 144, 64, 64, 2))

    @cached_property
    def flux(self):
        """Fluxes and modes, as the workflow makes them."""
        near, far = validate_config(self.raw).fluxes
        modes = flux_modes(self.raw["flux"]["uncertainty"], self.setup.energy_max)
        return prepare_flux(near, far, modes, self.setup.energy_max, True)

    def in_cells(self, values: Array, factor: Callable[[Array], Array] = np.ones_like) -> Array:
        """Cell averages of spectra (n, n_energy of the flux) times a function of E_ν."""
        tables = [FluxTable(self.flux.energy, v) for v in values]
        return np.stack(
            [
                cell_averages(
                    lambda e, t=t: interpolate_flux(t, e) * factor(e),
                    self.grid.n_energy,
                    self.setup.energy_max,
                )
                for t in tables
            ]
        )

    @cached_property
    def near_fluxes(self) -> Array:
        """Φ and Φ s_k at the near detector."""
        fluxes = self.in_cells(with_modes(self.flux.near, self.flux.near_modes))
        return fluxes / fluxes[0].sum()

    def far_fluxes(self, mixing: float, dm2_32: float) -> Array:
        """Φ P and Φ s_k P at sin²2θ23 (lower octant) and Δm²32."""
        experiment = Experiment.from_config(
            self.raw["oscillation"], antineutrino=self.setup.antineutrino
        )
        sin2 = np.array([0.5 * (1.0 - np.sqrt(1.0 - mixing))])

        def survival(energy: Array) -> Array:
            return experiment.survival_scan(energy.ravel())(sin2, np.array([dm2_32])).reshape(
                energy.shape
            )

        fluxes = self.in_cells(with_modes(self.flux.far, self.flux.far_modes), survival)
        return fluxes / fluxes[0].sum()

    @property
    def theta(self) -> tuple[float, float]:
        """True sin²2θ23 and Δm²32."""
        o = self.raw["oscillation"]
        return 4 * o["sin2_theta23"] * (1 - o["sin2_theta23"]), o["dm2_31"] - o["dm2_21"]

    # Cross sections.

    def impulse(self, strengths: Strengths = TRUTH, fermi: float = 0.0) -> StructureFunctions:
        """W' of the impulse approximation, k_F of nuclei (not of protons) changed by `fermi`."""
        gases = {
            name: gas._replace(fermi_momentum=gas.fermi_momentum + fermi * gas.blocked)
            for name, gas in GASES.items()
        }
        five = impulse_approximation(
            checked_densities(self.setup, self.pdf), self.setup, strengths, gases=gases
        )
        return self.effective(self.tabulated(five))

    def tabulated(self, five: FiveStructureFunctions, shape=TABLE) -> FiveStructureFunctions:
        """The same from a table."""
        table = tabulate(five, lambda x, Q2: np.zeros((5, x.size)), self.setup, *shape)
        return interpolated_table(table, antineutrino=False)

    def effective(self, five: FiveStructureFunctions) -> StructureFunctions:
        """W' of the five."""
        return measurable_combinations(five, self.setup)

    def quarks(self) -> StructureFunctions:
        """The quark-parton toy, with R = 0."""
        densities = checked_densities(self.setup, self.pdf)
        return self.effective(
            lambda x, Q2: transverse_quark_parton_model(densities, x, Q2, self.setup)
        )

    def events(self, truth: StructureFunctions) -> tuple[Array, Array]:
        """Events per cell, flat, for Φ at the near detector, its modes, then Φ P and its modes.

        Not normalised; shape (n, n_cells), and σ(E_ν).
        """
        fluxes = np.concatenate([self.near_fluxes, self.far_fluxes(*self.theta)])
        densities = np.zeros((len(fluxes), self.grid.n_v1 * self.grid.n_v2))
        sigma = np.zeros(self.grid.n_energy)
        for j, points in enumerate(self.points):
            weight = np.einsum("ip,ip->p", points.factors, truth(points.bjorken_x, points.Q2))
            section = np.bincount(points.cell, weight, densities.shape[1])
            sigma[j] = section.sum()
            densities += fluxes[:, j, None] * section
        return densities, sigma

    @cached_property
    def points(self):
        """Quadrature points by energy."""
        from nd2fd.physics.density import physical_points

        return list(physical_points(self.grid))

    # Learning and fitting.

    def nodes(self, n: int, Q2_scale: float) -> NodeGrid:
        """n × n nodes."""
        return NodeGrid.for_setup(self.setup, n, n, Q2_scale)

    def designs(self, Q2_scale: float, n_intervals: int):
        """Splines on 64 × 64 nodes, and the maps of the near detector and of the far one."""
        operator = ForwardOperator.build(self.grid, self.nodes(64, Q2_scale))
        (matrix,) = operator.event_matrices(self.near_fluxes[:1])
        reachable = reachable_nodes([matrix], operator.nodes)
        basis = SplineBasis.build(operator.nodes, n_intervals, reachable)
        near = SplineDesign.build(operator, self.near_fluxes, basis, None)
        far = SplineDesign.build(operator, self.far_fluxes(*self.theta), basis, None)
        return operator, basis, near, far

    def fit(self, nature_far: Array, model_far: Array, slopes: Array, n_far: int) -> Array:
        """Shift of (sin²2θ23, Δm²32) in σ_stat when `model_far` is fitted to `nature_far`."""
        density = nature_far / nature_far.sum()
        model = model_far / model_far.sum()
        variance = np.maximum(density, FLOOR / density.size) / n_far
        weighted = slopes / variance
        information = weighted @ slopes.T
        shift = np.linalg.solve(information, weighted @ (density - model))
        return shift / np.sqrt(np.diag(np.linalg.inv(information)))

    def joint_fit(
        self,
        nature_far: Array,
        far: SplineDesign,
        posterior: SplinePosterior,
        slopes: Array,
        n_far: int,
    ) -> str:
        """Shift and error of the same in a joint fit, where the far data move W' and flux, too.

        In linear theory, with all directions of the near detector's posterior.
        """
        density = (nature_far / nature_far.sum())[far.cells]
        flat = posterior.coefficients.ravel()
        events = far.nominal @ flat + far.changes(flat) @ posterior.modes
        model = events / events.sum()
        by_x = np.concatenate([far.nominal, far.changes(flat)], axis=1) / events.sum()
        errors = np.sqrt(np.maximum(density, FLOOR / nature_far.size) / n_far)
        maps = (by_x - model[:, None] * by_x.sum(axis=0)) / errors[:, None]
        whitened = posterior.whitened(maps)
        of_theta = (slopes[:, far.cells] / errors).T
        residual = (density - model) / errors
        inner = np.eye(whitened.shape[1]) + whitened.T @ whitened
        left = np.column_stack([of_theta, residual])
        right = left - whitened @ np.linalg.solve(inner, whitened.T @ left)
        information = of_theta.T @ right[:, :2]
        shift = np.linalg.solve(information, of_theta.T @ right[:, 2])
        stat = np.sqrt(np.diag(np.linalg.inv(of_theta.T @ of_theta)))
        error = np.sqrt(np.diag(np.linalg.inv(information)))
        return ", ".join(
            f"{s:+.2f} ± {e:.2f}" for s, e in zip(shift / stat, error / stat, strict=True)
        )

    def slopes(self, truth: StructureFunctions) -> Array:
        """Derivatives of the normalised far density by (sin²2θ23, Δm²32), (2, n_cells)."""
        mixing, dm2 = self.theta
        steps = ((0.003, 0.0), (0.0, 0.01 * dm2))
        pairs = [
            [self.far_fluxes(mixing + s * a, dm2 + s * b)[0] for s in (1, -1)] for a, b in steps
        ]
        fluxes = np.array(pairs).reshape(4, -1)
        densities, _ = event_densities(self.grid, truth, fluxes)
        flat = densities.reshape(2, 2, -1) * self.grid.cell_area
        return (flat[:, 0] - flat[:, 1]) / np.array([2 * 0.003, 2 * 0.01 * dm2])[:, None]


def accuracy(case: Case) -> None:
    """Of tables and quadrature rules, against half as many points again of all."""
    densities = checked_densities(case.setup, case.pdf)
    reference = None
    for shape, rule in (
        ((768, 576), (60, 24)),
        ((512, 384), (40, 16)),
        ((256, 192), (40, 16)),
    ):
        start = time.process_time()
        five = impulse_approximation(densities, case.setup, accuracy=Accuracy(*rule))
        truth = case.effective(case.tabulated(five, shape))
        seconds = time.process_time() - start
        events, sigma = case.events(truth)
        if reference is None:
            reference = events, sigma
            continue
        high = case.grid.energy > 0.3
        near, far = (
            total_variation(events[k], reference[0][k]) for k in (0, len(case.near_fluxes))
        )
        worst = np.abs(sigma[high] / reference[1][high] - 1.0).max()
        print(f"{shape} {rule}: {seconds:.1f} s, TV ND {near:.1e} FD {far:.1e}, σ {worst:.1e}")


def nodes(case: Case) -> None:
    """What interpolation between nodes costs: the truth on nodes against the truth."""
    for name, truth in (("impulse", case.impulse()), ("quarks", case.quarks())):
        events, _ = case.events(truth)
        k = len(case.near_fluxes)
        for n, scale in ((64, 1.0), (64, 0.3), (128, 0.3), (64, 0.1), (64, 0.03), (64, 0.01)):
            grid = case.nodes(n, scale)
            values = truth(*(v.ravel() for v in grid.x_and_Q2())).reshape(3, n, n)
            found, _ = case.events(partial(grid.interpolate, values))
            print(
                f"{name} {n} × {n} nodes, q0 {scale}: "
                f"TV ND {total_variation(found[0], events[0]):.1e} "
                f"FD {total_variation(found[k], events[k]):.1e}",
                flush=True,
            )


def learned(
    case: Case, near: SplineDesign, basis: SplineBasis, events: Array, price: float = PRICE
) -> SplinePosterior:
    """From expected near-detector events."""
    counts = np.maximum(events[0] / events[0].sum() * N_NEAR, 0.0)
    return learn_counts(near, basis, counts.reshape(case.grid.n_v1, case.grid.n_v2), price)


def predicted(case: Case, posterior: SplinePosterior, far: SplineDesign) -> Array:
    """Far events in all cells, with the flux that the near detector found."""
    flat = posterior.coefficients.ravel()
    events = np.zeros(case.grid.n_v1 * case.grid.n_v2)
    events[far.cells] = far.nominal @ flat + far.changes(flat) @ posterior.modes
    return events


SPLINES = ((0.3, 16, 2.0), (0.3, 28, 2.0), (0.02, 16, 2.0), (0.02, 28, 2.0), (0.02, 28, 20.0))
"""q0 [GeV²], intervals and price."""


def closure(case: Case) -> None:
    """Splines of several sizes: total variation, σ(E_ν), shift of the fit."""
    n_far = case.raw["far_detector"]["n_events"]
    for name, truth in (("impulse", case.impulse()), ("quarks", case.quarks())):
        events, sigma = case.events(truth)
        k = len(case.near_fluxes)
        slopes = case.slopes(truth)
        for scale, n_intervals, price in SPLINES if name == "impulse" else SPLINES[:1]:
            start = time.process_time()
            operator, basis, near, far = case.designs(scale, n_intervals)
            posterior = learned(case, near, basis, events, price)
            values = basis.on_nodes(posterior.coefficients)
            interpolate = partial(operator.nodes.interpolate, values)
            found, sigma_found = case.events(interpolate)
            energy = case.grid.energy
            used = case.near_fluxes[0] > 1e-3 * case.near_fluxes[0].max()
            used &= energy > 0.3
            ratio = (sigma_found / np.where(sigma > 0.0, sigma, 1.0))[used]
            average = np.average(ratio, weights=(sigma * case.near_fluxes[0])[used])
            worst = np.abs(ratio / average - 1.0)
            shift = case.fit(events[k], predicted(case, posterior, far), slopes, n_far)
            print(
                f"{name} q0 {scale}, {n_intervals} intervals, price {price}: "
                f"χ² {posterior.chi2:.0f}, paid {posterior.paid:.1f}, effective "
                f"{posterior.effective_parameters:.0f}, |z| {np.linalg.norm(posterior.modes):.2f}; "
                f"TV ND {total_variation(found[0], events[0]):.1e} "
                f"FD {total_variation(found[k], events[k]):.1e}; "
                f"σ mean {worst.mean():.1e} worst {worst.max():.1e}; "
                f"shift {shift[0]:+.2f} {shift[1]:+.2f}, joint fit "
                f"{case.joint_fit(events[k], far, posterior, slopes, n_far)}; "
                f"{time.process_time() - start:.0f} s",
                flush=True,
            )


PARAMETERS = ("axial_mass", "k_F", "delta", "second_region", "continuum")
STEPS = np.array([0.03, 0.01, 0.05, 0.05, 0.05])
NOMINAL = np.array([1.0, 0.0, 1.0, 1.0, 1.0])


def model(case: Case, parameters: Array) -> Array:
    """Events of the tuned model, as `Case.events`."""
    axial_mass, fermi, delta, second, continuum = parameters
    strengths = Strengths(
        axial_mass=axial_mass, delta=delta, second_region=second, continuum=continuum
    )
    return case.events(case.impulse(strengths, fermi))[0]


def tune(case: Case, events: Array, at: Array, slopes: Array) -> tuple[Array, Array, Array, float]:
    """Parameters and flux modes that fit the near detector best, by Gauss-Newton.

    `slopes` (n_parameters, n_fluxes, n_cells) are the model's derivatives at NOMINAL. Returns them,
    the far events of the model with them, and χ² of the near detector.
    """
    k = len(case.near_fluxes)
    data = events[0] / events[0].sum()
    variance = np.maximum(data, FLOOR / data.size) / N_NEAR
    modes = np.zeros(k - 1)
    for _ in range(3):
        found = model(case, at)
        shape = found[0] + modes @ found[1:k]
        density = shape / shape.sum()
        changes = np.concatenate([slopes[:, 0], found[1:k]])
        columns = (changes - density * changes.sum(axis=1, keepdims=True)) / shape.sum()
        weighted = columns / variance
        precision = weighted @ columns.T
        precision[len(at) :, len(at) :] += np.eye(k - 1)
        right = weighted @ (data - density)
        right[len(at) :] -= modes
        step = np.linalg.solve(precision, right)
        at, modes = at + step[: len(at)], modes + step[len(at) :]
    found = model(case, at)
    shape = found[0] + modes @ found[1:k]
    chi2 = float(((data - shape / shape.sum()) ** 2 / variance).sum())
    return at, modes, found[k] + modes @ found[k + 1 :], chi2


def between(five: StructureFunctions, setup: Setup, more: float) -> StructureFunctions:
    """More strength between the quasi-elastic peak and the Δ: about W = 1.07 GeV of a nucleon."""

    def changed(x: Array, Q2: Array) -> Array:
        W = np.sqrt(
            np.maximum(NUCLEON_MASS**2 + Q2 * (NUCLEON_MASS / setup.nucleon_mass / x - 1.0), 0.0)
        )
        return five(x, Q2) * (1.0 + more * np.exp(-0.5 * ((W - 1.07) / 0.06) ** 2))

    return changed


def models(case: Case) -> None:
    """A tuned model against learned structure functions, in natures inside and outside of it."""
    n_far = case.raw["far_detector"]["n_events"]
    k = len(case.near_fluxes)
    nominal = case.impulse()
    base = case.events(nominal)[0]
    derivatives = []
    for i, step in enumerate(STEPS):
        change = step * np.eye(len(STEPS))[i]
        derivatives.append((model(case, NOMINAL + change) - base) / step)
    derivatives = np.stack(derivatives)
    _, basis, near, far = case.designs(0.02, 28)
    natures = {
        "inside: M_A = 1.1 GeV, Δ 10 % stronger": case.impulse(
            Strengths(axial_mass=1.1, delta=1.1)
        ),
        "20 % more between quasi-elastic and Δ": between(nominal, case.setup, 0.2),
        "50 % more there": between(nominal, case.setup, 0.5),
        "quarks alone": case.quarks(),
    }
    for name, nature in natures.items():
        events, _ = case.events(nature)
        slopes = case.slopes(nature)
        posterior = learned(case, near, basis, events, 20.0)
        spline = case.fit(events[k], predicted(case, posterior, far), slopes, n_far)
        untuned = case.fit(events[k], base[k], slopes, n_far)
        at, modes, tuned_far, chi2 = tune(case, events, NOMINAL, derivatives)
        tuned = case.fit(events[k], tuned_far, slopes, n_far)
        print(
            f"{name}\n  nominal model {untuned[0]:+.2f} {untuned[1]:+.2f}"
            f"\n  tuned model   {tuned[0]:+.2f} {tuned[1]:+.2f}, χ² of the ND {chi2:.0f}, |z| "
            f"{np.linalg.norm(modes):.1f}, "
            + ", ".join(f"{p} {v:.3f}" for p, v in zip(PARAMETERS, at, strict=True))
            + f"\n  splines       {spline[0]:+.2f} {spline[1]:+.2f}, χ² {posterior.chi2:.0f}, |z| "
            f"{np.linalg.norm(posterior.modes):.2f}, joint fit "
            f"{case.joint_fit(events[k], far, posterior, slopes, n_far)}",
            flush=True,
        )


if __name__ == "__main__":
    what, experiment, pdf, *helicity = sys.argv[1:]
    of_what = {"accuracy": accuracy, "nodes": nodes, "closure": closure, "models": models}
    of_what[what](Case.of(experiment, pdf, antineutrino=helicity == ["antineutrino"]))
