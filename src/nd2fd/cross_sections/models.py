"""What predictions and fits need of a cross section, whatever it is made of.

Kinds are `known`, the toy truth, and the values of `model` of an ensemble in the configuration.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from nd2fd.forward.event_kernel import cell_cross_sections, event_cross_sections
from nd2fd.forward.nodes import NodeGrid
from nd2fd.io.schemas.learned import Flows, Networks
from nd2fd.io.schemas.truth import Truth
from nd2fd.physics.density import DensityGrid, event_densities
from nd2fd.physics.structure_functions import StructureFunctions

if TYPE_CHECKING:  # PyTorch, which flows alone need here, takes seconds to import
    from nd2fd.cross_sections.flow import CrossSectionFlow

Array = NDArray[np.float64]

ARTIFACTS: Final[Mapping[str, type[Truth | Networks | Flows]]] = {
    "known": Truth,
    "structure_functions": Networks,
    "flow": Flows,
}
"""What holds the cross sections, by kind."""


class CrossSectionModel(Protocol):
    """A cross section, in units that drop out of all densities."""

    def at_events(self, grid: DensityGrid, v1: Array, v2: Array) -> Array:
        """d²σ/dv1 dv2 ≥ 0 at events, (n_events,) each: shape (n_events, n_energy)."""

    def in_cells(self, grid: DensityGrid) -> Array:
        """Integral of the same over each cell of (v1, v2), shape (n_energy, n_cells)."""

    def densities(self, grid: DensityGrid, fluxes: Array) -> tuple[Array, Array]:
        """Event densities and σ(E_ν), as `nd2fd.physics.density.event_densities` gives them."""


@dataclass(frozen=True)
class StructureFunctionModel:
    """Made of (W1', W2', W3')(x, Q²)."""

    structure_functions: StructureFunctions

    def at_events(self, grid: DensityGrid, v1: Array, v2: Array) -> Array:
        """Clamped to zero where it is negative."""
        return event_cross_sections(self.structure_functions, grid.energy, v1, v2, grid.setup)

    def in_cells(self, grid: DensityGrid) -> Array:
        """Clamped likewise."""
        return cell_cross_sections(self.structure_functions, grid)

    def densities(self, grid: DensityGrid, fluxes: Array) -> tuple[Array, Array]:
        """As learned, without clamping."""
        return event_densities(grid, self.structure_functions, fluxes)


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

    def densities(self, grid: DensityGrid, fluxes: Array) -> tuple[Array, Array]:
        """From the same cells."""
        in_cells = self.in_cells(grid)
        events = fluxes @ in_cells
        densities = events / (events.sum(axis=1, keepdims=True) * grid.cell_area)
        return densities.reshape(-1, grid.n_v1, grid.n_v2), in_cells.sum(axis=1)


def cross_section_models(
    artifact: Truth | Networks | Flows, n_members: int
) -> list[CrossSectionModel]:
    """The cross section of each member of a batch.

    Parameters
    ----------
    artifact
        The known cross section, or what the networks of the batch learned.
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
    return [StructureFunctionModel(partial(nodes.interpolate, w)) for w in of_members]


def interpolated(truth: Truth) -> StructureFunctions:
    """The true structure functions between their nodes."""
    return partial(NodeGrid.of(truth).interpolate, truth.structure_functions)
