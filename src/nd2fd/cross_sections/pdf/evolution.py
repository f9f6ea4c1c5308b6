"""Evolution of the embedded initial condition into a PDF set in the LHAPDF grid format.

HOPPET (arXiv:0804.3755, arXiv:2510.09310) evolves at NNLO with the settings of CT18
(arXiv:1912.10053). The grid is written here rather than by HOPPET for three reasons.

* HOPPET splits the grid at the charm threshold, 5 MeV above Q0, where NNLO matching makes the
  light-quark densities jump by up to 1 %. The low-Q² continuation takes its slope between Q²min
  and 1.01 Q²min, which lie on the two sides: with the jump in the slope, u(x = 0.5) at low Q²
  would be off by 20 %. The official grid has one knot before the threshold and the next well
  beyond, so that interpolation bridges the jump. Its knots in Q are kept here.
* The official grid has s = sbar, c = cbar and b = bbar, with the values of the antiquarks, although
  NNLO evolution separates s from sbar by up to 1 %. So has this one.
* HOPPET 2.3.0 leaves placeholders in the .info file, and a SetIndex that neopdf cannot read.
"""

from collections.abc import Iterable
from pathlib import Path

import hoppet
import numpy as np
from numpy.typing import NDArray

from nd2fd.cross_sections.pdf.parametrisation import initial_condition, initial_xf
from nd2fd.io.atomic import write_atomically

ALPHA_S_MZ = 0.118
MZ = 91.187
"""Mass of the Z boson in CT18 [GeV]."""
M_CHARM, M_BOTTOM, M_TOP = 1.3, 4.75, 172.0
"""Pole masses of the heavy quarks in CT18 [GeV]."""

N_LOOPS = 3
X_MIN = 1e-6
"""Lowest momentum fraction of the set; DUNE needs 6e-4."""
Q_MAX = 100.0
"""Highest scale of the set [GeV]; DUNE needs 4.3."""

_PIDS = (-5, -4, -3, -2, -1, 1, 2, 3, 4, 5, 21)
# HOPPET orders densities tbar, bbar, cbar, sbar, ubar, dbar, g, d, u, s, c, b, t.
_GLUON = 6
_LIGHT_PIDS = (-3, -2, -1, 21, 1, 2, 3)
_LIGHT = slice(_GLUON - 3, _GLUON + 4)
# Where the densities of _PIDS stand; quarks from the strange one up are read as antiquarks.
_COLUMNS = [_GLUON + {21: 0, 3: -3, 4: -4, 5: -5}.get(pid, pid) for pid in _PIDS]


def evolve_to_lhapdf(set_directory: Path) -> None:
    """Evolve the embedded initial condition and write it as a PDF set.

    Writes NAME.info and NAME_0000.dat into the directory NAME, replacing what is there; each file
    appears only when complete. Equal code gives equal bytes.

    Parameters
    ----------
    set_directory : Path
        The directory NAME; made where it does not exist.
    """
    q0 = initial_condition()["q0"]
    hoppet.StartExtended(
        14.0,  # largest ln(1/x), beyond that of X_MIN
        0.1,  # spacing in ln(1/x)
        q0,
        Q_MAX,
        0.025,  # spacing in ln ln Q
        N_LOOPS,
        -6,  # order of interpolation
        hoppet.factscheme_MSbar,
    )
    try:
        hoppet.SetPoleMassVFN(M_CHARM, M_BOTTOM, M_TOP)
        hoppet.Evolve(ALPHA_S_MZ, MZ, N_LOOPS, 1.0, _initial_densities, q0)
        x, q = _x_knots(), _q_knots(q0)
        values = np.array([[hoppet.Eval(a, b) for b in q] for a in x])[..., _COLUMNS]
        alpha_s = [hoppet.AlphaS(b) for b in q]
    finally:
        hoppet.DeleteAll()
    texts = {"_0000.dat": _format_grid(x, q, values), ".info": _format_info(q, alpha_s)}
    for suffix, text in texts.items():
        write_atomically(set_directory / (set_directory.name + suffix), text.encode())


def _initial_densities(x: float, _q: float) -> NDArray[np.float64]:
    densities = np.zeros(13)
    densities[_LIGHT] = initial_xf(_LIGHT_PIDS, x)
    return densities


def _x_knots() -> NDArray[np.float64]:
    """Knots between which interpolation errs by 2e-5 of F2 at most (x < 0.8; 0.5 % at 0.97)."""
    return np.concatenate([np.geomspace(X_MIN, 0.1, 120, endpoint=False), np.linspace(0.1, 1, 91)])


def _q_knots(q0: float) -> NDArray[np.float64]:
    """The knots of CT18NNLO [GeV]: Q0, 1.29875, then even in ln ln(Q / 0.1 GeV) up to M_BOTTOM."""

    def even(low: float, high: float, n: int) -> NDArray[np.float64]:
        steps = np.linspace(np.log(np.log(low / 0.1)), np.log(np.log(high / 0.1)), n)
        return np.asarray(0.1 * np.exp(np.exp(steps)))

    # The bottom threshold is approached from below: its knot belongs to four flavours.
    to_bottom = even(M_CHARM, M_BOTTOM * (1 - 1e-9), 10)[1:]
    return np.concatenate([[q0, 1.29875], to_bottom, even(M_BOTTOM, Q_MAX, 13)[1:]])


def _numbers(values: Iterable[float]) -> str:
    return " ".join(f"{value:.7e}" for value in values)


def _format_grid(
    x: NDArray[np.float64], q: NDArray[np.float64], values: NDArray[np.float64]
) -> str:
    """LHAPDF member file of one subgrid; `values` has shape (x, Q, flavour)."""
    rows = values.reshape(-1, len(_PIDS))
    return "\n".join(
        [
            "PdfType: central",
            "Format: lhagrid1",
            "---",
            _numbers(x),
            _numbers(q),
            " ".join(map(str, _PIDS)),
            *map(_numbers, rows),
            "---\n",
        ]
    )


def _format_info(q: NDArray[np.float64], alpha_s: Iterable[float]) -> str:
    reference = initial_condition()["reference"]
    return f"""\
SetDesc: "CT18NNLO central member: fitted initial condition, NNLO evolution with HOPPET"
SetIndex: 0
Authors: CTEQ-TEA (initial condition), nd2fd (fit and evolution)
Reference: "{reference}"
Format: lhagrid1
DataVersion: 1
NumMembers: 1
Particle: 2212
Flavors: {list(_PIDS)}
OrderQCD: {N_LOOPS - 1}
FlavorScheme: variable
NumFlavors: 5
ErrorType: unknown
XMin: {X_MIN:.7e}
XMax: 1.0
QMin: {q[0]:.7e}
QMax: {q[-1]:.7e}
MZ: {MZ}
MUp: 0.0
MDown: 0.0
MStrange: 0.0
MCharm: {M_CHARM}
MBottom: {M_BOTTOM}
MTop: {M_TOP}
AlphaS_MZ: {ALPHA_S_MZ}
AlphaS_OrderQCD: {N_LOOPS - 1}
AlphaS_Type: ipol
AlphaS_Qs: [{_numbers(q).replace(" ", ", ")}]
AlphaS_Vals: [{_numbers(alpha_s).replace(" ", ", ")}]
"""
