"""The far-detector analysis that fits and coverage share: from cross section to fitted replicas."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nd2fd.beam.spectra import unoscillated_far_spectrum
from nd2fd.cross_sections.models import CrossSectionModel
from nd2fd.detector.smearing import Resolution
from nd2fd.io.schemas.inputs import Response
from nd2fd.physics.baseline import Experiment
from nd2fd.physics.density import DensityGrid
from nd2fd.statistics.bootstrap import ReplicaFits, fit_replicas
from nd2fd.statistics.far_density import (
    ExactDensity,
    FarDetector,
    FarEvents,
    SmearedDensity,
    SurvivalPivots,
    cell_rates,
)
from nd2fd.statistics.likelihood_table import (
    TOLERANCE,
    Survival,
    ThetaNodes,
    choose_nodes,
    tabulate_likelihood,
)
from nd2fd.statistics.octants import Octant
from nd2fd.systematics.members import calibrated
from nd2fd.systematics.systematic import Assumption

Array = NDArray[np.float64]
Range = tuple[float, float]


@dataclass(frozen=True)
class FarAnalysis:
    """How far-detector events are analysed.

    detector
        How leptons are measured, and the neutrino energies of the sums.
    survival
        P(ν_μ → ν_μ) as a function of the fitted parameters.
    sin2_theta23, dm2_32
        Ranges of the fits, Δm²32 in eV².
    octant
        That of the truth, which the estimates of sin²2θ23 hold for known.
    """

    detector: FarDetector
    survival: Survival
    sin2_theta23: Range
    dm2_32: Range
    octant: Octant

    @classmethod
    def from_params(cls, params: Any, response: Response | None) -> "FarAnalysis":
        """From the parameters of a job; without `response`, events are not smeared.

        Attributes of `params`: sections `setup`, `grid`, `oscillation` and `smearing` of the
        configuration, the ranges `sin2_theta23` and `dm2_32`, and `octant`.
        """
        grid = DensityGrid.from_config(params.setup, params.grid)
        detector = FarDetector.exact(grid)
        if response is not None:
            resolution = Resolution.from_config(params.smearing)
            detector = FarDetector(grid, resolution, response.acceptance.ravel())
        experiment = Experiment.from_config(
            params.oscillation, antineutrino=grid.setup.antineutrino
        )
        survival = experiment.survival_scan(grid.energy)
        return cls(detector, survival, params.sin2_theta23, params.dm2_32, params.octant)

    def far_flux(self, assumption: Assumption) -> Array:
        """Assumed flux without oscillation at the energies of the sums, shape (n_energy,)."""
        return unoscillated_far_spectrum(assumption.flux)(self.detector.grid.energy)

    def densities(
        self, models: Sequence[CrossSectionModel], assumptions: Sequence[Assumption]
    ) -> list[ExactDensity | SmearedDensity]:
        """K and T of each member; with smearing in columns that stand for `pivots`."""
        fluxes = [self.far_flux(a) for a in assumptions]
        if self.detector.resolution.is_ideal:
            return self.detector.densities(models, fluxes)
        return list(self.detector.folded_densities(models, fluxes, self.pivots))

    @cached_property
    def pivots(self) -> SurvivalPivots:
        """For the ranges of the fits."""
        low, high = np.transpose([self.sin2_theta23, self.dm2_32])
        return SurvivalPivots.of(self.survival, low, high)

    @property
    def survival_of_columns(self) -> Survival:
        """The survival probability in the columns of `densities`."""
        return self.survival if self.detector.resolution.is_ideal else self.pivots.amplitudes

    def look_up(
        self, v1: Array, v2: Array, assumption: Assumption
    ) -> tuple[FarEvents, NDArray[np.bool_]]:
        """Measured events as a member takes them, and which of them are left; dear with smearing.

        `v1` and `v2` have shape (n_events,).
        """
        v1, v2, inside = calibrated(v1, v2, assumption, self.detector.grid.setup)
        return self.detector.look_up(v1[inside], v2[inside]), inside

    def theta_nodes(self, kernel: Array, totals: Array, tolerance: float = TOLERANCE) -> ThetaNodes:
        """Enough nodes in θ for the likelihood of these events, in columns of `densities`."""
        return choose_nodes(
            kernel,
            totals,
            self.survival_of_columns,
            sin2_theta23_range=self.sin2_theta23,
            dm2_32_range=self.dm2_32,
            tolerance=tolerance,
        )

    def theta_nodes_of_cells(
        self, model: CrossSectionModel, assumption: Assumption, tolerance: float
    ) -> ThetaNodes:
        """Nodes in θ for any events of a cross section: each cell stands for an event."""
        fluxes = [self.far_flux(assumption)]
        if self.detector.resolution.is_ideal:
            (in_cells,) = cell_rates([model], fluxes, self.detector.grid)
        else:
            (density,) = self.detector.folded_densities([model], fluxes, self.pivots)
            in_cells = density.rates
        likely = in_cells[in_cells.any(axis=1)]
        return self.theta_nodes(likely, in_cells.sum(axis=0), tolerance)

    def fit(
        self,
        density: ExactDensity | SmearedDensity,
        events: FarEvents,
        counts: Array,
    ) -> tuple[ReplicaFits, ReplicaFits]:
        """Fits of bootstrap replicas, and of the events themselves.

        Parameters
        ----------
        density
            Of the member.
        events
            As the member takes them.
        counts
            How often each replica holds each event, shape (n_replicas, n_events).
        """
        kernel = density.kernel(events)
        nodes = self.theta_nodes(kernel, density.totals)
        table = tabulate_likelihood(kernel, density.totals, nodes)
        return fit_replicas(counts, table), fit_replicas(np.ones((1, events.v1.size)), table)


def stacked(of_members: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Arrays of several members, by name, along a new first dimension."""
    return {name: np.stack([member[name] for member in of_members]) for name in of_members[0]}
