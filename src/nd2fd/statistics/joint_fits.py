"""One joint fit: what the near detector teaches, and what both detectors say of oscillations."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import RectBivariateSpline

from nd2fd.beam.spectra import detector_fluxes
from nd2fd.detector.smearing import Resolution
from nd2fd.forward.event_kernel import total_cross_section_map
from nd2fd.io.schemas.inputs import Flux
from nd2fd.io.schemas.joint import JointDesign, JointFit
from nd2fd.io.schemas.near import NearHistogram
from nd2fd.io.schemas.truth import Truth
from nd2fd.learning.near_data import draw_histogram, expected_contents
from nd2fd.learning.near_file import histogram_of
from nd2fd.learning.spline_design import SplineDesign
from nd2fd.learning.spline_posterior import SplinePosterior
from nd2fd.physics.density import DensityGrid
from nd2fd.statistics.far_analysis import FarAnalysis
from nd2fd.statistics.far_directions import theta_errors, weighted_changes
from nd2fd.statistics.far_kernel import far_kernel
from nd2fd.statistics.joint_analysis import ChosenPulls, JointAnalysis, octant_starts
from nd2fd.statistics.joint_likelihood import JointLikelihood
from nd2fd.statistics.profiles import Profile
from nd2fd.streams import random_stream

Array = NDArray[np.float64]
IntArray = NDArray[np.int64]
Progress = Callable[[int, str], None]

_TABLE = (21, 15)
"""Values of sin²θ23 and Δm²32 at which −2 ln L is profiled over the pulls; cubic splines in
between."""

_NODES_PER_BLOCK = 512


class NearCounts(NamedTuple):
    """Counts of near-detector events in cells, shape (n_v1, n_v2).

    Of weighted events they sum to the effective number, and `squares` has the sums of the squares
    of the weights, in any unit.
    """

    counts: Array | IntArray
    squares: Array | None = None


class NearSide(NamedTuple):
    """Near-detector samples of a joint fit.

    design
        Of `nd2fd.statistics.joint_design`.
    flux
        Nominal fluxes and their modes.
    near
        Counts on the axis of the first beam.
    others
        Maps and counts of more samples: at angles to that axis, or of other beams.
    """

    design: JointDesign
    flux: Flux
    near: NearCounts
    others: Sequence[tuple[SplineDesign, Array | IntArray]] = ()


def near_counts(
    read: NearHistogram | None,
    truth: Truth | None,
    flux: Flux,
    resolution: Resolution,
    grid: DensityGrid,
    n_events: int,
    seed: int,
) -> NearCounts:
    """Those of a file, or else of the `n_events` events of nature that ensembles share."""
    if read is None:
        assert truth is not None
        expected = expected_contents(truth, flux, resolution, grid)
        rng = random_stream(seed, "near_events")
        return NearCounts(draw_histogram(expected, n_events, rng))
    made = histogram_of(read)
    if made.unweighted:
        return NearCounts(made.contents)
    return NearCounts(made.contents * (made.total / made.total_squares), made.squares)


def joint_fit(
    near_side: NearSide,
    far_analysis: FarAnalysis,
    truth: Truth | None,
    grid: DensityGrid,
    far: tuple[Array, Array],
    price: float,
    n_points: int,
    progress: Progress,
    chosen: ChosenPulls | None = None,
) -> JointFit:
    """Fit both detectors together, and, for comparison, the far one with a known cross section.

    Parameters
    ----------
    near_side
        Data of the near detector.
    far_analysis
        Of the far detector.
    truth
        The known cross section, which the joint fit does not see; None: there is none.
    grid
        Cells and energies of the near detector.
    far
        v1 and v2 of measured far-detector events, shape (n_events,) each.
    price
        Of the prior (`nd2fd.learning.spline_posterior`).
    n_points
        Points of the axes of the regions.
    progress
        Called with (steps so far, note).
    chosen
        Pulls; those of the flux if not given.

    Raises
    ------
    ImproperPosteriorError
        If the near detector does not determine the structure functions.
    VainPullError
        If a systematic moves nothing.
    """
    (v1, v2), (design, flux, near, others) = far, near_side
    shape = (grid.n_v1, grid.n_v2)
    analysis = JointAnalysis.of(design, flux, far_analysis, price, shape, chosen)
    analysis = replace(analysis, off_axis=tuple(maps for maps, _ in others))
    posterior = analysis.learn(near.counts, near.squares, [counts for _, counts in others])
    basis = analysis.pull_basis(posterior, v1.size)
    progress(1, "near detector")
    known = [] if truth is None else [truth.structure_functions[None]]
    functions = np.concatenate([basis.structure_functions, *known])
    kernel = far_kernel(
        analysis.basis.nodes, functions, analysis.spectra, far_analysis.detector, v1, v2
    )
    progress(2, "far-detector events")
    n_learned, no_modes = len(basis.structure_functions), np.zeros(basis.n_modes)
    learned = kernel[:n_learned]
    if analysis.pulls:
        of_pulls = analysis.pull_kernel(basis.structure_functions[0], v1, v2)
        learned = basis.with_pulls(learned, of_pulls)
    likelihoods = [
        JointLikelihood.build(analysis.spectra, learned, basis.modes, basis.mode_changes)
    ]
    if known:
        without_pulls = (kernel[n_learned:], no_modes, no_modes[:, None][:, :0])
        likelihoods.append(JointLikelihood.build(analysis.spectra, *without_pulls))
    profiles = [Profile.of(likelihood, octant_starts(far_analysis)) for likelihood in likelihoods]
    progress(3, "best fits")
    axes = [
        np.linspace(*limits, n_points)
        for limits in (far_analysis.sin2_theta23, far_analysis.dm2_32)
    ]
    tables = np.stack([_on_axes(profile, axes) for profile in profiles])
    progress(4, "profile likelihood")
    structure_functions, errors = _with_errors(analysis, posterior)
    sigma_total, sigma_error = _sigma_total(analysis, posterior, flux, grid)
    best = np.stack([profile.best.theta for profile in profiles])
    nuisance = basis.nuisance + basis.nuisance_changes @ profiles[0].best.pulls
    return JointFit(
        v1=grid.v1,
        v2=grid.v2,
        near_density=near.counts / (near.counts.sum() * grid.cell_area),
        near_events=np.array(round(near.counts.sum())),
        far_events=np.array(v1.size),
        xi=design.xi,
        tau=design.tau,
        x_max=design.x_max,
        Q2_max=design.Q2_max,
        Q2_scale=design.Q2_scale,
        structure_functions=structure_functions,
        structure_function_errors=errors,
        energy=grid.energy,
        sigma_total=sigma_total,
        sigma_total_error=sigma_error,
        mode_mean=posterior.modes,
        mode_error=posterior.mode_errors,
        mode_best=nuisance,
        beyond_limits=analysis.beyond_limits(nuisance),
        strength=np.array(posterior.strength),
        chi2=np.array(posterior.chi2),
        paid=np.array(posterior.paid),
        effective_parameters=np.array(posterior.effective_parameters),
        error_ratio=_error_ratios(analysis, posterior, basis.coordinates, v1.size),
        pulls=profiles[0].best.pulls,
        pull_functions=basis.structure_functions[1:],
        pull_modes=basis.nuisance_changes,
        best_sin2_theta23=best[:, 0],
        best_dm2_32=best[:, 1],
        sin2_theta23=axes[0],
        dm2_32=axes[1],
        delta=tables,
        profile_sin2_theta23=tables.min(axis=2),
        profile_dm2_32=tables.min(axis=1),
    )


def _on_axes(profile: Profile, axes: list[Array]) -> Array:
    nodes = [np.linspace(axis[0], axis[-1], n) for axis, n in zip(axes, _TABLE, strict=True)]
    # Local: far from the best fit pulls may have several minima, and the table a step.
    surface = RectBivariateSpline(*nodes, profile.table(*nodes))
    return np.maximum(surface(*axes), 0.0)


def _with_errors(analysis: JointAnalysis, posterior: SplinePosterior) -> tuple[Array, Array]:
    """Posterior mean and standard deviation of the structure functions on the nodes."""
    coefficients, basis = posterior.coefficients, analysis.basis
    values = basis.on_nodes(coefficients)
    errors = np.empty((len(coefficients), basis.nodes.n_nodes))
    for i in range(len(coefficients)):
        for first in range(0, basis.nodes.n_nodes, _NODES_PER_BLOCK):
            part = slice(first, first + _NODES_PER_BLOCK)
            at_nodes = basis.matrix[part]
            maps = np.zeros((len(at_nodes), posterior.mean.size))
            start = i * basis.n_splines
            maps[:, start : start + basis.n_splines] = at_nodes
            errors[i, part] = np.linalg.norm(posterior.whitened(maps), axis=1)
    return values, errors.reshape(values.shape)


def _sigma_total(
    analysis: JointAnalysis, posterior: SplinePosterior, flux: Flux, grid: DensityGrid
) -> tuple[Array, Array]:
    """σ(E_ν) with ND flux average 1 and its standard deviation, shape (n_energy,) each."""
    of_nodes = total_cross_section_map(analysis.basis.nodes, grid)
    maps = np.zeros((grid.n_energy, posterior.mean.size))
    of_splines = (of_nodes @ analysis.basis.matrix).reshape(grid.n_energy, -1)
    maps[:, : of_splines.shape[1]] = of_splines
    (near_flux,) = detector_fluxes(flux, None, grid)
    sigma, average = maps @ posterior.mean, near_flux / near_flux.sum()
    scale = average @ sigma
    # What changes all energies alike drops out.
    maps -= np.outer(sigma / scale, average @ maps)
    return sigma / scale, np.linalg.norm(posterior.whitened(maps / scale), axis=1)


def _error_ratios(
    analysis: JointAnalysis, posterior: SplinePosterior, coordinates: Array, n_events: int
) -> Array:
    """Errors of θ in linear theory: with the pulls, with all directions; known: 1."""
    maps, of_theta = weighted_changes(analysis.far, analysis.slopes, posterior, n_events)
    whitened, slopes = posterior.whitened(maps), of_theta[:, :2]
    directions = np.linalg.solve(posterior.factor, coordinates.T)
    known = np.sqrt(np.diag(np.linalg.inv(slopes.T @ slopes)))
    return np.stack(
        [
            np.sqrt(np.diag(theta_errors(w, slopes))) / known
            for w in (whitened @ directions, whitened)
        ]
    )
