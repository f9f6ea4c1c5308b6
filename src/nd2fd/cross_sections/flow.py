"""Normalising flow as the cross section: a baseline without the structure functions.

Everything that `nd2fd.learning.training` knows of the cross section but its kinematic support is
given up: d²σ/dv1 dv2 as a function of (E_ν, v1, v2) is the density f of a three-dimensional flow,
restricted to the physical region. The flux Φ is known and enters as it does in nature,

    n(v1, v2) = s ∫ dE_ν Φ(E_ν) f(E_ν, v1, v2) 1[physical],

so a flow that fits the near detector (ND) predicts any other flux. But the ND sees the integral
alone: for every muon the distribution over E_ν is free, and only the smoothness of the flow
chooses among all that fit the ND equally well.

The flow is a neural spline flow (Durkan et al., arXiv:1906.04032) of the library zuko, whose
splines map the box (0, E_max) × (0, 1)² to itself and whose base is the uniform density there.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
import zuko
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.utils import clip_grad_norm_, parameters_to_vector, vector_to_parameters
from zuko.distributions import BoxUniform
from zuko.lazy import UnconditionalDistribution
from zuko.transforms import MonotonicRQSTransform

from nd2fd.io.checkpoint import Checkpoint
from nd2fd.physics.density import DensityGrid, reachable_parts
from nd2fd.physics.kinematics import kinematics

Array = NDArray[np.float64]
Progress = Callable[[int, float], None]
"""Called now and then with (steps so far, latest estimate of the squared distance)."""

_BOUND = math.sqrt(3.0)
"""The box is (-√3, √3)³ for the flow: the base then has unit variance."""
_MARGIN = 1e-4
"""Rounding may carry a point a little over the edge, where the base has to have a density."""
_REPORT_EVERY = 20
_UNIFORM_SHARE = 0.3
"""Share of the cells of a step that are chosen evenly, the others by the ND density."""
_GRADIENT_NORM = 1.0
"""Longest gradient of a step: a spline with a nearly flat piece has now and then a huge one."""
_WARM_UP = 0.05
"""Share of the steps in which the learning rate rises; it then falls to zero as a cosine."""
_POINTS_PER_BLOCK = 1 << 16


@dataclass(frozen=True)
class FlowSettings:
    """The flow and its training.

    transforms, bins
        Autoregressive spline transformations, in alternating order of the variables, and pieces of
        each spline.
    hidden_layers, width
        Of the network that gives the pieces of a transformation.
    steps, learning_rate
        Of Adam; the largest rate.
    cells
        (v1, v2) cells in a step.
    energy_stride
        A step takes every so many-th energy of the grid, from a random first one on.
    """

    transforms: int
    bins: int
    hidden_layers: int
    width: int
    steps: int
    learning_rate: float
    cells: int
    energy_stride: int


class CrossSectionFlow(nn.Module):
    """A cross section without structure functions; call it for its logarithm.

    Parameters
    ----------
    settings
        Of the flow; those of its training do not matter.
    energy_max
        E_max [GeV] of the box.
    """

    def __init__(self, settings: FlowSettings, energy_max: float) -> None:
        super().__init__()
        self.energy_max = energy_max
        self._log_volume = 3.0 * math.log(2.0 * (_BOUND + _MARGIN)) - math.log(energy_max)
        self.flow = zuko.flows.MAF(
            features=3,
            transforms=settings.transforms,
            hidden_features=[settings.width] * settings.hidden_layers,
            univariate=partial(MonotonicRQSTransform, bound=_BOUND),
            shapes=[(settings.bins,), (settings.bins,), (settings.bins - 1,)],
        )
        self.flow.base = UnconditionalDistribution(
            BoxUniform,
            torch.full((3,), -_BOUND - _MARGIN),
            torch.full((3,), _BOUND + _MARGIN),
            buffer=True,
        )
        self.log_scale = nn.Parameter(torch.zeros(()))

    def forward(self, box: Tensor) -> Tensor:
        """ln(s f) at (E_ν/E_max, v1, v2) of shape (n, 3), ignoring the support; shape (n,)."""
        if len(box) == 0:  # of which zuko makes an error
            return box.sum(dim=1)
        log_f = self.flow().log_prob(_BOUND * (2.0 * box - 1.0))
        return log_f + self._log_volume + self.log_scale


@dataclass(frozen=True)
class TrainedFlow:
    """Result of a training.

    weights
        All parameters as `flow_from_weights` takes them, shape (n_weights,).
    loss
        ∫ dv1 dv2 (p_model - p_ND)² at every step, estimated from its cells; shape (steps,).
    final_loss
        The same with the final weights and all cells and energies: to be compared with the loss of
        the structure-function model.
    """

    weights: Array
    loss: Array
    final_loss: float


def flat_weights(flow: CrossSectionFlow) -> Array:
    """All parameters, ln s first and then in the order of PyTorch, shape (n_weights,)."""
    return parameters_to_vector(flow.parameters()).detach().double().numpy()


def flow_from_weights(
    settings: FlowSettings, weights: Array, energy_max: float
) -> CrossSectionFlow:
    """The flow with these parameters, in double precision.

    Raises
    ------
    ValueError
        The number of weights is not that of the settings.
    """
    flow = CrossSectionFlow(settings, energy_max).double()
    n_weights = sum(p.numel() for p in flow.parameters())
    if weights.shape != (n_weights,):
        raise ValueError(
            f"weights of the flow have shape {weights.shape}; {settings} has ({n_weights},)"
        )
    vector_to_parameters(torch.tensor(weights), flow.parameters())
    return flow


@dataclass(frozen=True)
class _Cells:
    """The plane of (v1, v2) as a flow is integrated over it.

    The flow is evaluated at one point of a cell only, since it costs much more than the kinematics.
    The kinematic limits, where the cross section is cut off, are resolved by the share of a cell
    that is physical at each energy.

    energy : E_ν/E_max, shape (n_energy,)
    v : (v1, v2) of the centroid of what muons can reach of each cell, (n_cells, 2)
    share : physical share of the area of each cell, (n_energy, n_cells)
    """

    energy: Tensor
    v: Tensor
    share: Tensor

    @classmethod
    def of_grid(cls, grid: DensityGrid, dtype: torch.dtype) -> "_Cells":
        cell, v1, v2, area = reachable_parts(grid)
        n_cells = grid.n_v1 * grid.n_v2
        sums = np.stack([np.bincount(cell, area * v, n_cells) for v in (1.0, v1, v2)])
        # Cells out of reach have no share at any energy, and need no centroid.
        v = (sums[1:] / np.where(sums[0] > 0.0, sums[0], 1.0)).T
        areas = [
            np.bincount(cell, area * kinematics(energy, v1, v2, grid.energy_max).physical, n_cells)
            for energy in grid.energy
        ]
        return cls(
            torch.from_numpy(grid.energy / grid.energy_max).to(dtype),
            torch.from_numpy(v).to(dtype),
            torch.from_numpy(np.stack(areas) / grid.cell_area).to(dtype),
        )

    def cross_section(self, flow: CrossSectionFlow, energies: Tensor, cells: Tensor) -> Tensor:
        """Averages over cells of d²σ/dv1 dv2 for some indices: (len(energies), len(cells))."""
        share = self.share[energies[:, None], cells]
        j, k = share.nonzero(as_tuple=True)
        box = torch.cat([self.energy[energies[j], None], self.v[cells[k]]], dim=1)
        return torch.zeros_like(share).index_put((j, k), flow(box).exp() * share[j, k])


class _NearDetector:
    """The ND data, and the estimate of a flow's distance from them by some cells and energies."""

    def __init__(
        self, grid: DensityGrid, flux: Array, density: Array, settings: FlowSettings
    ) -> None:
        self.settings = settings
        self.cells = _Cells.of_grid(grid, torch.float32)
        self.flux = torch.from_numpy(flux / flux.sum()).float()
        self.density = torch.from_numpy(density.ravel()).float()
        reached = (self.flux @ self.cells.share > 0).double()
        by_density = self.density * reached
        chance = _UNIFORM_SHARE * reached / reached.sum()
        chance += (1.0 - _UNIFORM_SHARE) * by_density / by_density.sum()
        self._cumulative = chance.cumsum(0)
        self._cell_weight = (grid.cell_area / (settings.cells * chance)).float()

    def choose(self, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Indices of the energies and cells of a step, evenly spaced from a random first one."""
        offsets = torch.rand(2, generator=generator, dtype=torch.float64)
        stride, n_cells = self.settings.energy_stride, self.settings.cells
        energies = torch.arange(int(offsets[0] * stride), len(self.flux), stride)
        places = (torch.arange(n_cells) + offsets[1]) / n_cells * self._cumulative[-1]
        return energies, torch.searchsorted(self._cumulative, places)

    def objective(
        self, flow: CrossSectionFlow, energies: Tensor, cells: Tensor
    ) -> tuple[Tensor, float]:
        """∫ dv1 dv2 (n - p ln n), and the squared distance ∫ dv1 dv2 (n - p)²."""
        flux = self.flux[energies] / self.flux[energies].sum()
        model = flux @ self.cells.cross_section(flow, energies, cells)
        weight, p = self._cell_weight[cells], self.density[cells]
        # Without any density at the chosen energies a cell has nothing to learn from.
        log_model = torch.where(model > 0, model, 1.0).log()
        objective = (weight * (model - p * log_model)).sum()
        return objective, (weight * (model.detach() - p).square()).sum().item()


def train_flow(
    grid: DensityGrid,
    flux: Array,
    density: Array,
    settings: FlowSettings,
    seed: int,
    progress: Progress,
    checkpoint: Checkpoint | None = None,
) -> TrainedFlow:
    """Fit a flow to the ND density alone.

    Minimises ∫ dv1 dv2 (n - p_ND ln n) over flow and scale s. At the best s this is the
    cross-entropy of the normalised densities, but it needs no normalisation integral: some cells
    per step estimate it without bias, and with a noise that vanishes where n = p_ND.

    Parameters
    ----------
    grid
        Cells of the density; the subsamples resolve the kinematic limits.
    flux
        ND flux at `grid.energy`, any normalisation, shape (n_energy,).
    density
        ND density per dv1 dv2 of unit integral, shape (n_v1, n_v2). Cells that no neutrino energy
        reaches are left out.
    settings, seed
        How to train; the seed sets the initial weights and the choice of cells.
    progress
        Called every few steps.
    checkpoint
        Where to save the state now and then, and to go on from if there is one.

    Returns
    -------
    TrainedFlow
        With s such that the flux average of the total cross section is one.

    Raises
    ------
    ValueError
        Flux or density have a wrong shape, are negative or not finite somewhere, or zero
        throughout; or the energy stride leaves no energy.
    FloatingPointError
        The training diverged.
    """
    _check(grid, flux, density, settings)
    data = _NearDetector(grid, flux, density, settings)
    # A forked stream: no effect on anybody else's random numbers.
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        flow = CrossSectionFlow(settings, grid.energy_max)
    with torch.no_grad():
        # The scale of the uniform density in the box.
        uniform = (data.flux @ data.cells.share).sum() * grid.cell_area / grid.energy_max
        flow.log_scale.copy_(-uniform.log())
    parameters = list(flow.parameters())
    optimizer = torch.optim.Adam(parameters, lr=settings.learning_rate)
    generator = torch.Generator().manual_seed(seed)
    loss = torch.full((settings.steps,), torch.inf, dtype=torch.float64)
    start = 0
    if checkpoint is not None and (state := checkpoint.load()) is not None:
        start, loss = state["step"], state["loss"]
        flow.load_state_dict(state["flow"])
        optimizer.load_state_dict(state["optimizer"])
        generator.set_state(state["generator"])

    for step in range(start, settings.steps):
        optimizer.param_groups[0]["lr"] = settings.learning_rate * _schedule(step, settings.steps)
        objective, loss[step] = data.objective(flow, *data.choose(generator))
        if not torch.isfinite(objective):
            raise FloatingPointError(f"training of network seed {seed} diverged at step {step}")
        optimizer.zero_grad()
        torch.autograd.backward(objective)
        clip_grad_norm_(parameters, _GRADIENT_NORM)
        optimizer.step()
        done = step + 1
        if done % _REPORT_EVERY == 0 or done == settings.steps:
            progress(done, loss[step].item())
        if checkpoint is not None and (checkpoint.due() or done == settings.steps):
            checkpoint.save(
                {
                    "step": done,
                    "loss": loss,
                    "flow": flow.state_dict(),
                    "optimizer": optimizer.state_dict(),
                    "generator": generator.get_state(),
                }
            )

    flow = flow.double()
    near = flux @ cell_cross_sections_of_flow(flow, grid)
    with torch.no_grad():
        flow.log_scale.sub_(math.log(near.sum() / flux.sum()))
    difference = (near / near.sum() - density.ravel() / density.sum()) / grid.cell_area
    return TrainedFlow(
        weights=flat_weights(flow),
        loss=loss.numpy(),
        final_loss=float(np.square(difference).sum() * grid.cell_area),
    )


def _schedule(step: int, steps: int) -> float:
    """Learning rate over its largest value: a linear rise, then half a cosine down to zero."""
    warm_up = max(1, round(_WARM_UP * steps))
    if step < warm_up:
        return (step + 1) / warm_up
    return 0.5 * (1.0 + math.cos(math.pi * (step - warm_up) / (steps - warm_up)))


def cell_cross_sections_of_flow(flow: CrossSectionFlow, grid: DensityGrid) -> Array:
    """Cross section in each cell, shape (n_energy, n_cells), integrated as in the training.

    For a flow in double precision; summed over the cells it is σ(E_ν), with flux average one.
    """
    plane = _Cells.of_grid(grid, torch.float64)
    cells = torch.arange(grid.n_v1 * grid.n_v2)
    with torch.no_grad():
        rows = [plane.cross_section(flow, torch.tensor([j]), cells) for j in range(grid.n_energy)]
    return torch.cat(rows).numpy() * grid.cell_area


def cross_section_on_points(flow: CrossSectionFlow, energy: Array, v1: Array, v2: Array) -> Array:
    """d²σ/dv1 dv2 with flux average one; zero where it is not physical.

    Parameters
    ----------
    flow
        In double precision.
    energy, v1, v2
        E_ν [GeV] in (0, E_max) and density variables, broadcast against each other.

    Raises
    ------
    ValueError
        An energy is outside the box.
    """
    energy, v1, v2 = np.broadcast_arrays(energy, v1, v2)
    outside = ~((energy > 0.0) & (energy < flow.energy_max))
    if outside.any():
        raise ValueError(
            f"energy {energy[outside][0]} GeV is not between 0 and {flow.energy_max} GeV, "
            "where the flow is defined"
        )
    physical = kinematics(energy, v1, v2, flow.energy_max).physical
    box = np.stack([energy[physical] / flow.energy_max, v1[physical], v2[physical]], axis=1)
    with torch.no_grad():
        blocks = torch.split(torch.from_numpy(box), _POINTS_PER_BLOCK)
        values = torch.cat([flow(block).exp() for block in blocks])
    result = np.zeros(energy.shape)
    result[physical] = values.numpy()
    return result


def _check(grid: DensityGrid, flux: Array, density: Array, settings: FlowSettings) -> None:
    for name, values, shape in (
        ("flux", flux, (grid.n_energy,)),
        ("density", density, (grid.n_v1, grid.n_v2)),
    ):
        if values.shape != shape:
            raise ValueError(f"{name} has shape {values.shape}; that of the grid is {shape}")
        wrong = ~(np.isfinite(values) & (values >= 0.0))
        if wrong.any():
            raise ValueError(
                f"{name} is {values[wrong][0]} at {np.argwhere(wrong)[0].tolist()}; "
                "it must be finite and not negative"
            )
        if not values.any():
            raise ValueError(f"{name} is zero throughout; it must not vanish")
    if not 1 <= settings.energy_stride <= grid.n_energy:
        raise ValueError(
            f"energy_stride is {settings.energy_stride}; it must be between 1 and the "
            f"{grid.n_energy} energies of the grid"
        )
