"""Whether parton densities are a free proton's, and reach as far as a setup needs.

What a set says of itself is not enough: nuclear, polarised and meson sets without the entry
Particle, or with the proton's, exist. Sum rules tell them apart (Ellis, Stirling & Webber, QCD and
Collider Physics, ch. 4): two valence u, one valence d, and all partons together have the momentum.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from nd2fd.cross_sections.pdf.grid import PdfGrid
from nd2fd.physics.setup import Setup

Array = NDArray[np.float64]

_SUM_RULE_Q2 = 4.0
"""Q² [GeV²] at which sum rules are tested, or the closest one of the grid."""

_VALENCE_TOLERANCE = 0.2
"""What x below a grid's end may hold, while a nucleus of Z/A = 0.5 is off by 0.5."""

_MOMENTUM = (0.85, 1.25)
"""Sets for leading-order generators have up to 1.16 on purpose (arXiv:0711.2473)."""

_PARTONS = frozenset({21, 22}.union(*({n, -n} for n in range(1, 7))))

_LARGEST_Q_MIN = 2.0
"""Largest lower end in Q [GeV]: below it is the continuation, not the set."""

_LOWEST_X_NEEDED = 1e-5
"""Smaller x, which electrons reach, take the densities at the edge of the grid."""


_SMALLEST_X_MAX = 0.99
"""PDF4LHC21 ends at 0.9926. Above their last knot densities are taken as 0."""


def sum_rules(grid: PdfGrid) -> tuple[float, float, float, float]:
    """Numbers of valence u and d and the momentum of the partons, within the grid, and at what Q².

    Raises ValueError for a grid without u, d and their antiquarks.
    """
    q2 = min(max(_SUM_RULE_Q2, grid.q2_min), grid.q2_max)
    # In t = x^(1/4) the integrands are smooth down to small x.
    nodes, weights = np.polynomial.legendre.leggauss(200)
    low, high = grid.x_min**0.25, grid.x_max**0.25
    t = low + (high - low) * (nodes + 1.0) / 2.0
    x, dx = t**4, 2.0 * (high - low) * t**3 * weights
    d, u, dbar, ubar = grid.xf([1, 2, -1, -2], x, q2)
    partons = sorted(_PARTONS.intersection(grid.pids))
    momentum = (grid.xf(partons, x, q2) @ dx).sum()
    return float((u - ubar) / x @ dx), float((d - dbar) / x @ dx), float(momentum), q2


def refuse_other_than_protons(grid: PdfGrid) -> None:
    """Raise ValueError where sum rules are not those of a free proton."""
    u, d, momentum, q2 = sum_rules(grid)
    valence = abs(u - 2.0) <= _VALENCE_TOLERANCE and abs(d - 1.0) <= _VALENCE_TOLERANCE
    if valence and _MOMENTUM[0] <= momentum <= _MOMENTUM[1]:
        return
    like = ""
    if not valence and abs(u + d - 3.0) <= _VALENCE_TOLERANCE and 0.8 < u < 1.8:
        like = f"; u and d are those of a nucleus with Z/A = {u - 1.0:.2f}"
        if u < 1.0 + _VALENCE_TOLERANCE:
            like = "; u and d are those of a neutron"
    raise ValueError(
        f"these are not the parton densities of a free proton: at Q² = {q2:.3g} GeV² it holds "
        f"{u:.3g} valence u and {d:.3g} valence d, a proton 2 and 1 (within {_VALENCE_TOLERANCE}), "
        f"and its partons have {momentum:.3g} of its momentum, a proton's 1 "
        f"({_MOMENTUM[0]} to {_MOMENTUM[1]}){like}"
    )


def refuse_short_grids(grid: PdfGrid, pids: Sequence[int], setup: Setup) -> None:
    """Raise ValueError where a grid lacks flavours, or x or Q² that events of a setup have.

    Nodes go up to `Setup.Q2_max`. At low Q² the continuation takes over.
    """
    missing = sorted(set(pids).difference(grid.pids))
    if missing:
        raise ValueError(
            f"there is no density for PDG identifier {missing}; the cross section needs "
            f"{sorted(pids)}, and the grid holds {sorted(grid.pids)}"
        )
    m, energy = setup.lepton_mass, setup.energy_max
    x_low = max(m**2 / (2.0 * setup.nucleon_mass * (energy - m)), _LOWEST_X_NEEDED)
    if grid.x_min > x_low or grid.x_max < _SMALLEST_X_MAX:
        raise ValueError(
            f"the grid holds x from {grid.x_min:.3g} to {grid.x_max:.3g}; up to setup.energy_max = "
            f"{energy:g} GeV, {x_low:.2g} to {_SMALLEST_X_MAX:g} or more is needed"
        )
    if grid.q2_max < setup.Q2_max:
        raise ValueError(
            f"the grid ends at Q = {grid.q2_max**0.5:.3g} GeV; up to setup.energy_max = "
            f"{energy:g} GeV it must reach {setup.Q2_max**0.5:.3g} GeV"
        )
    if grid.q2_min > _LARGEST_Q_MIN**2:
        raise ValueError(
            f"the grid begins at Q = {grid.q2_min**0.5:.3g} GeV; it must begin at "
            f"{_LARGEST_Q_MIN:g} GeV or below, since lower Q are a mere continuation"
        )
