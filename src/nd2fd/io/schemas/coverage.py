"""Pseudo-experiments."""

from typing import Final

from nd2fd.io.artifacts import Artifact, dataset
from nd2fd.io.schemas.common import Array, BoolArray, IntArray

_BY_REGION: Final = ("n_sigma", "region")
_BY_MEMBER: Final = ("experiment", "member")


class CoverageBlock(Artifact, name="coverage_block", version=3):
    """Pseudo-experiments of one job (``coverage/{ensemble}/{block}.h5``)."""

    experiment: IntArray = dataset(
        "1", ("experiment",), "number of the pseudo-experiment", dtype="int64"
    )
    n_sigma: Array = dataset("1", ("n_sigma",), "confidence levels")
    contained: BoolArray = dataset(
        "1",
        (*_BY_MEMBER, *_BY_REGION),
        "member's region holds the truth; regions: both, sin2_2theta23, dm2_32",
        dtype="bool",
    )
    best_sin2_2theta23: Array = dataset("1", _BY_MEMBER, "estimate")
    best_dm2_32: Array = dataset("eV2", _BY_MEMBER, "estimate")
    sigma_sin2_2theta23: Array = dataset("1", _BY_MEMBER, "spread of the replicas")
    sigma_dm2_32: Array = dataset("eV2", _BY_MEMBER, "spread of the replicas")
    true_mode: Array | None = dataset(
        "1",
        ("experiment", "mode"),
        "size of each flux mode in nature's far flux, where it is drawn",
        default=None,
    )


class Coverage(Artifact, name="coverage", version=2):
    """How often the regions of an ensemble hold the truth (``coverage/{ensemble}.h5``)."""

    n_sigma: Array = dataset("1", ("n_sigma",), "confidence levels")
    n_experiments: IntArray = dataset("1", (), "number of pseudo-experiments", dtype="int64")
    coverage: Array = dataset("1", _BY_REGION, "fraction of regions that hold the truth")
    error: Array = dataset("1", _BY_REGION, "binomial standard error")
    redrawn: Array = dataset("1", _BY_REGION, "the same, members redrawn per experiment")
    members: Array = dataset("1", _BY_REGION, "the same for the regions of single members")
    best_sin2_2theta23: Array = dataset("1", ("experiment",), "mean over members")
    best_dm2_32: Array = dataset("eV2", ("experiment",), "mean over members")
    sigma_sin2_2theta23: Array = dataset("1", ("experiment",), "mean over members")
    sigma_dm2_32: Array = dataset("eV2", ("experiment",), "mean over members")
    true_sin2_2theta23: Array = dataset("1", (), "truth")
    true_dm2_32: Array = dataset("eV2", (), "truth")
