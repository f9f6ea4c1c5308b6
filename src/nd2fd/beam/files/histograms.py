"""Fluxes in ROOT histograms and HEPData tables, which say what the edges of their bins are."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

from nd2fd.beam.files.columns import Columns, Neutrinos, choose
from nd2fd.beam.files.layout import Layout, RawFlux, unit_named
from nd2fd.io.extras import extra

Array = NDArray[np.float64]

_UNIT = re.compile(r"\b([kMGT]?eV)\b", re.IGNORECASE)


def read_root_flux(path: Path, wanted: Neutrinos, layout: Layout) -> RawFlux:
    """Energies and flux from a one-dimensional histogram (TH1) of a ROOT file.

    Raises
    ------
    UnclearLayoutError, ValueError
        As `choose`; it is not a ROOT file, or has no TH1.
    """
    uproot = extra("uproot", "formats")  # takes a second, which others need not spend

    file = f"flux file {path}"
    try:
        with uproot.open(path) as root:
            kinds = root.classnames(cycle=False)
            found = {
                name: root[name]
                for name, kind in kinds.items()
                if re.fullmatch(r"TH1[CSILFD]", kind)
            }
    except Exception as error:  # uproot's errors are of many kinds
        raise ValueError(f"{file}: cannot be read as a ROOT file: {error}") from None
    if not found:
        held = ", ".join(f"{name} ({kind})" for name, kind in kinds.items()) or "nothing"
        raise ValueError(f"{file}: has no histogram of one dimension (TH1); it holds {held}")
    histograms = list(found.values())

    def contents(number: int) -> Array:
        return np.asarray(histograms[number].values(), dtype=np.float64)

    columns = Columns(file, dict(enumerate(found)), contents, "histogram")
    chosen = choose(columns, wanted, layout.column, contamination=layout.contamination)
    axis = histograms[chosen].axis()
    edges = np.asarray(axis.edges(), dtype=np.float64)
    return RawFlux(
        file=f"{file}, {columns.names[chosen]}",
        low=edges[:-1],
        high=edges[1:],
        flux=contents(chosen),
        unit=unit_named(_UNIT.search(axis.member("fTitle"))),
        rows=tuple(f"bin {i + 1}" for i in range(len(edges) - 1)),
    )


def read_hepdata_flux(path: Path, wanted: Neutrinos, layout: Layout) -> RawFlux:
    """Energies and flux from a YAML table of HEPData.

    The energy is the independent variable, column 1; dependent variables count from 2.

    Raises
    ------
    UnclearLayoutError, ValueError
        As `choose`; it is not such a table, its bins leave gaps, or a value is not a number.
    """
    file = f"flux file {path}"
    try:
        table = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
        (energy,) = table["independent_variables"]
        dependent = list(table["dependent_variables"])
        names = {i: str(given["header"]["name"]) for i, given in enumerate(dependent, start=2)}
        bins = list(energy["values"])
        with_edges = all("low" in given and "high" in given for given in bins)
        unit = str(energy["header"].get("units") or "") + f" {energy['header']['name']}"
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ValueError(f"{file}: not YAML: {error}") from None
    except (KeyError, TypeError, ValueError, AttributeError):
        raise ValueError(
            f"{file}: not a HEPData table of one independent variable; it must have "
            "independent_variables and dependent_variables, each with header and values"
        ) from None

    def number(given: Any, key: str, row: int) -> float:
        try:
            return float(given[key])
        except (KeyError, TypeError, ValueError):
            raise ValueError(
                f"{file}, value {row + 1}: {key} is missing or not a number, in {given!r}"
            ) from None

    def values(column: int) -> Array:
        rows = dependent[column - 2]["values"]
        if len(rows) != len(bins):
            raise ValueError(f"{file}: {len(rows)} values of {names[column]}, {len(bins)} energies")
        return np.array([number(given, "value", row) for row, given in enumerate(rows)])

    def energies(key: str) -> Array:
        return np.array([number(given, key, row) for row, given in enumerate(bins)])

    chosen = choose(
        Columns(file, names, values), wanted, layout.column, contamination=layout.contamination
    )
    low, high = (energies("low"), energies("high")) if with_edges else (energies("value"), None)
    if high is not None and not np.allclose(low[1:], high[:-1], rtol=1e-6):
        row = int(np.argmax(~np.isclose(low[1:], high[:-1], rtol=1e-6)))
        raise ValueError(
            f"{file}: bin {row + 1} ends at {high[row]:g}, the next begins at {low[row + 1]:g}; "
            "bins must leave neither gaps nor overlaps"
        )
    return RawFlux(
        file=f"{file}, {names[chosen]}",
        low=low,
        high=high,
        flux=values(chosen),
        unit=unit_named(_UNIT.search(unit)),
        rows=tuple(f"value {row + 1}" for row in range(len(bins))),
    )
