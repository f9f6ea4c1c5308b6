"""Refusal of cross sections that are negative, or no number, somewhere in the physical region.

Events cannot be drawn where d²σ < 0, while densities by quadrature would count it: data and truth
would differ without a word.
"""

import numpy as np
from numpy.typing import NDArray

from nd2fd.events.coordinates import cross_section_in_box, inelastic
from nd2fd.physics.setup import Setup
from nd2fd.physics.structure_functions import StructureFunctions

Array = NDArray[np.float64]

LARGEST_SHARE = 1e-6
"""Of a truth: |d²σ| that may be negative at any E_ν; rounding makes 1e-15."""

LARGEST_INTERPOLATED_SHARE = 0.01
"""Of events: cubic interpolation between nodes undershoots at the edges of the physical region."""

LARGEST_LEARNED_SHARE = 0.05
"""Of events: where data say little, at the edges, what was learned scatters about zero."""

_NEAR_THRESHOLD = (1e-3, 1e-2)
_N_ENERGY, _N_S, _N_T = 16, 33, 33


def refuse_negative(structure_functions: StructureFunctions, setup: Setup) -> None:
    """Refuse a truth whose cross section is negative somewhere up to E_max.

    Parameters
    ----------
    structure_functions
        (W1', W2', W3')(x, Q²).
    setup
        Target, lepton, and the largest energy.

    Raises
    ------
    ValueError
        With the largest share of |d²σ| that is negative at one E_ν, and where it is; or where it is
        not finite, or zero everywhere.
    """
    step = np.concatenate([_NEAR_THRESHOLD, np.arange(1, _N_ENERGY + 1) / _N_ENERGY])
    energy = setup.energy_threshold + step * (setup.energy_max - setup.energy_threshold)
    s, t = _lattice(_N_S, _N_T)
    shape = (energy.size, *s.shape)
    flat = np.repeat(energy, s.size)
    point = inelastic(flat, np.tile(s.ravel(), energy.size), np.tile(t.ravel(), energy.size), setup)
    values = cross_section_in_box(structure_functions, flat, point, setup).reshape(shape)
    if not np.isfinite(values).all():
        i = np.unravel_index(int(np.argmin(np.isfinite(values))), values.shape)
        raise ValueError(f"the cross section is {values[i]} at {_place(i, energy, s, t, setup)}")
    shares = _negative_shares(values)
    worst = int(np.argmax(shares))
    if shares[worst] > LARGEST_SHARE:
        j, k = np.unravel_index(int(np.argmin(values[worst])), s.shape)
        raise ValueError(
            f"the cross section is negative: {shares[worst]:.2g} of |d²σ| at E_ν = "
            f"{energy[worst]:.4g} GeV (allowed is {LARGEST_SHARE:g}), most at "
            f"{_place((worst, j, k), energy, s, t, setup)}"
        )
    if not values.any():
        raise ValueError(f"the cross section is zero up to {setup.energy_max:g} GeV")


def refuse_mostly_negative(
    density: Array, energy: Array, setup: Setup, allowed: float = LARGEST_INTERPOLATED_SHARE
) -> float:
    """Refuse Φ d²σ/ds dt on a lattice of (E_ν, s, t) of which a good share is negative.

    Returns the share if it is small. Raises ValueError with the share and the place where the
    density is most negative.
    """
    share = _negative_shares(density.reshape(1, -1))[0]
    if share > allowed:
        s, t = _lattice(*density.shape[1:])
        i = np.unravel_index(int(np.argmin(density)), density.shape)
        raise ValueError(
            f"the cross section is negative for {share:.2g} of the events (allowed is "
            f"{allowed:g}), most at {_place(i, energy, s, t, setup)}"
        )
    return float(share)


def _lattice(n_s: int, n_t: int) -> tuple[Array, Array]:
    s, t = np.meshgrid(np.linspace(0, 1, n_s), np.linspace(0, 1, n_t), indexing="ij")
    return s, t


def _negative_shares(values: Array) -> Array:
    """Share of Σ|values| that is negative along all but the first axis; 0 where all vanishes."""
    flat = values.reshape(len(values), -1)
    total = np.abs(flat).sum(axis=1)
    return np.maximum(-flat, 0.0).sum(axis=1) / np.where(total > 0.0, total, 1.0)


def _place(
    index: tuple[np.intp | int, ...], energy: Array, s: Array, t: Array, setup: Setup
) -> str:
    i, j, k = index
    point = inelastic(energy[i : i + 1], s[j, k, None], t[j, k, None], setup)
    x, y = point.bjorken_x[0], point.inelasticity[0]
    Q2 = 2.0 * setup.nucleon_mass * energy[i] * x * y
    return f"E_ν = {energy[i]:.4g} GeV, x = {x:.3g}, Q² = {Q2:.3g} GeV², y = {y:.3g}"
