"""Far-detector densities on a lattice of measured leptons, in coordinates of the pulls.

Tabulated once for all pseudo-experiments or toys, relative to the density of the centre.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nd2fd.statistics.far_kernel import FarKernel, far_kernel
from nd2fd.statistics.joint_analysis import JointAnalysis, PullBasis
from nd2fd.statistics.lepton_lattice import LeptonLattice

Array = NDArray[np.float64]
IntArray = NDArray[np.int64]

_NEGLIGIBLE_DENSITY = 1e-12
"""Of the largest: where the density is lower, no event is expected, and ratios are taken as 0."""


@dataclass(frozen=True)
class PullTables:
    """Densities on a lattice: of the pull basis, then of other cross sections.

    basis
        Coordinates of the structure functions and flux modes.
    lattice
        Where densities are tabulated.
    relative
        G, divided by the density of the centre without oscillation, shape
        (n_points, n_functions, n_shapes).
    totals
        Integral of G, shape (n_functions, n_shapes).
    centre
        Integral of the density of the centre over what a point stands for, shape (n_points,).
    """

    basis: PullBasis
    lattice: LeptonLattice
    relative: Array
    totals: Array
    centre: Array

    @classmethod
    def build(cls, analysis: JointAnalysis, basis: PullBasis, others: Array) -> "PullTables":
        """With other structure functions, shape (n_others, n_functions, n_xi, n_tau).

        Each of these is followed by its changes by pulls other than those of the flux, if any.
        """
        detector, spectra = analysis.far_analysis.detector, analysis.spectra
        lattice = LeptonLattice.build(detector.grid, detector.resolution)
        # Of one size, so that what is negligible is so for all.
        size = np.linalg.norm(basis.structure_functions[0])
        scaled = [other * (size / np.linalg.norm(other)) for other in others]
        kernel = far_kernel(
            analysis.basis.nodes,
            np.stack([*basis.structure_functions, *scaled]),
            spectra,
            detector,
            lattice.v1,
            lattice.v2,
        )
        if analysis.pulls:
            kernel = _with_pulls(analysis, basis, scaled, kernel, lattice)
        density = kernel.events[:, 0] @ (spectra.shapes @ spectra.flux)
        seen = density > _NEGLIGIBLE_DENSITY * density.max()
        relative = np.zeros_like(kernel.events)
        relative[seen] = kernel.events[seen] / density[seen, None, None]
        centre = np.where(seen, density * lattice.area, 0.0)
        return cls(basis, lattice, relative, kernel.totals, centre)

    @property
    def n_learned(self) -> int:
        """Number of functions of the pull basis, the centre among them."""
        return len(self.basis.structure_functions)

    def kernel(self, v1: Array, v2: Array) -> FarKernel:
        """G of events, relative to the density at the centre without oscillation."""
        flat = self.relative.reshape(len(self.relative), -1)
        events = self.lattice.interpolation(v1, v2) @ flat
        return FarKernel(events.reshape(v1.size, *self.totals.shape), self.totals)

    def kernel_at(self, points: IntArray) -> FarKernel:
        """The same of events at points of the lattice, shape (n_events,)."""
        return FarKernel(self.relative[points], self.totals)

    def expected(self, functions: Array, flux: Array) -> Array:
        """Events at the points, any unit, shape (n_points,).

        Of the sum of the pull basis with weights `functions` (n_learned,), and of a flux with the
        given amplitudes in the shapes, (n_shapes,).
        """
        relative = self.relative[:, : functions.size].reshape(len(self.relative), -1)
        return np.maximum(relative @ np.outer(functions, flux).ravel(), 0.0) * self.centre


def _with_pulls(
    analysis: JointAnalysis,
    basis: PullBasis,
    others: Sequence[Array],
    kernel: FarKernel,
    lattice: LeptonLattice,
) -> FarKernel:
    n_learned, points = len(basis.structure_functions), (lattice.v1, lattice.v2)
    of_centre = analysis.pull_kernel(basis.structure_functions[0], *points)
    every = basis.with_pulls(kernel[:n_learned], of_centre)
    for i, other in enumerate(others, start=n_learned):
        changes = analysis.pull_kernel(other, *points)
        every = every.joined(kernel[i : i + 1]).joined(changes)
    return every
