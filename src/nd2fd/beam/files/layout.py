"""What the numbers of a flux file mean: the user's word, the file's own, or a question.

A flux is read only where column, unit, energies and content are beyond doubt. What a file leaves
open becomes a question that names the key to answer it with; nothing is guessed.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from nd2fd.beam.flux import FluxTable

Array = NDArray[np.float64]
Unit = Literal["GeV", "MeV"]
Energies = Literal["points", "lower_edges", "low_high"]
Content = Literal["per_gev", "per_bin"]

GEV: dict[str, float] = {"GeV": 1.0, "MeV": 1e-3}
"""Units of energy in GeV."""

_NAMES = {name.lower(): name for name in ("eV", "keV", "MeV", "GeV", "TeV")}

_EQUAL = 5e-3
"""Energies are printed with few digits: relative difference up to which steps are equal."""


def unit_named(match: re.Match[str] | None) -> str | None:
    """The unit that a pattern found, in whatever letters: HEPData's are often capitals."""
    return _NAMES[match[1].lower()] if match else None


class UnclearLayoutError(ValueError):
    """A file does not say what its numbers mean; the message names keys that do."""


@dataclass(frozen=True)
class Layout:
    """What the user says about a file; None where the file is to say it.

    column
        Number of the flux's column (the first is 1), its name in the header, the name of a ROOT
        histogram or of a HEPData variable; or `dune`: E and the six fluxes in the order of DUNE's
        and GLoBES' files.
    unit
        Of the energies.
    energies
        `points`: where the flux is given, for a histogram the centres of its bins; `lower_edges`:
        of bins; `low_high`: two columns, both edges.
    content
        `per_gev`: flux per unit of energy, any unit; `per_bin`: integrals over bins.
    contamination
        Whether neutrinos (antineutrinos) in a beam of more antineutrinos (neutrinos) are wanted.
    """

    column: int | str | None = None
    unit: Unit | None = None
    energies: Energies | None = None
    content: Content | None = None
    contamination: bool = False

    @classmethod
    def from_config(cls, section: Mapping[str, Any]) -> "Layout":
        """From the configuration section `flux.near_format` or `flux.far_format`."""
        return cls(**section)


@dataclass(frozen=True)
class RawFlux:
    """A chosen column and its energies as they stand in a file.

    file
        The file, as messages name it.
    low
        Energies, or lower edges of bins, shape (n,).
    high
        Upper edges of bins, shape (n,); None where the file has one energy for each flux.
    flux
        Values, shape (n,).
    unit
        Unit of the energies that the file names, if it does.
    rows
        How messages name the n rows, such as "line 7".
    """

    file: str
    low: Array
    high: Array | None
    flux: Array
    unit: str | None
    rows: tuple[str, ...]


def flux_of(raw: RawFlux, layout: Layout) -> FluxTable:
    """The flux per GeV of a file; a histogram becomes points at the centres of its bins.

    Of a histogram whose edges are known, the outer halves of the first and the last bin go on
    straight, but not below zero.

    Raises
    ------
    UnclearLayoutError
        Energies or content are not beyond doubt.
    ValueError
        Numbers are not those of a flux: energies that do not increase, gaps between bins, values
        that are negative or not finite, fewer than two rows, zero everywhere; or the file
        contradicts the layout.
    """
    _refuse_what_is_no_flux(raw)
    unit = layout.unit or raw.unit or "GeV"
    if unit not in GEV:
        raise ValueError(f"{raw.file}: energies in {unit}; they must be in GeV or MeV")
    low = raw.low * GEV[unit]
    high = None if raw.high is None else raw.high * GEV[unit]
    questions = []
    energies = layout.energies
    if high is not None:
        if energies not in (None, "low_high"):
            raise ValueError(
                f"{raw.file}: holds lower and upper edges of bins, but energies is {energies}; use "
                "low_high or null"
            )
    elif energies == "low_high":
        raise ValueError(
            f"{raw.file}: energies is low_high, but it does not hold the edges of bins"
        )
    elif energies is None and (question := _what_are_energies(low, unit)):
        questions.append(question)
    if energies == "lower_edges" and high is None:
        low, high, raw = _closed(low, raw)
    widths = np.diff(low) if high is None else high - low
    content = layout.content
    equal = bool(np.ptp(widths) <= _EQUAL * widths.mean())
    if content is None and not equal:
        questions.append(
            f"its steps of energy differ, {widths.min():.4g} to {widths.max():.4g} GeV: give "
            "content: per_gev (flux per unit of energy, any unit) or per_bin"
        )
    if questions:
        raise UnclearLayoutError(f"{raw.file}: " + "; ".join(questions))
    if high is not None:
        # Equal widths would change the scale alone.
        density = raw.flux / widths if content == "per_bin" and not equal else raw.flux
        return _points_of_bins(low, high, density)
    if content == "per_bin" and not equal:
        raise ValueError(
            f"{raw.file}: content is per_bin, but points do not tell the widths of the bins: give "
            "lower edges, or both"
        )
    return FluxTable(low, raw.flux)


