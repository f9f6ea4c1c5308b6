"""The embedded PDF set as tests read, damage and rewrite it."""

import re

import numpy as np
import pytest

from nd2fd.cross_sections.pdf.grid import open_grid
from reference_data import reference_file

NAME = "ct18nnlo"


@pytest.fixture(scope="module")
def grid(pdf_set):
    return open_grid(pdf_set)


@pytest.fixture(scope="module")
def official():
    return open_grid(reference_file("CT18NNLO"))


@pytest.fixture
def damaged(pdf_set, tmp_path):
    """Copy of the set in which a test replaces text of one file."""

    def copy(suffix, old, new):
        directory = tmp_path / NAME
        directory.mkdir()
        for file in pdf_set.iterdir():
            text = file.read_text(encoding="utf-8")
            if file.name.endswith(suffix):
                text, replaced = re.subn(old, new, text, count=1, flags=re.DOTALL)
                assert replaced
            (directory / file.name).write_text(text, encoding="utf-8")
        return directory

    return copy


def read_member(directory):
    """Knots and values of a single-subgrid member file, by a way that is not the package's."""
    text = (directory / f"{directory.name}_0000.dat").read_text(encoding="utf-8")
    x, q, pids, *rows = text.split("---")[1].strip().splitlines()
    x, q, pids = (np.array(line.split(), dtype=float) for line in (x, q, pids))
    values = np.array([row.split() for row in rows], dtype=float)
    return x, q, pids.astype(int).tolist(), values.reshape(x.size, q.size, pids.size)


def write_member(directory, x, subgrids, pids):
    """Replace a member's grid; `subgrids` are pairs of knots in Q and values."""
    blocks = [
        "\n".join(" ".join(map(repr, map(float, row))) for row in (x, q))
        + "\n"
        + " ".join(map(str, pids))
        + "\n"
        + "\n".join(" ".join(map(repr, row)) for row in values.reshape(-1, len(pids)).tolist())
        for q, values in subgrids
    ]
    text = "\n---\n".join(["PdfType: central\nFormat: lhagrid1", *blocks, ""])
    (directory / f"{directory.name}_0000.dat").write_text(text, encoding="utf-8")
