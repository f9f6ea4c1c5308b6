"""Fluxes as text and tables, in every format."""

import numpy as np
import yaml

from nd2fd.beam.flux import FluxTable

NUMU, NUMUBAR = ("muon", False), ("muon", True)


# One flux for all formats: a histogram, per GeV, with bins that are not equal.
EDGES = np.array([0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 10.0])


PER_GEV = np.array([1.0, 4.0, 9.0, 8.0, 5.0, 2.0, 0.6, 0.1])


OTHERS = {"nue": 0.01, "nutau": 0.0, "nuebar": 0.02, "numubar": 0.1, "nutaubar": 0.0}


LOW, HIGH, CENTRES = EDGES[:-1], EDGES[1:], (EDGES[:-1] + EDGES[1:]) / 2


# Outer halves of the outer bins by hand: -0.5, which is not a flux, and 0.1 - 2 * 0.5/3, neither.
AS_POINTS = FluxTable(np.array([0.0, *CENTRES, 10.0]), np.array([0.0, *PER_GEV, 0.0]))


def rows(*columns, sep=" ", end="\n"):
    """Text of columns."""
    return end.join(sep.join(f"{x:.8g}" for x in row) for row in zip(*columns, strict=True)) + end


def seven(energy, numu):
    """Columns E, nue, numu, nutau and the antineutrinos."""
    return [energy, *(OTHERS.get(name, 1.0) * numu for name in SPECIES)]


SPECIES = ("nue", "numu", "nutau", "nuebar", "numubar", "nutaubar")


def hepdata(values, name="Flux of numu", units="GeV", scale=1.0):
    """A HEPData table."""
    bins = [
        {"low": float(a), "high": float(b)} for a, b in zip(scale * LOW, scale * HIGH, strict=True)
    ]
    table = {
        "independent_variables": [{"header": {"name": "E_nu", "units": units}, "values": bins}],
        "dependent_variables": [
            {
                "header": {"name": name},
                "values": [{"value": float(v), "errors": []} for v in values],
            }
        ],
    }
    return yaml.safe_dump(table)


TEXTS = {
    "low high": (rows(LOW, HIGH, PER_GEV), "txt", {"content": "per_gev"}),
    "low high, per bin": (rows(LOW, HIGH, PER_GEV * (HIGH - LOW)), "dat", {"content": "per_bin"}),
    "low high, MeV": (rows(1e3 * LOW, 1e3 * HIGH, PER_GEV), "txt", {"unit": "MeV"}),
    "header says MeV": (
        "# Elow[MeV] Ehigh[MeV] flux\n" + rows(1e3 * LOW, 1e3 * HIGH, PER_GEV),
        "txt",
        {},
    ),
    "intervals": (
        "FLUX PREDICTION AT ND280\n#bin  #bin_enu[GeV/c]  #Flux[cm^{-2}/50MeV]\n"
        + "".join(
            f"{i} [{a:g},{b:g}] {f:g}\n"
            for i, (a, b, f) in enumerate(zip(LOW, HIGH, PER_GEV, strict=True))
        ),
        "txt",
        {"column": 4},
    ),
    "ranges": (
        "Bin Energy numu numub\n"
        + "".join(
            f"{i} {a:.2f}-{b:.2f} {f:g} {f / 9:g}\n"
            for i, (a, b, f) in enumerate(zip(LOW, HIGH, PER_GEV, strict=True))
        ),
        "txt",
        {},
    ),
    "lower edges, closed": (
        rows(EDGES, np.append(PER_GEV, 0.0)),
        "txt",
        {"energies": "lower_edges"},
    ),
    "HEPData": (hepdata(PER_GEV), "yaml", {}),
    "HEPData in MEV": (hepdata(PER_GEV, scale=1e3, units="MEV"), "yaml", {}),
    "HEPData, per bin": (hepdata(PER_GEV * (HIGH - LOW)), "yml", {"content": "per_bin"}),
    "HEPData's CSV": (
        "#: table: Flux\nE [GeV],E [GeV] LOW,E [GeV] HIGH,numu,numu_bar\n"
        + rows(CENTRES, LOW, HIGH, PER_GEV, 0.1 * PER_GEV, sep=","),
        "csv",
        {},
    ),
    "CSV with a header": (
        '"E_low (GeV)","E_high (GeV)","nue","numu","numubar"\n'
        + rows(LOW, HIGH, 0.01 * PER_GEV, PER_GEV, 0.1 * PER_GEV, sep=","),
        "csv",
        {},
    ),
    "CSV, a column by name": (
        "lo;hi;cv;up\n" + rows(LOW, HIGH, PER_GEV, 2 * PER_GEV, sep=";", end="\r\n"),
        "csv",
        {"column": "cv"},
    ),
}
