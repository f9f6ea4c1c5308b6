"""Far-detector events of a flux that is drawn from its uncertainty."""

import numpy as np
from numpy.typing import NDArray

from nd2fd.beam.flux import FluxTable, interpolate_flux
from nd2fd.events.sampling import EventSampler
from nd2fd.io.schemas.inputs import Flux

Array = NDArray[np.float64]


def leptons_of_drawn_flux(
    sampler: EventSampler, flux: Flux, modes: Array, n_events: int, rng: np.random.Generator
) -> tuple[Array, Array]:
    """(v1, v2) of true leptons, shape (n_events,) each, the far flux having some modes.

    Events of the nominal flux are accepted in proportion to the ratio of the fluxes.

    Parameters
    ----------
    sampler
        Of events of the nominal flux.
    flux
        The nominal one and its modes.
    modes
        z of each mode, shape (n_modes,); or none.
    n_events
        Number of accepted events.
    rng
        Source of randomness.
    """
    assert flux.far is not None
    shift = np.zeros_like(flux.energy)
    if modes.size:
        assert flux.far_modes is not None
        shift = modes @ flux.far_modes
    varied = np.maximum(1.0 + shift, 0.0)
    nominal, drawn = (FluxTable(flux.energy, flux.far * factor) for factor in (1.0, varied))
    # Each is linear between its points, so that their ratio is largest at one.
    largest = varied.max()
    parts: list[Array] = []
    n_left = n_events
    while n_left > 0:
        for events in sampler.batches(2 * n_left + 100, rng):
            ratio = interpolate_flux(drawn, events.energy)
            ratio /= interpolate_flux(nominal, events.energy)
            accepted = rng.random(ratio.size) * largest < ratio
            leptons = np.stack([events.v1, events.v2])[:, accepted]
            # Events of a batch are sorted by energy.
            leptons = rng.permutation(leptons, axis=1)[:, :n_left]
            parts.append(leptons)
            n_left -= leptons.shape[1]
            if n_left == 0:
                break
    v1, v2 = np.concatenate(parts, axis=1)
    return v1, v2
