"""Readers of published measurements by name: the registry.

A reader is a module with a function `read(path) -> BinnedMeasurement`, and its entry here. It reads
all of its files, checks them, and refuses what it cannot use with a ValueError that names file,
bin or line, value and what is allowed.
"""

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:  # the workflow reads this when it starts
    from nd2fd.measurements.measurement import BinnedMeasurement


class Read(Protocol):
    """What a reader does."""

    def __call__(self, path: Path) -> "BinnedMeasurement":
        """The measurement in a folder, or file; ValueError for what cannot be used."""


@dataclass(frozen=True)
class Reader:
    """An entry of the registry.

    module
        Below `nd2fd.measurements.readers`, with a function `read`.
    files
        Names of the files that must be in the folder; others in it are not read. None: the files
        are those that are in the folder, or the path is that of a file.
    source
        Where a user gets them.
    """

    module: str
    files: tuple[str, ...] | None
    source: str

    @property
    def read(self) -> Read:
        """The function that reads."""
        function: Read = import_module(self.module).read
        return function

    def needed(self, path: Path) -> list[str]:
        """Paths of all files to be read.

        Raises FileNotFoundError where one is missing, saying where to get it.
        """
        if self.files is not None:
            paths = [path / name for name in self.files]
        elif path.is_dir():
            paths = sorted(p for p in path.iterdir() if p.is_file() and p.name[0] != ".")
        else:
            paths = [path]
        for needed in paths or [path]:
            if not needed.is_file():
                raise FileNotFoundError(f"{needed} is missing; {self.source}")
        return [str(p) for p in paths]


READERS: Final = {
    "microboone_ccinc_3d": Reader(
        "nd2fd.measurements.readers.microboone_ccinc_3d",
        (
            "MicroBooNE_CCInc3D_data_release.root",
            "real_bins.txt",
            "MicroBooNE_FHC_numu_flux.root",
        ),
        "the release of arXiv:2307.06413 (MicroBooNE, muon neutrino CC inclusive in three "
        "dimensions) has it, among its ancillary files and in the collaboration's public data "
        "releases, with the flux",
    ),
    "t2k_ccinc_2018": Reader(
        "nd2fd.measurements.readers.t2k_ccinc_2018",
        ("data_unfold_with_neut.txt", "covariance_matrix_neut.txt", "flux.txt"),
        "the release of arXiv:1801.05148 (T2K, muon neutrino CC inclusive on CH) has it, at "
        "https://t2k-experiment.org/results",
    ),
    "hepdata": Reader(
        "nd2fd.measurements.readers.hepdata",
        None,
        "tables come from https://www.hepdata.net, and measurement.yaml says which they are "
        "(docs/howto/measurement.md)",
    ),
    "plain": Reader(
        "nd2fd.measurements.readers.plain",
        None,
        "a folder with measurement.yaml, bins.csv, covariance.csv and flux.csv, or an HDF5 file, "
        "is expected (docs/howto/measurement.md)",
    ),
}
"""All readers by name."""
