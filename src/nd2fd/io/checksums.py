"""Checksums of files and of configurations."""

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def sha256_of_file(path: str | os.PathLike[str]) -> str:
    """Return the SHA-256 of a file's bytes, in hexadecimal."""
    with Path(path).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def sha256_of_config(config: Mapping[str, Any]) -> str:
    """Return the SHA-256 of a configuration's canonical JSON (sorted keys), in hexadecimal.

    Raises
    ------
    TypeError, ValueError
        The configuration holds something JSON has no word for, as an object or NaN.
    """
    canonical = json.dumps(config, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(canonical.encode()).hexdigest()
