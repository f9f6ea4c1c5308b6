r"""Structure functions made of splines, learned in closed form from a near-detector histogram.

With coefficients c, flux modes z and expected events n(c, z) = X c + Σ_k z_k X_k c,

    χ²(c, z) = Σ_cells (d - n)² / v + tr Ω ∫ W'' W''ᵀ + |z|²,

where d are the fractions of the events in the cells and v = p / N their variances. The histogram is
linear in c, whose scale the total absorbs, and nearly linear in z: Σ_k z_k X_k is applied to a
smooth W that is learned first. (The second-order term, noise of W times z, would make z drift.) The
posterior is then a Gaussian in closed form. Where n is not linear in a parameter, as in the scale
of the muons' energies, it is linearised at the value that was found, until that is found again.

The prior is a price for bending, ∫ dξ dτ W_i'' W_j'', with a matrix Ω of strengths, 3 × 3 for one
lepton. First a single strength λ is chosen by the marginal likelihood of the histogram, with the
multiplicative update of Wood & Fasiolo (Biometrics 73 (2017) 1071). What that smooth fit bends,
A_ij, then says what is to be expected: Ω = (price / 3) A⁻¹, for which each of the three independent
combinations of structure functions pays the same, `price` / 3 units of χ² (with n functions, n for
3). Hence no linear parameter, in units of its posterior error, is shifted by more than the root of
what the truth pays, usually by far less; the marginal likelihood alone takes structure functions
for as rough on large scales as they are smooth on small ones, and lets the truth pay hundreds of
units (docs/studies/joint-fit.md).
"""

from dataclasses import dataclass

import numpy as np
import scipy.linalg as sl
from numpy.typing import NDArray

from nd2fd.forward.splines import SplineBasis
from nd2fd.learning.normal_equations import Equations, Weighted, prior_trace, solve
from nd2fd.learning.spline_design import SplineDesign
from nd2fd.learning.start import ERROR, Start, field_precision
from nd2fd.learning.weights import fractions

Array = NDArray[np.float64]
IntArray = NDArray[np.int64]

_FIRST_STRENGTH = 0.02
"""λ with which the search for the largest marginal likelihood begins."""

_UPDATES, _UPDATES_OF_KNOWN = 4, 2
"""Of λ, and of one that is nearly known: each comes closer by an order of magnitude
(docs/studies/joint-fit.md)."""

_LINEARISATIONS, _SETTLED = 6, 0.1
"""At most, of densities that are not linear in a parameter, and by how much of its error this is to
differ from the last time."""

_WITHOUT_BENDS = 3
"""Functions of (ξ, τ) without second derivatives: 1, ξ, τ."""

_WITHIN = 0.99
"""Sum of all splines at nodes where none is missing."""

_DETERMINED = 1e-9
"""Smallest eigenvalue of their information, scaled to a unit diagonal, that is no rounding."""


class ImproperPosteriorError(ValueError):
    """Data and prior together leave a direction of the structure functions undetermined."""


@dataclass(frozen=True)
class SplinePosterior:
    """Mean and precision of x = (c, z), c flat (structure function, spline).

    mean
        Shape (n_parameters,).
    factor
        Lower triangular L with precision L Lᵀ, shape (n_parameters, n_parameters).
    mode_changes
        Of the histogram by z, with which it is linear in them, shape (n_cells, n_modes).
    strength
        λ of the largest marginal likelihood.
    prior
        Ω, shape (n_functions, n_functions).
    bends
        Of a spline with another one, in the unit of the price, shape (n_splines, n_splines).
    chi2, paid
        χ² of the histogram alone, and what the structure functions pay, at the mean.
    """

    mean: Array
    factor: Array
    mode_changes: Array
    strength: float
    prior: Array
    bends: Array
    chi2: float
    paid: float

    @property
    def n_modes(self) -> int:
        """Number of z."""
        return self.mode_changes.shape[1]

    @property
    def coefficients(self) -> Array:
        """Posterior mean of c, shape (n_functions, n_splines)."""
        return self._split(self.mean)

    @property
    def modes(self) -> Array:
        """Posterior mean of z, shape (n_modes,)."""
        return self.mean[self.mean.size - self.n_modes :]

    @property
    def effective_parameters(self) -> float:
        """Of the structure functions: tr of posterior covariance times information of the data."""
        n_coefficients = self.mean.size - self.n_modes
        return n_coefficients - prior_trace(self.factor, self.prior, self.bends)

    @property
    def mode_errors(self) -> Array:
        """Posterior standard deviations of z, shape (n_modes,)."""
        n = len(self.factor)
        last = np.eye(n)[n - self.n_modes :]
        return np.linalg.norm(self.whitened(last), axis=1)

    def root(self, directions: Array) -> Array:
        """U y of orthonormal directions y, (n_parameters, k), with the covariance U Uᵀ."""
        return sl.solve_triangular(self.factor, directions, lower=True, trans="T")

    def whitened(self, maps: Array) -> Array:
        """M U of linear maps M of x, shape (n, n_parameters)."""
        return sl.solve_triangular(self.factor, maps.T, lower=True).T

    def _split(self, x: Array) -> Array:
        return x[: x.size - self.n_modes].reshape(len(self.prior), -1)


