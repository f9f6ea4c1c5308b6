"""What expected data of a lepton analysis tell: profiles, regions and sensitivities.

All are Δ(−2 ln L) of expected contents, of the true cross section, least over all else.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline

from nd2fd.leptons.analysis import LeptonAnalysis
from nd2fd.leptons.far import FarDetector
from nd2fd.leptons.likelihood import FarLikelihood, Minimum, starts
from nd2fd.leptons.parameters import NAMES
from nd2fd.leptons.samples import Lepton

Array = NDArray[np.float64]

_CONSERVING = (0.0, np.pi)
"""δ_CP without CP violation."""


def expected_data(
    analysis: LeptonAnalysis, k: int, theta: Array | None = None, only: Lepton | None = None
) -> FarLikelihood:
    """Likelihood with the k-th cross section of contents expected at θ; of one lepton's samples."""
    known, detector = (_only(analysis.detectors[i], only) for i in (0, k))
    at = analysis.parameters.theta if theta is None else theta
    none = np.zeros(0)

    def events(detector: FarDetector, at: Array) -> Array:
        return detector.events(known.spectra.at(at[None])[0], none)

    exposure = analysis.n_far / events(analysis.detectors[0], analysis.parameters.theta).sum()
    contents = exposure * events(known, at)
    centre = np.zeros(detector.n_pulls)
    return FarLikelihood(detector, analysis.parameters, contents, analysis.parameters.theta, centre)


def _only(detector: FarDetector, lepton: Lepton | None) -> FarDetector:
    if lepton is None:
        return detector
    return replace(detector, samples=[s for s in detector.samples if s.lepton == lepton])


def best(likelihood: FarLikelihood, theta: Array, orderings: Sequence[float] = (1.0,)) -> Minimum:
    """Best fit with the ordering(s) of θ times these signs."""
    signs = [sign * np.sign(theta[1]) for sign in orderings]
    return likelihood.best([theta, *starts(theta, likelihood.parameters, orderings=signs)])


def curve(likelihood: FarLikelihood, name: str, values: Array, ordering: float = 1.0) -> Array:
    """Δ(−2 ln L) against one parameter, above the best fit with the ordering of θ.

    With `ordering` −1 fits have the other one; of Δm²32 its size counts.
    """
    theta = likelihood.parameters.theta
    lowest = best(likelihood, theta)
    held = likelihood.holding(name)
    sign = ordering * np.sign(theta[1])
    found = np.empty(values.size)
    for i, value in enumerate(values):
        at = with_parameter(lowest.theta, name, value)
        found[i] = held.best(starts(at, held.parameters, orderings=[sign])).value
    return np.asarray(found - min(lowest.value, found.min() if ordering > 0.0 else np.inf))


def region(likelihood: FarLikelihood, names: tuple[str, str], axes: tuple[Array, Array]) -> Array:
    """Δ(−2 ln L) against two parameters, shape of the product of both axes.

    Along the second, searches start where the last one ended, and the first of them at a best fit
    with the first parameter held: at those from several δ_CP if it is profiled, which has two
    minima.
    """
    lowest = best(likelihood, likelihood.parameters.theta)
    sign = np.sign(lowest.theta[1])
    of_first, held = likelihood.holding(names[0]), likelihood.holding(*names)
    found = np.full((axes[0].size, axes[1].size), np.inf)
    for i, first in enumerate(axes[0]):
        at = with_parameter(lowest.theta, names[0], first)
        of_row = [
            of_first.minimise(start) for start in starts(at, of_first.parameters, orderings=[sign])
        ]
        if "delta_cp" in names:
            of_row = [min(of_row, key=lambda minimum: minimum.value)]
        for begun in of_row:
            nearest = int(np.argmin(np.abs(axes[1] - begun.theta[NAMES.index(names[1])])))
            for steps in (range(nearest, axes[1].size), range(nearest - 1, -1, -1)):
                minimum = begun
                for j in steps:
                    start = with_parameter(minimum.theta, names[1], axes[1][j])
                    minimum = held.minimise(start, minimum.pulls)
                    found[i, j] = min(found[i, j], minimum.value)
    return np.asarray(found - min(lowest.value, found.min()))


def interpolated(table: Array, axes: Sequence[Array], finer: Sequence[Array]) -> Array:
    """A curve or region at points in between, by cubic splines."""
    for k, (axis, points) in enumerate(zip(axes, finer, strict=True)):
        table = CubicSpline(axis, table, axis=k)(points)
    return table


def cp_violation(analysis: LeptonAnalysis, k: int, phases: Array) -> Array:
    """√Δ(−2 ln L) of CP conservation with the k-th cross section, for each true δ_CP."""
    found = np.empty(phases.size)
    for i, (theta, data) in enumerate(_of_phases(analysis, k, phases)):
        held = data.holding("delta_cp")
        conserving = min(
            held.best(starts(with_parameter(theta, "delta_cp", value), held.parameters)).value
            for value in _CONSERVING
        )
        found[i] = _root(conserving - best(data, theta).value)
    return found


def other_ordering(analysis: LeptonAnalysis, k: int, phases: Array) -> Array:
    """√Δ(−2 ln L) of the other mass ordering, likewise."""
    found = np.empty(phases.size)
    for i, (theta, data) in enumerate(_of_phases(analysis, k, phases)):
        other = data.best(starts(theta, data.parameters, orderings=[-np.sign(theta[1])])).value
        found[i] = _root(other - best(data, theta).value)
    return found


def _of_phases(
    analysis: LeptonAnalysis, k: int, phases: Array
) -> Iterator[tuple[Array, FarLikelihood]]:
    """True θ, and expected data."""
    for phase in phases:
        theta = with_parameter(analysis.parameters.theta, "delta_cp", phase)
        yield theta, expected_data(analysis, k, theta)


def _root(above: float) -> float:
    return float(np.sqrt(max(above, 0.0)))


def with_parameter(theta: Array, name: str, value: float) -> Array:
    """θ with another value of one parameter."""
    changed = theta.copy()
    changed[NAMES.index(name)] = value
    return changed
