"""What joint fits of near and far detector need of the experiment, and not of the data.

Densities as linear maps of spline coefficients at both detectors. Those of the near detector are to
be exact far below the errors of its events, which the flux modes are free to explain: true cells
are half as wide in both directions where leptons are smeared, and energies twice as many where they
are not (docs/studies/joint-fit.md).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from nd2fd.beam.flux import FluxTable, cell_averages, interpolate_flux
from nd2fd.detector.response import response_matrix
from nd2fd.detector.smearing import Resolution
from nd2fd.forward.nodes import NodeGrid, reachable_nodes
from nd2fd.forward.operator import ForwardOperator
from nd2fd.forward.splines import SplineBasis
from nd2fd.io.schemas.inputs import Flux
from nd2fd.io.schemas.joint import JointDesign
from nd2fd.learning.spline_design import SplineDesign, spline_map
from nd2fd.physics.density import DensityGrid, Parts, reachable_parts
from nd2fd.statistics.far_analysis import FarAnalysis
from nd2fd.statistics.theta_stencil import theta_derivatives
from nd2fd.systematics.pulls import Nature, Pull, analysed_at

Array = NDArray[np.float64]
IntArray = NDArray[np.int64]
Progress = Callable[[int, str], None]

_ENERGIES, _SUBSAMPLES = 2, 3
"""Refinement of the energies, and points per cell, of densities that are measured exactly."""

_TRUE_CELLS = 2
"""Refinement of the true cells of smeared densities, along either variable."""

_SMALL_PARTS = 4
"""Of what quadrature takes for one point, along either variable, where a calibration moves it."""

_SLOPE_STEP = 0.01
"""Of the differences in sin²θ23, and in Δm²32 in units of its size: half an error or so."""


def joint_design(
    nodes: NodeGrid,
    flux: Flux,
    analysis: FarAnalysis,
    grid: DensityGrid,
    reference: tuple[float, float],
    n_intervals: int,
    progress: Progress,
    pulls: Sequence[Pull] = (),
) -> JointDesign:
    """Densities of both detectors as linear maps of spline coefficients.

    Parameters
    ----------
    nodes
        Of the structure functions.
    flux
        Nominal fluxes, and the modes of their uncertainty.
    analysis
        Of the far detector; both detectors have its resolution.
    grid
        Cells and energies of the near-detector density.
    reference
        (sin²θ23, Δm²32 [eV²]) about which directions that matter are sought.
    n_intervals
        Of the splines, along ξ and τ.
    progress
        Called with (densities so far, note).
    pulls
        Nuisance parameters other than those of the flux.
    """
    detector = analysis.detector
    far_response = None
    if not detector.resolution.is_ideal:
        far_response = response_matrix(detector.grid, detector.resolution)
    progress(0, "response")
    operator, response = _near_operator(grid, nodes, detector.resolution)
    in_cells = _in_cells(flux, operator.grid)
    (matrix,) = operator.event_matrices(in_cells[:1])
    basis = SplineBasis.build(nodes, n_intervals, reachable_nodes([matrix], nodes))
    near = SplineDesign.build(operator, in_cells, basis, response)
    fine = operator.grid
    del operator
    measured = _Measured(grid, fine, detector.resolution, nodes, basis, in_cells[0])
    near_pulls = [measured.expansion(pull, near.cells, matrix) for pull in pulls]
    progress(1, "near detector")

    energy = detector.grid.energy
    unoscillated = far_fluxes(flux, energy)

    def survival(theta: Array) -> Array:
        return analysis.survival(theta[:, 0], theta[:, 1])

    at, first, second = theta_derivatives(survival, np.array(reference), _SLOPE_STEP)
    slopes = unoscillated[0] * np.concatenate([first, second])
    operator = ForwardOperator.build(detector.grid, nodes)
    far = SplineDesign.build(
        operator, np.concatenate([unoscillated * at, slopes]), basis, far_response
    )
    spectrum = unoscillated[0] * at
    (matrix,) = operator.event_matrices(spectrum[None]) if pulls else (matrix,)
    del operator
    measured = _Measured(detector.grid, detector.grid, detector.resolution, nodes, basis, spectrum)
    far_changes = [measured.change(pull, far.cells, matrix) for pull in pulls]
    progress(2, "far detector")
    n_modes = len(unoscillated) - 1
    return JointDesign(
        **nodes.stored,
        splines=basis.matrix,
        bends=basis.bends,
        near_cells=near.cells,
        near=near.nominal,
        near_modes=near.modes,
        far_cells=far.cells,
        far=far.nominal,
        far_modes=far.modes[:n_modes],
        far_slopes=far.modes[n_modes:],
        near_pulls=np.stack([first for first, _ in near_pulls]) if pulls else None,
        near_bends=np.stack([second for _, second in near_pulls]) if pulls else None,
        far_pulls=np.stack([change for change, _ in far_changes]) if pulls else None,
        far_acceptances=np.stack([kept for _, kept in far_changes]) if pulls else None,
    )


@dataclass(frozen=True)
class _Measured:
    """A detector whose nature can be another.

    grid, true_grid
        Measured cells; true ones, with the energies.
    resolution
        Nominal.
    nodes, basis
        Of the structure functions.
    flux
        At the energies of `true_grid`, shape (n_energy,).
    """

    grid: DensityGrid
    true_grid: DensityGrid
    resolution: Resolution
    nodes: NodeGrid
    basis: SplineBasis
    flux: Array

    def change(self, pull: Pull, cells: IntArray, nominal: sp.csr_array) -> tuple[Array, Array]:
        """Half the difference of densities with the pull up and down.

        `nominal` is A(Φ) with true cells, in any unit of the flux. Returns it in `cells`, as a map
        of spline coefficients, and the half difference of the probabilities of events in each true
        cell to be measured.
        """
        up, down = (self._with(found) for found in (pull.up, pull.down))
        half = 0.5 * (up - down)
        # What moves a lepton neither loses nor adds one.
        lost = np.zeros(nominal.shape[0])
        if not self.resolution.is_ideal:
            lost = np.asarray(half.sum(axis=0))
        return self._of_splines(half[cells], nominal), lost

    def expansion(self, pull: Pull, cells: IntArray, nominal: sp.csr_array) -> tuple[Array, Array]:
        """The same of the densities, and half of their second difference."""
        up, middle, down = (self._with(found) for found in (pull.up, pull.middle, pull.down))
        parts = 0.5 * (up - down), 0.5 * (up + down) - middle
        first, second = (self._of_splines(part[cells], nominal) for part in parts)
        return first, second

    def _with(self, nature: Nature) -> sp.csr_array:
        """Density of the nodes where leptons are measured exactly, of the true cells otherwise."""
        return self._at_moved_points(nature) if self.resolution.is_ideal else self._response(nature)

    def _of_splines(self, rows: sp.csr_array, nominal: sp.csr_array) -> Array:
        if self.resolution.is_ideal:
            return spline_map(sp.csr_array(rows), self.basis)
        return np.asarray(rows @ (spline_map(nominal, self.basis) / self.flux.sum()))

    def _at_moved_points(self, nature: Nature) -> sp.csr_array:
        operator = ForwardOperator.build(
            self.true_grid, self.nodes, moved_parts(self.true_grid, nature)
        )
        return operator.event_matrix(self.flux / self.flux.sum())

    def _response(self, nature: Nature) -> sp.csr_array:
        move = nature.measured_at if nature.is_calibrated else None
        return response_matrix(self.grid, nature.resolution(self.resolution), self.true_grid, move)


def moved_parts(grid: DensityGrid, nature: Nature) -> Parts:
    """Parts of cells where the right analysis takes them for, with the area that they have there.

    Muons at rest are moved far in (v1, v2): areas and centroids are those of smaller parts.
    """
    n_v1, n_v2 = grid.subsamples * grid.n_v1, grid.subsamples * grid.n_v2
    small = reachable_parts(replace(grid, subsamples=_SMALL_PARTS * grid.subsamples))
    w1, w2, ratio = analysed_at(small.v1, small.v2, nature, grid.setup)
    i, j = (small.v1 * n_v1).astype(np.int64), (small.v2 * n_v2).astype(np.int64)
    cell = i // grid.subsamples * grid.n_v2 + j // grid.subsamples
    in_cell = i % grid.subsamples * grid.subsamples + j % grid.subsamples
    number, part = np.unique(cell * grid.subsamples**2 + in_cell, return_inverse=True)
    weight = small.area * ratio
    area, moment1, moment2 = (
        np.bincount(part, weight * x).astype(np.float64) for x in (1.0, w1, w2)
    )
    kept = area > 0.0
    area = area[kept]
    return Parts(
        number[kept] // grid.subsamples**2, moment1[kept] / area, moment2[kept] / area, area
    )


def near_design(
    flux: Flux, resolution: Resolution, grid: DensityGrid, nodes: NodeGrid, basis: SplineBasis
) -> SplineDesign:
    """Density of the near detector in another flux, with the splines of a joint design."""
    operator, response = _near_operator(grid, nodes, resolution)
    return SplineDesign.build(operator, _in_cells(flux, operator.grid), basis, response)


def _near_operator(
    grid: DensityGrid, nodes: NodeGrid, resolution: Resolution
) -> tuple[ForwardOperator, sp.csr_array | None]:
    """True cells, and how they are measured in those of `grid`; None: exactly."""
    if resolution.is_ideal:
        fine = replace(grid, n_energy=_ENERGIES * grid.n_energy, subsamples=_SUBSAMPLES)
        return ForwardOperator.build(fine, nodes), None
    n_v1, n_v2 = _TRUE_CELLS * grid.n_v1, _TRUE_CELLS * grid.n_v2
    fine = replace(grid, n_v1=n_v1, n_v2=n_v2, subsamples=1)
    return ForwardOperator.build(fine, nodes), response_matrix(grid, resolution, fine)


def _in_cells(flux: Flux, grid: DensityGrid) -> Array:
    """Near flux and its changes by modes, averaged over the energies of a grid."""
    tables = [FluxTable(flux.energy, v) for v in with_modes(flux.near, flux.near_modes)]
    return np.stack(
        [
            cell_averages(partial(interpolate_flux, table), grid.n_energy, grid.setup.energy_max)
            for table in tables
        ]
    )


def with_modes(flux: Array, modes: Array | None) -> Array:
    """Φ, then Φ s_k, shape (1 + n_modes, n_energy), of `flux` (n_energy,) and its modes."""
    return flux[None] if modes is None else np.concatenate([flux[None], flux * modes])


def far_fluxes(flux: Flux, energy: Array) -> Array:
    """Φ and Φ s_k of the far detector without oscillation at energies [GeV]."""
    assert flux.far is not None
    return np.stack(
        [
            interpolate_flux(FluxTable(flux.energy, values), energy)
            for values in with_modes(flux.far, flux.far_modes)
        ]
    )
