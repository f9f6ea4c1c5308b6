"""Oscillation fits and the regions made of them."""

from typing import Final

from nd2fd.io.artifacts import Artifact, dataset
from nd2fd.io.schemas.common import (
    FLUX_PARAMETERS,
    MEMBER_NUMBER,
    NUISANCE_PARAMETERS,
    Array,
    BoolArray,
    IntArray,
)

_BY_OCTANT: Final = ("member", "replica", "octant")
_ANGLE_MASS: Final = ("n_sigma", "sin2_2theta23", "dm2_32")
_OCTANT_MASS: Final = ("n_sigma", "sin2_theta23", "dm2_32")


class Fits(Artifact, name="fit", version=4):
    """Fits with the cross sections of a batch (``fits/{ensemble}/{batch}.h5``)."""

    member: IntArray = dataset("1", ("member",), MEMBER_NUMBER, dtype="int64")
    flux_parameters: Array | None = dataset("1", ("member", "mode"), FLUX_PARAMETERS, default=None)
    nuisance_parameters: Array | None = dataset(
        "1", ("member", "nuisance_parameter"), NUISANCE_PARAMETERS, default=None
    )
    sin2_2theta23: Array = dataset("1", ("member", "replica"), "bootstrap, octant of the truth")
    dm2_32: Array = dataset("eV2", ("member", "replica"), "estimate that goes with sin2_2theta23")
    octant_sin2_theta23: Array = dataset("1", _BY_OCTANT, "estimate in each octant")
    octant_dm2_32: Array = dataset("eV2", _BY_OCTANT, "estimate in each octant")
    octant_log_likelihood: Array = dataset("1", _BY_OCTANT, "its log-likelihood")
    at_boundary: BoolArray = dataset(
        "1", ("member", "replica"), "this estimate ends at an edge of a fit range", dtype="bool"
    )
    best_sin2_2theta23: Array = dataset("1", ("member",), "estimate from the events themselves")
    best_dm2_32: Array = dataset("eV2", ("member",), "estimate from the events themselves")
    best_octant_sin2_theta23: Array = dataset("1", ("member", "octant"), "estimate from the events")
    best_octant_dm2_32: Array = dataset("eV2", ("member", "octant"), "estimate from the events")
    best_octant_log_likelihood: Array = dataset("1", ("member", "octant"), "its log-likelihood")


class Intervals(Artifact, name="intervals", version=3):
    """Regions and intervals of an ensemble (``intervals/{ensemble}.h5``)."""

    n_sigma: Array = dataset("1", ("n_sigma",), "confidence levels")
    sin2_2theta23: Array = dataset("1", ("sin2_2theta23",), "axis")
    sin2_theta23: Array = dataset("1", ("sin2_theta23",), "axis, both octants")
    dm2_32: Array = dataset("eV2", ("dm2_32",), "axis")
    member_fraction: Array = dataset("1", _ANGLE_MASS, "fraction of regions with the point")
    mask: BoolArray = dataset(
        "1", _ANGLE_MASS, "point is inside the ensemble's region", dtype="bool"
    )
    margin: Array = dataset(
        "1", _ANGLE_MASS, "how far the point is inside; >= 0 where mask is true, 0 on the border"
    )
    octant_member_fraction: Array = dataset("1", _OCTANT_MASS, "the same in sin2_theta23")
    octant_mask: BoolArray = dataset("1", _OCTANT_MASS, "the same in sin2_theta23", dtype="bool")
    octant_margin: Array = dataset("1", _OCTANT_MASS, "the same in sin2_theta23")
    interval_sin2_2theta23: Array = dataset("1", ("n_sigma", "edge"), "NaN if empty", finite=False)
    interval_dm2_32: Array = dataset("eV2", ("n_sigma", "edge"), "NaN if empty", finite=False)
    interval_sin2_theta23: Array = dataset(
        "1", ("n_sigma", "octant", "edge"), "by octant, NaN if empty", finite=False
    )
