"""The truth of a closure test: densities at the detectors, cross section, and W_i' on the nodes."""

import numpy as np
from numpy.typing import NDArray

from nd2fd.beam.spectra import detector_fluxes, far_spectrum, near_spectrum
from nd2fd.events.sampling import sample_events
from nd2fd.forward.nodes import NodeGrid
from nd2fd.forward.operator import ForwardOperator
from nd2fd.io.schemas.events import Events
from nd2fd.io.schemas.inputs import Flux, Oscillation
from nd2fd.io.schemas.truth import NodeWeights, Truth
from nd2fd.physics.density import DensityGrid, event_densities
from nd2fd.physics.kinematics import lepton_from_density_variables
from nd2fd.physics.setup import Setup
from nd2fd.physics.structure_functions import StructureFunctions

Array = NDArray[np.float64]


def closure_truth(
    structure_functions: StructureFunctions,
    flux: Flux,
    oscillation: Oscillation | None,
    grid: DensityGrid,
    nodes: NodeGrid,
) -> Truth:
    """What the known structure functions give; without `oscillation`, at the near detector only."""
    fluxes = detector_fluxes(flux, oscillation, grid)
    densities, sigma_total = event_densities(grid, structure_functions, fluxes)
    return Truth(
        v1=grid.v1,
        v2=grid.v2,
        energy=grid.energy,
        near_flux=fluxes[0],
        near=densities[0],
        far=None if oscillation is None else densities[1],
        sigma_total=sigma_total,
        **nodes.stored,
        structure_functions=structure_functions(*nodes.x_and_Q2()),
    )


def node_weights(
    truth: Truth | None,
    flux: Flux,
    oscillation: Oscillation | None,
    grid: DensityGrid,
    nodes: NodeGrid,
) -> NodeWeights:
    """How much W_i' at each node counts in the number of events; the true W_i' sum to 1.

    Without a truth W_i' sum to the cross section in 1e-38 cm², averaged over the flux.
    """
    operator = ForwardOperator.build(grid, nodes)
    fluxes = detector_fluxes(flux, oscillation, grid)
    weights = np.stack([operator.event_matrix(flux).sum(axis=0) for flux in fluxes])
    if truth is None:
        weights /= fluxes.sum(axis=1, keepdims=True)
    else:
        weights /= (weights @ truth.structure_functions.ravel())[:, None]
    of_detectors = weights.reshape(-1, 3, nodes.n_xi, nodes.n_tau)
    return NodeWeights(
        **nodes.stored,
        near=of_detectors[0],
        far=None if oscillation is None else of_detectors[1],
    )


def closure_events(
    structure_functions: StructureFunctions,
    flux: Flux,
    oscillation: Oscillation | None,
    setup: Setup,
    n_events: int,
    rng: np.random.Generator,
) -> Events:
    """Events of the far detector, or of the near one without `oscillation`."""
    spectrum = near_spectrum(flux) if oscillation is None else far_spectrum(flux, oscillation)
    energy, v1, v2 = sample_events(n_events, spectrum, structure_functions, setup, rng)
    e_lepton, cos_theta = lepton_from_density_variables(v1, v2, setup)
    return Events(v1=v1, v2=v2, e_lepton=e_lepton, cos_theta=cos_theta, energy=energy)
