"""Training the networks of a batch of members on their near-detector data."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from nd2fd.beam.spectra import detector_fluxes
from nd2fd.forward.nodes import NodeGrid
from nd2fd.forward.operator import ForwardOperator, SumsOfFluxes
from nd2fd.io.checkpoint import Checkpoint
from nd2fd.io.schemas.inputs import Flux
from nd2fd.io.schemas.learned import Networks
from nd2fd.io.schemas.near import NearData
from nd2fd.io.schemas.truth import Truth
from nd2fd.learning.closure import closure_loss
from nd2fd.learning.compression import TestFunctions
from nd2fd.learning.flux_errors import fitted_shifts, with_flux_errors
from nd2fd.learning.network import Architecture
from nd2fd.learning.start import Start
from nd2fd.learning.training import (
    TrainedModels,
    TrainingData,
    joined,
    problem_of,
    train_together,
)
from nd2fd.learning.training_settings import TrainingSettings
from nd2fd.learning.weights import poisson_weights
from nd2fd.physics.density import DensityGrid

Array = NDArray[np.float64]
Progress = Callable[[int, str], None]


@dataclass(frozen=True)
class NearAnalysis:
    """How near-detector densities are analysed.

    grid
        Of the densities.
    nodes
        Of the structure functions.
    flux
        Nominal, averaged over the cells of E_ν, shape (n_energy,).
    """

    grid: DensityGrid
    nodes: NodeGrid
    flux: Array

    @classmethod
    def from_params(cls, params: Any, flux: Flux) -> "NearAnalysis":
        """From the sections `setup`, `grid` and `nodes` among the parameters of a job."""
        grid = DensityGrid.from_config(params.setup, params.grid)
        nodes = NodeGrid.for_setup(grid.setup, **params.nodes)
        return cls(grid, nodes, detector_fluxes(flux, None, grid)[0])


def train_members(
    near: NearData,
    truth: Truth | None,
    response: sp.csr_array | None,
    analysis: NearAnalysis,
    section: Mapping[str, Any],
    seeds: Sequence[int],
    progress: Progress,
    checkpoint: Checkpoint | None = None,
    learned_before: Networks | None = None,
) -> Networks:
    """Learn the structure functions of each member.

    Parameters
    ----------
    near
        What the members train on.
    truth
        Compared with by the test loss alone; None: there is none.
    response
        Detector response S of smeared data; None: no smearing.
    analysis
        Cells, nodes and nominal flux.
    section
        Configuration section `training`, as it applies to the ensemble.
    seeds
        Of the initial weights, one per member.
    progress
        Called with (evaluations of all members so far, note).
    checkpoint
        Where to save the state now and then, and to go on from if there is one.
    learned_before
        Of another nucleus, to start from.

    Raises
    ------
    ValueError
        If what was learned before has other layers, or does not reach as far as the nodes.
    """
    grid, nodes, n_events = analysis.grid, analysis.nodes, int(near.n_events)
    start = None if learned_before is None else Start.of(learned_before, nodes)
    errors = near.flux_errors if section["flux_errors"] else None
    settings = TrainingSettings.for_statistics(
        section, n_events, with_start=start is not None, with_flux_errors=errors is not None
    )
    units = near.flux.sum(axis=1)
    fluxes = near.flux / units[:, None]
    shared = (fluxes == fluxes[0]).all()
    used = fluxes[:1] if shared else fluxes
    # What is measured exactly tells more of structure functions than test functions hold.
    compressed = settings.optimizer == "varpro" and n_events > 0 and response is not None
    operator, nominal = ForwardOperator.build(grid, nodes), analysis.flux[None]
    if errors is None:
        made = operator.event_matrices(np.concatenate([nominal, used] if compressed else [used]))
        event_matrices: Sequence[sp.csr_array] = made[-len(used) :]
        error_matrices = []
    else:
        assert near.flux_parameters is not None
        made = operator.event_matrices(np.concatenate([nominal, errors]))
        # Fluxes that members assume are sums of these.
        sums = np.insert(near.flux_parameters, 0, 1.0, axis=1)[: len(used)]
        sums /= units[: len(used), None]
        assert np.allclose(sums @ np.concatenate([nominal, errors]), used, atol=1e-9 * used.max())
        event_matrices, error_matrices = SumsOfFluxes(made, sums), made[1:]
    if n_events > 0 and section["weighting"] == "poisson":
        expected = near.density if near.squares is None else near.squares
        if start is not None:
            events = np.stack([start.events(matrix, response) for matrix in event_matrices])
            expected = events.reshape(-1, grid.n_v1, grid.n_v2) / grid.cell_area
            expected = np.broadcast_to(expected, near.density.shape)
        weights = poisson_weights(expected)
    else:
        weights = np.ones_like(near.density)
    # Those of the nominal flux, whatever the members of the batch assume.
    functions = TestFunctions.for_flux(made[0], response, nodes) if compressed else None
    data = TrainingData(
        event_matrices,
        near.density.reshape(len(fluxes), -1),
        weights.reshape(len(fluxes), -1),
        response,
        grid.cell_area,
        nodes,
        seeds,
        test_functions=functions,
        start=start,
    )
    test_loss = (
        _no_closure if truth is None else closure_loss(grid, nodes, truth.structure_functions)
    )

    def learn(
        part: TrainingData, units: Array, done: int, checkpoint: Checkpoint | None
    ) -> tuple[TrainedModels, Array | None]:
        problem = problem_of(part, settings)
        if errors is not None:
            part = with_flux_errors(part, settings, error_matrices, units, n_events, problem)
            assert part.common_errors is not None
            problem = problem.with_common_errors(part.common_errors)
        models = train_together(
            part,
            settings,
            test_loss,
            lambda here, loss: progress(done + here, f"loss {loss:.3g}"),
            checkpoint,
            problem,
        )
        if errors is None:
            return models, None
        return models, fitted_shifts(part, models.structure_functions, n_events)

    if settings.device == "cpu":
        parts = [
            learn(
                data.of_member(member),
                units[member : member + 1],
                member * settings.evaluations,
                None if checkpoint is None else checkpoint.of_member(member),
            )
            for member in range(len(seeds))
        ]
    else:
        parts = [learn(data, units, 0, checkpoint)]
    models = joined([models for models, _ in parts])
    fitted = None
    if errors is not None:
        assert near.flux_parameters is not None
        fitted = near.flux_parameters + np.concatenate([shifts for _, shifts in parts])
    architecture = Architecture(settings.hidden_layers, settings.width, settings.activation)
    return Networks(
        member=near.member,
        **nodes.stored,
        structure_functions=models.structure_functions,
        fitted_flux_parameters=fitted,
        layer_sizes=np.array(architecture.layer_sizes),
        weights=models.weights,
        loss=models.loss,
        test_step=None if truth is None else models.test_step,
        test_loss=None if truth is None else models.test_loss,
        best_step=models.best_step,
    )


def _no_closure(node_values: Array) -> float:
    return math.nan
