"""Events of a cross section as others take them: leptons, neutrinos and the nuclei hit."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from nd2fd.events.lepton_events import LeptonEvents
from nd2fd.events.particle_numbers import neutrino_number, nucleus_number
from nd2fd.events.sampling import EventSampler
from nd2fd.physics.kinematics import kinematics, lepton_from_density_variables
from nd2fd.physics.setup import NUCLEI, Setup

Array = NDArray[np.float64]
IntArray = NDArray[np.int64]


def generate(
    sampler: EventSampler, n_events: int, rng: np.random.Generator
) -> Iterator[LeptonEvents]:
    """Draw unweighted events, in random order, in batches of up to half a million.

    The cross section is one of nucleons, averaged over the target. Which nucleus was hit is drawn
    in proportion to nucleons, among those in which Bjorken x can be as large.

    Raises
    ------
    ValueError, RuntimeError
        As `EventSampler.batches`, or from the iterator if no nucleus is as large as Bjorken x.
    """
    setup = sampler.setup
    for batch in sampler.batches(n_events, rng):
        order = rng.permutation(batch.energy.size)
        energy, v1, v2 = (values[order] for values in batch)
        e_lepton, cos_theta = lepton_from_density_variables(v1, v2, setup)
        x = kinematics(energy, v1, v2, setup).bjorken_x
        yield LeptonEvents(
            e_lepton,
            np.clip(cos_theta, -1.0, 1.0),
            np.ones_like(energy),
            energy,
            np.full(energy.size, neutrino_number(setup)),
            _hit(x, setup, rng),
        )


def _hit(bjorken_x: Array, setup: Setup, rng: np.random.Generator) -> IntArray:
    """Numbers of the nuclei that were hit; per-nucleon x is at most A."""
    nuclei = setup.target.nuclei
    numbers = np.array([nucleus_number(name) for name, _ in nuclei])
    if len(nuclei) == 1:
        return np.full(bjorken_x.size, numbers[0])
    largest = np.array([NUCLEI[name].A for name, _ in nuclei], dtype=np.float64)
    nucleons = np.array([number for _, number in nuclei]) * largest
    shares = np.where(bjorken_x[:, None] <= largest, nucleons, 0.0)
    total = shares.sum(axis=1)
    if not (total > 0.0).all():
        raise ValueError(
            f"Bjorken x of an event is {bjorken_x[total == 0.0][0]:.4g}, and the largest nucleus "
            f"of the target has {largest.max():g} nucleons; setup.x_max must not be above"
        )
    below = np.cumsum(shares, axis=1) / total[:, None]
    # The last column is 1 up to rounding, and random numbers are below 1.
    below[:, -1] = 1.0
    return np.asarray(numbers[(rng.random(bjorken_x.size)[:, None] >= below).sum(axis=1)])
