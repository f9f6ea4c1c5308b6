"""Near-detector data from a file of events: the histogram, and what members train on.

All members have the same events. Where ND events vary between members, each has a bootstrap of the
sample: its events as often as a Poisson variable of mean 1 says, as far as cells see it.
"""

from collections.abc import Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from nd2fd.events.files.reading import EventSource, Progress
from nd2fd.events.weighted_histogram import WeightedHistogram, fill_histograms
from nd2fd.io.schemas.inputs import Flux
from nd2fd.io.schemas.near import NearData, NearHistogram
from nd2fd.learning.near_data import assembled, draw_histogram
from nd2fd.physics.density import DensityGrid
from nd2fd.streams import random_stream
from nd2fd.systematics.members import Assumptions, calibrated

Array = NDArray[np.float64]


def near_histogram(
    source: EventSource,
    grid: DensityGrid,
    n_events: int,
    progress: Progress,
    section: str = "near_detector",
) -> NearHistogram:
    """Events of a file in the cells of a grid.

    Parameters
    ----------
    source
        The file.
    grid
        Of the densities; its energies are not used.
    n_events
        How many the configuration says there are: the effective number of weighted events.
    progress
        Called with (what was read of `source.file.total`, note).
    section
        Of the configuration that says how many there are.

    Raises
    ------
    ValueError
        If there are not as many events; and as `EventSource.parts` and `fill_histograms`.
    """
    shape = (grid.n_v1, grid.n_v2)
    (made,) = fill_histograms(source.parts(progress), grid.setup, shape)
    there = round(made.effective_events)
    if there != n_events:
        weighted = (
            "" if made.unweighted else f" (effective number of {made.n_events} weighted ones)"
        )
        raise ValueError(
            f"{section}.n_events is {n_events}, but {source.file.name} has {there} selected "
            f"events{weighted}; write {section}.n_events: {there}"
        )
    pot = source.file.pot
    return NearHistogram(
        v1=grid.v1,
        v2=grid.v2,
        contents=made.contents,
        squares=made.squares,
        total=np.array(made.total),
        total_squares=np.array(made.total_squares),
        n_read=np.array(source.tally.read),
        n_events=np.array(made.n_events),
        n_lost=np.array(made.n_lost),
        pot=None if pot is None else np.array(pot),
    )


def histogram_of(made: NearHistogram) -> WeightedHistogram:
    """The sums of an artifact."""
    return WeightedHistogram(
        made.contents,
        made.squares,
        float(made.total),
        float(made.total_squares),
        int(made.n_events),
        int(made.n_lost),
    )


def calibrated_histograms(
    source: EventSource, grid: DensityGrid, assumptions: Assumptions, progress: Progress
) -> list[WeightedHistogram]:
    """The events of a file as each member calibrates them."""
    calibrations = [
        partial(calibrated, assumption=assumption, setup=grid.setup)
        for assumption in assumptions.of_members
    ]
    shape = (grid.n_v1, grid.n_v2)
    return fill_histograms(source.parts(progress), grid.setup, shape, calibrations)


def near_data_of_file(
    histograms: Sequence[WeightedHistogram],
    flux: Flux,
    grid: DensityGrid,
    assumptions: Assumptions,
    members: Sequence[int],
    seed: int,
    streams: Sequence[tuple[str, int]],
) -> NearData:
    """What members train on, if their events are from a file.

    Parameters
    ----------
    histograms
        Of the events: one for all members, or one each.
    flux
        Nominal fluxes and their modes.
    grid
        Of the densities.
    assumptions, members
        What the members assume, and their numbers in the ensemble.
    seed, streams
        Root seed, and names of what draws the bootstrap of each member; none: all have the sample.
    """
    of_members = list(histograms) * (len(members) // len(histograms))
    drawn = [made.contents for made in of_members]
    if streams:
        pairs = zip(of_members, streams, strict=True)
        drawn = [
            bootstrapped(made, random_stream(seed, "near_bootstrap", *stream))
            for made, stream in pairs
        ]
    first = of_members[0]
    contents = np.stack(drawn) / first.total
    squares = None if first.unweighted else np.stack([made.squares for made in of_members])
    n_events = round(first.effective_events)
    return assembled(contents, flux, grid, assumptions, members, n_events, squares)


def bootstrapped(made: WeightedHistogram, rng: np.random.Generator) -> Array:
    """Contents of the cells, shape (n_v1, n_v2), of a sample drawn from the events themselves.

    Without weights, as many events as there are. With weights, Σ w n with n ~ Poisson(1) has the
    mean Σ w and the variance Σ w²; as a scaled Poisson variable it is also as skew as it must be
    where the weights of a cell are equal. A cell without a positive sum gets a normal variable.
    """
    if made.unweighted:
        counts = draw_histogram(made.contents / made.n_events, made.n_events, rng)
        return counts.astype(np.float64)
    scale = np.divide(
        made.squares, made.contents, np.zeros_like(made.squares), where=made.contents > 0.0
    )
    mean = np.divide(made.contents, scale, np.zeros_like(scale), where=scale > 0.0)
    drawn = scale * rng.poisson(mean)
    normal = made.contents + np.sqrt(made.squares) * rng.standard_normal(made.contents.shape)
    return np.where(scale > 0.0, drawn, normal)
