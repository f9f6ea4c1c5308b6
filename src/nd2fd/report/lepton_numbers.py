"""Numbers of analyses of leptons: errors, events, and what pseudo-experiments hold."""

import numpy as np

from nd2fd.io.schemas.leptons import LeptonExperiments, LeptonFit, LeptonNetworks
from nd2fd.report.numbers import Number, Numbers

_MODELS = (("known", "known cross section"), ("learned", "learned cross section"))

_PARAMETERS = (
    ("sin2_theta23", 1.0, "1", ".4f", "sin²θ23"),
    ("dm2_32", 1e5, "1e-5 eV2", ".2f", "Δm²32"),
    ("delta_cp", 1.0, "rad", ".3f", "δ_CP"),
)

_TESTS = ("sin2_theta23", "delta_cp", "both")
_LEVELS = (("1sigma", 1.0, 2.30), ("2sigma", 4.0, 6.18))
"""Name, and threshold of one and of two parameters."""

_SIGNAL = (0, 0, 1, 0)
"""Property of the channel ν_μ → ν_e with forward horn current (`LeptonFit.channels`)."""

_INTRINSIC = (0, 1, 1, 0)


def fit_numbers(name: str, fit: LeptonFit) -> Numbers:
    """Errors of θ, far electrons, and the ratio of electrons to muons."""
    source, numbers = f"{name}_lepton_fit", Numbers()

    def add(key: str, value: float, unit: str, spec: str, what: str, dataset: str) -> None:
        numbers[f"lepton/{name}/{key}"] = Number(
            float(value), unit, spec, what, ((source, dataset),)
        )

    for k, (model, words) in enumerate(_MODELS):
        for i, (parameter, factor, unit, spec, symbol) in enumerate(_PARAMETERS):
            what = f"error of {symbol} in linear theory, {words}"
            add(f"{model}/{parameter}", fit.errors[k, i] * factor, unit, spec, what, "errors")
    for key, wanted in (("signal", _SIGNAL), ("intrinsic", _INTRINSIC)):
        (places,) = np.nonzero(np.all(fit.channels == wanted, axis=1))
        for place in places:
            what = f"far electrons, {key}, of neutrinos with forward horn current"
            add(key, fit.channel_events[place], "1", ".0f", what, "channel_events")
    for key, value, what in zip(
        ("ratio_error", "ratio_bias"),
        fit.electron_ratio_error,
        ("standard deviation", "bias"),
        strict=True,
    ):
        words = f"relative {what} of far electrons over far muons from what was learned"
        add(key, 100.0 * value, "%", ".1f", words, "electron_ratio_error")
    return numbers


def network_numbers(name: str, trained: LeptonNetworks) -> Numbers:
    """How well networks fit the near contents, and where the far detector's fits with them are."""
    source = f"{name}_lepton_networks"
    chi2 = float(trained.chi2.mean())
    words = "χ² of expected near contents, mean of networks"
    numbers = Numbers()
    numbers[f"lepton/{name}/networks/chi2"] = Number(chi2, "1", ".2f", words, ((source, "chi2"),))
    for i, (parameter, factor, unit, spec, symbol) in enumerate(_PARAMETERS):
        shifts = (trained.best[:, i] - trained.true_theta[i]) * factor
        numbers[f"lepton/{name}/networks/{parameter}"] = Number(
            float(shifts.mean()),
            unit,
            spec,
            f"best fit of {symbol} less the truth, mean of networks",
            ((source, "best"), (source, "true_theta")),
        )
    return numbers


def experiment_numbers(name: str, drawn: LeptonExperiments) -> Numbers:
    """Pulls, and how often profile regions hold the truth."""
    source, numbers = f"{name}_lepton_experiments", Numbers()
    n = drawn.theta.shape[1]
    numbers[f"lepton/{name}/experiments"] = Number(
        n, "1", "d", "pseudo-experiments", ((source, "theta"),)
    )
    for k, (model, words) in enumerate(_MODELS):
        for test, above in zip(_TESTS, drawn.above[k].T, strict=True):
            for level, one, two in _LEVELS:
                share = float(np.mean(above < (two if test == "both" else one)))
                numbers[f"lepton/{name}/{model}/{test}_{level}"] = Number(
                    100.0 * share,
                    "%",
                    ".0f",
                    f"pseudo-experiments whose {level} region in {test} holds the truth, {words}",
                    ((source, "above"),),
                    uncertainty=100.0 * float(np.sqrt(share * (1.0 - share) / n)),
                )
    return numbers
