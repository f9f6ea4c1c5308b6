"""Exact sampling of events, continuous in (E_ν, v1, v2)."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from nd2fd.physics.density import cross_section_factors
from nd2fd.physics.structure_functions import StructureFunctions

Array = NDArray[np.float64]

_PROPOSALS_PER_BATCH = 100_000
_SAFETY = 1.25
"""The envelope lies this far above the largest density seen among the first proposals."""


def sample_events(
    n_events: int,
    spectrum: Callable[[Array], Array],
    structure_functions: StructureFunctions,
    energy_max: float,
    rng: np.random.Generator,
) -> tuple[Array, Array, Array]:
    """Draw (E_ν, v1, v2) from Φ(E_ν) d²σ/dv1 dv2 by rejection from the uniform distribution.

    Parameters
    ----------
    n_events
        Number of events.
    spectrum
        Φ(E_ν), E_ν in GeV; at the far detector flux times survival probability.
    structure_functions
        (W1', W2', W3')(x, Q²).
    energy_max
        End of the spectrum [GeV].
    rng
        Source of randomness.

    Returns
    -------
    energy, v1, v2
        Each of shape (n_events,).

    Raises
    ------
    RuntimeError
        If a density exceeds the envelope: the sample would be biased.
    """

    def proposals() -> tuple[Array, Array]:
        unit = rng.random((3, _PROPOSALS_PER_BATCH))
        energy, v1, v2 = unit[0] * energy_max, unit[1], unit[2]
        x, Q2, factors, physical = cross_section_factors(energy, v1, v2, energy_max)
        density = np.zeros(_PROPOSALS_PER_BATCH)
        density[physical] = spectrum(energy[physical]) * np.einsum(
            "ip,ip->p", factors[:, physical], structure_functions(x[physical], Q2[physical])
        )
        return np.stack([energy, v1, v2]), density

    envelope = _SAFETY * max(proposals()[1].max() for _ in range(4))
    accepted: list[Array] = []
    n_accepted = 0
    while n_accepted < n_events:
        points, density = proposals()
        if density.max() > envelope:
            raise RuntimeError(
                f"event density {density.max():.3g} exceeds the envelope {envelope:.3g} of the "
                "rejection sampling; the spectrum or the structure functions have a narrow peak"
            )
        accepted.append(points[:, rng.random(density.size) * envelope < density])
        n_accepted += accepted[-1].shape[1]
    energy, v1, v2 = np.concatenate(accepted, axis=1)[:, :n_events]
    return energy, v1, v2
