"""What the machine must have is asked for before anything runs."""

import shutil
import subprocess

import pytest
import torch

from nd2fd.config.machine import refuse_absent_gpu, refuse_path_of_python, torch_without_cuda
from nd2fd.config.reading import ConfigError
from workflow_runs import CI, ROOT, snakemake

SPECIAL = ["a b", "a\tb", "a'b", 'a"b', "a$HOME", "a&b", "a;b", "a(b)", "a*", "a#b", "a\\b"]
PLAIN = ["ab", "a-b_c.d", "a+b,c@d=e~f", "ναμ"]


@pytest.mark.parametrize("name", SPECIAL)
def test_path_that_the_shell_takes_apart(name):
    with pytest.raises(ConfigError, match="Snakemake cannot start") as info:
        refuse_path_of_python(f"/home/{name}/.venv/bin/python")
    assert f"/home/{name}/.venv" in str(info.value)


@pytest.mark.parametrize("name", PLAIN)
def test_path_that_the_shell_leaves_alone(name):
    path = f"/home/{name}/.venv/bin/python"
    refuse_path_of_python(path)
    said = subprocess.run(
        ["bash", "-c", f"echo {path}"], capture_output=True, text=True, check=True
    )
    assert said.stdout == f"{path}\n"


def make(directory):
    """What `make fig2` would do, and what it says."""
    directory.mkdir()
    for name in ("Makefile", "requirements.lock", "pyproject.toml"):
        shutil.copy(ROOT / name, directory)
    return subprocess.run(
        ["make", "-n", "fig2"], cwd=directory, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("name", [*SPECIAL, "a:b"])
def test_make_refuses_a_path_before_it_installs(tmp_path, name):
    done = make(tmp_path / name)
    assert done.returncode != 0
    assert "the path of this clone" in done.stderr
    assert "has a space or a special character" in done.stderr
    assert "venv" not in done.stdout


@pytest.mark.parametrize("name", PLAIN)
def test_make_goes_on(tmp_path, name):
    done = make(tmp_path / name)
    assert done.returncode == 0, done.stderr
    assert "-m venv .venv" in done.stdout


def test_what_may_not_be_meant_is_told_before_anything_runs(fresh):
    """In a dry run, too: more than a tenth of DUNE's neutrinos are above 3 GeV."""
    dry = ("-n", *CI, "--config", "flux={uncertainty: smooth}")
    for energy_max, told in ((3.0, True), (10.0, False)):
        setup = f"setup={{energy_max: {energy_max}}}"
        code, output = snakemake(fresh, *dry, setup, "--", "results/inputs/flux.h5")
        assert code == 0, output[-2000:]
        said = f"of its neutrinos are above setup.energy_max = {energy_max:g} GeV and left out"
        assert (said in output) == told, output[-2000:]


def test_gpu_is_asked_for_only_where_something_trains():
    def never():
        raise AssertionError("importing torch takes seconds")

    refuse_absent_gpu("cpu", True, never)
    refuse_absent_gpu("cuda", False, never)
    refuse_absent_gpu("cuda", True, lambda: "")
    with pytest.raises(ConfigError, match=r"training\.device is cuda.* torch finds no device.*cpu"):
        refuse_absent_gpu("cuda", True, lambda: "torch finds no device")


def test_torch_is_asked():
    assert (torch_without_cuda() == "") == torch.cuda.is_available()


def test_run_without_a_gpu(fresh, monkeypatch):
    """Refused before the first job, and not where nothing trains."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    cuda = (*CI, "--config", "training={device: cuda}", "--cores", "1", "--")
    code, output = snakemake(fresh, *cuda, "results/members/nominal/0.h5")
    assert code != 0
    assert "training.device is cuda" in output
    assert not (fresh / "results").exists()
    code, output = snakemake(fresh, *cuda, "results/inputs/flux.h5")
    assert code == 0, output[-2000:]
