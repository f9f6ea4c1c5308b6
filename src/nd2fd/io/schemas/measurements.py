"""Published cross sections in bins, and what was learned from them."""

from typing import Final

from nd2fd.io.artifacts import Artifact, dataset
from nd2fd.io.schemas.common import (
    NODES,
    Q2_MAX,
    Q2_SCALE,
    TAU_NODES,
    X_MAX,
    XI_NODES,
    Array,
    BoolArray,
    IntArray,
)

_VALUE: Final = "1e-38 cm2/nucleon/unit"
_EDGES: Final = ("bin", "side")
_TRUE_EDGES: Final = ("true_bin", "side")


class Measurement(Artifact, name="measurement", version=1):
    """A published measurement in the project's units (``measurements/{measurement}.h5``)."""

    variables: IntArray = dataset(
        "1",
        (),
        "0: p, cos theta; 1: E_l, cos theta; 2: p_T, p_parallel [GeV]",
        dtype="int64",
    )
    first: Array = dataset("GeV", _EDGES, "edges in the first variable")
    second: Array = dataset("1 or GeV", _EDGES, "edges in the second variable")
    energy: Array = dataset("GeV", _EDGES, "edges in E_nu")
    values: Array = dataset(_VALUE, ("bin",), "flux-averaged double-differential cross section")
    covariance: Array = dataset(
        f"({_VALUE})2", ("bin", "other_bin"), "of the values; flux errors as published"
    )
    absolute: BoolArray = dataset("1", (), "whether the scale means something", dtype="bool")
    flux_edges: Array = dataset("GeV", ("flux_edge",), "edges of the flux histogram")
    flux: Array = dataset("1/GeV", ("flux_bin",), "heights, in any unit")
    smearing: Array | None = dataset(
        "1", ("bin", "true_bin"), "values = this times the true values", default=None
    )
    true_first: Array | None = dataset(
        "GeV", _TRUE_EDGES, "edges of the true bins, if they are others", default=None
    )
    true_second: Array | None = dataset("1 or GeV", _TRUE_EDGES, "likewise", default=None)
    true_energy: Array | None = dataset("GeV", _TRUE_EDGES, "likewise", default=None)


class MeasurementFit(Artifact, name="measurement_fit", version=1):
    """Structure functions of a measurement (``measurements/{measurement}/fit.h5``).

    Along `data`: from all bins; and from the energy-integrated part alone, if there is one.
    """

    xi: Array = dataset("1", ("xi",), XI_NODES)
    tau: Array = dataset("1", ("tau",), TAU_NODES)
    x_max: Array = dataset("1", (), X_MAX)
    Q2_max: Array = dataset("GeV2", (), Q2_MAX)
    Q2_scale: Array | None = dataset("GeV2", (), Q2_SCALE, default=None)
    structure_functions: Array = dataset("1", ("data", *NODES), "posterior mean of W1', W2', W3'")
    structure_function_errors: Array = dataset("1", ("data", *NODES), "its standard deviation")
    neutrino_energy: Array = dataset("GeV", ("neutrino_energy",), "E_nu of the total cross section")
    sigma: Array = dataset("1e-38 cm2/nucleon", ("data", "neutrino_energy"), "sigma(E_nu)")
    sigma_error: Array = dataset(
        "1e-38 cm2/nucleon", ("data", "neutrino_energy"), "its standard deviation"
    )
    strength: Array = dataset("1", ("data",), "lambda of the largest marginal likelihood")
    chi2: Array = dataset("1", ("data",), "of the data")
    n_data: IntArray = dataset("1", ("data",), "independent data", dtype="int64")
    paid: Array = dataset("1", ("data",), "units of chi2 paid to the prior")
    effective_parameters: Array = dataset("1", ("data",), "that the data determine")
    log_evidence: Array = dataset("1", ("data",), "log marginal likelihood, up to a constant")
    fitted: Array = dataset(_VALUE, ("bin",), "values of the fit to all bins")
    fitted_error: Array = dataset(_VALUE, ("bin",), "their posterior standard deviation")
    transposed_chi2: Array | None = dataset(
        "1", (), "control: chi2 with the smearing matrix transposed, same lambda", default=None
    )
    marginal_first: Array | None = dataset(
        "GeV", ("marginal_bin", "side"), "bins of the energy-integrated part", default=None
    )
    marginal_second: Array | None = dataset(
        "1 or GeV", ("marginal_bin", "side"), "likewise", default=None
    )
    marginal_values: Array | None = dataset(
        _VALUE, ("marginal_bin",), "energy-integrated data", default=None
    )
    marginal_errors: Array | None = dataset(
        _VALUE, ("marginal_bin",), "their standard deviations", default=None
    )
    marginal_fitted: Array | None = dataset(
        _VALUE, ("marginal_bin",), "values of the fit to them", default=None
    )
    predicted: Array | None = dataset(
        _VALUE, ("bin",), "predicted from the energy-integrated part, given it", default=None
    )
    predicted_error: Array | None = dataset(
        _VALUE, ("bin",), "its posterior standard deviation", default=None
    )
    conditional_error: Array | None = dataset(
        _VALUE, ("bin",), "standard deviation of the data, given that part", default=None
    )
    without_energy: Array | None = dataset(
        _VALUE, ("bin",), "control: predicted if events did not depend on E_nu", default=None
    )
    conditional_chi2: Array | None = dataset(
        "1",
        ("comparison",),
        "of what that part leaves free: with errors of data and prediction; of data alone; the "
        "control, with both errors",
        default=None,
    )
    n_conditional: IntArray | None = dataset(
        "1", (), "its degrees of freedom", dtype="int64", default=None
    )


class MeasurementTransfer(Artifact, name="measurement_transfer", version=1):
    """One measurement from another's structure functions (``measurements/{A}/from_{B}.h5``)."""

    predicted: Array = dataset(_VALUE, ("bin",), "values")
    predicted_error: Array = dataset(_VALUE, ("bin",), "their posterior standard deviation")
    chi2: Array = dataset("1", ("comparison",), "with errors of data and prediction; of data alone")
    n_data: IntArray = dataset("1", (), "independent data", dtype="int64")
    scale: Array = dataset("1", (), "of the prediction that fits best, with both errors")
    scale_error: Array = dataset("1", (), "its standard deviation")
    scaled_chi2: Array = dataset("1", (), "with both errors, at that scale")
    strength: Array = dataset("1", (), "lambda of the other measurement's fit")
