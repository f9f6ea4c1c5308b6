"""From a near-detector histogram to the likelihood of far-detector events with pulls."""

import logging
from collections.abc import Mapping, Sequence
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
from nd2fd.learning.spline_design import Floats, SplineDesign
from nd2fd.learning.spline_posterior import SplinePosterior
from nd2fd.statistics.far_analysis import FarAnalysis
from nd2fd.statistics.far_directions import directions, weighted_changes
from nd2fd.statistics.far_kernel import FarKernel, FarSpectra, pull_kernel
from nd2fd.statistics.joint_design import far_fluxes
from nd2fd.systematics.pulls import FLUX, Pull, detector_pulls

Array = NDArray[np.float64]
IntArray = NDArray[np.int64]


_LEAST_EFFECT = 0.01
"""χ² of all data of both detectors, below which one standard deviation changes nothing."""

_LIMIT = 4.0
"""Prior standard deviations beyond which a nuisance parameter is not believed."""

_LOG = logging.getLogger(__name__)


class VainPullError(ValueError):
    """A systematic moves neither detector's data."""


class PullBasis(NamedTuple):
    """Coordinates a of what the near detector knows, as far as it matters to θ: x = x_0 + U a.

    centre : x_0
    structure_functions : those at x_0, then their changes by each a, on the nodes
    nuisance, nuisance_changes : nuisance parameters at x_0, flux modes first, shape (n_nuisance,),
        and their changes (n_nuisance, n_directions)
    coordinates : Yᵀ Lᵀ, which takes x - x_0 to a
    n_modes : number of flux modes
    """

    centre: Array
    structure_functions: Array
    nuisance: Array
    nuisance_changes: Array
    coordinates: Array
    n_modes: int

    @property
    def modes(self) -> Array:
        """Flux modes at x_0, shape (n_modes,)."""
        return self.nuisance[: self.n_modes]

    @property
    def mode_changes(self) -> Array:
        """Their changes by each a, shape (n_modes, n_directions)."""
        return self.nuisance_changes[: self.n_modes]

    def with_pulls(self, kernel: FarKernel, of_pulls: FarKernel) -> FarKernel:
        """G of x_0 and of the changes by a, from G of structure functions and of other pulls."""
        n_functions, n_pulls = len(kernel.totals), len(of_pulls.totals)
        weights = np.eye(n_functions, n_functions + n_pulls)
        weights[0, n_functions:] = self.nuisance[self.n_modes :]
        weights[1:, n_functions:] = self.nuisance_changes[self.n_modes :].T
        return kernel.joined(of_pulls).combined(weights)

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
    pulls
        Nuisance parameters other than those of the flux, each with the change of the probability of
        far-detector events to be measured, shape (n_cells,).
    strength
        Of the prior, where it is nearly known (`nd2fd.learning.spline_posterior.learn`).
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
    pulls: Sequence[tuple[Pull, Array]] = ()
    strength: float | None = None

    @classmethod
    def of(
        cls,
        design: JointDesign,
        flux: Flux,
        far_analysis: FarAnalysis,
        price: float,
        shape: tuple[int, int],
        chosen: "ChosenPulls | None" = None,
    ) -> "JointAnalysis":
        """With the maps of a design; `chosen` are its pulls, those of the flux if not given."""
        chosen = chosen or ChosenPulls((FLUX,), (FLUX,), {})
        nominal, *changes = far_fluxes(flux, far_analysis.detector.grid.energy)
        if FLUX not in chosen.names:
            changes = []
        n_modes = len(changes)
        every = detector_pulls(chosen.of_design, flux, chosen.sizes)
        used = [i for i, pull in enumerate(every) if pull.name in chosen.names]
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
            SplineDesign(
                design.near_cells,
                design.near,
                # Those of the flux are made in single precision.
                _chosen(design.near_modes[:n_modes].astype(np.float32), design.near_pulls, used),
                design.near_bends[used] if used and design.near_bends is not None else None,
            ),
            SplineDesign(
                design.far_cells,
                design.far,
                _chosen(design.far_modes[:n_modes], design.far_pulls, used),
            ),
            SplineDesign(design.far_cells, design.far, design.far_slopes),
            far_analysis,
            spectra,
            price,
            shape,
            pulls=[
                (every[i], acceptances)
                for i, acceptances in zip(
                    used, _chosen(np.empty(0), design.far_acceptances, used), strict=True
                )
            ],
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
        return learn_from(first, others, self.basis, self.price, self.strength)

    def pull_basis(self, posterior: SplinePosterior, n_events: int) -> PullBasis:
        """Directions that matter to θ with so many far-detector events, about a posterior.

        Raises VainPullError if a systematic moves nothing.
        """
        self._refuse_vain(posterior, n_events)
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
            len(self.spectra.modes),
        )

    def pull_kernel(self, structure_functions: Array, v1: Array, v2: Array) -> FarKernel:
        """Change of G of one cross section, (3, n_xi, n_tau), by pulls other than the flux's."""
        return pull_kernel(
            self.basis.nodes,
            structure_functions,
            self.spectra,
            self.far_analysis.detector,
            self.pulls,
            v1,
            v2,
        )

    def names(self) -> list[str]:
        """What the nuisance parameters are called, flux modes first."""
        modes = [f"flux mode {k}" for k in range(len(self.spectra.modes))]
        return modes + [pull.name for pull, _ in self.pulls]

    def beyond_limits(self, nuisance: Array) -> NDArray[np.bool_]:
        """Which nuisance parameters (n_nuisance,) are further from 0 than their priors allow.

        Each is a warning in the log.
        """
        beyond = np.abs(nuisance) > _LIMIT
        for k in np.flatnonzero(beyond):
            _LOG.warning(
                "%s is pulled to %+.1f standard deviations of its prior (limit %g): data and model "
                "disagree beyond it; widen the prior (%s), or look for a systematic that is "
                "missing in joint.fits.NAME.pulls",
                self.names()[k],
                nuisance[k],
                _LIMIT,
                "flux.uncertainty"
                if k < len(self.spectra.modes)
                else f"systematics.{self.names()[k]}",
            )
        return beyond

    def _refuse_vain(self, posterior: SplinePosterior, n_events: int) -> None:
        n_coefficients, n_modes = self.near.nominal.shape[1], len(self.spectra.modes)
        first = n_coefficients + n_modes
        # χ² of the near detector: the diagonal of the precision without the prior's.
        of_near = (posterior.factor[first:] ** 2).sum(axis=1) - 1.0
        maps, _ = weighted_changes(self.far, self.slopes, posterior, n_events)
        effect = of_near + (maps[:, first:] ** 2).sum(axis=0)
        for name in {pull.name for pull, _ in self.pulls}:
            of_name = [pull.name == name for pull, _ in self.pulls]
            if effect[of_name].sum() < _LEAST_EFFECT:
                raise VainPullError(
                    f"joint.fits.NAME.pulls: {name} moves nothing: one standard deviation is "
                    f"{effect[of_name].sum():.1g} units of χ² at both detectors together; take it "
                    f"out of the list, or give systematics.{name} a size that matters"
                )


class ChosenPulls(NamedTuple):
    """Systematics as pulls.

    names : of the fit
    of_design : those whose changes the design has
    sizes : configuration section `systematics`
    """

    names: Sequence[str]
    of_design: Sequence[str]
    sizes: Mapping[str, float]


def _chosen(of_flux: Floats, others: Array | None, used: Sequence[int]) -> Floats:
    """Rows of the flux modes, and those of other pulls that are used."""
    if others is None or not used:
        return of_flux
    return np.concatenate([of_flux.reshape(-1, *others.shape[1:]), others[list(used)]])


def octant_starts(far_analysis: FarAnalysis) -> Sequence[Array]:
    """Where searches for the best fit begin: either octant, Δm²32 in the middle of its range."""
    low, high = far_analysis.sin2_theta23
    mass = np.mean(far_analysis.dm2_32)
    return [np.array([0.5 * (0.5 + edge), mass]) for edge in (low, high)]
