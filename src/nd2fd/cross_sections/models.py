"""What predictions and fits need of a cross section, whatever it is made of.

Kinds are `known`, the toy truth, and the values of `model` of an ensemble in the configuration.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from nd2fd.forward.event_kernel import cell_cross_sections_on_nodes, event_cross_sections
from nd2fd.forward.nodes import NodeGrid
from nd2fd.io.schemas.learned import Flows, Networks, Splines
from nd2fd.io.schemas.truth import Truth
from nd2fd.physics.density import DensityGrid
from nd2fd.physics.structure_functions import StructureFunctions

if TYPE_CHECKING:  # PyTorch, which flows alone need here, takes seconds to import
    from nd2fd.cross_sections.flow import CrossSectionFlow

Array = NDArray[np.float64]

_ENERGIES_TOGETHER = 16
"""Energies whose cross sections are folded in one product."""

ARTIFACTS: Final[Mapping[str, type[Truth | Networks | Splines | Flows]]] = {
    "known": Truth,
    "structure_functions": Networks,
    "splines": Splines,
    "flow": Flows,
}
"""What holds the cross sections, by kind."""


class CrossSectionModel(Protocol):
    """A cross section, in units that drop out of all densities."""

    def at_events(self, grid: DensityGrid, v1: Array, v2: Array) -> Array:
        """d²σ/dv1 dv2 ≥ 0 at events, (n_events,) each: shape (n_events, n_energy)."""

    def in_cells(self, grid: DensityGrid) -> Array:
        """Integral of the same over each cell of (v1, v2), shape (n_energy, n_cells)."""


@dataclass(frozen=True)
class StructureFunctionModel:
    """Made of (W1', W2', W3') on nodes, shape (3, n_xi, n_tau)."""

    nodes: NodeGrid
    values: Array

    def at_events(self, grid: DensityGrid, v1: Array, v2: Array) -> Array:
        """Clamped to zero where it is negative."""
        structure_functions = partial(self.nodes.interpolate, self.values)
        return event_cross_sections(structure_functions, grid.energy, v1, v2, grid.setup)

    def in_cells(self, grid: DensityGrid) -> Array:
        """Clamped likewise."""
        return in_cells([self], grid)[0]


@dataclass(frozen=True)
class FlowModel:
    """Made of a normalising flow."""

    flow: "CrossSectionFlow"

    def at_events(self, grid: DensityGrid, v1: Array, v2: Array) -> Array:
        """Positive by construction."""
        from nd2fd.cross_sections.flow import cross_section_on_points

        return cross_section_on_points(self.flow, grid.energy, v1[:, None], v2[:, None], grid.setup)

    def in_cells(self, grid: DensityGrid) -> Array:
        """Positive by construction."""
        from nd2fd.cross_sections.flow import cell_cross_sections_of_flow

        return cell_cross_sections_of_flow(self.flow, grid)


def in_cells(models: Sequence[CrossSectionModel], grid: DensityGrid) -> Array:
    """`CrossSectionModel.in_cells` of many models, shape (n_members, n_energy, n_cells).

    Those made of structure functions are evaluated together: all must have the same nodes.
    """
    on_nodes = [model for model in models if isinstance(model, StructureFunctionModel)]
    if len(on_nodes) < len(models):
        return np.stack([model.in_cells(grid) for model in models])
    found = np.empty((len(models), grid.n_energy, grid.n_v1 * grid.n_v2))
    for j, cross_sections in enumerate(_on_nodes(on_nodes, grid, clamp=True)):
        found[:, j] = cross_sections
    return found


def folded_in_cells(
    models: Sequence[CrossSectionModel], grid: DensityGrid, weights: Array
) -> Array:
    """Sums of `in_cells` over the energy, Σ_j σ_jc w_jb: shape (n_members, n_cells, n_columns).

    `weights` has shape (n_members, n_energy, n_columns).
    """
    on_nodes = [model for model in models if isinstance(model, StructureFunctionModel)]
    if len(on_nodes) < len(models):
        return np.asarray(in_cells(models, grid).swapaxes(1, 2) @ weights)
    found = np.zeros((len(models), grid.n_v1 * grid.n_v2, weights.shape[2]))
    of_energies = _on_nodes(on_nodes, grid, clamp=True)
    for first in range(0, grid.n_energy, _ENERGIES_TOGETHER):
        cross_sections = np.stack(list(islice(of_energies, _ENERGIES_TOGETHER)), axis=2)
        found += cross_sections @ weights[:, first : first + _ENERGIES_TOGETHER]
    return found


def densities(
    models: Sequence[CrossSectionModel], grid: DensityGrid, fluxes: Array
) -> tuple[Array, Array]:
    """Event densities and σ(E_ν) of many models.

    Structure functions are taken as learned, without clamping. Models and errors are those of
    `in_cells`, fluxes and units those of `nd2fd.physics.density.event_densities`.

    Returns
    -------
    densities, sigma_total
        Shape (n_members, n_flux, n_v1, n_v2), of unit integral, and (n_members, n_energy).
    """
    on_nodes = [model for model in models if isinstance(model, StructureFunctionModel)]
    of_energies = (
        iter(np.moveaxis(in_cells(models, grid), 1, 0))
        if len(on_nodes) < len(models)
        else _on_nodes(on_nodes, grid, clamp=False)
    )
    events = np.zeros((len(models), len(fluxes), grid.n_v1 * grid.n_v2))
    sigma_total = np.zeros((len(models), grid.n_energy))
    for j, cross_sections in enumerate(of_energies):
        sigma_total[:, j] = cross_sections.sum(axis=1)
        events += fluxes[:, j, None] * cross_sections[:, None, :]
    normalised = events / (events.sum(axis=2, keepdims=True) * grid.cell_area)
    return normalised.reshape(*events.shape[:2], grid.n_v1, grid.n_v2), sigma_total


def _on_nodes(
    models: Sequence[StructureFunctionModel], grid: DensityGrid, *, clamp: bool
) -> Iterator[Array]:
    values = np.stack([model.values for model in models])
    return cell_cross_sections_on_nodes(models[0].nodes, values, grid, clamp=clamp)


def cross_section_models(
    artifact: Truth | Networks | Splines | Flows, n_members: int
) -> list[CrossSectionModel]:
    """The cross section of each member of a batch.

    Parameters
    ----------
    artifact
        The known cross section, or what was learned by the batch.
    n_members
        Number of members; the known cross section is the same for all of them.
    """
    if isinstance(artifact, Flows):
        from nd2fd.cross_sections.flow import FlowSettings, flow_from_weights

        values: dict[str, Any] = {
            f.name: getattr(artifact, f.name).item() for f in fields(FlowSettings)
        }
        settings = FlowSettings(**values)
        return [
            FlowModel(flow_from_weights(settings, weights, artifact.energy_max.item()))
            for weights in artifact.weights
        ]
    nodes = NodeGrid.of(artifact)
    of_members = np.broadcast_to(
        artifact.structure_functions, (n_members, 3, nodes.n_xi, nodes.n_tau)
    )
    return [StructureFunctionModel(nodes, w) for w in of_members]


def fitted_flux(artifact: Truth | Networks | Splines | Flows) -> Array | None:
    """Flux parameters that go with learned cross sections, shape (n_members, n_parameters).

    None where a training takes the flux as it is assumed.
    """
    if isinstance(artifact, (Networks, Splines)):
        return artifact.fitted_flux_parameters
    return None


def interpolated(truth: Truth) -> StructureFunctions:
    """The true structure functions between their nodes."""
    return partial(NodeGrid.of(truth).interpolate, truth.structure_functions)
