"""Structure functions of a measurement, and what its energy-integrated part predicts.

The absolute cross section is fitted without pulls of the flux: a released covariance contains the
errors of the flux. An error of the scale that all bins share is proportional to the cross section;
a covariance has it for the measured one, which makes fits too small where bins scatter (Peelle's
puzzle). It is taken for the fitted one instead (Ball et al., JHEP 05 (2010) 075).

The energy-integrated part m = T d of the data d determines structure functions;
those predict what m leaves free. Given m, data and prediction K c have

    E[d | m] = K c̄ + B (m - T K c̄),    cov = V_(d|m) + (1 - B T) K C Kᵀ (1 - B T)ᵀ,

with mean c̄ and covariance C of the coefficients, and B, V_(d|m) of `nd2fd.measurements.marginal`:
nothing that m already says is compared twice.
"""

from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nd2fd.forward.nodes import NodeGrid
from nd2fd.forward.splines import SplineBasis
from nd2fd.io.schemas.measurements import Measurement, MeasurementFit
from nd2fd.measurements.covariance import whitening
from nd2fd.measurements.forward import total_cross_section_map
from nd2fd.measurements.marginal import conditional, marginal
from nd2fd.measurements.measurement import bins_of, map_without_energy, smeared, true_map
from nd2fd.measurements.posterior import LinearFit, Posterior
from nd2fd.physics.density import midpoints
from nd2fd.physics.setup import Setup

Array = NDArray[np.float64]

_ENERGIES: Final = 120
"""Of σ(E_ν)."""

_UPDATES: Final = 6
"""Of the prediction that an error of the scale is proportional to: it changes by less than 0.1 %
in the last one (docs/studies/measured-data.md)."""


@dataclass(frozen=True)
class FitSettings:
    """How a measurement is fitted.

    nodes, intervals
        Nodes per axis, and intervals of the splines.
    normalisation_error
        Relative error of the scale that all bins share, contained in the covariance.
    strength
        λ; None: that of the largest marginal likelihood of the data that are fitted.
    """

    nodes: int = 64
    intervals: int = 14
    normalisation_error: float = 0.0
    strength: float | None = None

    def basis(self, x_max: float, Q2_max: float) -> SplineBasis:
        """The splines, with a price for bending everywhere."""
        nodes = NodeGrid(self.nodes, self.nodes, x_max, Q2_max)
        return SplineBasis.build(nodes, self.intervals, np.arange(nodes.n_nodes))


def of_coefficients(maps: Array, basis: SplineBasis) -> Array:
    """Maps of node values (n, 3 n_nodes) as maps of coefficients (n, 3 n_splines)."""
    split = maps.reshape(len(maps), -1, basis.nodes.n_nodes)
    return np.asarray((split @ basis.matrix).reshape(len(maps), -1))


def linear_fit(design: Array, values: Array, covariance: Array, basis: SplineBasis) -> LinearFit:
    """Of values (n,) that are `design` (n, 3 n_splines) times the coefficients."""
    white = whitening(covariance)
    return LinearFit(white @ design, white @ values, basis.bends)


def with_scale_of(
    prediction: Array, values: Array, covariance: Array, normalisation_error: float
) -> Array:
    """The covariance with a relative error of the scale proportional to a prediction.

    Raises ValueError if the covariance does not contain so large an error of the values.
    """
    if normalisation_error == 0.0:
        return covariance
    white = whitening(covariance) @ values
    largest = 1.0 / np.linalg.norm(white)
    if normalisation_error >= largest:
        raise ValueError(
            f"normalisation_error is {normalisation_error:g}; an error of the scale that all bins "
            f"share must be below {largest:.3g}, or the covariance does not contain it"
        )
    change = np.outer(prediction, prediction) - np.outer(values, values)
    return np.asarray(covariance + normalisation_error**2 * change)


class Fitted(NamedTuple):
    """A fit, its posterior, and the covariance that was used."""

    fit: LinearFit
    posterior: Posterior
    covariance: Array


def fit_values(
    design: Array,
    values: Array,
    covariance: Array,
    basis: SplineBasis,
    settings: FitSettings,
) -> Fitted:
    """Fit of values, as `linear_fit`.

    Raises as `with_scale_of` and `LinearFit`.
    """
    prediction, error, strength = values, settings.normalisation_error, settings.strength
    for _ in range(_UPDATES if error else 1):
        used = with_scale_of(prediction, values, covariance, error)
        fit = linear_fit(design, values, used, basis)
        posterior = fit.posterior(fit.best_strength() if strength is None else strength)
        prediction = design @ posterior.mean
    return Fitted(fit, posterior, used)


@dataclass(frozen=True)
class Maps:
    """What does not depend on the data: linear maps of the coefficients.

    basis
        The splines.
    true, without_energy
        True values, and those of a cross section that does not depend on E_ν, shape
        (n_true, n_coefficients); the second None where there is one range of E_ν.
    sigma
        σ at `energy` [GeV], shape (n_energy, n_coefficients).
    """

    basis: SplineBasis
    true: Array
    without_energy: Array | None
    energy: Array
    sigma: Array

    @classmethod
    def build(cls, measurement: Measurement, setup: Setup, settings: FitSettings) -> "Maps":
        """Raises ValueError as `true_map`."""
        basis = settings.basis(setup.x_max, setup.Q2_max)
        nodes, energy = basis.nodes, midpoints(_ENERGIES, setup.energy_max)
        resolved = len(bins_of(measurement).slices[0]) > 1
        flat = map_without_energy(measurement, nodes, setup) if resolved else None
        return cls(
            basis,
            of_coefficients(true_map(measurement, nodes, setup), basis),
            None if flat is None else of_coefficients(flat, basis),
            energy,
            of_coefficients(total_cross_section_map(energy, nodes, setup), basis),
        )


