"""What event files hold of charged-current events: the lepton, and where known the rest."""

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass(frozen=True)
class LeptonEvents:
    """Events, some or all of a file; all arrays have shape (n,).

    e_lepton
        Energy of the charged lepton [GeV], its mass included.
    cos_theta
        Cosine of its angle to the beam.
    weight
        Weights; 1 for unweighted events.
    e_nu
        Energy of the neutrino [GeV], where it is known.
    pdg
        PDG number of the neutrino, where it is known.
    target
        PDG number of what was hit, 10LZZZAAAI for nuclei, where it is known.

    Raises ValueError if the arrays differ in shape.
    """

    e_lepton: Array
    cos_theta: Array
    weight: Array
    e_nu: Array | None = None
    pdg: IntArray | None = None
    target: IntArray | None = None

    def __post_init__(self) -> None:
        shapes = {
            field.name: values.shape
            for field in fields(self)
            if (values := getattr(self, field.name)) is not None
        }
        if set(shapes.values()) != {(self.e_lepton.size,)}:
            raise ValueError(f"arrays of events differ in shape: {shapes}")

    @property
    def n_events(self) -> int:
        """Number of events."""
        return self.e_lepton.size
