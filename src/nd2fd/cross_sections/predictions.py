"""What cross sections predict: densities, marginals, and the cross section at fixed energies."""

from collections.abc import Sequence

import numpy as np

from nd2fd.beam.spectra import detector_fluxes
from nd2fd.cross_sections.models import CrossSectionModel, densities, in_cells
from nd2fd.io.schemas.inputs import Flux, Oscillation
from nd2fd.io.schemas.learned import Marginals, Predictions, Slices
from nd2fd.physics.density import DensityGrid
from nd2fd.physics.marginals import marginal_densities

DETECTORS = ("near", "far")


def predictions(
    models: Sequence[CrossSectionModel],
    members: Sequence[int],
    flux: Flux,
    oscillation: Oscillation | None,
    grid: DensityGrid,
) -> Predictions:
    """Densities at the detectors; without `oscillation` at the near one only."""
    fluxes = detector_fluxes(flux, oscillation, grid)
    predicted, sigma_total = densities(models, grid, fluxes)
    average = np.average(sigma_total, axis=1, weights=fluxes[0])
    return Predictions(
        member=np.array(members),
        v1=grid.v1,
        v2=grid.v2,
        energy=grid.energy,
        near=predicted[:, 0],
        far=None if oscillation is None else predicted[:, 1],
        sigma_total=sigma_total / average[:, None],
    )


def marginals(
    models: Sequence[CrossSectionModel],
    members: Sequence[int],
    flux: Flux,
    oscillation: Oscillation | None,
    grid: DensityGrid,
) -> Marginals:
    """Marginals of the same densities in neutrino energy and in lepton variables."""
    fluxes = detector_fluxes(flux, oscillation, grid)
    of_members = [
        marginal_densities(grid, predicted, sigma_total, fluxes)
        for predicted, sigma_total in zip(*densities(models, grid, fluxes), strict=True)
    ]
    arrays = {}
    for name, (centres, _) in of_members[0].items():
        values = np.stack([marginal[name][1] for marginal in of_members])
        arrays[name] = centres
        for index in range(len(fluxes)):
            arrays[f"{DETECTORS[index]}_{name}"] = values[:, index]
    return Marginals(member=np.array(members), **arrays)


def slices(
    models: Sequence[CrossSectionModel], members: Sequence[int], grid: DensityGrid
) -> Slices:
    """Cross section per dv1 dv2 at the energies of the grid, of unit integral, or zero if none."""
    cross_sections = in_cells(models, grid)
    total = cross_sections.sum(axis=2, keepdims=True) * grid.cell_area
    density = np.divide(cross_sections, total, out=np.zeros_like(cross_sections), where=total > 0.0)
    return Slices(
        member=np.array(members),
        v1=grid.v1,
        v2=grid.v2,
        energy=grid.energy,
        density=density.reshape(len(models), grid.n_energy, grid.n_v1, grid.n_v2),
    )
