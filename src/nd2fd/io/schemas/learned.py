"""What networks learned, and what it predicts."""

from typing import Final

from nd2fd.io.artifacts import Artifact, dataset
from nd2fd.io.schemas.common import (
    MEMBER_NUMBER,
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
    IntArray,
)

_NEAR: Final = "ND density, unit integral"
_FAR: Final = "FD density, unit integral"


class Networks(Artifact, name="member", version=6):
    """Learned structure functions (``members/{ensemble}/{batch}.h5``)."""

    member: IntArray = dataset("1", ("member",), MEMBER_NUMBER, dtype="int64")
    xi: Array = dataset("1", ("xi",), XI_NODES)
    tau: Array = dataset("1", ("tau",), TAU_NODES)
    x_max: Array = dataset("1", (), X_MAX)
    Q2_max: Array = dataset("GeV2", (), Q2_MAX)
    Q2_scale: Array | None = dataset("GeV2", (), Q2_SCALE, default=None)
    structure_functions: Array = dataset(
        "1", ("member", *NODES), "learned W1', W2', W3' on the nodes"
    )
    fitted_flux_parameters: Array | None = dataset(
        "1",
        ("member", "mode"),
        "size of each flux mode that goes with them, where the training may change the assumed one",
        default=None,
    )
    layer_sizes: IntArray = dataset(
        "1", ("layer",), "units per layer, input to output", dtype="int64"
    )
    weights: Array = dataset("1", ("member", "weight"), "per layer: weights (out, in) flat, biases")
    loss: Array = dataset(
        "1", ("member", "step"), "training loss, NaN after a member's end", finite=False
    )
    test_step: IntArray | None = dataset(
        "1", ("test",), "steps of the test loss", dtype="int64", default=None
    )
    test_loss: Array | None = dataset(
        "1",
        ("member", "test"),
        "loss of the 3-D cross section, closure; NaN likewise",
        finite=False,
        default=None,
    )
    best_step: IntArray = dataset(
        "1", ("member",), "step whose weights are kept here", dtype="int64"
    )


class Splines(Artifact, name="splines", version=1):
    """Splines, learned in closed form (``splines/{ensemble}/{batch}.h5``)."""

    member: IntArray = dataset("1", ("member",), MEMBER_NUMBER, dtype="int64")
    xi: Array = dataset("1", ("xi",), XI_NODES)
    tau: Array = dataset("1", ("tau",), TAU_NODES)
    x_max: Array = dataset("1", (), X_MAX)
    Q2_max: Array = dataset("GeV2", (), Q2_MAX)
    Q2_scale: Array | None = dataset("GeV2", (), Q2_SCALE, default=None)
    structure_functions: Array = dataset(
        "1", ("member", *NODES), "posterior mean of W1', W2', W3' on the nodes"
    )
    fitted_flux_parameters: Array | None = dataset(
        "1",
        ("member", "mode"),
        "size of each flux mode that goes with them, where it is learned with them",
        default=None,
    )
    strength: Array = dataset("1", ("member",), "prior strength of the largest marginal likelihood")
    chi2: Array = dataset("1", ("member",), "of the ND histogram")
    paid: Array = dataset(
        "1", ("member",), "units of chi2 that the structure functions pay to the prior"
    )
    effective_parameters: Array = dataset("1", ("member",), "that the ND histogram determines")


