"""Pseudo-experiments: near and far contents and constraints drawn, everything fitted anew.

What the near detector learns moves with its contents along the directions that matter, linearly:
the prior's strength and the cells' errors are those of expected contents.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from nd2fd.io.schemas.leptons import LeptonExperiments
from nd2fd.leptons.analysis import LeptonAnalysis
from nd2fd.leptons.likelihood import FarLikelihood, Minimum, starts

Array = NDArray[np.float64]

TESTED = (("sin2_theta23",), ("delta_cp",), ("sin2_theta23", "delta_cp"))
"""Of which parameters the truth is tested; the others are profiled."""


def pseudo_experiments(
    analysis: LeptonAnalysis,
    n_experiments: int,
    rng: np.random.Generator,
    progress: Callable[[int, str], None],
) -> LeptonExperiments:
    """Best fits and Δ(−2 ln L) of the truth, with known and learned cross section.

    Parameters
    ----------
    analysis
        Nature, and what is learned of it.
    n_experiments
        Number of them.
    rng
        Draws contents and constraints.
    progress
        Called with (experiments so far, note).
    """
    contents, centres = analysis.far_contents, draws_of_pulls(analysis)
    parameters = analysis.parameters
    spread = np.where(parameters.precision > 0.0, parameters.errors, 0.0)
    shape = (len(analysis.detectors), n_experiments)
    found, errors = np.empty((*shape, 4)), np.empty((*shape, 4))
    tested, converged = np.empty((*shape, len(TESTED))), np.empty(shape, dtype=bool)
    for i in range(n_experiments):
        moved = centres(rng)
        far = rng.poisson(contents).astype(np.float64)
        centre = parameters.theta + spread * rng.standard_normal(4)
        for k, detector in enumerate(analysis.detectors):
            pulls = moved if k else np.zeros(0)
            data = FarLikelihood(detector, parameters, far, centre, pulls)
            lowest, tested[k, i] = _tests(data, parameters.theta)
            found[k, i], converged[k, i] = lowest.theta, lowest.converged
            errors[k, i] = lowest.errors(parameters.moving)
        progress(i + 1, "experiments")
    return LeptonExperiments(
        true_theta=parameters.theta,
        theta=found,
        errors=errors,
        above=tested,
        converged=converged,
    )


def draws_of_pulls(analysis: LeptonAnalysis) -> Callable[[np.random.Generator], Array]:
    """Draws centres of pulls: of near contents, and of the constraints of the fluxes."""
    of_shares, of_modes = analysis.pulls_of_shares, analysis.pulls_of_modes

    def draw(rng: np.random.Generator) -> Array:
        near = rng.poisson(analysis.near_shares * analysis.n_near)
        moved = of_shares @ (near / near.sum() - analysis.near_shares)
        return np.asarray(moved + of_modes @ rng.standard_normal(of_modes.shape[1]))

    return draw


def _tests(data: FarLikelihood, truth: Array) -> tuple[Minimum, Array]:
    """Best fit, and how far the truth is above it."""
    lowest = data.best(starts(truth, data.parameters, orderings=[np.sign(truth[1])]))
    above = []
    for names in TESTED:
        held = data.holding(*names)
        minimum = held.best(starts(truth, held.parameters, orderings=[np.sign(truth[1])]))
        if minimum.value < lowest.value:
            # What holds something has found what the free fit missed.
            lowest = data.minimise(minimum.theta, minimum.pulls)
        above.append(minimum.value)
    return lowest, np.array(above) - lowest.value
