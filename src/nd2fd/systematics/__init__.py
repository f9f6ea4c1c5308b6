"""Systematic uncertainties by name; a new one is a module of its own and an entry here."""

from collections.abc import Mapping
from typing import Final

from nd2fd.systematics import (
    flux,
    muon_angle_resolution,
    muon_energy_resolution,
    muon_energy_scale,
    near_statistics,
    network_seed,
)
from nd2fd.systematics.systematic import Systematic

SYSTEMATICS: Final[Mapping[str, Systematic]] = {
    systematic.name: systematic
    for systematic in (
        network_seed.SYSTEMATIC,
        near_statistics.SYSTEMATIC,
        flux.SYSTEMATIC,
        muon_energy_scale.SYSTEMATIC,
        muon_energy_resolution.SYSTEMATIC,
        muon_angle_resolution.SYSTEMATIC,
    )
}
"""All there are, in the order in which they are applied."""

VARIED: Final = tuple(name for name, s in SYSTEMATICS.items() if s.drawn_by)
"""Those that the members of an ensemble can differ in (`ensembles.NAME.vary`)."""

PULLS: Final = tuple(name for name, s in SYSTEMATICS.items() if s.n_parameters is not None)
"""Those that joint fits can have as pulls (`joint.fits.NAME.pulls`)."""
