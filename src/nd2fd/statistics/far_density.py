"""Far-detector event densities of one member, as the likelihood takes them.

The likelihood (`nd2fd.statistics.likelihood`) is made of K_kj, for events k and neutrino energies
E_j, and T_j. With the flux Φ_j, the cross section σ_j(v) and its integrals σ_jc over the cells c of
(v1, v2), these are

    K_kj = Φ_j σ_j(v_k),      T_j = Σ_c N_cj,         N_cj = Φ_j σ_jc,

or, where the muon is smeared,

    K_kj = Σ_c R_kc N_cj,     T_j = Σ_c a_c N_cj,

with the response R to each event and the acceptance a of each cell (`nd2fd.detector.response`).

R N is dear if it is needed for many samples, but on the θ of a table the survival probabilities
take few shapes, P_j(θ) = Σ_b A_b(θ) B_bj: some twenty for hundreds of energies. N Bᵀ is as narrow,
and K P = R (N Bᵀ) A. Then θ stands in the place of the energy: K_kθ and T_θ are the sums over it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import scipy.linalg
import scipy.sparse as sp
from numpy.typing import NDArray

from nd2fd.cross_sections.models import CrossSectionModel, folded_in_cells, in_cells
from nd2fd.detector.response import event_response
from nd2fd.detector.smearing import Resolution
from nd2fd.physics.density import DensityGrid
from nd2fd.statistics.likelihood_table import Survival
from nd2fd.statistics.polynomials import chebyshev_nodes

Array = NDArray[np.float64]

NEGLIGIBLE_SHAPE = 1e-10
"""Size of the shapes of the survival probability that are left out, relative to the largest."""


NEGLIGIBLE_PIVOT = 1e-9
"""Largest part of the survival probability that a further pivot would add, relative to it."""

_PIVOT_NODES = (9, 33)
"""Values of sin²θ23 and Δm²32 among which pivots are chosen."""


def cell_rates(
    models: Sequence[CrossSectionModel], fluxes: Sequence[Array], grid: DensityGrid
) -> list[Array]:
    """N_cj = Φ_j σ_jc of each model, shape (n_cells, n_energy), with its flux, (n_energy,)."""
    contents = in_cells(models, grid)
    contents *= np.stack(fluxes)[:, :, None]
    return [content.T for content in contents]


class SurvivalShapes(NamedTuple):
    """P_j(θ) = Σ_b A_b(θ) B_bj.

    shapes : B, shape (n_shapes, n_energy), orthonormal rows
    amplitudes : A, shape (n_shapes, n_theta)
    """

    shapes: Array
    amplitudes: Array

    @classmethod
    def of(cls, survival: Array) -> "SurvivalShapes":
        """The shapes of P(θ), shape (n_theta, n_energy); error `NEGLIGIBLE_SHAPE` of its norm."""
        _, sizes, shapes = np.linalg.svd(survival, full_matrices=False)
        shapes = shapes[sizes > NEGLIGIBLE_SHAPE * sizes[0]]
        return cls(shapes, shapes @ survival.T)


@dataclass(frozen=True)
class SurvivalPivots:
    """P_j(θ) = Σ_b A_b(θ) P_j(θ_b), with a few pivots θ_b.

    The P_j(θ_b) stand for energies: unlike orthonormal shapes they leave sums over the energy that
    are nowhere negative.

    survival
        P(θ).
    columns
        P_j(θ_b), shape (n_pivots, n_energy).
    rotation, triangle
        Their decomposition, columnsᵀ = Q R.
    """

    survival: Survival
    columns: Array
    rotation: Array
    triangle: Array

    @classmethod
    def of(cls, survival: Survival, low: Array, high: Array) -> "SurvivalPivots":
        """For θ between `low` and `high`, shape (2,); error `NEGLIGIBLE_PIVOT`."""
        at_nodes = survival(*chebyshev_nodes(np.stack([low, high]), _PIVOT_NODES))
        rotation, triangle, order = scipy.linalg.qr(at_nodes.T, mode="economic", pivoting=True)
        sizes = np.abs(np.diagonal(triangle))
        n = int((sizes > NEGLIGIBLE_PIVOT * sizes[0]).sum())
        return cls(survival, at_nodes[order[:n]], rotation[:, :n], triangle[:n, :n])

    def amplitudes(self, sin2_theta23: Array, dm2_32: Array) -> Array:
        """A of θ, shape (n, n_pivots); parameters have shape (n,)."""
        rotated = self.survival(sin2_theta23, dm2_32) @ self.rotation
        return np.asarray(scipy.linalg.solve_triangular(self.triangle, rotated.T).T)


@dataclass(frozen=True)
class FarEvents:
    """Measured events, and their response.

    v1, v2
        Measured density variables, shape (n_events,).
    response
        R, shape (n_events, n_cells); None without smearing.
    """

    v1: Array
    v2: Array
    response: sp.csr_array | None

    def __getitem__(self, part: slice | NDArray[np.int64]) -> "FarEvents":
        """Some of the events."""
        response = None if self.response is None else self.response[part]
        return FarEvents(self.v1[part], self.v2[part], response)

    def in_single_precision(self) -> "FarEvents":
        """The same with a response in single precision, for densities that are so, too."""
        response = None if self.response is None else self.response.astype(np.float32)
        return FarEvents(self.v1, self.v2, response)


@dataclass(frozen=True)
class ExactDensity:
    """K and T of one member without smearing.

    model, grid, flux
        The cross section, the energies, and the flux there, shape (n_energy,).
    totals
        T, shape (n_energy,).
    """

    model: CrossSectionModel
    grid: DensityGrid
    flux: Array
    totals: Array

    def kernel(self, events: FarEvents) -> Array:
        """K, shape (n_events, n_energy)."""
        return self.flux * self.model.at_events(self.grid, events.v1, events.v2)


@dataclass(frozen=True)
class SmearedDensity:
    """K and T of one member with smearing, in columns that stand for energies, pivots or θ.

    rates
        N, shape (n_cells, n_energy), its sums with the survival probability of the pivots,
        (n_cells, n_pivots), or N Bᵀ of either, (n_cells, n_shapes).
    totals
        T, shape (n_columns,).
    amplitudes
        A, shape (n_shapes, n_theta), where columns stand for θ; else None.
    """

    rates: Array
    totals: Array
    amplitudes: Array | None = None

    def kernel(self, events: FarEvents) -> Array:
        """K, shape (n_events, n_columns); ValueError for events without a response."""
        if events.response is None:
            raise ValueError(
                "events have no response; a detector with smearing has to look them up"
            )
        kernel = events.response @ self.rates
        if self.amplitudes is not None:
            # Rounding can take a vanishing density below zero.
            kernel = np.maximum(kernel @ self.amplitudes, 0.0)
        return np.asarray(kernel)

    def at_theta(self, survival: SurvivalShapes) -> "SmearedDensity":
        """The sums over the columns at the θ of `survival`, as a density with columns for them."""
        return SmearedDensity(
            self.rates @ survival.shapes.T,
            self.totals @ survival.shapes.T @ survival.amplitudes,
            survival.amplitudes,
        )


@dataclass(frozen=True)
class FarDetector:
    """How muons are measured.

    grid
        The neutrino energies of the sums, and the cells in which the cross section is integrated.
    resolution
        Of the muon.
    acceptance
        Probability that an event of a true cell is measured, shape (n_cells,): the column sums of
        the response matrix.

    Raises ValueError if there is not one acceptance per cell.
    """

    grid: DensityGrid
    resolution: Resolution
    acceptance: Array

    def __post_init__(self) -> None:
        n_cells = self.grid.n_v1 * self.grid.n_v2
        if self.acceptance.shape != (n_cells,):
            raise ValueError(
                f"acceptance has shape {self.acceptance.shape}; it must be ({n_cells},), one "
                "number per cell of the grid"
            )

    @classmethod
    def exact(cls, grid: DensityGrid) -> "FarDetector":
        """A detector that measures muons exactly and loses none."""
        return cls(grid, Resolution.ideal(), np.ones(grid.n_v1 * grid.n_v2))

    def look_up(self, v1: Array, v2: Array) -> FarEvents:
        """Events measured at (v1, v2), shape (n_events,) each; dear, so better many at a time.

        Raises ValueError if the muon is smeared and an event is not reachable.
        """
        if self.resolution.is_ideal:
            return FarEvents(v1, v2, None)
        return FarEvents(v1, v2, event_response(v1, v2, self.grid, self.resolution))

    def folded_densities(
        self, models: Sequence[CrossSectionModel], fluxes: Sequence[Array], pivots: SurvivalPivots
    ) -> list[SmearedDensity]:
        """K and T of cross sections in columns that stand for pivots, with smearing."""
        weights = np.stack([(flux * pivots.columns).T for flux in fluxes])
        return [
            SmearedDensity(rates, self.acceptance @ rates)
            for rates in folded_in_cells(models, self.grid, weights)
        ]

    def densities(
        self, models: Sequence[CrossSectionModel], fluxes: Sequence[Array]
    ) -> list[ExactDensity | SmearedDensity]:
        """K and T of cross sections, each with its flux at `grid.energy`, shape (n_energy,)."""
        found: list[ExactDensity | SmearedDensity] = []
        for model, flux, rates in zip(
            models, fluxes, cell_rates(models, fluxes, self.grid), strict=True
        ):
            totals = self.acceptance @ rates
            if self.resolution.is_ideal:
                found.append(ExactDensity(model, self.grid, flux, totals))
            else:
                found.append(SmearedDensity(rates, totals))
        return found
