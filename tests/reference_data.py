"""Reference data that are not part of the project (see shared/data/README.md)."""

import os
from pathlib import Path

import pytest


def reference_file(name: str) -> Path:
    """Path of a reference file; skips the test where it is absent."""
    default = Path(__file__).resolve().parents[2] / "shared" / "data"
    path = Path(os.environ.get("ND2FD_REFERENCE_DATA") or default) / name
    if not path.exists():
        pytest.skip(f"reference data {path} not found (set ND2FD_REFERENCE_DATA)")
    return path
