"""Fluxes beside the axis of a beam, from the one on it, by two-body decay of pions.

A pedagogical model: all neutrinos come from π → μ ν of pions that fly along the axis from one point
far away. In the pion's frame they have E* = (m_π² - m_μ²) / (2 m_π), isotropically; at an angle θ

    E_ν = E* δ,    flux per area ∝ δ²,    δ = 1 / (γ (1 - β cosθ)) ≈ 2γ / (1 + γ²θ²),

which is E_ν = 0.43 E_π / (1 + γ²θ²) (e.g. McDonald, hep-ex/0111033). On the axis δ = γ (1 + β), so
that every E_ν there belongs to one pion energy, and the flux to a pion spectrum. A change of the
flux on the axis, such as a mode of its uncertainty, is a change of that spectrum, which all angles
see.
"""

import numpy as np
from numpy.typing import NDArray

from nd2fd.beam.flux import FluxTable, interpolate_flux
from nd2fd.io.schemas.inputs import Flux
from nd2fd.physics.constants import MUON_MASS, PION_MASS
from nd2fd.physics.density import midpoints

Array = NDArray[np.float64]

NEUTRINO_ENERGY = (PION_MASS**2 - MUON_MASS**2) / (2.0 * PION_MASS)
"""E* [GeV]."""

_POINTS = 200
"""Steps of the energies: at an angle the spectrum ends in an edge, which is spread over one."""

_PIONS = 40_000


def off_axis_flux(flux: Flux, angle: float, energy_max: float) -> Flux:
    """Near flux and its modes at an angle to the axis, on energies of its own.

    Parameters
    ----------
    flux
        On the axis. All of it counts, also what is above `energy_max`.
    angle
        Angle to the axis [mrad]; at 0 it is the same flux.
    energy_max
        End of the spectrum [GeV].

    Returns
    -------
    Flux
        Of the near detector alone, in the units of the one on the axis.

    Raises
    ------
    ValueError
        If there are no neutrinos below `energy_max`.
    """
    low, high = max(float(flux.energy[0]), NEUTRINO_ENERGY), float(flux.energy[-1])
    step = (high - low) / _PIONS
    on_axis = low + midpoints(_PIONS, high - low)
    energy, ratio = at_angle(on_axis, angle)
    weight = step * ratio * interpolate_flux(FluxTable(flux.energy, flux.near), on_axis)
    points = np.linspace(0.0, energy_max, _POINTS + 1)
    near = _spread(energy, weight, points)
    if not near.any():
        raise ValueError(f"there are no neutrinos below {energy_max:g} GeV at {angle:g} mrad")
    modes = None
    if flux.near_modes is not None:
        shifts = [np.interp(on_axis, flux.energy, mode) for mode in flux.near_modes]
        changes = np.stack([_spread(energy, weight * shift, points) for shift in shifts])
        modes = np.divide(changes, near, out=np.zeros_like(changes), where=near > 0.0)
    return Flux(energy=points, near=near, near_modes=modes)


def at_angle(on_axis: Array, angle: float) -> tuple[Array, Array]:
    """E_ν [GeV] at an angle [mrad] from pions whose neutrinos have `on_axis` [GeV] on the axis.

    Also the flux per area of these pions' neutrinos, relative to that on the axis.
    """
    on = on_axis / NEUTRINO_ENERGY
    # γ (1 - β cosθ) = γ (1 - β) + γβ (1 - cosθ), in which nothing cancels.
    momentum = 0.5 * (on - 1.0 / on)
    off = 1.0 / (1.0 / on + 2.0 * momentum * np.sin(0.5e-3 * angle) ** 2)
    return NEUTRINO_ENERGY * off, (off / on) ** 2


def _spread(energy: Array, weight: Array, points: Array) -> Array:
    """Density at equidistant points of weights at energies, each shared by its neighbours."""
    step = points[1] - points[0]
    position = energy / step
    cell = np.floor(position).astype(np.int64)
    share = position - cell
    inside = cell < len(points) - 1
    density = np.zeros(len(points))
    for first, part in ((cell, 1.0 - share), (cell + 1, share)):
        density += np.bincount(first[inside], (weight * part)[inside], minlength=len(points))
    # Half a step belongs to the first and the last point.
    density[[0, -1]] *= 2.0
    return density / step