def learn(
    design: SplineDesign,
    basis: SplineBasis,
    histogram: Array,
    variance: Array,
    price: float,
    *,
    one_strength: bool = False,
    strength: float | None = None,
) -> SplinePosterior:
    """Posterior of structure functions and flux modes.

    Parameters
    ----------
    design
        Of the near detector.
    basis
        The splines.
    histogram
        Fraction of the measured events in each of `design.cells`, shape (n_cells,).
    variance
        Of these fractions, shape (n_cells,).
    price
        Units of χ² that structure functions as bent as the smooth fit pay.
    one_strength
        Whether all structure functions have the same strength: Ω = price / tr A. Where data say
        little of one of them, A⁻¹ would take it for as smooth as the little that was found.
    strength
        λ of another histogram of about as many events, if known: the search begins there.

    Raises
    ------
    ImproperPosteriorError
        If there are too few events or cells for a posterior.
    """
    wanted = (price, one_strength)
    found = _learn_linear(design, basis, histogram, variance, *wanted, np.empty(0), strength)
    if design.bends is None:
        return found
    n_bent = len(design.bends)
    for _ in range(_LINEARISATIONS):
        about, errors = found.modes[-n_bent:], found.mode_errors[-n_bent:]
        found = _learn_linear(
            design.about(about), basis, histogram, variance, *wanted, about, found.strength
        )
        if np.all(np.abs(found.modes[-n_bent:] - about) < _SETTLED * errors):
            break
    return found


def _learn_linear(
    design: SplineDesign,
    basis: SplineBasis,
    histogram: Array,
    variance: Array,
    price: float,
    one_strength: bool,
    about: Array,
    known_strength: float | None,
) -> SplinePosterior:
    """`learn` with a design that is linear in what the last modes are more than `about`."""
    n_functions = design.nominal.shape[1] // basis.n_splines
    unit = _unit(design, basis, variance * histogram.sum())
    bends = unit * basis.bends
    strength, n_updates = _FIRST_STRENGTH, _UPDATES
    if known_strength is not None:
        strength, n_updates = known_strength, _UPDATES_OF_KNOWN
    origin = np.zeros(len(design.modes))
    origin[origin.size - about.size :] = about
    weighted = Weighted.of(design, histogram, variance)
    _refuse_improper(weighted.information, n_functions, bends)
    error = np.sqrt(variance)[:, None]
    first = weighted.equations(np.empty((len(error), 0)))
    smooth = solve(first, strength * np.eye(n_functions), bends)[0]
    equations = weighted.equations(design.changes(smooth) / error, origin)
    for _ in range(n_updates):
        prior = strength * np.eye(n_functions)
        mean, factor = solve(equations, prior, bends)
        coefficients = _coefficients(mean, n_functions, basis)
        paid = strength * np.trace(coefficients @ bends @ coefficients.T)
        # Rank of the prior less what the data leave of it: the parameters that they determine.
        determined = n_functions * (basis.n_splines - _WITHOUT_BENDS) - prior_trace(
            factor, prior, bends
        )
        strength *= max(determined, 1.0) / paid
    mean, factor = solve(equations, strength * np.eye(n_functions), bends)
    changes = design.changes(mean[: design.nominal.shape[1]])
    equations = weighted.equations(changes / error, origin)
    coefficients = _coefficients(mean, n_functions, basis)
    bent = coefficients @ bends @ coefficients.T
    if one_strength:
        prior = price / np.trace(bent) * np.eye(n_functions)
    else:
        prior = price / n_functions * np.linalg.inv(bent)
    mean, factor = solve(equations, prior, bends)
    coefficients = _coefficients(mean, n_functions, basis)
    start = np.zeros(coefficients.size)
    return _posterior(equations, mean, factor, changes, start, origin, strength, prior, bends)


def with_modes(
    design: SplineDesign, basis: SplineBasis, shares: Array, variance: Array, known: SplinePosterior
) -> SplinePosterior:
    """Modes beside what was learned without them; else its price would be a stronger prior."""
    bends = _unit(design, basis, variance * shares.sum()) * basis.bends
    changes = design.changes(known.coefficients.ravel())
    weighted = Weighted.of(design, shares, variance)
    equations = weighted.equations(changes / np.sqrt(variance)[:, None])
    start, prior = np.zeros(known.coefficients.size), known.prior
    mean, factor = solve(equations, prior, bends)
    return _posterior(equations, mean, factor, changes, start, 0.0, known.strength, prior, bends)


