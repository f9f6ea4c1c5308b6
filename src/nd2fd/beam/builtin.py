"""Beams that come with the package, by name.

DUNE's and MicroBooNE's fluxes are tables. T2K's and NOvA's are smooth parametrisations, sums of
Gaussians in ln E,

    flux(E) = Σ_i a_i exp(−ln²(E/c_i) / (2 w_i²)),

fitted to published fluxes. `docs/flux.md` tells how well they agree; the headers of the files in
`nd2fd/data` tell the sources. Nothing is read before a flux is asked for.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from importlib.resources import as_file, files
from pathlib import Path
from typing import Final

import numpy as np

from nd2fd.beam.files.columns import Neutrinos
from nd2fd.beam.files.layout import Layout
from nd2fd.beam.files.reading import read_flux
from nd2fd.beam.flux import FluxTable

# Where parametrised fluxes start [GeV], and the ratio of neighbouring energies. Straight lines
# between points so close deviate from the narrowest Gaussian (w = 0.2) by less than 2e-3.
_FIRST_ENERGY = 0.05
_STEP = 1.025


@dataclass(frozen=True)
class Beam:
    """A flux that comes with the package.

    title
        Experiment, flavour and place, for headings.
    antineutrino
        Whether it is of muon antineutrinos; otherwise of muon neutrinos.
    energy_limit
        Neutrino energy [GeV] up to which it is given; above, the flux counts as zero.
    source
        Where its numbers come from.
    flux
        Reads the flux. Its unit depends on the source: only the shape matters.
    off_axis
        Whether it is of a place beside the axis of the beam.
    """

    title: str
    antineutrino: bool
    energy_limit: float
    source: str
    flux: Callable[[], FluxTable]
    off_axis: bool = False


def _table(file: str) -> FluxTable:
    """A flux given as a table."""
    with as_file(files("nd2fd.data") / file) as path:
        return FluxTable(*np.loadtxt(path, delimiter=",", unpack=True))


def _parametrisation(file: str, energy_limit: float) -> FluxTable:
    """A flux given as a sum of Gaussians in ln E, relative to the largest value of its source."""
    with as_file(files("nd2fd.data") / file) as path:
        amplitude, centre, width = np.loadtxt(path, delimiter=",").T[:, :, None]
    n_points = int(np.ceil(np.log(energy_limit / _FIRST_ENERGY) / np.log(_STEP))) + 1
    energy = np.geomspace(_FIRST_ENERGY, energy_limit, n_points)
    terms = amplitude * np.exp(-0.5 * (np.log(energy / centre) / width) ** 2)
    return FluxTable(energy, terms.sum(axis=0))


BEAMS: Final[Mapping[str, Beam]] = {
    "dune_fhc": Beam(
        title="DUNE ν_μ, near detector, forward horn current",
        antineutrino=False,
        energy_limit=10.125,
        source="DUNE, OptimizedEngineeredNov2017 beam, arXiv:2103.04797, from DarkNews 0.4.8",
        flux=partial(_table, "dune_nd_numu_fhc.csv"),
    ),
    "dune_rhc": Beam(
        title="DUNE ν̄_μ, near detector, reverse horn current",
        antineutrino=True,
        energy_limit=10.125,
        source="DUNE, OptimizedEngineeredNov2017 beam, arXiv:2103.04797, from DarkNews 0.4.8",
        flux=partial(_table, "dune_nd_numubar_rhc.csv"),
    ),
    "t2k": Beam(
        title="T2K ν_μ, ND280, 2.5° off axis, forward horn current",
        antineutrino=False,
        energy_limit=10.0,
        source="parametrisation of the flux released with arXiv:1801.05148",
        flux=partial(_parametrisation, "t2k_numu_fhc.csv", 10.0),
        off_axis=True,
    ),
    "nova": Beam(
        title="NOvA ν_μ, near detector, 14 mrad off axis, forward horn current",
        antineutrino=False,
        energy_limit=19.0,
        source="parametrisation of NOvA's flux release of 2017, from DarkNews 0.4.8",
        flux=partial(_parametrisation, "nova_numu_fhc.csv", 19.0),
        off_axis=True,
    ),
    "bnb": Beam(
        title="Booster Neutrino Beam ν_μ at MicroBooNE",
        antineutrino=False,
        energy_limit=6.775,
        source="MicroBooNE, from DarkNews 0.4.8",
        flux=partial(_table, "bnb_microboone_numu.csv"),
    ),
}
"""The beams by name."""


def flux_table(name_or_path: str | Path, wanted: Neutrinos, layout: Layout) -> FluxTable:
    """The flux that the configuration names: a built-in beam, or a file.

    Parameters
    ----------
    name_or_path
        A key of `BEAMS`, or the path of a flux file.
    wanted
        The neutrinos of the setup: the lepton that they make, and whether they are antineutrinos.
    layout
        What a file does not say itself; empty for a beam.

    Raises
    ------
    FileNotFoundError
        It is neither a name nor a file.
    UnclearLayoutError
        As `read_flux`.
    ValueError
        The beam is of other neutrinos, or the file is not a flux table.
    """
    if name_or_path not in BEAMS:
        if not Path(name_or_path).is_file():
            raise FileNotFoundError(
                f"flux '{name_or_path}' is neither a built-in beam ({', '.join(BEAMS)}) nor a file"
            )
        return read_flux(name_or_path, wanted, layout)
    beam, (lepton, antineutrino) = BEAMS[str(name_or_path)], wanted
    if layout != Layout():
        raise ValueError(
            f"the beam {name_or_path} is built in; column, unit, energies and content are for "
            "files and must be null"
        )
    if lepton != "muon":
        raise ValueError(
            f"the beam {name_or_path} is of muon (anti)neutrinos, the setup's lepton is "
            f"'{lepton}': name a flux file instead"
        )
    if antineutrino != beam.antineutrino:
        kinds = {False: "neutrinos", True: "antineutrinos"}
        fitting = [name for name, other in BEAMS.items() if other.antineutrino == antineutrino]
        raise ValueError(
            f"the beam {name_or_path} is of {kinds[beam.antineutrino]}, the setup of "
            f"{kinds[antineutrino]}: name {' or '.join(fitting)}, or a flux file"
        )
    return beam.flux()
