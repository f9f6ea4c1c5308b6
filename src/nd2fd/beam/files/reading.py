"""A flux file, of whatever format."""

from pathlib import Path

from nd2fd.beam.files.columns import Neutrinos
from nd2fd.beam.files.histograms import read_hepdata_flux, read_root_flux
from nd2fd.beam.files.layout import Layout, flux_of
from nd2fd.beam.files.text import read_text_flux
from nd2fd.beam.flux import FluxTable


def read_flux(path: Path | str, wanted: Neutrinos, layout: Layout) -> FluxTable:
    """The flux of the wanted neutrinos in a file.

    Parameters
    ----------
    path
        A ROOT file (by its first bytes), a HEPData table (`.yaml`, `.yml`), or a text file.
    wanted
        The lepton they make ("electron", "muon" or "tau"), and whether they are antineutrinos.
    layout
        What the file itself does not say.

    Raises
    ------
    FileNotFoundError
        There is no such file.
    UnclearLayoutError
        File and layout leave open which column is the flux, or what energies and values mean.
    ValueError
        The file is not a flux table, or contradicts the layout.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"flux file {path} does not exist or is not a file")
    try:
        with path.open("rb") as stream:
            is_root = stream.read(4) == b"root"
    except OSError as error:
        raise ValueError(f"flux file {path}: cannot be read: {error.strerror}") from None
    if is_root:
        read = read_root_flux
    elif path.suffix in (".yaml", ".yml"):
        read = read_hepdata_flux
    else:
        read = read_text_flux
    return flux_of(read(path, wanted, layout), layout)
