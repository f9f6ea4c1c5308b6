r"""Thresholds of Δ(−2 ln L) from toys, where Wilks' are off.

Feldman & Cousins (Phys. Rev. D 57 (1998) 3873): a point θ belongs to the region if Δ(−2 ln L) is
less than in 68 or 95 % of toys made at θ. Mixing is near its physical limit, and either octant may
fit; what Δ(−2 ln L) is like depends on sin²θ23, and hardly on Δm²32, which is that of the best fit.
As P(ν_μ → ν_μ), to a per mille, it depends on the distance of sin²θ23 from 1/(2 cos²θ13) alone,
where disappearance is largest: toys are made on one side of it.

Nuisance parameters are drawn in each toy. Over repeated experiments of one nature the estimate
differs from it by ND statistics and flux, but not by all that the posterior allows: structure
functions that bend more than the fitted ones are possible, and do not vary from experiment to
experiment. With the posterior's covariance C and the prior's precision Q of the structure
functions the covariance of the difference is C − C Q C; that of the pulls is then 1 − Uᵀ Q U. Toys
hence suppose that nature bends as the fitted structure functions do.
"""

from collections.abc import Callable

import numpy as np
import scipy.linalg as sl
from numpy.typing import NDArray

from nd2fd.io.schemas.joint import JointFit, JointToys
from nd2fd.statistics.far_directions import directions
from nd2fd.statistics.joint_analysis import JointAnalysis, octant_starts
from nd2fd.statistics.joint_likelihood import JointLikelihood
from nd2fd.statistics.profile_regions import CONTENTS
from nd2fd.statistics.profiles import Profile
from nd2fd.statistics.pull_tables import PullTables

Array = NDArray[np.float64]
Progress = Callable[[int, str], None]


def toys_of_fit(
    analysis: JointAnalysis,
    fit: JointFit,
    sin2_theta23: float,
    n_toys: int,
    rng: np.random.Generator,
    progress: Progress,
) -> JointToys:
    """Toys at a value of sin²θ23, made with what a joint fit found.

    Parameters
    ----------
    analysis
        Of the fit.
    fit
        Its near-detector histogram, number of far-detector events and best Δm²32.
    sin2_theta23
        Of nature.
    n_toys
        Number of toys.
    rng
        Draws pulls and events.
    progress
        Called with (toys so far, note).
    """
    counts = fit.near_density * (float(fit.near_events) / fit.near_density.sum())
    posterior = analysis.learn(counts)
    n_events = int(fit.far_events)
    basis = analysis.pull_basis(posterior, n_events)
    found = directions(analysis.far, analysis.slopes, posterior, n_events)
    theta = np.array([sin2_theta23, fit.best_dm2_32[0]])
    tests = toys(
        analysis,
        PullTables.build(analysis, basis, np.empty((0, *basis.structure_functions.shape[1:]))),
        posterior.scatter(found),
        theta,
        n_events,
        n_toys,
        rng,
        progress,
    )
    return JointToys(sin2_theta23=theta[:1], dm2_32=theta[1:], tests=tests[None])


def toys(
    analysis: JointAnalysis,
    tables: PullTables,
    covariance: Array,
    theta: Array,
    n_events: int,
    n_toys: int,
    rng: np.random.Generator,
    progress: Progress,
) -> Array:
    """Δ(−2 ln L) at the true θ of toys.

    Parameters
    ----------
    analysis
        How data are analysed.
    tables
        Densities about the posterior of the data.
    covariance
        Of the pulls of nature, shape (n_pulls, n_pulls).
    theta
        (sin²θ23, Δm²32 [eV²]) of nature.
    n_events
        Far-detector events of a toy.
    n_toys
        Number of toys.
    rng
        Draws pulls and events.
    progress
        Called with (toys so far, note).

    Returns
    -------
    ndarray, shape (n_toys, 2, 3)
        `Profile.tests` with the learned and with the known cross section and flux of the toy.
    """
    spectra, basis, n = analysis.spectra, tables.basis, tables.n_learned
    starts = octant_starts(analysis.far_analysis)
    root = sl.cholesky(covariance, lower=True)
    amplitudes = spectra.amplitudes(theta[None])[0]
    tests = np.empty((n_toys, 2, 3))
    for toy in range(n_toys):
        pulls = root @ rng.standard_normal(n - 1)
        functions, modes = np.append(1.0, pulls), basis.modes + basis.mode_changes @ pulls
        expected = tables.expected(functions, amplitudes[0] + modes @ amplitudes[1:])
        counts = rng.multinomial(n_events, expected / expected.sum())
        events = tables.kernel_at(np.repeat(np.arange(counts.size), counts))[:n]
        likelihoods = [
            JointLikelihood.build(spectra, events, basis.modes, basis.mode_changes),
            JointLikelihood.build(
                spectra, events.combined(functions[None]), modes, np.empty((modes.size, 0))
            ),
        ]
        tests[toy] = [Profile.of(one, starts).tests(theta) for one in likelihoods]
        progress(toy + 1, f"sin²θ23 = {theta[0]:.3f}")
    return tests


def thresholds(joined: JointToys) -> Array:
    """Δ(−2 ln L) below which so many toys are as regions of 1σ and 2σ are to hold.

    `joined` are the toys of all points; the result has shape (n_sigma, cross_section, region,
    n_points).
    """
    return np.moveaxis(np.quantile(joined.tests, CONTENTS, axis=1), 1, -1)


def thresholds_at(joined: JointToys, sin2_theta23: Array) -> Array:
    """`thresholds` at any values (n,), shape (n_sigma, cross_section, region, n).

    Linear in the distance from the largest disappearance, where the last of the points is.
    """
    maximal = joined.sin2_theta23.max()
    order = np.argsort(maximal - joined.sin2_theta23)
    distances = (maximal - joined.sin2_theta23)[order]
    at = np.abs(sin2_theta23 - maximal)
    return np.asarray(
        np.apply_along_axis(
            lambda values: np.interp(at, distances, values), -1, thresholds(joined)[..., order]
        )
    )