def fit_measurement(
    measurement: Measurement, setup: Setup, settings: FitSettings
) -> MeasurementFit:
    """Fit to all bins; and to the energy-integrated part, with what that predicts.

    Raises ValueError as `Maps.build` and `fit_with_maps`.
    """
    return fit_with_maps(measurement, Maps.build(measurement, setup, settings), settings)


def fit_with_maps(measurement: Measurement, maps: Maps, settings: FitSettings) -> MeasurementFit:
    """The same with maps that are known.

    Raises ValueError as `with_scale_of` and `nd2fd.measurements.posterior.LinearFit`.
    """
    basis = maps.basis
    values, covariance = measurement.values, measurement.covariance
    design = smeared(measurement, maps.true)
    fits = [fit_values(design, values, covariance, basis, settings)]
    extra: dict[str, Any] = {}
    if measurement.smearing is not None and measurement.true_first is None:
        other = linear_fit(measurement.smearing.T @ maps.true, values, fits[0].covariance, basis)
        extra["transposed_chi2"] = np.array(other.posterior(fits[0].posterior.strength).chi2)
    part = marginal(bins_of(measurement), measurement.flux_edges, measurement.flux)
    if part is not None and maps.without_energy is not None:
        T = part.matrix
        of_part = fit_values(T @ design, T @ values, T @ covariance @ T.T, basis, settings)
        fits.append(of_part)
        scaled = with_scale_of(
            design @ of_part.posterior.mean, values, covariance, settings.normalisation_error
        )
        flat = smeared(measurement, maps.without_energy)
        extra |= energy_prediction(values, scaled, T, design, flat, of_part.posterior)
        extra |= {
            "marginal_first": part.bins.first,
            "marginal_second": part.bins.second,
            "marginal_values": T @ values,
            "marginal_errors": np.sqrt(np.diag(T @ covariance @ T.T)),
            "marginal_fitted": T @ design @ of_part.posterior.mean,
        }
    fitted, root = fits[0].posterior.of(design)
    return MeasurementFit(
        **_learned([f.posterior for f in fits], maps),
        n_data=np.array([f.fit.data.size for f in fits]),
        fitted=fitted,
        fitted_error=np.linalg.norm(root, axis=1),
        **extra,
    )


def energy_prediction(
    values: Array,
    covariance: Array,
    matrix: Array,
    design: Array,
    without_energy: Array,
    posterior: Posterior,
) -> dict[str, Array]:
    """What the energy-integrated part predicts of the rest, and how well."""
    given = conditional(covariance, matrix)
    measured = matrix @ values
    mean, root = posterior.of(design)
    root = given.remainder @ root
    both = given.covariance + root @ root.T

    def expected(prediction: Array) -> Array:
        return prediction + given.gain @ (measured - matrix @ prediction)

    predicted, control = expected(mean), expected(without_energy @ posterior.mean)
    compared = [
        given.chi_squared(values - predicted, both),
        given.chi_squared(values - predicted, given.covariance),
        given.chi_squared(values - control, both),
    ]
    return {
        "predicted": predicted,
        "predicted_error": np.linalg.norm(root, axis=1),
        "conditional_error": np.sqrt(np.maximum(np.diag(given.covariance), 0.0)),
        "without_energy": control,
        "conditional_chi2": np.array([value for value, _ in compared]),
        "n_conditional": np.array(compared[0][1]),
    }


def _learned(posteriors: list[Posterior], maps: Maps) -> dict[str, Any]:
    """Structure functions and σ(E_ν) with their errors."""
    basis, nodes = maps.basis, maps.basis.nodes
    every = np.asarray(np.kron(np.eye(3), basis.matrix), dtype=np.float64)
    shape = (3, nodes.n_xi, nodes.n_tau)
    of_nodes = [_mean_and_error(posterior, every) for posterior in posteriors]
    of_sigma = [_mean_and_error(posterior, maps.sigma) for posterior in posteriors]
    numbers = ("strength", "chi2", "paid", "effective_parameters", "log_evidence")
    return {
        "xi": nodes.xi,
        "tau": nodes.tau,
        "x_max": np.array(nodes.x_max),
        "Q2_max": np.array(nodes.Q2_max),
        "structure_functions": np.stack([mean.reshape(shape) for mean, _ in of_nodes]),
        "structure_function_errors": np.stack([error.reshape(shape) for _, error in of_nodes]),
        "neutrino_energy": maps.energy,
        "sigma": np.stack([mean for mean, _ in of_sigma]),
        "sigma_error": np.stack([error for _, error in of_sigma]),
        **{name: np.array([getattr(p, name) for p in posteriors]) for name in numbers},
    }


def _mean_and_error(posterior: Posterior, maps: Array) -> tuple[Array, Array]:
    mean, root = posterior.of(maps)
    return mean, np.linalg.norm(root, axis=1)
