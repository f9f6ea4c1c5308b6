"""The log-likelihood of many samples as polynomials of the oscillation parameters.

Over the range of a fit ln p(v_k | θ), θ = (sin²θ23, Δm²32), is a smooth function: tabulated for all
events at a tensor product of Chebyshev nodes, it is known everywhere between them (Trefethen,
Approximation Theory and Approximation Practice). A sample that holds event k n_k times has

    ln L(θ) = Σ_k n_k ln p(v_k | θ) ≈ Σ_r (Σ_k n_k a_kr) f_r(θ),

with a few polynomials f_r, f_0 = 1, shared by all samples: the principal components of the
log-likelihoods of samples with Poisson n_k of mean one. So a table of loadings a_kr, some twenty
numbers per event, holds the likelihood of every sample drawn from the events.
"""

import logging
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from nd2fd.statistics.likelihood import Array, log_density
from nd2fd.statistics.polynomials import Polynomials, chebyshev_nodes

Survival = Callable[[Array, Array], Array]
"""(sin²θ23, Δm²32 [eV²]), each of shape (n,) → survival probability of shape (n, n_energy)."""

TOLERANCE = 1e-5
"""Error of a sample's log-likelihood, root mean square over samples, that each of three
approximations may make: a finite degree in sin²θ23, in Δm²32, and a finite number of components."""

SMALLEST_SIZE = 9
"""Number of nodes per parameter with which the search for enough of them begins."""

LARGEST_TABLE = 4000
"""Largest number of nodes. Only a cross section that makes no sense, as that of a network that
learned nothing, or events that tell their energy would need more over the ranges of a fit."""

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class ThetaNodes:
    """Chebyshev nodes in θ = (sin²θ23, Δm²32), and the survival probability there.

    Parameters
    ----------
    bounds
        Lower bounds of both parameters, then their upper bounds, shape (2, 2); Δm²32 in eV².
    shape
        Numbers of nodes n_s in sin²θ23 and n_m in Δm²32.
    survival
        P at the nodes, sin²θ23 first, shape (n_s n_m, n_energy).
    """

    bounds: Array
    shape: tuple[int, int]
    survival: Array


@dataclass(frozen=True)
class LikelihoodTable:
    """Loadings a_kr of the events and the polynomials f_r they belong to.

    Parameters
    ----------
    loadings
        a_kr, shape (n_events, n_components).
    polynomials
        f_r over the range of the fit.
    """

    loadings: Array
    polynomials: Polynomials


def choose_nodes(
    kernel: Array,
    totals: Array,
    survival: Survival,
    *,
    sin2_theta23_range: tuple[float, float],
    dm2_32_range: tuple[float, float],
    tolerance: float = TOLERANCE,
) -> ThetaNodes:
    """Fewest nodes that represent the log-likelihood of samples drawn from the events.

    They serve as well for other events and cross sections of the same experiment. Where
    `LARGEST_TABLE` are not enough, a warning says by how much ln L may be off.

    Parameters
    ----------
    kernel, totals
        K, shape (n_events, n_energy), and T, shape (n_energy,), of `nd2fd.statistics.likelihood`.
    survival
        The survival probability.
    sin2_theta23_range, dm2_32_range
        Bounds of sin²θ23, on either side of 0.5, and of Δm²32 [eV²].
    tolerance
        Error of a sample's log-likelihood by a finite number of nodes in either parameter.

    Raises
    ------
    ValueError
        The ranges are not as described; the survival probability is not finite; or as
        `log_density`.
    """
    s_low, s_high = sin2_theta23_range
    m_low, m_high = dm2_32_range
    if not 0 < s_low < 0.5 < s_high < 1:
        raise ValueError(f"sin2_theta23_range is {sin2_theta23_range}; it must hold 0.5, in (0, 1)")
    if not m_low < m_high:
        raise ValueError(f"dm2_32_range is {dm2_32_range}; it must ascend")
    bounds = np.array([[s_low, m_low], [s_high, m_high]])

    sizes = [SMALLEST_SIZE, SMALLEST_SIZE]
    while True:
        nodes = _place_nodes(bounds, (sizes[0], sizes[1]), survival)
        at_nodes = log_density(kernel, totals, nodes.survival).T
        coefficients = Polynomials.through(bounds, nodes.shape, at_nodes).coefficients
        # Samples with Poisson n_k: the mean is the sum over the events, the variance that of the
        # squares.
        spread = np.sqrt(coefficients.sum(axis=0) ** 2 + (coefficients**2).sum(axis=0))
        needed = [_needed_size(spread.sum(axis=other), tolerance) for other in (1, 0)]
        # Even and odd degrees can differ in size, so both have to have died away at the end.
        short = [n > size - 2 for n, size in zip(needed, sizes, strict=True)]
        if not any(short):
            return _place_nodes(bounds, (needed[0], needed[1]), survival)
        grown = [n + n // 2 if more else n for n, more in zip(sizes, short, strict=True)]
        if math.prod(grown) > LARGEST_TABLE:
            # The last coefficients are about as large as what is left out.
            error = max(spread[-1].max(), spread[:, -1].max())
            _LOG.warning(
                "the likelihood varies too fast over sin2_theta23 %s and dm2_32 %s eV2 for %d x %d "
                "nodes: ln L may be off by %.2g or more; narrower ranges (section fits) help",
                sin2_theta23_range,
                dm2_32_range,
                *sizes,
                error,
            )
            return _place_nodes(bounds, (sizes[0], sizes[1]), survival)
        sizes = grown


def _place_nodes(bounds: Array, shape: tuple[int, int], survival: Survival) -> ThetaNodes:
    sin2_theta23, dm2_32 = chebyshev_nodes(bounds, shape)
    at_nodes = survival(sin2_theta23, dm2_32)
    if not np.isfinite(at_nodes).all():
        bad = np.flatnonzero(~np.isfinite(at_nodes).all(axis=1))[0]
        raise ValueError(
            f"the survival probability is not finite at sin2_theta23 = {sin2_theta23[bad]}, "
            f"dm2_32 = {dm2_32[bad]}"
        )
    return ThetaNodes(bounds, shape, at_nodes)


def _needed_size(spread: Array, tolerance: float) -> int:
    """Smallest size such that the coefficients from that degree on add up to the tolerance."""
    tails = np.cumsum(spread[::-1])[::-1]
    return int(max(2, (tails > tolerance).sum()))


def tabulate_likelihood(kernel: Array, totals: Array, nodes: ThetaNodes) -> LikelihoodTable:
    """Likelihood table of the events that `kernel` describes.

    Parameters
    ----------
    kernel, totals
        As for `choose_nodes`.
    nodes
        From there, for these or similar events.

    Raises
    ------
    ValueError
        As `log_density`.
    """
    density = log_density(kernel, totals, nodes.survival)
    mean = density.mean(axis=0)
    density -= mean
    total = density.sum(axis=1)
    # Second moments of the log-likelihoods of samples with Poisson n_k, at the nodes.
    moments = density @ density.T + np.outer(total, total)
    variances, components = np.linalg.eigh(moments)
    # What is left out from the smallest variance on, as the mean square over the nodes.
    kept = np.cumsum(variances) > TOLERANCE**2 * len(total)
    functions = np.vstack([np.ones(len(total)), components[:, kept].T])
    loadings = np.column_stack([mean, density.T @ components[:, kept]])
    return LikelihoodTable(loadings, Polynomials.through(nodes.bounds, nodes.shape, functions))