class Flows(Artifact, name="flow", version=2):
    """Normalising flows (``flows/{ensemble}/{batch}.h5``)."""

    member: IntArray = dataset("1", ("member",), MEMBER_NUMBER, dtype="int64")
    energy_max: Array = dataset("GeV", (), "end of the spectrum, scale of the flow's box")
    transforms: IntArray = dataset("1", (), "autoregressive spline transformations", dtype="int64")
    bins: IntArray = dataset("1", (), "pieces of each spline", dtype="int64")
    hidden_layers: IntArray = dataset("1", (), "of a transformation's network", dtype="int64")
    width: IntArray = dataset("1", (), "neurons per hidden layer", dtype="int64")
    steps: IntArray = dataset("1", (), "steps of the training", dtype="int64")
    learning_rate: Array = dataset("1", (), "largest learning rate")
    cells: IntArray = dataset("1", (), "(v1, v2) cells in a step", dtype="int64")
    energy_stride: IntArray = dataset(
        "1", (), "a step takes every so many-th energy", dtype="int64"
    )
    weights: Array = dataset(
        "1", ("member", "weight"), "log of the scale, then as PyTorch has them"
    )
    loss: Array = dataset("1", ("member", "step"), "training loss, estimated from a step's cells")
    final_loss: Array = dataset("1", ("member",), "loss of these weights, from all cells")


class Predictions(Artifact, name="prediction", version=2):
    """Densities that a batch predicts (``predictions/{ensemble}/{batch}.h5``)."""

    member: IntArray = dataset("1", ("member",), MEMBER_NUMBER, dtype="int64")
    v1: Array = dataset("1", ("v1",), V1_CELLS)
    v2: Array = dataset("1", ("v2",), V2_CELLS)
    energy: Array = dataset("GeV", ("energy",), "neutrino energy, cell centres")
    near: Array = dataset("1", ("member", *PLANE), "ND event density per dv1 dv2, unit integral")
    far: Array | None = dataset(
        "1", ("member", *PLANE), "FD event density per dv1 dv2, unit integral", default=None
    )
    sigma_total: Array = dataset("1", ("member", "energy"), "cross section, ND flux average 1")


class Marginals(Artifact, name="marginals", version=2):
    """One-dimensional densities on a fine grid (``marginals/{ensemble}/{batch}.h5``)."""

    member: IntArray = dataset("1", ("member",), MEMBER_NUMBER, dtype="int64")
    energy: Array = dataset("GeV", ("energy",), "neutrino energy, bin centres")
    near_energy: Array = dataset("1/GeV", ("member", "energy"), _NEAR)
    far_energy: Array | None = dataset("1/GeV", ("member", "energy"), _FAR, default=None)
    e_lepton: Array = dataset("GeV", ("e_lepton",), "energy of the charged lepton, bin centres")
    near_e_lepton: Array = dataset("1/GeV", ("member", "e_lepton"), _NEAR)
    far_e_lepton: Array | None = dataset("1/GeV", ("member", "e_lepton"), _FAR, default=None)
    cos_theta: Array = dataset(
        "1", ("cos_theta",), "cosine of the charged lepton's angle to the beam, bin centres"
    )
    near_cos_theta: Array = dataset("1", ("member", "cos_theta"), _NEAR)
    far_cos_theta: Array | None = dataset("1", ("member", "cos_theta"), _FAR, default=None)
    v1: Array = dataset("1", ("v1",), V1_CELLS)
    near_v1: Array = dataset("1", ("member", "v1"), _NEAR)
    far_v1: Array | None = dataset("1", ("member", "v1"), _FAR, default=None)
    v2: Array = dataset("1", ("v2",), V2_CELLS)
    near_v2: Array = dataset("1", ("member", "v2"), _NEAR)
    far_v2: Array | None = dataset("1", ("member", "v2"), _FAR, default=None)


class Slices(Artifact, name="slices", version=2):
    """Cross sections at fixed energies (``slices/{ensemble}/{batch}.h5``)."""

    member: IntArray = dataset("1", ("member",), MEMBER_NUMBER, dtype="int64")
    v1: Array = dataset("1", ("v1",), V1_CELLS)
    v2: Array = dataset("1", ("v2",), V2_CELLS)
    energy: Array = dataset("GeV", ("energy",), "neutrino energy of each slice")
    density: Array = dataset(
        "1",
        ("member", "energy", *PLANE),
        "cross section per dv1 dv2 at fixed energy, unit integral",
    )
