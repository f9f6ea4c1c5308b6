"""Sections of what is trained: networks and normalising flows."""

from typing import Literal

from nd2fd.config.fields import Section, key


class TrainingSection(Section):
    """The network and how it is trained. The paper's setting is `config/paper.yaml`."""

    optimizer: Literal["adam", "lbfgs", "varpro"] = key(
        "Optimiser; `varpro`: L-BFGS on the hidden layers, the last one solved exactly",
        "adam: paper; varpro: choice",
    )
    activation: Literal["leaky_relu", "silu"] = key(
        "Activation function", "leaky_relu: paper; silu: choice"
    )
    precision: Literal["float32", "float64"] = key("Floating-point type", "choice")
    hidden_layers: int = key("Hidden layers", "paper", ge=1, le=16)
    width: int = key("Neurons per hidden layer", "paper", ge=1, le=1024)
    evaluations: int = key(
        "Largest number of evaluations of loss and gradient (for adam: steps); a member of a "
        "histogram ends where it gains little",
        "10,000 for adam: paper",
        ge=1,
        le=1_000_000,
    )
    weighting: Literal["uniform", "poisson"] = key(
        "Weights of a histogram's cells in the loss; `poisson`: the inverse variance",
        "uniform: paper; poisson: choice",
    )
    ridge: float = key(
        "`varpro` only: penalty on the last layer, relative to the squared density of W = 1",
        "choice",
        ge=0,
        le=1,
    )
    smoothness: float = key(
        "χ² that a histogram's structure functions pay for their curvature "
        "(docs/studies/smoothness.md)",
        "0: paper; else: choice",
        ge=0,
        le=1e6,
    )
    flux_errors: bool = key(
        "Treat the flux uncertainty as common errors of a histogram's cells, where an ensemble "
        "varies the flux",
        "false: paper; true: choice",
    )
    smoothness_with_flux_errors: float = key(
        "In place of `smoothness` where `flux_errors` applies", "choice", ge=0, le=1e6
    )
    device: Literal["cpu", "cuda"] = key("Where to train", "choice")
    members_per_job: int = key(
        "Members per job: a few on CPUs, where they follow one another; as many as fit on a GPU",
        "choice",
        ge=1,
        le=10_000,
    )


class FlowSection(Section):
    """The normalising flow of ensembles with `model: flow`, and how it is trained."""

    transforms: int = key("Autoregressive spline transformations", "choice", ge=1, le=16)
    bins: int = key("Pieces of each spline", "choice", ge=2, le=64)
    hidden_layers: int = key("Hidden layers of a transformation's network", "choice", ge=1, le=16)
    width: int = key("Neurons per hidden layer", "choice", ge=1, le=1024)
    steps: int = key("Steps of Adam", "choice", ge=1, le=1_000_000)
    learning_rate: float = key("Largest learning rate", "choice", gt=0, le=1)
    cells: int = key("(v1, v2) cells in a step", "choice", ge=1, le=262_144)
    energy_stride: int = key(
        "A step takes every so many-th energy of the grid", "choice", ge=1, le=1024
    )
