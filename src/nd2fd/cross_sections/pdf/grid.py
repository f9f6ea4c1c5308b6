"""Reading parton densities from sets in the LHAPDF grid format (arXiv:1412.7420)."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
from neopdf.pdf import PDF
from numpy.typing import ArrayLike, NDArray

from nd2fd.cross_sections.pdf.sets import set_files

Array = NDArray[np.float64]
Reader = Literal["neopdf", "lhapdf"]

# Entries of the .info file that the readers need, and what their values look like.
_INFO_ENTRIES = {
    "SetDesc": r"\S.*",
    "SetIndex": r"0|[1-9]\d*",
    "NumMembers": r"[1-9]\d*",
    "Flavors": r"\[.*",
    "Format": r"lhagrid1",
    **dict.fromkeys(("XMin", "XMax", "QMin", "QMax"), r"[-+.\deE]+"),
}
_MIN_KNOTS = 4  # what bicubic interpolation needs each way


class PdfGrid(Protocol):
    """Parton densities within the range of a grid.

    Attributes
    ----------
    x_min : float
        Lowest momentum fraction.
    q2_min : float
        Lowest Q² [GeV²].
    """

    x_min: float
    q2_min: float

    def xf(self, pids: Sequence[int], x: ArrayLike, q2: ArrayLike) -> Array:
        """Momentum densities.

        Parameters
        ----------
        pids : sequence of int
            PDG identifiers, 21 for the gluon.
        x, q2 : array_like
            Momentum fraction and Q² [GeV²], of shapes that broadcast.

        Returns
        -------
        array, shape (len(pids), *broadcast shape)
            x f(x, Q²), dimensionless.

        Raises
        ------
        ValueError
            For a point outside the grid or a flavour that it does not hold.
        """
        ...


@dataclass
class _CheckedGrid:
    """A reader's interpolation, asked only for what it can answer.

    Outside the grid and for unknown flavours neopdf answers 0 and lhapdf extrapolates; on NaN
    neopdf aborts the process. `interpolate` maps the identifiers and n points, x and Q², to an
    array of shape (len(pids), n).
    """

    pids: list[int]
    x_min: float
    x_max: float
    q2_min: float
    q2_max: float
    interpolate: Callable[[list[int], Array, Array], Array]

    def xf(self, pids: Sequence[int], x: ArrayLike, q2: ArrayLike) -> Array:
        missing = set(pids).difference(self.pids)
        if missing:
            raise ValueError(
                f"no parton density for PDG identifier {sorted(missing)}; "
                f"the grid holds {sorted(self.pids)}"
            )
        x, q2 = np.broadcast_arrays(np.asarray(x, dtype=float), np.asarray(q2, dtype=float))
        for name, values, low, high in (
            ("x", x, self.x_min, self.x_max),
            ("Q² [GeV²]", q2, self.q2_min, self.q2_max),
        ):
            outside = values[~((values >= low) & (values <= high))]
            if outside.size:
                raise ValueError(f"{name} = {outside[0]} is outside the grid, {low} to {high}")
        return self.interpolate(list(pids), x.ravel(), q2.ravel()).reshape(len(pids), *x.shape)


def open_grid(set_directory: Path, member: int = 0, reader: Reader = "neopdf") -> PdfGrid:
    """Open one member of a PDF set in the LHAPDF grid format.

    Parameters
    ----------
    set_directory : Path
        The directory NAME with NAME.info and NAME_0000.dat, NAME_0001.dat, ...
    member : int
        Number of the member; 0 is the central one.
    reader : "neopdf" or "lhapdf"
        Interpolating library: neopdf, or the official LHAPDF where it is installed.

    Returns
    -------
    PdfGrid
        Densities within the grid; `nd2fd.cross_sections.pdf.continuation` extends them to low Q².

    Raises
    ------
    FileNotFoundError
        When the directory or one of the two files is missing.
    ValueError
        When a file is damaged or not in the LHAPDF grid format, or the reader is unknown.
    ImportError
        When lhapdf is asked for and not installed.
    """
    # neopdf aborts the whole process on files it cannot read, so they are checked first.
    set_directory = set_directory.absolute()
    info_file, member_file = set_files(set_directory, member)
    _check_info(info_file)
    _check_member(member_file)
    match reader:
        case "neopdf":
            return _open_with_neopdf(member_file)
        case "lhapdf":
            return _open_with_lhapdf(set_directory, member)
        case _:
            raise ValueError(f"unknown PDF reader {reader!r}; allowed are 'neopdf' and 'lhapdf'")


def _open_with_neopdf(member_file: Path) -> PdfGrid:
    pdf = PDF.mkPDF_lhapdf_file(str(member_file))

    def interpolate(pids: list[int], x: Array, q2: Array) -> Array:
        if x.size and np.all(q2 == q2[0]):
            # neopdf's array call takes the outer product of its x and Q².
            return np.asarray(pdf.xfxQ2s(pids, x.tolist(), [float(q2[0])]))
        points = map(pdf.xfxQ2_allpids, repeat(pids), x.tolist(), q2.tolist())
        return np.asarray(np.fromiter(points, np.dtype((float, len(pids))), x.size).T, dtype=float)

    return _CheckedGrid(
        pdf.flavors(), pdf.x_min(), pdf.x_max(), pdf.q2_min(), pdf.q2_max(), interpolate
    )


def _open_with_lhapdf(set_directory: Path, member: int) -> PdfGrid:
    try:
        import lhapdf
    except ImportError as error:
        raise ImportError(
            "the PDF reader 'lhapdf' is not installed (conda-forge has it); "
            "'neopdf' reads the same sets"
        ) from error
    lhapdf.pathsPrepend(str(set_directory.parent))
    pdf = lhapdf.mkPDF(set_directory.name, member)

    def interpolate(pids: list[int], x: Array, q2: Array) -> Array:
        values = np.array(pdf.xfxQ2(pids, x.tolist(), q2.tolist()), dtype=float)
        return values.reshape(x.size, len(pids)).T

    return _CheckedGrid(pdf.flavors(), pdf.xMin, pdf.xMax, pdf.q2Min, pdf.q2Max, interpolate)


def _check_info(info: Path) -> None:
    text = info.read_text(encoding="utf-8", errors="replace")
    for key, value in _INFO_ENTRIES.items():
        if not re.search(rf"^{key}[ \t]*:[ \t]*({value})[ \t]*$", text, re.MULTILINE):
            raise ValueError(f"{info} is no LHAPDF .info file: no valid entry {key!r}")
    if text.count("[") != text.count("]"):
        raise ValueError(f"{info} is damaged: a list is not closed")


def _check_member(member_file: Path) -> None:
    text = member_file.read_text(encoding="utf-8", errors="replace")
    header, *subgrids = re.split(r"^\s*---\s*$", text, flags=re.MULTILINE)
    try:
        if not re.search(r"^PdfType\s*:", header, re.MULTILINE) or "lhagrid1" not in header:
            raise ValueError("it does not begin with 'PdfType' and 'Format: lhagrid1'")
        if len(subgrids) < 2 or subgrids.pop().strip():
            raise ValueError("it is cut short, its last line is not '---'")
        for subgrid in subgrids:
            _check_subgrid(subgrid)
    except ValueError as error:
        raise ValueError(f"{member_file} is no valid LHAPDF grid file: {error}") from error


def _check_subgrid(subgrid: str) -> None:
    lines = subgrid.strip().splitlines()
    x, q, pids = (np.array(line.split(), dtype=float) for line in lines[:3])
    for knots in (x, q):
        if knots.size < _MIN_KNOTS or knots[0] <= 0 or np.any(np.diff(knots) <= 0):
            raise ValueError(f"knots are not {_MIN_KNOTS} or more increasing positive numbers")
    values = np.array(" ".join(lines[3:]).split(), dtype=float)
    if values.size != x.size * q.size * pids.size or not np.all(np.isfinite(values)):
        raise ValueError(
            f"{np.isfinite(values).sum()} numbers in a subgrid of {x.size} x, {q.size} Q "
            f"and {pids.size} flavours"
        )
