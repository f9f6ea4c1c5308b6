"""Tutorials are run as they stand: their programs, files and commands, in the order of the page."""

import re
import subprocess
import sys
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
import xarray

import nd2fd
from workflow_runs import ROOT, copy_project, outer_environment

TUTORIALS = ROOT / "docs" / "tutorials"
BLOCK = re.compile(
    r"(?P<before>.*?)^```(?P<kind>\w+)\n(?P<text>.*?)^```$", re.DOTALL | re.MULTILINE
)


def run(page, folder, monkeypatch):
    """Do what a page says in a folder; returns the names of its programs and what it printed."""
    monkeypatch.chdir(folder)
    monkeypatch.setattr(mpl, "rcParams", mpl.rcParams.copy())
    mpl.use("Agg")
    names, printed = {}, []
    environment = outer_environment()
    environment["PATH"] = f"{Path(sys.executable).parent}:{environment['PATH']}"
    for block in BLOCK.finditer((TUTORIALS / page).read_text("utf-8")):
        kind, text = block["kind"], block["text"]
        if kind == "python":
            exec(compile(text, page, "exec"), names)
        elif kind == "yaml":
            name = re.findall(r"saved as `([\w.]+)`", block["before"])[-1]
            Path(name).write_text(text, "utf-8")
        else:
            assert kind == "sh", f"{page}: nothing is known of blocks of {kind}"
            done = subprocess.run(
                ["bash", "-euc", text], env=environment, capture_output=True, text=True, check=False
            )
            assert done.returncode == 0, done.stdout + done.stderr
            printed.append(done.stdout + done.stderr)
    return names, printed


def test_every_tutorial_is_run():
    pages = {path.name for path in TUTORIALS.glob("*.md")} - {"README.md"}
    assert pages == set(re.findall(r'run\("([\w.-]+)"', Path(__file__).read_text("utf-8")))


def test_library(tmp_path, monkeypatch):
    names, _ = run("library.md", tmp_path, monkeypatch)
    assert Path("structure_functions.pdf").stat().st_size > 5000
    near, learned, fit = names["near"], names["learned"], names["fit"]
    n_cells = near.design.cells.size
    # Cells with next to no events have less than one degree of freedom each.
    assert 0.5 < learned.posterior.chi2 / n_cells < 1.2
    true = names["truth"](names["x"], names["Q2"])
    pull = (names["scale"] * names["W"] - true) / (names["scale"] * names["error"])
    assert np.sqrt(np.mean(pull[:, 5:40] ** 2)) < 2.0
    mixing, mass = fit.sin2_2theta23, fit.dm2_32
    assert abs(mixing[0] - 4 * 0.47 * 0.53) < 4 * mixing[1]
    assert abs(mass[0] - (2.513e-3 - 7.49e-5)) < 4 * mass[1]
    assert 0.2e-4 < mass[1] < 0.8e-4


@pytest.mark.slow
def test_figure_8(tmp_path, monkeypatch):
    _, printed = run("figure-8.md", copy_project(tmp_path / "clone"), monkeypatch)
    assert Path("results-toy/figs/fig8.pdf").stat().st_size > 5000
    # A change at the far detector trains nothing anew.
    assert "far_events" in printed[-1]
    assert "train_members" not in printed[-1]


@pytest.mark.slow
def test_own_experiment(tmp_path, monkeypatch):
    run("own-experiment.md", copy_project(tmp_path / "clone"), monkeypatch)
    assert Path("results-mine/figs/fig18.pdf").stat().st_size > 5000
    flux = xarray.open_dataset("results-mine/inputs/flux.h5")
    assert 0.5 < float(flux.energy.values[flux.near.values.argmax()]) < 0.9


@pytest.mark.slow
def test_own_events(tmp_path, monkeypatch):
    names, _ = run("own-events.md", copy_project(tmp_path / "clone"), monkeypatch)
    splines = names["splines"]
    # W2 = W1 in the events, as the page makes them; where they are many.
    W = splines.structure_functions[0, :, 8:14, 8:14].values
    assert np.median(np.abs(W[1] - W[0]) / W[1]) < 0.5


def test_importing_the_library_loads_nothing():
    program = "import sys, nd2fd; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert not set(done.stdout.split()) & {"numpy", "h5py", "nd2fd.api"}


def test_public_names():
    assert {"NearDetector", "Setup", "fit_far_detector", "__version__"} <= set(dir(nd2fd))
    assert nd2fd.Setup is nd2fd.api.Setup
    with pytest.raises(AttributeError, match="no attribute 'np'"):
        nd2fd.np  # noqa: B018
