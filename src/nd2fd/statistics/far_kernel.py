r"""Far-detector densities that are linear in the structure functions, in few columns.

For structure functions W = W_0 + Σ_m a_m W_m and the flux Φ_j (1 + Σ_k z_k s_kj), the density of
measured leptons v before normalisation (`nd2fd.statistics.likelihood`) is

    p(v | θ, a, z) = Σ_m a_m Σ_b G_mb(v) A_b(θ, z),        a_0 = 1,

where the B_bj are orthonormal shapes over the energies that make up all spectra Φ_j P_j(θ) and
Φ_j s_kj P_j(θ), A_b their amplitudes, and G_mb(v) = Σ_j B_bj σ_mj(v) the cross sections W_m folded
with them (and smeared). Unlike in fits with one cross section nothing is clamped: W_m are changes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from nd2fd.detector.response import event_response
from nd2fd.forward.event_kernel import cell_cross_sections_on_nodes
from nd2fd.forward.nodes import NodeGrid
from nd2fd.physics.density import DensityGrid, cross_section_factors
from nd2fd.statistics.far_density import FarDetector
from nd2fd.statistics.likelihood_table import Survival
from nd2fd.systematics.pulls import Pull, analysed_at

Array = NDArray[np.float64]

_NEGLIGIBLE_SHAPE = 1e-5
"""Size of the shapes that are left out, relative to the largest."""

_NODES = (9, 17)
"""Values of sin²θ23 and Δm²32 whose spectra the shapes make up."""

_POINTS_PER_BLOCK = 100_000


@dataclass(frozen=True)
class FarSpectra:
    """Spectra of interacting neutrinos as sums of a few shapes.

    survival
        P(θ).
    flux
        Φ_j at the energies of the sums, shape (n_energy,).
    modes
        s_kj, shape (n_modes, n_energy).
    shapes
        B, orthonormal rows, shape (n_shapes, n_energy).
    """

    survival: Survival
    flux: Array
    modes: Array
    shapes: Array

    @classmethod
    def build(
        cls,
        survival: Survival,
        flux: Array,
        modes: Array,
        sin2_theta23: tuple[float, float],
        dm2_32: tuple[float, float],
    ) -> "FarSpectra":
        """Shapes for all θ in the given ranges."""
        axes = [np.linspace(*r, n) for r, n in zip((sin2_theta23, dm2_32), _NODES, strict=True)]
        mixing, mass = (values.ravel() for values in np.meshgrid(*axes, indexing="ij"))
        spectra = flux * survival(mixing, mass)
        every = np.concatenate([spectra, *(spectra * mode for mode in modes)])
        _, sizes, shapes = np.linalg.svd(every, full_matrices=False)
        return cls(survival, flux, modes, shapes[sizes > _NEGLIGIBLE_SHAPE * sizes[0]])

    def amplitudes(self, theta: Array) -> Array:
        """A_b of (sin²θ23, Δm²32) for the nominal flux and each mode; theta has shape (n, 2).

        Returns shape (n, 1 + n_modes, n_shapes): that of fluxes with z is
        A(θ, z) = A[:, 0] + Σ_k z_k A[:, k + 1].
        """
        survival = self.survival(theta[:, 0], theta[:, 1])
        return (survival @ self._weighted).reshape(len(theta), -1, len(self.shapes))

    @cached_property
    def _weighted(self) -> Array:
        """Φ_j B_bj and Φ_j s_kj B_bj, shape (n_energy, (1 + n_modes) n_shapes)."""
        fluxes = np.concatenate([self.flux[None], self.flux * self.modes])
        return (fluxes[:, None] * self.shapes).reshape(-1, self.flux.size).T


@dataclass(frozen=True)
class FarKernel:
    """G of events, and its integral over all measured leptons.

    events : shape (n_events, n_functions, n_shapes)
    totals : shape (n_functions, n_shapes)
    """

    events: Array
    totals: Array

    def combined(self, weights: Array) -> "FarKernel":
        """Of the structure functions Σ_m a_lm W_m, weights a of shape (n, n_functions)."""
        return FarKernel(
            np.einsum("lm,kmb->klb", weights, self.events, optimize=True), weights @ self.totals
        )

    def joined(self, other: "FarKernel") -> "FarKernel":
        """With the functions of another one after its own."""
        return FarKernel(
            np.concatenate([self.events, other.events], axis=1),
            np.concatenate([self.totals, other.totals]),
        )

    def __getitem__(self, part: slice) -> "FarKernel":
        """Some of the functions."""
        return FarKernel(self.events[:, part], self.totals[part])


def far_kernel(
    nodes: NodeGrid,
    structure_functions: Array,
    spectra: FarSpectra,
    detector: FarDetector,
    v1: Array,
    v2: Array,
) -> FarKernel:
    """G of structure functions on nodes, (n_functions, 3, n_xi, n_tau), at measured leptons.

    `v1` and `v2` have shape (n_events,); `detector.grid` has the energies of the spectra.
    """
    n_functions, n_shapes = len(structure_functions), len(spectra.shapes)
    flat = _in_true_cells(nodes, structure_functions, spectra, detector.grid)
    totals = (detector.acceptance @ flat).reshape(n_functions, n_shapes)
    if detector.resolution.is_ideal:
        events = _at_points(nodes, structure_functions, spectra, detector, v1, v2)
    else:
        response = event_response(v1, v2, detector.grid, detector.resolution)
        events = (response @ flat).reshape(v1.size, n_functions, n_shapes)
    return FarKernel(events, totals)


def pull_kernel(
    nodes: NodeGrid,
    structure_functions: Array,
    spectra: FarSpectra,
    detector: FarDetector,
    pulls: Sequence[tuple[Pull, Array]],
    v1: Array,
    v2: Array,
) -> FarKernel:
    """Change of G by nuisance parameters, the functions of the result.

    Parameters
    ----------
    structure_functions
        Of one cross section on the nodes, shape (3, n_xi, n_tau).
    pulls
        Each with the change of the probability of events to be measured, shape (n_cells,).
    nodes, spectra, detector, v1, v2
        As for `far_kernel`.
    """
    one, setup = structure_functions[None], detector.grid.setup
    smeared = not detector.resolution.is_ideal
    flat = _in_true_cells(nodes, one, spectra, detector.grid) if smeared else None
    changes = []
    for pull, _ in pulls:
        moved = []
        for nature in (pull.up, pull.down):
            w1, w2, ratio = analysed_at(v1, v2, nature, setup)
            seen = ratio > 0.0
            events = np.zeros((v1.size, len(spectra.shapes)))
            if flat is not None:
                resolution = nature.resolution(detector.resolution)
                events[seen] = event_response(w1[seen], w2[seen], detector.grid, resolution) @ flat
            else:
                at_points = _at_points(nodes, one, spectra, detector, w1[seen], w2[seen])
                events[seen] = at_points[:, 0]
            moved.append(events * ratio[:, None])
        changes.append(0.5 * (moved[0] - moved[1]))
    totals = np.zeros((len(pulls), len(spectra.shapes)))
    if flat is not None:
        totals = np.stack([kept for _, kept in pulls]) @ flat
    return FarKernel(np.stack(changes, axis=1), totals)


def _in_true_cells(
    nodes: NodeGrid, structure_functions: Array, spectra: FarSpectra, grid: DensityGrid
) -> Array:
    """G of the contents of true cells, shape (n_cells, n_functions n_shapes)."""
    n_functions, n_shapes = len(structure_functions), len(spectra.shapes)
    in_cells = np.zeros((grid.n_v1 * grid.n_v2, n_functions, n_shapes))
    of_energies = cell_cross_sections_on_nodes(nodes, structure_functions, grid, clamp=False)
    # Few energies at a time: one product instead of many outer ones.
    together: list[Array] = []
    for j, cross_sections in enumerate(of_energies):
        together.append(cross_sections)
        if len(together) == _ENERGIES_TOGETHER or j == grid.n_energy - 1:
            columns = spectra.shapes[:, j + 1 - len(together) : j + 1]
            in_cells += np.einsum("jmc,bj->cmb", np.stack(together), columns, optimize=True)
            together = []
    return in_cells.reshape(len(in_cells), -1)


_ENERGIES_TOGETHER = 8


def _at_points(
    nodes: NodeGrid,
    structure_functions: Array,
    spectra: FarSpectra,
    detector: FarDetector,
    v1: Array,
    v2: Array,
) -> Array:
    energy, setup = detector.grid.energy, detector.grid.setup
    n_functions = len(structure_functions)
    by_node = structure_functions.reshape(n_functions, 3, -1).transpose(2, 1, 0)
    columns = np.ascontiguousarray(by_node).reshape(nodes.n_nodes, -1)
    result = np.empty((v1.size, n_functions, len(spectra.shapes)))
    per_block = max(1, _POINTS_PER_BLOCK // energy.size)
    for start in range(0, v1.size, per_block):
        block = slice(start, start + per_block)
        x, Q2, factors, physical = cross_section_factors(
            energy, v1[block, None], v2[block, None], setup
        )
        at_points = nodes.interpolation_matrix(x[physical], Q2[physical]) @ columns
        weighted = at_points.reshape(-1, 3, n_functions) * factors[:, physical].T[:, :, None]
        cross_sections = np.zeros((*physical.shape, n_functions))
        cross_sections[physical] = weighted.sum(axis=1)
        result[block] = np.einsum("kjm,bj->kmb", cross_sections, spectra.shapes, optimize=True)
    return result
