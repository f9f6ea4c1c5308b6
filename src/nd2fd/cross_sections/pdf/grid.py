"""Reading parton densities from sets in the LHAPDF grid format (arXiv:1412.7420)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal, Protocol

import numpy as np
from neopdf.pdf import PDF
from numpy.typing import ArrayLike, NDArray

from nd2fd.cross_sections.pdf.members import Member, read_member
from nd2fd.cross_sections.pdf.sets import read_metadata, set_files

Array = NDArray[np.float64]
Reader = Literal["neopdf", "lhapdf"]
Interpolation = Callable[[list[int], Array, Array], Array]
"""(PDG identifiers, x, Q²), arrays of shape (n,), to x f(x, Q²) of shape (n_pids, n)."""

_LOWEST = {0: -np.inf, 1: 0.0, 2: 1e-10}
"""Smallest x f(x, Q²) for a value of ForcePositive."""


class PdfGrid(Protocol):
    """Parton densities within the range of a grid.

    Attributes
    ----------
    pids : list of int
        PDG identifiers, 21 for the gluon.
    x_min, x_max : float
        Ends in momentum fraction.
    q2_min, q2_max : float
        Ends in Q² [GeV²].
    """

    pids: list[int]
    x_min: float
    x_max: float
    q2_min: float
    q2_max: float

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
    array of shape (len(pids), n). Less than `lowest` is raised to it: LHAPDF's ForcePositive, of
    which neopdf knows nothing.
    """

    pids: list[int]
    x_min: float
    x_max: float
    q2_min: float
    q2_max: float
    interpolate: Interpolation
    lowest: float

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
        values = self.interpolate(list(pids), x.ravel(), q2.ravel())
        return np.maximum(values, self.lowest).reshape(len(pids), *x.shape)


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
        When a file is damaged or not in the LHAPDF grid format, or the set is of another kind or
        another hadron, or the reader is unknown.
    ImportError
        When lhapdf is asked for and not installed.
    """
    set_directory = set_directory.absolute()
    metadata = read_metadata(set_directory, member)
    read = read_member(set_files(set_directory, member)[1])
    declared = metadata.integers("Flavors")
    if declared is not None and set(declared) != set(read.pids):
        raise ValueError(
            f"{metadata.entries['Flavors'].where}: Flavors are {declared}; the grid of member "
            f"{member} has {read.pids}"
        )
    force = (metadata.integers("ForcePositive") or [0])[0]
    if force not in _LOWEST:
        raise ValueError(
            f"{metadata.entries['ForcePositive'].where}: ForcePositive is {force}; it must be 0, 1 "
            "or 2"
        )
    match reader:
        case "neopdf":
            interpolate = _open_with_neopdf(read)
        case "lhapdf":
            interpolate = _open_with_lhapdf(set_directory, member)
        case _:
            raise ValueError(f"unknown PDF reader {reader!r}; allowed are 'neopdf' and 'lhapdf'")
    q_min, q_max = read.q[0][0].item(), read.q[-1][-1].item()
    return _CheckedGrid(
        read.pids,
        read.x[0].item(),
        read.x[-1].item(),
        q_min**2,
        q_max**2,
        interpolate,
        _LOWEST[force],
    )


def _open_with_neopdf(member: Member) -> Interpolation:
    """neopdf with a copy of a member's grid, in the one form that it surely reads.

    It aborts the whole process on an .info file or a grid that it does not understand, splits grids
    at any ``---`` and leaves out what is no number; of the .info file it uses nothing here.
    """
    info = {
        "SetDesc": "copy",
        "SetIndex": 0,
        "Format": "lhagrid1",
        "NumMembers": 1,
        "Flavors": member.pids,
        "XMin": member.x[0].item(),
        "XMax": member.x[-1].item(),
        "QMin": member.q[0][0].item(),
        "QMax": member.q[-1][-1].item(),
    }
    with TemporaryDirectory(prefix="nd2fd-pdf-") as directory:
        set_directory = Path(directory, "copy")
        set_directory.mkdir()
        lines = "".join(f"{key}: {value}\n" for key, value in info.items())
        (set_directory / "copy.info").write_text(lines, encoding="utf-8")
        grid = "\n---\n".join(["PdfType: central\nFormat: lhagrid1", *member.subgrids, ""])
        (set_directory / "copy_0000.dat").write_text(grid, encoding="utf-8")
        pdf = PDF.mkPDF_lhapdf_file(str(set_directory / "copy_0000.dat"))

    def interpolate(pids: list[int], x: Array, q2: Array) -> Array:
        """By Q²: neopdf's array call, five times faster, takes the outer product of x and Q².

        On a grid of (v1, v2) the points of a row have the same Q².
        """
        order = np.argsort(q2, kind="stable")
        first = np.flatnonzero(np.diff(q2[order], prepend=np.nan))
        values = np.empty((len(pids), x.size))
        sorted_x, scales = x[order].tolist(), q2[order[first]].tolist()
        rows = pairwise([*first.tolist(), x.size])
        for (low, high), scale in zip(rows, scales, strict=True):
            values[:, low:high] = pdf.xfxQ2s(pids, sorted_x[low:high], [scale])
        result = np.empty_like(values)
        result[:, order] = values
        return result

    return interpolate


def _open_with_lhapdf(set_directory: Path, member: int) -> Interpolation:
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

    return interpolate
