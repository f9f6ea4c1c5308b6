"""Several near-detector histograms, of other fluxes, from which splines are learned together.

Each histogram has only a shape: d_c are fractions of its own events. A factor of the expectation is
free, about the fractions m_c that are predicted without this sample, and then with it: with X x for
the cells and variances v, the least of Σ (d - X x - δ m)² / v over δ is

    Σ_c (d'_c - (X' x)_c)² / v_c,    d' = d - m (m·d) / (m·m),    X' = X - m (m·X) / (m·m),

where a·b = Σ a_c b_c / v_c. Rows like these may be stacked as they are. The scale of x is that of
the first sample, whose rows stay; the X of the others are divided by the totals that are predicted.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nd2fd.forward.splines import SplineBasis
from nd2fd.learning.spline_design import SplineDesign
from nd2fd.learning.spline_posterior import SplinePosterior, learn
from nd2fd.learning.weights import fractions

Array = NDArray[np.float64]
IntArray = NDArray[np.int64]

_PASSES = 2
"""The first sample takes a change of the flux for one of the cross section, and predicts the others
badly; with what all of them say they are predicted well."""


@dataclass(frozen=True)
class NearSample:
    """A histogram and its expectation.

    design
        Expected events from coefficients and flux modes.
    histogram, variance
        Fractions of the measured events in `design.cells`, and their variances, (n_cells,) each.
    """

    design: SplineDesign
    histogram: Array
    variance: Array

    @classmethod
    def of(
        cls, design: SplineDesign, counts: Array | IntArray, squares: Array | None = None
    ) -> "NearSample":
        """From counts in all cells, (n_v1, n_v2); `squares` as in `fractions`."""
        return cls(design, *fractions(counts, design.cells, squares))

    def shape_of(self, known: SplinePosterior) -> "NearSample":
        """Rows that do not see the total, in units of the total that a posterior predicts."""
        flat, design = known.coefficients.ravel(), self.design
        predicted = design.nominal @ flat + design.changes(flat) @ known.modes
        total = predicted.sum()
        along = predicted / self.variance
        along /= along @ predicted

        def without_total(rows: Array) -> Array:
            """Of shape (n_cells,) or (n_cells, n_coefficients)."""
            return rows - np.multiply.outer(predicted, along @ rows)

        modes = [without_total(mode / total) for mode in design.modes]
        rows = SplineDesign(
            design.cells,
            without_total(design.nominal / total),
            np.array(modes).reshape(design.modes.shape),
        )
        return NearSample(rows, without_total(self.histogram), self.variance)


def learn_from(
    first: NearSample,
    others: Sequence[NearSample],
    basis: SplineBasis,
    price: float,
    strength: float | None = None,
) -> SplinePosterior:
    """Posterior of structure functions and flux modes, which all samples share.

    Parameters
    ----------
    first
        The sample whose total is the unit.
    others
        Of other fluxes; each has its own design, with the same coefficients and modes.
    basis, price, strength
        As `nd2fd.learning.spline_posterior.learn`, whose errors it raises.
    """
    known = learn(first.design, basis, first.histogram, first.variance, price, strength=strength)
    # That of one sample alone is not nearly that of all.
    of_all: float | None = None
    for _ in range(_PASSES if others else 0):
        parts = [first, *(other.shape_of(known) for other in others)]
        stacked = SplineDesign(
            np.arange(sum(part.histogram.size for part in parts)),
            np.concatenate([part.design.nominal for part in parts]),
            np.concatenate([part.design.modes for part in parts], axis=1),
        )
        known = learn(
            stacked,
            basis,
            np.concatenate([part.histogram for part in parts]),
            np.concatenate([part.variance for part in parts]),
            price,
            strength=of_all,
        )
        of_all = known.strength
    return known
