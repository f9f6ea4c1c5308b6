"""Fluxes of all flavours at both detectors, for both horn currents."""

from collections.abc import Mapping
from functools import partial
from importlib.resources import as_file, files
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nd2fd.beam.files.layout import Layout
from nd2fd.beam.files.reading import read_flux
from nd2fd.beam.flux import FluxTable, cell_averages, interpolate_flux
from nd2fd.leptons.samples import LEPTONS, Horn, Lepton

Array = NDArray[np.float64]

DUNE: Final = "dune"
"""Name of the beam that comes with the package: near detector, both horn currents."""

_DUNE_FILES: Final[Mapping[Horn, str]] = {
    "forward": "dune_nd_flavours_fhc.csv",
    "reverse": "dune_nd_flavours_rhc.csv",
}


class Flavour(NamedTuple):
    """Neutrinos of a beam: horn current, detector, the lepton they make, helicity."""

    horn: Horn
    far: bool
    lepton: Lepton
    antineutrino: bool


Beams = Mapping[Flavour, FluxTable]


def read_beams(fluxes: Mapping[Horn, Mapping[str, Any]], helicities: tuple[bool, ...]) -> Beams:
    """The fluxes that the configuration names.

    Parameters
    ----------
    fluxes
        By horn current: ``near`` and ``far``, each the word `DUNE` or the path of a file; ``far``
        may be None: as the near one. ``near_format`` and ``far_format`` have the keys of `Layout`.
    helicities
        Neutrinos (False), antineutrinos (True), or both.

    Raises
    ------
    FileNotFoundError, ValueError
        As `read_flux`; the message names horn current, detector and flavour.
    """
    found: dict[Flavour, FluxTable] = {}
    for horn, named in fluxes.items():
        for antineutrino in helicities:
            for lepton in LEPTONS:
                of_near = Flavour(horn, False, lepton, antineutrino)
                of_far = of_near._replace(far=True)
                found[of_near] = _read(named["near"], named["near_format"], of_near)
                if named["far"] is None:
                    found[of_far] = found[of_near]
                else:
                    found[of_far] = _read(named["far"], named["far_format"], of_far)
    return found


def _read(name: str, layout: Mapping[str, Any], flavour: Flavour) -> FluxTable:
    if name == DUNE:
        with as_file(files("nd2fd.data") / _DUNE_FILES[flavour.horn]) as path:
            return read_flux(path, flavour[2:], Layout(content="per_gev", contamination=True))
    try:
        return read_flux(name, flavour[2:], Layout(**layout, contamination=True))
    except (FileNotFoundError, ValueError) as error:
        helicity = "antineutrino" if flavour.antineutrino else "neutrino"
        raise type(error)(
            f"{'far' if flavour.far else 'near'} {flavour.lepton} {helicity} flux with "
            f"{flavour.horn} horn current: {error}"
        ) from None


def in_cells(table: FluxTable, n_energy: int, energy_max: float) -> Array:
    """Averages over equal cells of (0, energy_max) [GeV], shape (n_energy,)."""
    return cell_averages(partial(interpolate_flux, table), n_energy, energy_max)
