"""What counts as much or few events, where something is learned: for figures, numbers and captions.

No other module of the figures may be imported by the numbers.
"""

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from nd2fd.io.schemas.truth import Truth

SIGMA_WINDOW = (0.04, 0.975)
"""Shares of the near-detector events below the ends of the neutrino energies at which deviations of
σ(E_ν) are quoted: where there are enough events to say something about it."""

POPULATED = 0.01
"""Density, relative to its peak, from which on deviations of marginals count."""

UNCONSTRAINED = 1e-3
"""ND event density, relative to its peak, below which nothing is learned."""

FEWEST_EVENTS = 5.0
"""Cells of a histogram where fewer events are expected do not count: errors are not Gaussian."""


def sigma_window(truth: "Truth") -> tuple[float, float]:
    """Ends of the window [GeV], of two significant digits: 1.5 to 9 GeV for DUNE."""
    events = truth.near_flux * truth.sigma_total
    below = np.concatenate([[0.0], np.cumsum(events)]) / events.sum()
    width = truth.energy[1] - truth.energy[0]
    edges = np.append(truth.energy - 0.5 * width, truth.energy[-1] + 0.5 * width)
    low, high = (float(f"{edge:.2g}") for edge in np.interp(SIGMA_WINDOW, below, edges))
    return low, high
