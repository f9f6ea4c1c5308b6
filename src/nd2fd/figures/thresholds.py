"""What counts as much or few events, where something is learned: for figures, numbers and captions.

No other module of the figures may be imported by the numbers.
"""

SIGMA_WINDOW = (0.15, 0.9)
"""Ends of the neutrino energies, in units of E_max, at which deviations of σ(E_ν) are quoted: where
the near-detector flux is large enough to say something about it."""

POPULATED = 0.01
"""Density, relative to its peak, from which on deviations of marginals count."""

UNCONSTRAINED = 1e-3
"""ND event density, relative to its peak, below which nothing is learned."""

FEWEST_EVENTS = 5.0
"""Cells of a histogram where fewer events are expected do not count: errors are not Gaussian."""


def sigma_window(energy_max: float) -> tuple[float, float]:
    """`SIGMA_WINDOW` in GeV."""
    low, high = SIGMA_WINDOW
    return low * energy_max, high * energy_max
