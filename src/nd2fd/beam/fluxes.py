"""The fluxes of an experiment, from the configuration: read, and checked against the setup."""

from collections.abc import Mapping
from math import inf
from typing import Any

from nd2fd.beam.builtin import BEAMS, flux_table
from nd2fd.beam.checks import (
    MUCH_ABOVE,
    MUCH_UNCOVERED,
    refuse_uncovered,
    refuse_unusable,
    share_above,
    uncovered_share,
)
from nd2fd.beam.files.layout import Layout, UnclearLayoutError
from nd2fd.beam.flux import FluxTable
from nd2fd.physics.setup import Setup


def read_fluxes(
    flux: Mapping[str, Any], setup: Setup, has_far: bool
) -> tuple[FluxTable, FluxTable | None]:
    """Flux at the near and, if there is one, at the far detector.

    Parameters
    ----------
    flux
        Configuration section `flux`.
    setup
        Neutrinos and E_max.
    has_far
        Whether there is a far detector; without a flux of its own it sees that of the near one.

    Raises
    ------
    FileNotFoundError, ValueError
        Naming the key: a flux cannot be read or is not fit for the setup, or the two do not fit
        each other.
    """
    _refuse_what_does_not_belong_together(flux)
    near = _read("near", flux, setup)
    if not has_far:
        return near, None
    if flux["far"] is None:
        return near, near
    far = _read("far", flux, setup)
    try:
        refuse_uncovered(near, far, setup.energy_max)
    except ValueError as error:
        raise ValueError(f"flux.near and flux.far: {error}") from None
    return near, far


def _refuse_what_does_not_belong_together(flux: Mapping[str, Any]) -> None:
    near, far = flux["near"], flux["far"]
    if far is None:
        if Layout.from_config(flux["far_format"]) != Layout():
            raise ValueError("flux.far_format: flux.far is null, so there is no file to read")
        return
    if near != far and (near in BEAMS or far in BEAMS):
        built_in, key = (near, "near") if near in BEAMS else (far, "far")
        raise ValueError(
            f"flux.near is {near!r} and flux.far is {far!r}: the built-in beam {built_in} "
            f"(flux.{key}) is a near flux of its own experiment; give files for both, or far: null"
        )
    if near == far and near not in BEAMS and flux["near_format"] == flux["far_format"]:
        raise ValueError(
            f"flux.far is the near flux once more, {near!r}; say that with null, or choose another "
            "flux of the file with flux.far_format.column"
        )


def read_flux_of(key: str, given: str, layout: Mapping[str, Any], setup: Setup) -> FluxTable:
    """A flux that a key of the configuration names.

    Parameters
    ----------
    key
        The key; `key`_format has the layout.
    given
        A built-in beam or a file.
    layout
        What a file does not say itself, a section as `flux.near_format`.
    setup
        Neutrinos and E_max.

    Raises
    ------
    FileNotFoundError, ValueError
        Naming the key: the flux cannot be read or is not fit for the setup.
    """
    try:
        table = flux_table(given, (setup.lepton, setup.antineutrino), Layout.from_config(layout))
    except UnclearLayoutError as error:
        raise ValueError(f"{key}: {error} (keys of {key}_format; see docs/flux.md)") from None
    except OSError as error:
        raise type(error)(f"{key}: {error}") from None
    except ValueError as error:
        raise ValueError(f"{key}: {error}") from None
    try:
        refuse_unusable(table, setup, given not in BEAMS)
    except ValueError as error:
        raise ValueError(f"{key}: {given}: {error}") from None
    return table


def _read(detector: str, flux: Mapping[str, Any], setup: Setup) -> FluxTable:
    key, given = f"flux.{detector}", flux[detector]
    table = read_flux_of(key, given, flux[f"{detector}_format"], setup)
    limit = BEAMS[given].energy_limit if given in BEAMS else inf
    if setup.energy_max > limit:
        raise ValueError(
            f"{key}: the beam {given} is given up to {limit} GeV; setup.energy_max = "
            f"{setup.energy_max} must not be above"
        )
    return table


def remarks(
    flux: Mapping[str, Any], near: FluxTable, far: FluxTable | None, setup: Setup
) -> tuple[list[str], list[str]]:
    """What the user may want to know about the fluxes.

    Parameters
    ----------
    flux, setup
        As in `read_fluxes`.
    near, far
        What it returned.

    Returns
    -------
    all, important
        Sentences for the log; those among them that are said at the start of a run.
    """
    lines, important = [], []
    tables = {"near": near} if far is None or flux["far"] is None else {"near": near, "far": far}
    for detector, table in tables.items():
        peak = table.energy[table.flux.argmax()]
        above = share_above(table, setup.energy_max)
        line = (
            f"flux.{detector}: {flux[detector]}, {table.energy[0]:g} to {table.energy[-1]:g} GeV, "
            f"peak at {peak:.3g} GeV; {100 * above:.2g} % of its neutrinos are above "
            f"setup.energy_max = {setup.energy_max:g} GeV and left out"
        )
        lines.append(line)
        if above > MUCH_ABOVE:
            important.append(line)
    if "far" in tables:
        share = uncovered_share(tables["near"], tables["far"], setup.energy_max)
        line = (
            f"flux.near and flux.far: {100 * share:.2g} % of the FD events, without oscillation, "
            "are at energies where the ND has (almost) no neutrinos"
        )
        lines.append(line)
        if share > MUCH_UNCOVERED:
            important.append(line)
    elif far is not None:
        lines.append("flux.far: null, the near flux once more, as in the toy of the paper")
    return lines, important
