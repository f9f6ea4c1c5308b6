"""An experiment with the nuclear truth on a grid of expected events; what all tables need."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import yaml
from numpy.typing import NDArray

from nd2fd.beam.builtin_modes import flux_modes
from nd2fd.beam.flux import FluxTable, cell_averages, interpolate_flux
from nd2fd.beam.prepare import prepare_flux
from nd2fd.config.problems import validate_config
from nd2fd.cross_sections.impulse.nucleus import NOMINAL as TRUTH
from nd2fd.cross_sections.impulse.nucleus import Strengths
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
from nd2fd.physics.density import DensityGrid, event_densities, physical_points
from nd2fd.physics.setup import Setup
from nd2fd.physics.structure_functions import FiveStructureFunctions, StructureFunctions
from nd2fd.statistics.joint_design import with_modes

Array = NDArray[np.float64]

ROOT = Path(__file__).resolve().parents[2]
N_NEAR, FLOOR = 30_000_000, 0.01
TABLE = (384, 288)
"""Points of the tables of this study; smaller than those of the truth, for speed."""


@dataclass(frozen=True)
class Case:
    """An experiment of the configuration, on a grid of expected events."""

    setup: Setup
    raw: dict
    pdf: PdfMember
    grid: DensityGrid

    @classmethod
    def of(cls, name: str | None, pdf: str, *, antineutrino: bool) -> "Case":
        """From config.yaml, a file of config/experiments or none, and the folder of a PDF set."""
        raw = yaml.safe_load((ROOT / "config/config.yaml").read_text())
        own = ROOT / f"config/experiments/{name}.yaml"
        for key, value in (yaml.safe_load(own.read_text()) if name else {}).items():
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


def learned(
    case: Case, near: SplineDesign, basis: SplineBasis, events: Array, price: float
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
