r"""Thresholds of Δ(−2 ln L) from toys, where Wilks' are off.

Feldman & Cousins (Phys. Rev. D 57 (1998) 3873): a point θ belongs to the region if Δ(−2 ln L) is
less than in 68 or 95 % of toys made at θ. Mixing is near its physical limit, and either octant may
fit, each with a Δm²32 of its own; what Δ(−2 ln L) is like depends on sin²θ23, and hardly on Δm²32,
which is that of the best fit. As P(ν_μ → ν_μ), to a per mille, it depends on the distance of
sin²θ23 from 1/(2 cos²θ13) alone, where disappearance is largest: toys are made on one side of it.

Toys are those of many events, whose numbers in cells are normal. With what θ moves them by from
where they are at the true θ, μ(θ), and one standard deviation of each pull, K, both in units of the
numbers' errors,

    −2 ln L(θ) = (y − μ(θ))ᵀ (1 + K Kᵀ)⁻¹ (y − μ(θ)),        y ~ N(0, 1 + K Kᵀ),

the pulls being profiled in −2 ln L and drawn from the near detector's posterior in y. μ(θ) is not
linear: limits and octants are those of P. All takes place in the few dimensions that spectra and
pulls span, and the minimum is that on a grid: ten thousand toys take a second. Likelihoods of
events have the same thresholds (docs/studies/joint-fit.md).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import scipy.linalg as sl
from numpy.typing import NDArray

from nd2fd.io.schemas.joint import JointFit, JointToys
from nd2fd.statistics.far_kernel import FarSpectra
from nd2fd.statistics.joint_analysis import JointAnalysis, PullBasis
from nd2fd.statistics.profile_regions import CONTENTS
from nd2fd.statistics.pull_tables import PullTables

Array = NDArray[np.float64]
Progress = Callable[[int, str], None]

_STEP = 0.75
"""Of the grid, in standard deviations of sin²θ23 and of Δm²32 with the other one fixed."""

_MIXING_STEP, _BEYOND = 2.5e-3, 0.06
"""Largest step of sin²θ23, and how far the grid goes beyond the range of the fits."""

_MASS_STEPS = 12
"""Number of steps of Δm²32 on either side of the true one."""

_DERIVATIVE = np.array([1e-4, 1e-6])
"""Steps of sin²θ23 and Δm²32 [eV²] for their standard deviations."""

_NEVER_EXPECTED = 1e-14
"""Share of the events below which a cell is left out."""

_NEGLIGIBLE = 1e-4
"""Size of the directions of μ that are left out, relative to the largest."""

_TOYS_TOGETHER = 500


def toys_of_fit(
    analysis: JointAnalysis,
    fit: JointFit,
    sin2_theta23: Sequence[float],
    n_toys: int,
    rng: np.random.Generator,
    progress: Progress,
) -> JointToys:
    """Toys at values of sin²θ23, made with what a joint fit found.

    Parameters
    ----------
    analysis
        Of the fit.
    fit
        Its structure functions, flux and pulls, number of far-detector events and best Δm²32.
    sin2_theta23
        Of nature, one value after the other.
    n_toys
        Number of toys at each.
    rng
        Draws the events.
    progress
        Called with (values so far, note).
    """
    functions, unused = (
        np.concatenate([fit.structure_functions[None], fit.pull_functions]),
        np.zeros(0),
    )
    n_modes = len(analysis.spectra.modes)
    basis = PullBasis(unused, functions, fit.mode_mean, fit.pull_modes, unused, n_modes)
    tables = PullTables.build(analysis, basis, functions[:0])
    n_events, mass = int(fit.far_events), fit.best_dm2_32[0]
    tests = np.empty((len(sin2_theta23), n_toys, 2, 3))
    for i, mixing in enumerate(sin2_theta23):
        for which, known in enumerate((False, True)):
            limit = ManyEvents.at(
                np.array([mixing, mass]),
                analysis.spectra,
                tables,
                n_events,
                analysis.far_analysis.sin2_theta23,
                known=known,
            )
            tests[i, :, which] = limit.tests(n_toys, rng)
        progress(i + 1, f"sin²θ23 = {mixing:.3f}")
    return JointToys(
        sin2_theta23=np.array(sin2_theta23), dm2_32=np.full(len(sin2_theta23), mass), tests=tests
    )


@dataclass(frozen=True)
class ManyEvents:
    """−2 ln L in the limit of many events, on a grid of θ.

    sin2_theta23, dm2_32
        The grid [dm2_32 in eV²], shapes (n_mixing,) and (n_mass,).
    shifts
        μ(θ) in units in which y ~ N(0, 1), shape (n_mixing, n_mass, n_directions).
    true
        Where on the grid the true θ is.
    """

    sin2_theta23: Array
    dm2_32: Array
    shifts: Array
    true: tuple[int, int]

    @classmethod
    def at(
        cls,
        theta: Array,
        spectra: FarSpectra,
        tables: PullTables,
        n_events: int,
        mixing_range: tuple[float, float],
        *,
        known: bool,
    ) -> "ManyEvents":
        """At the true θ, the near detector's structure functions and flux being true, too.

        `known` says whether they are known, or have the tables' pulls.
        """
        basis, n_shapes = tables.basis, len(spectra.shapes)
        of_true, *of_modes = spectra.amplitudes(theta[None])[0]
        flux = of_true + basis.modes @ np.array(of_modes)
        # Events in cells by the amplitudes of the flux, and by the pulls.
        cells = tables.relative[:, : tables.n_learned] * tables.centre[:, None, None]
        by_flux = cells[:, 0]
        by_pulls = cells[:, 1:] @ flux + by_flux @ (basis.mode_changes.T @ np.array(of_modes)).T
        density, total = by_flux @ flux, by_flux.sum(axis=0) @ flux
        by_pulls = (by_pulls - np.outer(density / total, by_pulls.sum(axis=0))) / total
        seen = density > _NEVER_EXPECTED * total
        errors = np.sqrt(density[seen] / total / n_events)[:, None]
        columns = by_flux if known else np.concatenate([by_flux, by_pulls], axis=1)
        small = np.asarray(np.linalg.qr(columns[seen] / errors, mode="r"))
        of_flux, of_pulls = small[:, :n_shapes], small[:, n_shapes:]
        root = sl.cholesky(np.eye(len(small)) + of_pulls @ of_pulls.T, lower=True)

        def shifts(mixing: Array, mass: Array) -> Array:
            grid = np.stack(np.meshgrid(mixing, mass, indexing="ij"), axis=-1).reshape(-1, 2)
            amplitudes = spectra.amplitudes(grid)
            fluxes = amplitudes[:, 0] + np.tensordot(amplitudes[:, 1:], basis.modes, ((1,), (0,)))
            totals = fluxes @ by_flux.sum(axis=0)
            moved = of_flux @ (fluxes / totals[:, None] - flux / total).T
            return np.asarray(sl.solve_triangular(root, moved, lower=True).T)

        both, one = np.array([-1.0, 1.0]), np.zeros(1)
        near = [
            shifts(theta[0] + _DERIVATIVE[0] * steps, theta[1] + _DERIVATIVE[1] * others)
            for steps, others in ((both, one), (one, both))
        ]
        slopes = [np.linalg.norm(ends[1] - ends[0]) for ends in near] / (2.0 * _DERIVATIVE)
        step = min(_STEP / slopes[0], _MIXING_STEP)
        low, high = mixing_range
        below = int((theta[0] - max(low - _BEYOND, 0.0)) / step)
        above = int((min(high + _BEYOND, 1.0) - theta[0]) / step)
        mixing = theta[0] + step * np.arange(-below, above + 1)
        mass = theta[1] + _STEP / slopes[1] * np.arange(-_MASS_STEPS, _MASS_STEPS + 1)
        moved = shifts(mixing, mass)
        _, sizes, directions = np.linalg.svd(moved, full_matrices=False)
        moved = moved @ directions[sizes > _NEGLIGIBLE * sizes[0]].T
        moved = moved.reshape(mixing.size, mass.size, -1)
        return cls(mixing, mass, moved, (below, _MASS_STEPS))

    def tests(self, n_toys: int, rng: np.random.Generator) -> Array:
        """`Profile.tests` of toys, shape (n_toys, 3)."""
        found = np.empty((n_toys, 3))
        mixing, mass = self.true
        lengths = (self.shifts**2).sum(axis=-1)
        for start in range(0, n_toys, _TOYS_TOGETHER):
            block = found[start : start + _TOYS_TOGETHER]
            data = rng.standard_normal((len(block), self.shifts.shape[-1]))
            # Less |y|², which is the same everywhere.
            values = lengths - 2.0 * np.tensordot(data, self.shifts, ((1,), (2,)))
            profile = _least(values)
            block[:, 0] = values[:, mixing, mass]
            block[:, 1] = profile[:, mixing]
            block[:, 2] = _least(values[:, :, mass])
            block -= _least(profile)[:, None]
        return found


def _least(values: Array) -> Array:
    """Least along the last axis, of the parabola through the smallest of the values.

    No further than the neighbours: at the end of an axis there is none.
    """
    middle = np.clip(values.argmin(axis=-1), 1, values.shape[-1] - 2)[..., None]
    left, least, right = (
        np.take_along_axis(values, middle + step, -1)[..., 0] for step in (-1, 0, 1)
    )
    slope, bend = 0.5 * (right - left), np.maximum(right - 2.0 * least + left, 1e-300)
    place = np.clip(-slope / bend, -1.0, 1.0)
    return np.asarray(least + slope * place + 0.5 * bend * place**2)


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
