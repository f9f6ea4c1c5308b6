"""A smooth toy cross section and flux for tests that need no PDF."""

import numpy as np

from nd2fd.cross_sections.quark_parton import toy_truth

_SHAPES = {
    1: (1.0, 0.6, 4),
    2: (2.0, 0.6, 3),
    3: (0.1, 0.1, 7),
    -1: (0.15, 0.1, 7),
    -2: (0.12, 0.1, 7),
    -4: (0.03, 0.1, 7),
}


def _parton_densities(pids, x, q2):
    return np.stack(
        [
            norm * x**a * (1 - x) ** b * q2 / (q2 + 0.8) * (1 - 0.1 * x * np.log1p(q2))
            for norm, a, b in (_SHAPES[pid] for pid in pids)
        ]
    )


structure_functions = toy_truth(_parton_densities)


def flux(energy):
    """A peak at 2.5 GeV with a tail."""
    return np.exp(-0.5 * (energy - 2.5) ** 2) + 0.03


def oscillated_flux(energy):
    """The flux with a two-flavour dip."""
    return flux(energy) * (1 - 0.95 * np.sin(1.267 * 2.5e-3 * 1300 / energy) ** 2)
