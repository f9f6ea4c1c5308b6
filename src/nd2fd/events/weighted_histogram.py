"""Histograms of weighted events in (v1, v2), filled part by part."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nd2fd.events.lepton_events import LeptonEvents
from nd2fd.physics.kinematics import density_variables_from_lepton
from nd2fd.physics.setup import Setup

Array = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

Calibrate = Callable[[Array, Array], tuple[Array, Array, BoolArray]]
"""From v1 and v2 of measured events to those of the analysis, and which events it keeps."""

_MOST_LOST = 0.5
"""Largest share of events outside of the unit square that can be meant."""


@dataclass(frozen=True)
class WeightedHistogram:
    """Sums of weights.

    contents, squares
        Σ w and Σ w², its variance, in the cells, shape (n_v1, n_v2).
    total, total_squares
        Of all events, lost ones included.
    n_events, n_lost
        Events, whatever their weights, and those of them outside of the unit square.
    """

    contents: Array
    squares: Array
    total: float
    total_squares: float
    n_events: int
    n_lost: int

    @property
    def effective_events(self) -> float:
        """(Σ w)² / Σ w²: as many unweighted events have the relative error of Σ w."""
        return self.total**2 / self.total_squares

    @property
    def unweighted(self) -> bool:
        """Whether all weights are one."""
        return self.total == self.total_squares == self.n_events and bool(
            (self.contents == self.squares).all()
        )


def lepton_variables(events: LeptonEvents, setup: Setup) -> tuple[Array, Array, BoolArray]:
    """v1, v2, and which events lie in the unit square, each of shape (n,)."""
    v1, v2 = density_variables_from_lepton(events.e_lepton, events.cos_theta, setup)
    return v1, v2, (v1 < 1.0) & (v2 < 1.0)


def fill_histograms(
    parts: Iterable[LeptonEvents],
    setup: Setup,
    shape: tuple[int, int],
    calibrations: Iterable[Calibrate | None] = (None,),
) -> list[WeightedHistogram]:
    """One histogram for each calibration, in a single pass through the events.

    Parameters
    ----------
    parts
        The events.
    setup
        Defines v1 and v2.
    shape
        Numbers of cells in v1 and v2.
    calibrations
        What is done with the events of each histogram; None: nothing.

    Raises
    ------
    ValueError
        If most events lie outside of the unit square, or the weights sum to nothing.
    """
    chosen = list(calibrations)
    sums = np.zeros((len(chosen), 2, shape[0] * shape[1]))
    lost = np.zeros(len(chosen), dtype=np.int64)
    total = total_squares = 0.0
    n_events = 0
    for events in parts:
        weight = events.weight
        v1, v2, inside = lepton_variables(events, setup)
        for i, calibrate in enumerate(chosen):
            new = (v1, v2, inside)
            if calibrate is not None:
                new_v1, new_v2, kept = calibrate(v1, v2)
                new = (new_v1, new_v2, kept & inside)
            cell, w = _cells(*new, shape), weight[new[2]]
            sums[i, 0] += np.bincount(cell, w, minlength=sums.shape[2])
            sums[i, 1] += np.bincount(cell, w**2, minlength=sums.shape[2])
            lost[i] += weight.size - cell.size
        total += weight.sum()
        total_squares += (weight**2).sum()
        n_events += weight.size
    for n_lost in lost:
        if n_lost > _MOST_LOST * n_events:
            raise ValueError(
                f"{n_lost} of {n_events} events have v1 or v2 above 1: leptons too far backward "
                f"for setup.x_max = {setup.x_max:g}, or above setup.energy_max = "
                f"{setup.energy_max:g} GeV"
            )
    if not total > 0.0:
        raise ValueError(f"the weights of {n_events} events sum to {total:g}; it must be above 0")
    return [
        WeightedHistogram(
            contents.reshape(shape),
            squares.reshape(shape),
            float(total),
            float(total_squares),
            n_events,
            int(n_lost),
        )
        for (contents, squares), n_lost in zip(sums, lost, strict=True)
    ]


def _cells(v1: Array, v2: Array, inside: BoolArray, shape: tuple[int, int]) -> IntArray:
    """Flat numbers of the cells that events lie in, those outside left out."""
    first, second = (v1[inside] * shape[0]).astype(np.int64), (v2[inside] * shape[1])
    return first * shape[1] + second.astype(np.int64)
