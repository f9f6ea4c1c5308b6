"""Systematic uncertainties by name; a new one is a module of its own and an entry here."""

from collections.abc import Mapping
from typing import Final

from nd2fd.systematics import flux, muon_energy_scale, near_statistics, network_seed
from nd2fd.systematics.systematic import Systematic

SYSTEMATICS: Final[Mapping[str, Systematic]] = {
    systematic.name: systematic
    for systematic in (
        network_seed.SYSTEMATIC,
        near_statistics.SYSTEMATIC,
        flux.SYSTEMATIC,
        muon_energy_scale.SYSTEMATIC,
    )
}
"""What the members of an ensemble can differ in (`ensembles.NAME.vary`)."""
