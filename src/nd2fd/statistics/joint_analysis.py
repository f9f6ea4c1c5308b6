"""From a near-detector histogram to the likelihood of far-detector events with pulls."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import scipy.linalg as sl
from numpy.typing import NDArray

from nd2fd.forward.nodes import NodeGrid
from nd2fd.forward.splines import SplineBasis
from nd2fd.io.schemas.inputs import Flux
from nd2fd.io.schemas.joint import JointDesign
from nd2fd.learning.near_samples import NearSample, learn_from
from nd2fd.learning.spline_design import SplineDesign
from nd2fd.learning.spline_posterior import SplinePosterior
from nd2fd.statistics.far_analysis import FarAnalysis
from nd2fd.statistics.far_directions import directions
from nd2fd.statistics.far_kernel import FarSpectra
from nd2fd.statistics.joint_design import far_fluxes

Array = NDArray[np.float64]
IntArray = NDArray[np.int64]


class PullBasis(NamedTuple):
    """Coordinates a of what the near detector knows, as far as it matters to θ: x = x_0 + U a.

    centre : x_0
    structure_functions : those at x_0, then their changes by each a, on the nodes
    modes, mode_changes : flux modes at x_0 (n_modes,), and their changes (n_modes, n_directions)
    coordinates : Yᵀ Lᵀ, which takes x - x_0 to a
    """

    centre: Array
    structure_functions: Array
    modes: Array
    mode_changes: Array
    coordinates: Array

    def at(self, posterior: SplinePosterior) -> tuple[Array, Array]:
        """Mean of a, (n,), and a root of its covariance, (n, n), by a posterior."""
        mean = self.coordinates @ (posterior.mean - self.centre)
        root = posterior.whitened(self.coordinates)
        factor: Array = sl.cholesky(root @ root.T, lower=True)
        return mean, factor


@dataclass(frozen=True)
class JointAnalysis:
    """How data of both detectors are analysed together.

    basis, near, far, slopes
        Of `nd2fd.statistics.joint_design`.
    far_analysis
        Of the far detector.
    spectra
        At the far detector.
    price
        Of the prior (`nd2fd.learning.spline_posterior`).
    shape
        Numbers of cells in v1 and v2.
    off_axis
        As `near`, of samples at angles to the beam axis.
    """

    basis: SplineBasis
    near: SplineDesign
    far: SplineDesign
    slopes: SplineDesign
    far_analysis: FarAnalysis
    spectra: FarSpectra
    price: float
    shape: tuple[int, int]
    off_axis: tuple[SplineDesign, ...] = ()

    @classmethod
    def of(
        cls,
        design: JointDesign,
        flux: Flux,
        far_analysis: FarAnalysis,
        price: float,
        shape: tuple[int, int],
    ) -> "JointAnalysis":
        """With the maps of a design."""
        nominal, *changes = far_fluxes(flux, far_analysis.detector.grid.energy)
        shifts = [np.divide(c, nominal, np.zeros_like(c), where=nominal > 0.0) for c in changes]
        spectra = FarSpectra.build(
            far_analysis.survival,
            nominal,
            np.array(shifts).reshape(-1, nominal.size),
            far_analysis.sin2_theta23,
            far_analysis.dm2_32,
        )
        return cls(
            SplineBasis(NodeGrid.of(design), design.splines, design.bends),
            SplineDesign(design.near_cells, design.near, design.near_modes),
            SplineDesign(design.far_cells, design.far, design.far_modes),
            SplineDesign(design.far_cells, design.far, design.far_slopes),
            far_analysis,
            spectra,
            price,
            shape,
        )

    def learn(
        self,
        counts: Array | IntArray,
        squares: Array | None = None,
        off_axis: Sequence[Array | IntArray] = (),
    ) -> SplinePosterior:
        """Posterior of structure functions and flux modes, as `learn_counts`.

        `off_axis` are the counts (n_v1, n_v2) at each of the angles.
        """
        first = NearSample.of(self.near, counts, squares)
        others = [NearSample.of(*pair) for pair in zip(self.off_axis, off_axis, strict=True)]
        return learn_from(first, others, self.basis, self.price)

    def pull_basis(self, posterior: SplinePosterior, n_events: int) -> PullBasis:
        """Directions that matter to θ with so many far-detector events, about a posterior."""
        found = directions(self.far, self.slopes, posterior, n_events)
        changes = posterior.root(found)
        n_coefficients = self.near.nominal.shape[1]
        of_functions = changes[:n_coefficients].T.reshape(-1, *posterior.coefficients.shape)
        coefficients = np.concatenate([posterior.coefficients[None], of_functions])
        return PullBasis(
            posterior.mean,
            self.basis.on_nodes(coefficients),
            posterior.modes,
            changes[n_coefficients:],
            found.T @ posterior.factor.T,
        )


def octant_starts(far_analysis: FarAnalysis) -> Sequence[Array]:
    """Where searches for the best fit begin: either octant, Δm²32 in the middle of its range."""
    low, high = far_analysis.sin2_theta23
    mass = np.mean(far_analysis.dm2_32)
    return [np.array([0.5 * (0.5 + edge), mass]) for edge in (low, high)]
