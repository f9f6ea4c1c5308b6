"""Log-likelihoods of many members at once, as functions of the oscillation parameters.

Up to a constant, ln p(v | θ) of all members together is, with few terms,

    ln p_m(v | θ) ≈ Σ_r Σ_q b_r(v) c_rmq f_q(θ):

the f_q are polynomials shared by all members, and the b_r principal components over members and
polynomials, in the metric of the log-likelihoods of samples with Poisson numbers of events. So what
belongs to the events is looked up once for all members. The b_r are smooth: they are tabulated
on a lattice (`nd2fd.statistics.lepton_lattice`) and interpolated.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from nd2fd.statistics.far_density import ExactDensity, FarDetector, FarEvents, SmearedDensity
from nd2fd.statistics.lepton_lattice import LeptonLattice
from nd2fd.statistics.likelihood import density_floor, log_density
from nd2fd.statistics.likelihood_table import ThetaNodes
from nd2fd.statistics.polynomials import Polynomials

Array = NDArray[np.float64]
Single = NDArray[np.float32]

TOLERANCE = 1e-3
"""Error of a sample's log-likelihood, root mean square over samples, members and θ, that each of
two approximations may make: finite numbers of polynomials f_q and of components b_r."""

NODES_TOLERANCE = 1e-4
"""The same of a finite number of nodes in either parameter."""

_POINTS_TOGETHER = 2000
"""Points of the lattice that are tabulated together; what they need stays in the cache."""

_TRAINING_POINTS = 10_000
"""Components are chosen on a part of the lattice, of about so many points or somewhat fewer."""


@dataclass(frozen=True)
class MemberLikelihoods:
    """ln p of all members, up to constants.

    lattice, components
        b_r at the points of the lattice, shape (n_points, n_components).
    coefficients
        c, shape (n_members, n_components, n_polynomials).
    polynomials
        f_q.
    """

    lattice: LeptonLattice
    components: Single
    coefficients: Array
    polynomials: Polynomials

    @classmethod
    def tabulate(
        cls,
        densities: Sequence[ExactDensity | SmearedDensity],
        detector: FarDetector,
        nodes: ThetaNodes,
        n_events: int,
    ) -> "MemberLikelihoods":
        """Tabulate the likelihoods.

        Parameters
        ----------
        densities
            K and T of each member.
        detector
            How leptons are measured.
        nodes
            Nodes in θ, with the survival probability in the columns of the densities.
        n_events
            Number of events of the samples.
        """
        lattice = LeptonLattice.build(detector.grid, detector.resolution)
        events = detector.look_up(lattice.v1, lattice.v2)
        stride = math.ceil(math.sqrt(lattice.v1.size / _TRAINING_POINTS))
        chosen = lattice.every(stride)
        training = events[chosen]
        numbers = lattice.area[chosen] * _mean_density(densities[0], training, nodes)
        numbers *= n_events / numbers.sum()
        floors = [density_floor(d.kernel(training), d.totals, numbers) for d in densities]
        of_members = list(zip(densities, floors, strict=True))

        def variations() -> Iterator[Array]:
            return (_variation(d, training, nodes, floor) for d, floor in of_members)

        # What is left out counts per member and node.
        negligible = TOLERANCE**2 * len(densities) * len(nodes.survival)
        moments = np.zeros((len(nodes.survival), len(nodes.survival)))
        for variation in variations():
            moments += _moments(variation, numbers)
        functions = _principal(moments, negligible)
        loadings = np.concatenate([v @ functions for v in variations()], axis=1)
        mixing = _principal(_moments(loadings, numbers), negligible)
        mixes = mixing.reshape(len(densities), functions.shape[1], -1)

        # Means over the nodes drop out.
        centred = (functions - functions.mean(axis=0)).astype(np.float32)
        singles = [(_in_single_precision(density), floor) for density, floor in of_members]
        components = np.empty((lattice.v1.size, mixes.shape[2]), np.float32)
        for first in range(0, len(components), _POINTS_TOGETHER):
            part = slice(first, first + _POINTS_TOGETHER)
            some = events[part].in_single_precision()
            of_part = [_logarithm(d, some, nodes, floor) @ centred for d, floor in singles]
            components[part] = np.concatenate(of_part, axis=1) @ mixing.astype(np.float32)
        return cls(
            lattice,
            components,
            mixes.transpose(0, 2, 1),
            Polynomials.through(nodes.bounds, nodes.shape, functions.T),
        )

    def weights(
        self, v1: Array, v2: Array, counts: NDArray[np.number], members: Sequence[int]
    ) -> Single:
        """Weights of the polynomials in the log-likelihoods of samples, in single precision.

        Parameters
        ----------
        v1, v2
            Measured events, shape (n_events,).
        counts
            How often each sample holds each of them, shape (n_samples, n_events).
        members
            Which members.

        Returns
        -------
        ndarray, shape (n_members, n_samples, n_polynomials)
        """
        # Single precision moves a sample's log-likelihood by 1e-5 (docs/studies/coverage.md).
        interpolation = self.lattice.interpolation(v1, v2).astype(np.float32)
        of_samples = counts.astype(np.float32, copy=False) @ (interpolation @ self.components)
        chosen = self.coefficients[members].astype(np.float32).transpose(1, 2, 0)
        every = of_samples @ chosen.reshape(len(chosen), -1)
        # In memory members are last, as their fits take them.
        return every.reshape(len(counts), *chosen.shape[1:]).transpose(2, 0, 1)


def _variation(
    density: ExactDensity | SmearedDensity, events: FarEvents, nodes: ThetaNodes, floor: float
) -> Array:
    """ln p less its mean over the nodes in θ, shape (n_events, n_theta)."""
    kernel = density.kernel(events)
    logarithm = log_density(kernel, density.totals, nodes.survival, floor).T
    return np.asarray(logarithm - logarithm.mean(axis=1, keepdims=True))


def _in_single_precision(
    density: ExactDensity | SmearedDensity,
) -> ExactDensity | SmearedDensity:
    if isinstance(density, ExactDensity) or density.amplitudes is None:
        return density
    return replace(
        density,
        rates=density.rates.astype(np.float32),
        amplitudes=density.amplitudes.astype(np.float32),
    )


def _logarithm(
    density: ExactDensity | SmearedDensity, events: FarEvents, nodes: ThetaNodes, floor: float
) -> Single:
    """ln p, shape (n_events, n_theta), of densities that `log_density` has found to be right."""
    kernel, expected = density.kernel(events), density.totals
    if isinstance(density, ExactDensity) or density.amplitudes is None:
        kernel, expected = kernel @ nodes.survival.T, nodes.survival @ expected
    p = np.asarray(kernel, dtype=np.float32)
    p /= expected.astype(np.float32)
    p += np.float32(floor)
    return np.log(p, out=p)


def _mean_density(
    density: ExactDensity | SmearedDensity, events: FarEvents, nodes: ThetaNodes
) -> Array:
    """p averaged over the nodes in θ, shape (n_events,)."""
    survival = nodes.survival / (nodes.survival @ density.totals)[:, np.newaxis]
    return np.asarray(density.kernel(events) @ survival.mean(axis=0))


def _moments(values: Array, numbers: Array) -> Array:
    """Second moments of Σ_k n_k values_k with Poisson n_k of mean `numbers`; (n, n) from (k, n)."""
    total = numbers @ values
    return np.asarray((values.T * numbers) @ values + np.outer(total, total))


def _principal(moments: Array, negligible: float) -> Array:
    """Directions (n, n_kept) without which at most a variance of `negligible` is left."""
    variances, directions = np.linalg.eigh(moments)
    return np.asarray(directions[:, np.cumsum(variances) > negligible])
