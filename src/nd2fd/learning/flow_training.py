"""Training of the normalising flow: the baseline without structure functions."""

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.utils import clip_grad_norm_

from nd2fd.cross_sections.flow import (
    CrossSectionFlow,
    FlowCells,
    FlowSettings,
    cell_cross_sections_of_flow,
    flat_weights,
)
from nd2fd.io.checkpoint import Checkpoint
from nd2fd.io.schemas.learned import Flows
from nd2fd.io.schemas.near import NearData
from nd2fd.physics.density import DensityGrid

Array = NDArray[np.float64]
Progress = Callable[[int, float], None]
"""Called now and then with (steps so far, latest estimate of the squared distance)."""

_REPORT_EVERY = 20
_UNIFORM_SHARE = 0.3
"""Share of the cells of a step that are chosen evenly, the others by the ND density."""
_GRADIENT_NORM = 1.0
"""Longest gradient of a step: a spline with a nearly flat piece has now and then a huge one."""
_WARM_UP = 0.05
"""Share of the steps in which the learning rate rises; it then falls to zero as a cosine."""


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


class _NearDetector:
    """The ND data, and the estimate of a flow's distance from them by some cells and energies."""

    def __init__(
        self, grid: DensityGrid, flux: Array, density: Array, settings: FlowSettings
    ) -> None:
        self.settings = settings
        self.cells = FlowCells.of_grid(grid, torch.float32)
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
        flow = CrossSectionFlow(settings, grid.setup.energy_max)
    with torch.no_grad():
        # The scale of the uniform density in the box.
        uniform = (data.flux @ data.cells.share).sum() * grid.cell_area / grid.setup.energy_max
        flow.log_scale.copy_(-uniform.log())
    parameters = list(flow.parameters())
    optimizer = torch.optim.Adam(parameters, lr=settings.learning_rate, fused=True)
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


def train_flows(
    near: NearData,
    grid: DensityGrid,
    settings: FlowSettings,
    seeds: Sequence[int],
    progress: Callable[[int, str], None],
    checkpoint: Checkpoint | None = None,
) -> Flows:
    """Fit the flow of each member of a batch, one after the other.

    Arguments are those of `train_flow` and `nd2fd.learning.members.train_members`.
    """

    def of_member(index: int) -> TrainedFlow:
        before = index * settings.steps
        return train_flow(
            grid,
            near.flux[index],
            near.density[index],
            settings,
            seeds[index],
            lambda done, loss: progress(before + done, f"loss {loss:.3g}"),
            None if checkpoint is None else checkpoint.of_member(index),
        )

    flows = [of_member(index) for index in range(len(seeds))]
    return Flows(
        member=near.member,
        energy_max=np.array(grid.setup.energy_max),
        **{name: np.array(value) for name, value in asdict(settings).items()},
        weights=np.stack([flow.weights for flow in flows]),
        loss=np.stack([flow.loss for flow in flows]),
        final_loss=np.array([flow.final_loss for flow in flows]),
    )
