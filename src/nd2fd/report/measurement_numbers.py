"""Numbers of measured cross sections: how well they are fitted, and what they predict."""

from typing import Any

from nd2fd.io.schemas.measurements import MeasurementFit, MeasurementTransfer
from nd2fd.report.numbers import Number, Numbers

_ALL, _MARGINAL = 0, 1
"""Places of the dimension `data`."""

_FIT = (
    ("chi2", ".0f", "χ² of the data"),
    ("n_data", "d", "independent data"),
    ("strength", ".1e", "strength λ of the smoothness prior"),
    ("effective_parameters", ".1f", "parameters that the data determine"),
    ("paid", ".1f", "χ² that the structure functions pay to the prior"),
)

_CONDITIONAL = (
    ("chi2", "with the errors of data and prediction"),
    ("chi2_data_errors", "with the errors of the data alone"),
    ("chi2_without_energy", "if events did not depend on E_ν, with the errors of both"),
)


def fit_numbers(name: str, fit: MeasurementFit) -> Numbers:
    """χ², λ and effective parameters of a fit; and of what energy-integrated data predict."""
    source = f"{name}_fit"
    numbers: Numbers = {}

    def add(key: str, value: Any, spec: str, description: str, dataset: str) -> None:
        number = int(value) if spec == "d" else float(value)
        numbers[f"measurement/{name}/{key}"] = Number(
            number, "1", spec, description, ((source, dataset),)
        )

    for which in range(len(fit.chi2)):
        where = "marginal/" if which == _MARGINAL else ""
        what = ", energy-integrated data alone" if which == _MARGINAL else ""
        for key, spec, description in _FIT:
            small = key == "chi2" and which == _MARGINAL
            add(
                f"{where}{key}",
                getattr(fit, key)[which],
                ".1f" if small else spec,
                description + what,
                key,
            )
    if fit.conditional_chi2 is not None and fit.n_conditional is not None:
        add(
            "conditional/n_data",
            fit.n_conditional,
            "d",
            "data that the energy-integrated ones do not determine",
            "n_conditional",
        )
        for value, (key, errors) in zip(fit.conditional_chi2, _CONDITIONAL, strict=True):
            description = f"χ² of these, predicted from the energy-integrated ones, {errors}"
            add(f"conditional/{key}", value, ".0f", description, "conditional_chi2")
    if fit.transposed_chi2 is not None:
        add(
            "chi2_transposed",
            fit.transposed_chi2,
            ".0f",
            "χ² of the data with the smearing matrix transposed, as a control",
            "transposed_chi2",
        )
    return numbers


def transfer_numbers(of: str, source: str, transfer: MeasurementTransfer) -> Numbers:
    """χ² of a prediction from another measurement's structure functions."""
    start, file = f"measurement/{of}/from_{source}", f"{of}_from_{source}"
    what = f"{of}, predicted from the structure functions of {source}"
    both, alone = (float(value) for value in transfer.chi2)
    errors = "with the errors of data and prediction"
    return {
        f"{start}/chi2": Number(both, "1", ".0f", f"χ² of {what}, {errors}", ((file, "chi2"),)),
        f"{start}/chi2_data_errors": Number(
            alone, "1", ".0f", f"χ² of {what}, with the errors of the data alone", ((file, "chi2"),)
        ),
        f"{start}/n_data": Number(
            int(transfer.n_data), "1", "d", "independent data", ((file, "n_data"),)
        ),
        f"{start}/scale": Number(
            float(transfer.scale),
            "1",
            ".2f",
            f"scale of the prediction that fits best of {what}",
            ((file, "scale"),),
            float(transfer.scale_error),
        ),
        f"{start}/scaled_chi2": Number(
            float(transfer.scaled_chi2),
            "1",
            ".0f",
            f"χ² of {what}, {errors}, at that scale",
            ((file, "scaled_chi2"),),
        ),
    }