def adapt(
    design: SplineDesign, basis: SplineBasis, counts: Array | IntArray, start: Start
) -> SplinePosterior:
    """`learn_counts`, with a Gaussian about the structure functions of another nucleus as prior.

    What is expected, the start times a factor, has as many events as were counted; what nuclei may
    differ by is said in `nd2fd.learning.start`. This prior is proper: one event is enough. Errors
    of the cells are those of the expected events, since few counts tell nothing of them.
    """
    flat = start.values.reshape(len(start.values), -1)
    expected = np.linalg.lstsq(basis.matrix, flat.T, rcond=None)[0].T.ravel()
    events = np.zeros(counts.size)
    events[design.cells] = np.maximum(design.nominal @ expected, 0.0)
    histogram, variance = fractions(counts, design.cells, events.reshape(counts.shape))
    scale = histogram.sum() / (design.nominal @ expected).sum()
    expected = scale * expected
    unit = scale * start.root_mean_square(basis.matrix.sum(axis=1) > _WITHIN)
    area = 1.0 / ((basis.nodes.n_xi - 1) * (basis.nodes.n_tau - 1))
    bends = field_precision(basis.bends, area * basis.matrix.T @ basis.matrix)
    weighted = Weighted.of(design, histogram - design.nominal @ expected, variance)
    error = np.sqrt(variance)[:, None]
    equations = weighted.equations(design.changes(expected) / error)

    def solved(width: float) -> tuple[float, Array, Array, Array]:
        """-2 log of the marginal likelihood, but for a constant; prior, mean and factor."""
        prior = np.eye(len(flat)) / (width * unit) ** 2
        mean, factor = solve(equations, prior, bends)
        volume = np.log(np.diag(factor)).sum() + expected.size * np.log(width)
        return 2.0 * volume - equations.right @ mean, prior, mean, factor

    _, _, mean, _ = solved(ERROR)
    # The flux changes the events of what is known of W by then.
    changes = design.changes(expected + mean[: expected.size])
    equations = weighted.equations(changes / error)
    _, prior, mean, factor = min(map(solved, start.widths), key=lambda found: found[0])
    strength = prior[0, 0].item()
    return _posterior(equations, mean, factor, changes, expected, 0.0, strength, prior, bends)


def _posterior(
    equations: Equations,
    mean: Array,
    factor: Array,
    changes: Array,
    expected: Array,
    origin: Array | float,
    strength: float,
    prior: Array,
    bends: Array,
) -> SplinePosterior:
    """Of parameters that are `mean` more than the expected coefficients and modes `origin`."""
    residual = equations.information @ mean - 2.0 * equations.right
    modes = origin + mean[expected.size :]
    bent = mean[: expected.size].reshape(len(prior), -1)
    return SplinePosterior(
        np.concatenate([expected + mean[: expected.size], modes]),
        factor,
        changes,
        strength,
        prior,
        bends,
        float(equations.constant + mean @ residual - modes @ modes),
        float(np.einsum("ij,ij->", prior, bent @ bends @ bent.T)),
    )


def learn_counts(
    design: SplineDesign,
    basis: SplineBasis,
    counts: Array | IntArray,
    price: float,
    squares: Array | None = None,
) -> SplinePosterior:
    """`learn`, with the errors of counts of events in all cells; see `fractions`."""
    return learn(design, basis, *fractions(counts, design.cells, squares), price)


def _refuse_improper(information: Array, n_functions: int, bends: Array) -> None:
    """What bends nothing has no price: the data alone have to determine it."""
    flat = np.kron(np.eye(n_functions), np.linalg.eigh(bends)[1][:, :_WITHOUT_BENDS])
    of_data = flat.T @ information @ flat
    scale = np.sqrt(np.diag(of_data))
    if not (
        scale.min() > 0.0 and np.linalg.eigvalsh(of_data / np.outer(scale, scale))[0] > _DETERMINED
    ):
        raise ImproperPosteriorError(
            "the near-detector histogram does not determine how large the structure functions are "
            "and how they rise or fall, for which the prior asks no price: the posterior is "
            "improper; more near-detector events or cells help"
        )


def _unit(design: SplineDesign, basis: SplineBasis, variance: Array) -> float:
    """Unit of the price, as that of the networks: mean χ² of the density of W_i' = 1."""
    n_splines = basis.n_splines
    of_functions = [
        design.nominal[:, first : first + n_splines].sum(axis=1)
        for first in range(0, design.nominal.shape[1], n_splines)
    ]
    n_events = 1.0 / variance.sum()
    return float(np.mean([(ones**2 / variance).sum() for ones in of_functions]) / n_events)


def _coefficients(mean: Array, n_functions: int, basis: SplineBasis) -> Array:
    return mean[: n_functions * basis.n_splines].reshape(n_functions, -1)
