"""Where the files of an LHAPDF-format set are; cheap enough for the workflow's start."""

from pathlib import Path

LAYOUT = "an LHAPDF set is a directory NAME that holds NAME.info and NAME_0000.dat"


def set_files(set_directory: Path, member: int) -> tuple[Path, Path]:
    """Info file and grid file of one member of a PDF set.

    Raises
    ------
    FileNotFoundError
        If the directory or one of the files is missing.
    """
    if not set_directory.is_dir():
        raise FileNotFoundError(f"no PDF set directory {set_directory}; {LAYOUT}")
    name = set_directory.name
    files = (set_directory / f"{name}.info", set_directory / f"{name}_{member:04d}.dat")
    for file in files:
        if not file.is_file():
            present = sorted(entry.name for entry in set_directory.iterdir())
            raise FileNotFoundError(
                f"PDF set {set_directory} has no {file.name}; it holds {present}, and {LAYOUT}"
            )
    return files
