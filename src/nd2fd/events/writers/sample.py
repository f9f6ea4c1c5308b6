"""What a file of generated events says about all of them."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from nd2fd.events.lepton_events import LeptonEvents
from nd2fd.io.declarations import Provenance
from nd2fd.physics.setup import Setup

Array = NDArray[np.float64]

COLUMNS: Final = {
    "e_lepton": ("GeV", "energy of the charged lepton"),
    "cos_theta": ("1", "cosine of the charged lepton's angle to the beam"),
    "weight": ("1", "weight of the event"),
    "e_nu": ("GeV", "neutrino energy"),
    "pdg": ("1", "PDG number of the neutrino"),
    "target": ("1", "PDG number of the nucleus that was hit"),
}
"""Unit and meaning of what plain formats hold of an event, in their order."""


@dataclass(frozen=True)
class Sample:
    """One sample of events.

    name
        In the configuration.
    cross_section, flux
        What they are of, as the configuration has it.
    setup
        Target, lepton, and the end of the spectrum.
    n_events
        Number of events.
    energy_edges
        Edges of equal cells of E_ν [GeV], shape (n + 1,).
    spectrum
        Flux, oscillated at the far detector, averaged over these cells; largest value 1. Shape (n,)
    sigma_total
        σ(E_ν) at their centres, shape (n,), in `unit`.
    average
        Its average over the flux, in `unit`.
    absolute
        Whether cross sections are in 1e-38 cm² per nucleon. A learned one is known up to a factor:
        its unit is its average over the nominal near flux.
    negative_share
        Share of |d²σ| that is negative and was taken as 0.
    provenance
        Rule, configuration and inputs.
    """

    name: str
    cross_section: str
    flux: str
    setup: Setup
    n_events: int
    energy_edges: Array
    spectrum: Array
    sigma_total: Array
    average: float
    absolute: bool
    negative_share: float
    provenance: Provenance

    @property
    def unit(self) -> str:
        """Of cross sections."""
        return "1e-38 cm2 per nucleon" if self.absolute else "average over the near flux"

    def lines(self) -> dict[str, str | float | int]:
        """Name and value of what plain formats say at the start."""
        return {
            "name": self.name,
            "cross_section": self.cross_section,
            "flux": self.flux,
            "n_events": self.n_events,
            "flux_averaged_cross_section": self.average,
            "cross_section_unit": self.unit,
            "negative_share": self.negative_share,
            "nd2fd_version": self.provenance.package_version,
            "seed": self.provenance.seed,
            "config_sha256": self.provenance.config_sha256,
        }


def columns_of(events: LeptonEvents) -> dict[str, NDArray[np.generic]]:
    """The arrays of `COLUMNS`, all of which generated events have."""
    return {name: np.asarray(getattr(events, name)) for name in COLUMNS}
