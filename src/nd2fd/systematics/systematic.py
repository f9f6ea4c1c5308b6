"""What a systematic uncertainty is: a name, a prior, what it changes, and which stage draws it.

The data are nature's. Each member of an ensemble analyses them under an assumption of its own, and
a systematic with nuisance parameters z ~ N(0, 1) says how they change it. The same assumption holds
at the near and at the far detector.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:  # The workflow reads names each time it starts: no need to load HDF5.
    from nd2fd.io.schemas.inputs import Flux

Array = NDArray[np.float64]

Calibration = Callable[[Array, Array], tuple[Array, Array]]
"""Measured lepton energy [GeV] and cosine of its angle → what the analysis takes them for."""


@dataclass(frozen=True)
class Assumption:
    """What the analysis of a member takes for true.

    flux
        Fluxes of both detectors.
    calibrations
        Applied to every measured event of both detectors, in this order.
    resolution_factors
        Resolutions of the muon's energy and angle, in units of those of section `smearing`.
    """

    flux: "Flux"
    calibrations: tuple[Calibration, ...] = ()
    resolution_factors: tuple[float, float] = (1.0, 1.0)


@dataclass(frozen=True)
class Systematic:
    """A systematic uncertainty.

    name
        As in `ensembles.NAME.vary` and `joint.fits.NAME.pulls`; also the name of its random stream.
    noun, plural
        What members differ in, in captions and legends.
    prior
        In words.
    at_near, at_far
        What it changes at either detector, in words.
    drawn_by
        Rules of the workflow that draw it; none for what members of ensembles cannot differ in, but
        joint fits can have as a pull.
    n_parameters
        Number of its nuisance parameters with a flux; None if it has a random stream of its own
        and nothing is assumed differently.
    assume
        Assumption with parameters z (n,) and the configuration section `systematics`.
    needs_network, needs_near_events
        Whether it means something for networks only, and for these only with near-detector events.
    needs_resolution
        Key of section `smearing` that must not be zero for it to change anything.
    """

    name: str
    noun: str
    plural: str
    prior: str
    at_near: str
    at_far: str
    drawn_by: tuple[str, ...]
    n_parameters: Callable[["Flux"], int] | None = None
    assume: Callable[[Assumption, Array, Mapping[str, float]], Assumption] | None = None
    needs_network: bool = False
    needs_near_events: bool = False
    needs_resolution: str | None = None
