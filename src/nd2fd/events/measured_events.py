"""Events of a file as far-detector data."""

import logging

import numpy as np

from nd2fd.events.files.reading import EventSource, Progress
from nd2fd.events.weighted_histogram import lepton_variables
from nd2fd.io.schemas.events import Events

LOG = logging.getLogger(__name__)


def measured_events(source: EventSource, n_events: int, progress: Progress) -> Events:
    """All selected events of a file, as they are; their energies where the file has them.

    Parameters
    ----------
    source
        The file.
    n_events
        How many the configuration says there are.
    progress
        Called with (what was read of `source.file.total`, note).

    Raises
    ------
    ValueError
        If events have different weights, for which there is no likelihood, or are not as many; and
        as `EventSource.parts`.
    """
    columns: list[tuple[np.ndarray, ...]] = []
    weight: float | None = None
    n_lost = 0
    setup, file = source.selection.setup, source.file
    for events in source.parts(progress):
        weight = float(events.weight[0]) if weight is None else weight
        other = events.weight != weight
        if other.any() or weight <= 0.0:
            shown = events.weight[int(np.argmax(other))]
            raise ValueError(
                f"{file.name}: a selected event has the weight {shown:g}, the first one "
                f"{weight:g}: far-detector events are fitted one by one, and the product of "
                "weighted probabilities is no likelihood; unweight them (keep each event with "
                "probability weight / largest weight), or leave the weights out"
            )
        v1, v2, inside = lepton_variables(events, setup)
        n_lost += int((~inside).sum())
        kept = [v1, v2, events.e_lepton, events.cos_theta]
        kept += [] if events.e_nu is None else [events.e_nu]
        columns.append(tuple(values[inside] for values in kept))
    joined = [np.concatenate(values) for values in zip(*columns, strict=True)]
    if n_lost:
        LOG.info("%s: %d selected events have v1 or v2 above 1 and are lost", file.name, n_lost)
    if joined[0].size != n_events:
        raise ValueError(
            f"far_detector.n_events is {n_events}, but {file.name} has {joined[0].size} selected "
            f"events; write far_detector.n_events: {joined[0].size}"
        )
    return Events(
        v1=joined[0],
        v2=joined[1],
        e_lepton=joined[2],
        cos_theta=joined[3],
        energy=joined[4] if len(joined) > 4 else None,
    )
