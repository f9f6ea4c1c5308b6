"""One measurement predicted from the structure functions of another, nuclear effects included.

Structure functions per nucleon of one nucleus are taken for those of another: the prediction is
wrong by what their binding, motion and neutron excess make of them.
"""

import numpy as np

from nd2fd.io.schemas.measurements import Measurement, MeasurementTransfer
from nd2fd.measurements.covariance import chi_squared, whitening
from nd2fd.measurements.fit import FitSettings, fit_values, of_coefficients, with_scale_of
from nd2fd.measurements.measurement import smeared, true_map
from nd2fd.physics.setup import Setup


def predict_from(
    measurement: Measurement,
    source: Measurement,
    setups: tuple[Setup, Setup],
    settings: tuple[FitSettings, FitSettings],
) -> MeasurementTransfer:
    """Predict `measurement` from a fit to all bins of `source`.

    `setups` and `settings` are those of the two, in this order; nodes and splines are those of the
    source, and reach as far as the larger of the two ranges of x and Q².
    """
    basis = settings[1].basis(
        max(setup.x_max for setup in setups), max(setup.Q2_max for setup in setups)
    )
    from_source, design = (
        smeared(m, of_coefficients(true_map(m, basis.nodes, s), basis))
        for m, s in zip((source, measurement), reversed(setups), strict=True)
    )
    posterior = fit_values(
        from_source, source.values, source.covariance, basis, settings[1]
    ).posterior
    predicted, root = posterior.of(design)
    values = measurement.values
    error = settings[0].normalisation_error
    covariance = with_scale_of(predicted, values, measurement.covariance, error)
    both = covariance + root @ root.T
    with_both, n_data = chi_squared(values - predicted, both)
    alone, _ = chi_squared(values - predicted, covariance)
    white = whitening(both)
    of_prediction, of_values = white @ predicted, white @ values
    scale = of_prediction @ of_values / (of_prediction @ of_prediction)
    scaled = of_values - scale * of_prediction
    return MeasurementTransfer(
        predicted=predicted,
        predicted_error=np.linalg.norm(root, axis=1),
        chi2=np.array([with_both, alone]),
        n_data=np.array(n_data),
        scale=np.array(scale),
        scale_error=np.array(1.0 / np.linalg.norm(of_prediction)),
        scaled_chi2=np.array(scaled @ scaled),
        strength=np.array(posterior.strength),
    )
