"""Figures have the same bytes whatever matplotlib's settings of the user are."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
DRAW = """
import sys
from nd2fd.figures.style import save, use_style
from nd2fd.figures import procedure
use_style(sys.argv[1])
save(procedure.draw(False, ["flux"]), sys.argv[2:], "note")
"""


def drawn(folder, **environment):
    """PDF and PNG file of a figure, drawn in a process that starts in the folder."""
    paths = [folder / "figure.pdf", folder / "figure.png"]
    style = ROOT / "workflow/figures.mplstyle"
    done = subprocess.run(
        [sys.executable, "-c", DRAW, str(style), *map(str, paths)],
        cwd=folder, env=os.environ | environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return [path.read_bytes() for path in paths]


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    folder = tmp_path_factory.mktemp("plain")
    return drawn(folder, XDG_CONFIG_HOME=str(folder), MATPLOTLIBRC="", MPLBACKEND="")


def test_settings_and_backend_in_variables_change_no_bytes(tmp_path, plain):
    """As notebooks and users without a display have them; with TeX figures would even fail."""
    (tmp_path / "settings").write_text("text.usetex: True\nbackend: TkAgg\n")
    given = {"MATPLOTLIBRC": str(tmp_path / "settings"), "MPLBACKEND": "no such backend"}
    assert drawn(tmp_path, **given) == plain


def test_settings_in_the_folder_of_the_run_change_no_bytes(tmp_path, plain):
    """Those that matplotlib takes first."""
    (tmp_path / "matplotlibrc").write_text(
        "axes.facecolor: black\nsavefig.transparent: True\nsavefig.bbox: tight\n"
        "patch.force_edgecolor: True\npdf.compression: 0\npath.sketch: 1, 100, 2\n"
        "font.serif: Nowhere\nmathtext.default: bf\nfigure.constrained_layout.h_pad: 1\n"
    )
    assert drawn(tmp_path, MATPLOTLIBRC="") == plain


def test_settings_and_styles_in_the_home_folder_change_no_bytes(tmp_path, plain):
    (tmp_path / "matplotlib/stylelib").mkdir(parents=True)
    (tmp_path / "matplotlib/matplotlibrc").write_text("savefig.facecolor: red\n")
    (tmp_path / "matplotlib/stylelib/default.mplstyle").write_text("font.size: 20\n")
    assert drawn(tmp_path, XDG_CONFIG_HOME=str(tmp_path), MATPLOTLIBRC="") == plain
