"""Files that hold either their old content or all of the new, whatever happens."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Path of a temporary file that takes the place of `path` when the block ends without error.

    Parent directories are made. Hidden temporary files that killed writers of the same file left
    behind are removed.

    Raises
    ------
    OSError
        With the name of the file, as when the disk is full.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    start = f".{path.name}.tmp-"
    for left_behind in [p for p in path.parent.iterdir() if p.name.startswith(start)]:
        left_behind.unlink(missing_ok=True)
    # A fresh name each time: a writer that outlives a killed Snakemake must not mix its bytes in.
    temporary = path.with_name(start + secrets.token_hex(8))
    try:
        yield temporary
        with temporary.open("r+b") as stream:
            os.fsync(stream.fileno())
        temporary.replace(path)
    except OSError as error:
        # A write knows no name, and that of the temporary file would say little.
        raise OSError(error.errno, error.strerror, str(path)) from error
    finally:
        temporary.unlink(missing_ok=True)  # gone already if all went well


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file so that it holds either its old content or all of the new; see `replacing`."""
    with replacing(path) as temporary:
        temporary.write_bytes(content)
