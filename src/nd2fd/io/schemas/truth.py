"""The known truth of the closure test."""

from typing import Final

from nd2fd.io.artifacts import Artifact, dataset
from nd2fd.io.schemas.common import (
    NODES,
    PLANE,
    Q2_MAX,
    Q2_SCALE,
    TAU_NODES,
    V1_CELLS,
    V2_CELLS,
    X_MAX,
    XI_NODES,
    Array,
)

TABLE: Final = ("structure_function", "x", "Q2")


class Truth(Artifact, name="truth", version=2):
    """Densities, cross section and structure functions of the truth (``truth/densities.h5``)."""

    v1: Array = dataset("1", ("v1",), V1_CELLS)
    v2: Array = dataset("1", ("v2",), V2_CELLS)
    energy: Array = dataset("GeV", ("energy",), "neutrino energy, cell centres")
    near_flux: Array = dataset("1/(area GeV POT)", ("energy",), "ND flux, cell averages")
    near: Array = dataset("1", PLANE, "ND event density per dv1 dv2, unit integral")
    far: Array | None = dataset(
        "1", PLANE, "FD event density per dv1 dv2, unit integral", default=None
    )
    sigma_total: Array = dataset("1e-38 cm2", ("energy",), "cross section per nucleon")
    xi: Array = dataset("1", ("xi",), XI_NODES)
    tau: Array = dataset("1", ("tau",), TAU_NODES)
    x_max: Array = dataset("1", (), X_MAX)
    Q2_max: Array = dataset("GeV2", (), Q2_MAX)
    Q2_scale: Array | None = dataset("GeV2", (), Q2_SCALE, default=None)
    structure_functions: Array = dataset("1", NODES, "true W1', W2', W3' on the nodes")


class StructureFunctionTable(Artifact, name="structure_function_table", version=1):
    """Structure functions of a truth that is tabulated (``truth/table.h5``), per nucleon.

    Between its points they are linear in √x and in log(Q² + 0.02 GeV²).
    """

    x: Array = dataset("1", ("x",), "Bjorken x, ascending")
    Q2: Array = dataset("GeV2", ("Q2",), "Q2, ascending")
    neutrino: Array | None = dataset(
        "1", TABLE, "W1, ..., W5 = 2xF1, F2, xF3, xF4, xF5 of neutrinos", default=None
    )
    antineutrino: Array | None = dataset("1", TABLE, "the same of antineutrinos", default=None)


class NodeWeights(Artifact, name="weights", version=2):
    """How much each node counts at either detector (``truth/weights.h5``)."""

    xi: Array = dataset("1", ("xi",), XI_NODES)
    tau: Array = dataset("1", ("tau",), TAU_NODES)
    x_max: Array = dataset("1", (), X_MAX)
    Q2_max: Array = dataset("GeV2", (), Q2_MAX)
    Q2_scale: Array | None = dataset("GeV2", (), Q2_SCALE, default=None)
    near: Array = dataset("1", NODES, "weights of W' on the nodes in the number of ND events")
    far: Array | None = dataset(
        "1", NODES, "the same at the FD; with the true W' both sum to one", default=None
    )