def _refuse_what_is_no_flux(raw: RawFlux) -> None:
    def refuse(wrong: NDArray[np.bool_], values: Array, what: str) -> None:
        if wrong.any():
            i = int(np.argmax(wrong))
            raise ValueError(f"{raw.file}, {raw.rows[i]}: {what.format(values[i])}")

    if len(raw.low) < 2:
        raise ValueError(f"{raw.file}: {len(raw.low)} row(s) of numbers; at least 2 are needed")
    for values in (raw.low, raw.flux) if raw.high is None else (raw.low, raw.high, raw.flux):
        refuse(
            ~((values >= 0) & (values < np.inf)),
            values,
            "{:g} is not allowed; values must be finite and >= 0",
        )
    before = np.concatenate([[-np.inf], raw.low[:-1]])
    for i in np.flatnonzero(raw.low <= before)[:1]:
        raise ValueError(
            f"{raw.file}, {raw.rows[i]}: energy {raw.low[i]:g} is not above {before[i]:g}, the row "
            "before"
        )
    if raw.high is not None:
        refuse(raw.high <= raw.low, raw.high, "upper edge {:g} is not above the lower one")
    if not raw.flux.any():
        raise ValueError(f"{raw.file}: the flux is 0 everywhere; it must not be")


def _what_are_energies(energy: Array, unit: str) -> str | None:
    """The question to ask about single energies [GeV]; None for centres of bins from 0 on."""
    steps = np.diff(energy)
    step = float(steps.mean())
    keys = "give energies: lower_edges (of bins) or points (centres of bins, or a curve)"
    if np.ptp(steps) > _EQUAL * step:
        return f"its energies may be edges of bins or points: {keys}"
    phase = energy[0] / step % 1.0
    if abs(phase - 0.5) < 0.02:
        return None
    first = energy / GEV[unit]
    if np.allclose(first, np.arange(len(energy)) + round(first[0]), atol=1e-9) and first[0] < 1.5:
        return (
            f"its energies are {first[0]:g}, {first[1]:g}, {first[2 - (len(first) < 3)]:g}, …, "
            f"numbers of bins? The file must hold energies; if these are some, {keys}"
        )
    return (
        f"its energies, {energy[0]:g} GeV and on in steps of {step:.4g} GeV, may be edges of bins "
        f"or points: {keys}"
    )


def _closed(low: Array, raw: RawFlux) -> tuple[Array, Array, RawFlux]:
    """Bins from their lower edges alone: equal ones, or a last row that closes the histogram."""
    steps = np.diff(low)
    if np.ptp(steps) <= _EQUAL * steps.mean():
        return low, np.append(low[1:], low[-1] + steps.mean()), raw
    if raw.flux[-1] != 0 or len(low) < 3:
        raise ValueError(
            f"{raw.file}: energies is lower_edges and the bins are unequal, so that the upper edge "
            "of the last bin is unknown: add a row with that edge and flux 0"
        )
    closed = RawFlux(raw.file, raw.low[:-1], None, raw.flux[:-1], raw.unit, raw.rows[:-1])
    return low[:-1], low[1:], closed


def _points_of_bins(low: Array, high: Array, density: Array) -> FluxTable:
    centre = 0.5 * (low + high)

    def outer(edge: float, i: int, j: int) -> float:
        slope = (density[j] - density[i]) / (centre[j] - centre[i])
        return max(float(density[i] + slope * (edge - centre[i])), 0.0)

    return FluxTable(
        np.concatenate([low[:1], centre, high[-1:]]),
        np.concatenate(
            [[outer(low[0], 0, 1)], density, [outer(high[-1], len(low) - 1, len(low) - 2)]]
        ),
        of_bins=True,
    )
