"""Near-detector data."""

from nd2fd.io.artifacts import Artifact, dataset
from nd2fd.io.schemas.common import (
    FLUX_PARAMETERS,
    MEMBER_NUMBER,
    NUISANCE_PARAMETERS,
    PLANE,
    V1_CELLS,
    V2_CELLS,
    Array,
    IntArray,
)


class NearData(Artifact, name="near", version=4):
    """What a batch of members trains on (``near/{ensemble}/{batch}.h5``)."""

    member: IntArray = dataset("1", ("member",), MEMBER_NUMBER, dtype="int64")
    v1: Array = dataset("1", ("v1",), V1_CELLS)
    v2: Array = dataset("1", ("v2",), V2_CELLS)
    density: Array = dataset("1", ("member", *PLANE), "ND event density per dv1 dv2, unit integral")
    energy: Array = dataset("GeV", ("energy",), "neutrino energy, cell centres")
    flux: Array = dataset(
        "1/(area GeV POT)", ("member", "energy"), "ND flux the training assumes, cell averages"
    )
    flux_parameters: Array | None = dataset("1", ("member", "mode"), FLUX_PARAMETERS, default=None)
    nuisance_parameters: Array | None = dataset(
        "1", ("member", "nuisance_parameter"), NUISANCE_PARAMETERS, default=None
    )
    flux_errors: Array | None = dataset(
        "1/(area GeV POT)",
        ("flux_mode", "energy"),
        "change of the ND flux by one standard deviation of each mode, where it is uncertain",
        default=None,
    )
    n_events: IntArray = dataset(
        "1", (), "events the histogram stands for, 0 if it is the density itself", dtype="int64"
    )
    acceptance: Array = dataset("1", ("member",), "fraction of the events that is measured")
    squares: Array | None = dataset(
        "1",
        ("member", *PLANE),
        "density of the squares of the weights, unit integral, of weighted events",
        default=None,
    )


class NearHistogram(Artifact, name="near_histogram", version=1):
    """Events of a file in cells (``near/histogram.h5``)."""

    v1: Array = dataset("1", ("v1",), V1_CELLS)
    v2: Array = dataset("1", ("v2",), V2_CELLS)
    contents: Array = dataset("1", PLANE, "sum of the weights")
    squares: Array = dataset("1", PLANE, "sum of their squares, the variance of the contents")
    total: Array = dataset("1", (), "sum of the weights of all selected events, lost ones included")
    total_squares: Array = dataset("1", (), "sum of their squares")
    n_read: IntArray = dataset("1", (), "events in the file", dtype="int64")
    n_events: IntArray = dataset("1", (), "selected events", dtype="int64")
    n_lost: IntArray = dataset("1", (), "selected events outside of the unit square", dtype="int64")
    pot: Array | None = dataset("1", (), "protons on target, where the file says", default=None)
