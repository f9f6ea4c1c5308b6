"""Flux uncertainties that come with the package, by name.

`dune_fhc` belongs to the beam of that name: the covariance of DUNE's own modes, fitted. `smooth`
goes with any beam; its fractional covariance is

    near, near:  S(E, E') = σ_N² + σ_S² ρ(E, E'),   ρ = exp(−ln²(E/E') / (2 L²))
    near, far:   S
    far, far:    S + σ_D² ρ

with σ_N = 6 %, σ_S = 4 %, σ_D = 1 % and L = 0.5: 7 % at one energy, correlated by 0.7 far apart, as
for beams whose hadron production was measured. `docs/flux.md` compares them with published ones.
"""

from collections.abc import Callable, Mapping
from importlib.resources import as_file, files
from pathlib import Path
from typing import Final

import numpy as np

from nd2fd.beam.builtin import BEAMS
from nd2fd.beam.checks import distance
from nd2fd.beam.files.columns import Neutrinos
from nd2fd.beam.flux import FluxTable
from nd2fd.beam.modes import FluxModes, read_flux_modes

DUNE_EDGES: Final = (0, 0.5, 1, 1.5, 2, 2.5, 3, 3.5, 4, 4.5, 5, 5.5, 6, 7, 8, 10, 12)
"""Edges [GeV] of the bins of DUNE's flux uncertainty up to 12 GeV."""

NORMALISATION: Final = 0.06
"""σ_N: error of the normalisation, common to both detectors."""

SHAPE: Final = 0.04
"""σ_S: error of the flux at one energy, common to both detectors."""

FAR_MINUS_NEAR: Final = 0.01
"""σ_D: error of the far flux relative to the near one, at one energy."""

CORRELATION_LENGTH: Final = 0.5
"""L: distance in ln E over which errors at two energies lose their correlation."""

SAME_FLUX: Final = 0.05
"""Largest total variation between a beam and a file that may take the beam's modes."""

_N_CENTRES = 7  # a distance L apart; below E_max exp(−5 L), which is E_max/12, errors are constant
_BINS_PER_LENGTH = 10  # straight lines in between are then within 0.2 % of the largest shift


def _dune_fhc(energy_max: float) -> FluxModes:
    """Modes of DUNE's ν_μ flux uncertainty, forward horn current, 0 to 12 GeV.

    Each is a constant plus a Gaussian in ln E, which the far detector sees with another size, place
    and width. Their covariance is fitted to DUNE's; `docs/flux.md` tells how, and how well.
    """
    edges = np.array(DUNE_EDGES, dtype=np.float64)
    if edges[-1] < energy_max:
        raise ValueError(
            f"the modes dune_fhc end at {edges[-1]:g} GeV; they must cover energies from 0 to "
            f"energy_max = {energy_max:g} GeV"
        )
    with as_file(files("nd2fd.data") / "dune_flux_modes.csv") as path:
        base, *bumps = np.loadtxt(path, delimiter=",").T[:, :, None]
    log_energy = np.log(0.5 * (edges[1:] + edges[:-1]))
    near, far = (
        base + amplitude * np.exp(-0.5 * ((log_energy - np.log(centre)) / width) ** 2)
        for amplitude, centre, width in (bumps[:3], bumps[3:])
    )
    return FluxModes(edges, near, far)


def _smooth(energy_max: float) -> FluxModes:
    """Modes of a smooth covariance (module docstring), 0 to `energy_max` [GeV], for any beam.

    A constant; seven Gaussians in ln E, common to both detectors; and the same seven, smaller, at
    the far detector alone.
    """
    # A row of equal Gaussians exp(−x²/L²), one every L, is the covariance wanted: the sum over k of
    # exp(−((x − k L)² + (x' − k L)²)/L²) is √(π/2) exp(−(x − x')²/(2 L²)), but for 1.4 % of ripple.
    length = CORRELATION_LENGTH
    log_max = np.log(energy_max)
    centres = log_max + (0.5 - np.arange(_N_CENTRES)) * length  # the ends lie between two of them
    log_min = log_max - (_N_CENTRES - 2) * length
    n_bins = (_N_CENTRES - 2) * _BINS_PER_LENGTH
    edges = np.array([0.0, *np.exp(np.linspace(log_min, log_max, n_bins + 1))])
    edges[-1] = energy_max  # exp(log(x)) may be a bit less
    log_energy = np.log(0.5 * (edges[1:] + edges[:-1])).clip(min=log_min)
    gaussians = (2 / np.pi) ** 0.25 * np.exp(-(((log_energy - centres[:, None]) / length) ** 2))
    constant = np.full((1, n_bins + 1), NORMALISATION)
    far_alone = FAR_MINUS_NEAR * gaussians
    common = np.concatenate([constant, SHAPE * gaussians])
    return FluxModes(
        edges,
        np.concatenate([common, np.zeros_like(far_alone)]),
        np.concatenate([common, far_alone]),
    )


BUILT_IN_MODES: Final[Mapping[str, Callable[[float], FluxModes]]] = {
    "dune_fhc": _dune_fhc,
    "smooth": _smooth,
}
"""By name, the modes up to energy_max [GeV]."""


def flux_modes(name_or_path: str | Path | None, energy_max: float) -> FluxModes | None:
    """The modes that the configuration names: built-in ones, a file, or none.

    Parameters
    ----------
    name_or_path
        A key of `BUILT_IN_MODES`, the path of a file of modes, or None for a flux without errors.
    energy_max
        End of the spectrum [GeV]: the modes must cover (0, energy_max).

    Raises
    ------
    FileNotFoundError
        It is neither a name nor a file.
    ValueError
        The modes end below `energy_max`, or the file does not hold modes.
    """
    if name_or_path is None:
        return None
    if name_or_path in BUILT_IN_MODES:
        return BUILT_IN_MODES[str(name_or_path)](energy_max)
    if not Path(name_or_path).is_file():
        raise FileNotFoundError(
            f"flux modes '{name_or_path}' are neither built in ({', '.join(BUILT_IN_MODES)}) nor a "
            "file"
        )
    return read_flux_modes(name_or_path, energy_max)


def refuse_modes_of_another_beam(
    name_or_path: str | Path | None,
    near: str | Path,
    table: FluxTable,
    wanted: Neutrinos,
    energy_max: float,
) -> None:
    """Refuse modes that belong to another beam than the near flux.

    Modes that bear a beam's name belong to it, and to a file with its flux (`SAME_FLUX`), which may
    be the experiment's own. All others go with any flux.

    Parameters
    ----------
    name_or_path, near
        The names or paths of the modes and of the near flux.
    table
        The near flux.
    wanted
        The neutrinos of the setup.
    energy_max
        End of the spectrum [GeV].

    Raises
    ------
    ValueError
        The modes belong to another beam.
    """
    if name_or_path not in BEAMS or name_or_path not in BUILT_IN_MODES or near == name_or_path:
        return
    beam = BEAMS[str(name_or_path)]
    difference = 1.0
    if near not in BEAMS and wanted == ("muon", beam.antineutrino):
        difference = distance(table, beam.flux(), energy_max)
        if difference < SAME_FLUX:
            return
    raise ValueError(
        f"the modes {name_or_path} belong to the flux of {beam.title}; the near flux is '{near}'"
        + (f", which differs from it by {100 * difference:.0f} %" if difference < 1 else "")
        + ": use smooth, a file of modes, or null"
    )
