"""The known truth of the closure test."""

from dataclasses import dataclass

from nd2fd.io.artifacts import Artifact, dataset
from nd2fd.io.schemas.common import NODES, PLANE, Array


@dataclass(frozen=True)
class Truth(Artifact, name="truth", version=2):
    """The truth of the closure test (``truth/densities.h5``)."""

    v1: Array = dataset("1", ("v1",), "v1 = sqrt((E_l - p cos theta)/M), cell centres")
    v2: Array = dataset("1", ("v2",), "v2 = sqrt((E_l + p cos theta)/(2 E_max)), cell centres")
    energy: Array = dataset("GeV", ("energy",), "neutrino energy")
    near_flux: Array = dataset("1/(area GeV POT)", ("energy",), "ND flux, cell averages")
    near: Array = dataset("1", PLANE, "ND event density per dv1 dv2, unit integral")
    far: Array | None = dataset("1", PLANE, "FD event density per dv1 dv2, unit integral", optional=True)
    sigma_total: Array = dataset("1e-38 cm2", ("energy",), "cross section per nucleon")
    xi: Array = dataset("1", ("xi",), "nodes in sqrt(x / x_max)")
    tau: Array = dataset("1", ("tau",), "nodes in log(1 + Q2/0.3) / log(1 + Q2_max/0.3)")
    x_max: Array = dataset("1", (), "bjorken_x at xi = 1")
    Q2_max: Array = dataset("GeV2", (), "Q2 at tau = 1")
    structure_functions: Array = dataset("1", NODES, "true W1", W2", W3" on the nodes")


@dataclass(frozen=True)
class NodeWeights(Artifact, name="weights", version=2):
    """How much each node counts at either detector (``truth/weights.h5``)."""

    xi: Array = dataset("1", ("xi",), "nodes in sqrt(x / x_max)")
    tau: Array = dataset("1", ("tau",), "nodes in log(1 + Q2/0.3) / log(1 + Q2_max/0.3)")
    x_max: Array = dataset("1", (), "bjorken_x at xi = 1")
    Q2_max: Array = dataset("GeV2", (), "Q2 at tau = 1")
    near: Array = dataset("1", NODES, "weights of W" on the nodes in the number of ND events")
    far: Array | None = dataset("1", NODES, "the same at the FD; with the true W" both sum to one", optional=True)
