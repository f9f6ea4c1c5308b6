"""Events in named columns, as CSV and HDF5 files have them."""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from nd2fd.events.files.format import RawEvents

Array = NDArray[np.float64]

FLOATS = ("e_lepton", "px", "py", "pz", "cos_theta", "weight", "e_nu")
"""Columns of numbers. The first four, and e_nu, are energies and momenta."""

INTEGERS = ("pdg", "target", "lepton_pdg", "cc")
"""Columns of PDG numbers, and of 1 for charged-current events."""

OTHER_NAMES = {"energy": "e_nu"}
"""Names of other files of nd2fd."""

_ENERGIES = {"e_lepton", "px", "py", "pz", "e_nu"}

_HEADER = re.compile(r"(?P<name>\w+)\s*(?:[\[(]\s*(?P<unit>[^\])]*?)\s*[\])])?")


def columns_and_unit(
    file: str, headers: Iterable[tuple[str, str | None]]
) -> tuple[dict[str, str], Literal["GeV", "MeV"] | None]:
    """Header of each column that is read, by the column's name, and the unit that headers say.

    Parameters
    ----------
    file
        What messages call the file.
    headers
        Header of each column, as "e_lepton" or "e_lepton [MeV]", and the unit that the file says
        elsewhere.

    Raises
    ------
    ValueError
        If what is needed is missing, a column stands twice, or units are unknown or differ.
    """
    found: dict[str, str] = {}
    units: dict[str, str] = {}
    for header, unit in headers:
        match = _HEADER.fullmatch(header.strip())
        name = OTHER_NAMES.get(match["name"], match["name"]) if match else header
        if match is None or name not in (*FLOATS, *INTEGERS):
            continue
        if name in found:
            raise ValueError(f"{file}: has two columns of {name}, {found[name]} and {header}")
        found[name] = header
        said = match["unit"] or unit
        if name in _ENERGIES and said:
            said = said.removesuffix("/c")
            if said not in ("GeV", "MeV"):
                raise ValueError(f"{file}: {name} is in {said}; energies must be in GeV or MeV")
            units[name] = said
    all_headers = ", ".join(header for header, _ in headers)
    if not ({"e_lepton", "cos_theta"} <= found.keys() or {"px", "py", "pz"} <= found.keys()):
        angle = next((h for h, _ in headers if re.match(r"(?i)(theta|angle)", h.strip())), None)
        advice = f" ({angle} is there; give its cosine as cos_theta)" if angle else ""
        raise ValueError(
            f"{file}: has no lepton; it must have the columns e_lepton and cos_theta, or px, py "
            f"and pz; it has {all_headers}{advice}"
        )
    if len(set(units.values())) > 1:
        said = ", ".join(f"{name} in {unit}" for name, unit in units.items())
        raise ValueError(f"{file}: has {said}; all must be in one unit")
    unit = next(iter(units.values()), None)
    return found, "MeV" if unit == "MeV" else "GeV" if unit else None


def raw_events(
    values: Mapping[str, NDArray[np.generic]], done: int, place: Callable[[int], str]
) -> RawEvents:
    """Columns by name as events.

    Raises
    ------
    ValueError
        If a PDG number is no integer.
    """
    floats = {n: np.asarray(values[n], dtype=np.float64) for n in FLOATS if n in values}
    integers = {name: _integers(name, values[name], place) for name in INTEGERS if name in values}
    momentum = None
    if {"px", "py", "pz"} <= floats.keys():
        momentum = np.stack([floats[name] for name in ("px", "py", "pz")])
    cc = integers.get("cc")
    return RawEvents(
        done,
        place,
        e_lepton=floats.get("e_lepton"),
        momentum=momentum,
        cos_theta=floats.get("cos_theta"),
        weight=floats.get("weight"),
        e_nu=floats.get("e_nu"),
        pdg=integers.get("pdg"),
        target=integers.get("target"),
        lepton_pdg=integers.get("lepton_pdg"),
        charged_current=None if cc is None else cc == 1,
    )


def _integers(
    name: str, values: NDArray[np.generic], place: Callable[[int], str]
) -> NDArray[np.int64]:
    if np.issubdtype(values.dtype, np.floating):
        with np.errstate(invalid="ignore"):
            wrong = ~(np.mod(values, 1) == 0)
        if wrong.any():
            i = int(np.argmax(wrong))
            raise ValueError(f"{place(i)}: {name} is {values[i]}; it must be an integer")
    return values.astype(np.int64)
