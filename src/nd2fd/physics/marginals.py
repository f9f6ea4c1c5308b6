"""One-dimensional marginals of event densities, in neutrino energy and in lepton variables."""

import numpy as np
from numpy.typing import NDArray

from nd2fd.physics.density import DensityGrid, midpoints
from nd2fd.physics.kinematics import lepton_from_density_variables

Array = NDArray[np.float64]

E_LEPTON_BINS = 80
COS_THETA_BINS = 80


def marginal_densities(
    grid: DensityGrid, densities: Array, sigma_total: Array, fluxes: Array
) -> dict[str, tuple[Array, Array]]:
    """Marginals of several densities.

    Parameters
    ----------
    grid
        Grid of the densities.
    densities
        Per dv1 dv2, unit integral, shape (n_flux, n_v1, n_v2).
    sigma_total
        Total cross section at `grid.energy`, shape (n_energy,).
    fluxes
        Spectra that made the densities, shape (n_flux, n_energy).

    Returns
    -------
    dict
        For energy, e_lepton [GeV], cos_theta, v1 and v2: bin centres (n,) and densities of unit
        integral (n_flux, n). Events of lepton energy or angle are those of the cells' centres.
    """
    v1, v2 = np.meshgrid(grid.v1, grid.v2, indexing="ij")
    e_lepton, cos_theta = lepton_from_density_variables(v1, v2, grid.setup)
    cells = densities.reshape(len(densities), -1)

    def histogram(values: Array, low: float, high: float, n_bins: int) -> tuple[Array, Array]:
        counts = np.array(
            [np.histogram(values.ravel(), n_bins, (low, high), weights=w)[0] for w in cells]
        )
        return low + midpoints(n_bins, high - low), _unit_integral(counts, (high - low) / n_bins)

    energy_step = grid.setup.energy_max / grid.n_energy
    return {
        "energy": (grid.energy, _unit_integral(fluxes * sigma_total, energy_step)),
        "e_lepton": histogram(e_lepton, 0.0, grid.setup.energy_max, E_LEPTON_BINS),
        "cos_theta": histogram(cos_theta, -1.0, 1.0, COS_THETA_BINS),
        "v1": (grid.v1, _unit_integral(densities.sum(axis=2), 1.0 / grid.n_v1)),
        "v2": (grid.v2, _unit_integral(densities.sum(axis=1), 1.0 / grid.n_v2)),
    }


def _unit_integral(counts: Array, bin_width: float) -> Array:
    return counts / (counts.sum(axis=1, keepdims=True) * bin_width)
