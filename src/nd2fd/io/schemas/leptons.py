"""Results of analyses of all leptons."""

from typing import Final

from nd2fd.io.artifacts import Artifact, dataset
from nd2fd.io.schemas.common import (
    Q2_MAX,
    Q2_SCALE,
    TAU_NODES,
    X_MAX,
    XI_NODES,
    Array,
    BoolArray,
    IntArray,
)

_FUNCTIONS: Final = ("helicity_set", "structure_function", "xi", "tau")
_NEAR: Final = ("near_sample", "near_v1", "near_v2")
_FAR: Final = ("far_sample", "far_v1", "far_v2")
_OF_PHASE: Final = ("model", "mass_ordering", "phase")
_ABOVE: Final = "least -2 ln L above its minimum"
_MODELS: Final = "of the known and of the learned cross section"


class LeptonFit(Artifact, name="lepton_fit", version=3):
    """Near posterior, and expected far-detector data (``leptons/{analysis}/fit.h5``).

    Along `model`: known and learned cross section; along `mass_ordering`: the true one, and
    the other one. Parameters are sin2_theta23, dm2_32 [eV2], delta_cp [rad], sin2_theta13.
    """

    xi: Array = dataset("1", ("xi",), XI_NODES)
    tau: Array = dataset("1", ("tau",), TAU_NODES)
    x_max: Array = dataset("1", (), X_MAX)
    Q2_max: Array = dataset("GeV2", (), Q2_MAX)
    Q2_scale: Array | None = dataset("GeV2", (), Q2_SCALE, default=None)
    structure_functions: Array = dataset(
        "1", _FUNCTIONS, "posterior mean, of neutrinos, then of antineutrinos with their own"
    )
    structure_function_errors: Array = dataset("1", _FUNCTIONS, "its standard deviation")
    true_structure_functions: Array = dataset("1", _FUNCTIONS, "the truth")
    weights: Array = dataset(
        "1", ("near_sample", *_FUNCTIONS), "share of the near events by node value"
    )
    near_true: Array = dataset("1", _NEAR, "expected share of the near events in a cell")
    near_learned: Array = dataset("1", _NEAR, "the same of the posterior mean")
    far_true: Array = dataset("1", _FAR, "expected share of the far events in a cell")
    far_learned: Array = dataset("1", _FAR, "the same of the posterior mean")
    channels: IntArray = dataset(
        "1",
        ("channel", "property"),
        "reverse horn current, initial and final electron, antineutrino: 1 is yes",
        dtype="int64",
    )
    channel_events: Array = dataset("1", ("channel",), "expected far-detector events")
    errors: Array = dataset(
        "1 or eV2 or rad", ("model", "parameter"), "standard deviations in linear theory"
    )
    best: Array = dataset("1 or eV2 or rad", ("model", "parameter"), "best fit of expected data")
    best_value: Array = dataset("1", ("model",), "-2 ln L there; 0 of contents that are the data")
    sin2_theta23: Array = dataset("1", ("mixing",), "values of curves and regions")
    octant: Array = dataset(
        "1", ("model", "data", "mixing"), f"{_ABOVE}: far muons alone; all far samples"
    )
    delta_cp: Array = dataset("rad", ("phase",), "values of curves and regions")
    delta_curve: Array = dataset("1", _OF_PHASE, f"{_ABOVE} with the true ordering")
    size_of_dm2_32: Array = dataset("eV2", ("mass",), "values of curves and regions")
    mass_curve: Array = dataset(
        "1", ("model", "mass_ordering", "mass"), f"{_ABOVE} with the true ordering"
    )
    region: Array = dataset("1", ("model", "mixing", "phase"), _ABOVE)
    mass_region: Array = dataset(
        "1", ("model", "mixing", "mass"), f"{_ABOVE}, with the true ordering"
    )
    true_delta_cp: Array = dataset("rad", ("true_phase",), "true values of the sensitivities")
    cp_violation: Array = dataset(
        "1", ("model", "true_phase"), "sqrt of what CP conservation is above the minimum"
    )
    ordering: Array = dataset(
        "1", ("model", "true_phase"), "sqrt of what the other mass ordering is above it"
    )
    chi2: Array = dataset("1", (), "of the near contents")
    paid: Array = dataset("1", (), "units of chi2 paid to the prior")
    effective_parameters: Array = dataset("1", (), "that the near contents determine")
    electron_ratio_error: Array = dataset(
        "1",
        ("ratio_error",),
        "of far electrons over far muons at the true theta: relative standard deviation, and bias",
    )


class LeptonNetworks(Artifact, name="lepton_networks", version=1):
    """Networks of expected near-detector contents (``leptons/{analysis}/networks.h5``)."""

    xi: Array = dataset("1", ("xi",), XI_NODES)
    tau: Array = dataset("1", ("tau",), TAU_NODES)
    x_max: Array = dataset("1", (), X_MAX)
    Q2_max: Array = dataset("GeV2", (), Q2_MAX)
    Q2_scale: Array | None = dataset("GeV2", (), Q2_SCALE, default=None)
    structure_functions: Array = dataset(
        "1", ("network", *_FUNCTIONS), "of neutrinos, then of antineutrinos with their own"
    )
    chi2: Array = dataset("1", ("network",), "of the near contents")
    best: Array = dataset(
        "1 or eV2 or rad", ("network", "parameter"), "best fit of expected far-detector data"
    )
    true_theta: Array = dataset("1 or eV2 or rad", ("parameter",), "nature's parameters")


class LeptonExperiments(Artifact, name="lepton_experiments", version=1):
    """Pseudo-experiments of an analysis (``leptons/{analysis}/experiments.h5``)."""

    true_theta: Array = dataset("1 or eV2 or rad", ("parameter",), "nature's parameters")
    theta: Array = dataset("1 or eV2 or rad", ("model", "experiment", "parameter"), "best fits")
    errors: Array = dataset(
        "1 or eV2 or rad", ("model", "experiment", "parameter"), "standard deviations there"
    )
    above: Array = dataset(
        "1",
        ("model", "experiment", "test"),
        "-2 ln L of the truth above the minimum, in sin2_theta23, delta_cp, and both",
    )
    converged: BoolArray = dataset(
        "1", ("model", "experiment"), f"whether fits ended by themselves, {_MODELS}", dtype="bool"
    )
