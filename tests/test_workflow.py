"""The workflow as a user runs it: from a copy of the project, with the shipped configurations."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest

from nd2fd import schemas
from nd2fd.artifacts import read_artifact

ROOT = Path(__file__).resolve().parents[1]
PROJECT = ("Snakefile", "workflow", "config", "envs", "profiles", "slurm-gpu")
CI = ("--configfile", "config/ci.yaml")


def copy_project(destination):
    for name in PROJECT:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, destination / name)
        else:
            shutil.copy(source, destination)
    return destination


def snakemake(directory, *arguments):
    """Run Snakemake there; returns its exit code and everything it printed."""
    # Snakemake must not believe that it runs inside this test session's terminal or threads.
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST")}
    command = [sys.executable, "-m", "snakemake", *arguments]
    done = subprocess.run(
        command, cwd=directory, env=environment, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout + done.stderr


def job_counts(output):
    """Jobs by rule, from the table that a dry run prints."""
    table = output[output.rindex("Job stats:") :].splitlines()[3:]
    rows = (line.split() for line in table[: table.index("")])
    return {name: int(count) for name, count in rows if name != "total"}


@pytest.fixture
def fresh(tmp_path):
    return copy_project(tmp_path)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A complete run at toy size."""
    directory = copy_project(tmp_path_factory.mktemp("finished"))
    code, output = snakemake(directory, *CI, "--cores", "2")
    assert code == 0, output[-5000:]
    return directory


def hashes(directory):
    files = (p for p in (directory / "results").rglob("*.h5"))
    return {
        str(p.relative_to(directory)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files
    }


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("results/figs/fig2.pdf",),
        CI,
        ("--configfile", "config/paper.yaml"),
        ("--profile", "slurm-gpu"),
    ],
    ids=["all", "fig2", "ci", "paper", "slurm-gpu"],
)
def test_dry_run(fresh, arguments):
    code, output = snakemake(fresh, "-n", *arguments)
    assert code == 0, output
    assert "train_members" in output


def test_one_figure_needs_one_member(fresh):
    _, output = snakemake(fresh, "-n", "results/figs/fig2.pdf")
    jobs = job_counts(output)
    assert jobs["train_members"] == 1
    assert "fit_members" not in jobs


def test_named_profile_is_the_one_used(fresh):
    _, output = snakemake(fresh, "-n", "--profile", "slurm-gpu")
    assert "Using profiles slurm-gpu and workflow specific profile" in output
    code, output = snakemake(fresh, "-n", "--profile", "slurm-cpu")
    assert code != 0


def test_run_makes_all_figures_and_tables(finished):
    for figure in (2, 3, 5, 8):
        assert (finished / f"results/figs/fig{figure}.pdf").read_bytes().startswith(b"%PDF")
        assert (finished / f"results/figs/fig{figure}.png").stat().st_size > 10_000
    learning = pd.read_csv(finished / "results/tables/learning.csv")
    assert sorted(learning["ensemble"]) == ["nominal", "seeds", "seeds"]
    assert learning["loss"].max() < 1e-5
    assert learning["near_total_variation"].max() < 2e-3
    oscillation = pd.read_csv(finished / "results/tables/oscillation.csv")
    assert sorted(oscillation["ensemble"]) == ["nominal", "seeds", "truth"]


def test_learned_cross_section_fits_like_the_true_one(finished):
    """The point of the method: the shift is well below the statistical error."""
    table = pd.read_csv(finished / "results/tables/oscillation.csv").set_index("ensemble")
    assert abs(table.loc["nominal", "dm2_32_shift_in_sigma"]) < 0.5
    truth = table.loc["truth"]
    assert truth["dm2_32_best"] == pytest.approx(2.4381e-3, abs=4 * truth["dm2_32_sigma"])


def test_second_run_has_nothing_to_do(finished):
    code, output = snakemake(finished, *CI, "--cores", "1")
    assert code == 0
    assert "Nothing to be done" in output


def test_artifacts_follow_their_schemas_and_say_where_they_come_from(finished):
    of_folder = {
        "inputs/flux.h5": schemas.FLUX,
        "inputs/oscillation.h5": schemas.OSCILLATION,
        "truth/densities.h5": schemas.TRUTH,
        "near/seeds/1.h5": schemas.NEAR,
        "members/seeds/1.h5": schemas.MEMBER,
        "predictions/seeds/1.h5": schemas.PREDICTION,
        "marginals/truth/0.h5": schemas.MARGINALS,
        "far/events.h5": schemas.FAR_EVENTS,
        "fits/truth/0.h5": schemas.FIT,
        "intervals/seeds.h5": schemas.INTERVALS,
    }
    results = finished / "results"
    for name, schema in of_folder.items():
        read_artifact(results / name, schema)
        with h5py.File(results / name) as file:
            for role, sha256 in json.loads(file.attrs["inputs"]).items():
                assert len(sha256) == 64, role
    with h5py.File(results / "fits/seeds/1.h5") as file:
        recorded = json.loads(file.attrs["inputs"])["cross_section"]
    member = (results / "members/seeds/1.h5").read_bytes()
    assert recorded == hashlib.sha256(member).hexdigest()


def test_members_differ_by_their_seed_alone(finished):
    results = finished / "results"
    first, second = (
        read_artifact(results / f"members/seeds/{i}.h5", schemas.MEMBER).data for i in (0, 1)
    )
    assert not np.allclose(first["weights"], second["weights"])
    near = [
        read_artifact(results / f"near/seeds/{i}.h5", schemas.NEAR).data["density"] for i in (0, 1)
    ]
    np.testing.assert_array_equal(near[0], near[1])


def test_equal_inputs_give_equal_bytes(finished, tmp_path):
    """A second run elsewhere, with one core, up to a fit."""
    again = copy_project(tmp_path)
    targets = ["results/fits/seeds/1.h5", "results/far/events.h5"]
    code, output = snakemake(again, *CI, "--cores", "1", *targets)
    assert code == 0, output[-3000:]
    before, after = hashes(finished), hashes(again)
    assert len(after) >= 7
    assert after == {name: before[name] for name in after}


def test_bad_configuration_is_one_clear_error(fresh):
    config = fresh / "config" / "config.yaml"
    config.write_text(config.read_text().replace("n_energy: 96", "n_enrgy: 96"))
    code, output = snakemake(fresh, "-n")
    assert code != 0
    assert "grid.n_enrgy = 96: no such key" in output
    assert "grid.n_energy: is missing" in output
    assert output.count("\n") < 25


def test_unknown_ensemble_is_a_clear_error(fresh):
    code, output = snakemake(fresh, "-n", "results/intervals/nominall.h5")
    assert code != 0
    assert "no ensemble 'nominall'" in output
    assert "truth, nominal, seeds" in output


def test_batch_beyond_the_ensemble_is_a_clear_error(fresh):
    code, output = snakemake(fresh, "-n", "results/members/seeds/10.h5")
    assert code != 0
    assert "ensemble 'seeds' has no batch 10: its 10 members" in output
    assert "numbered 0 to 9" in output


def test_batches_hold_the_same_members(finished, tmp_path):
    """Two members per job give half the jobs and, on a CPU, the same networks to the last bit."""
    directory = copy_project(tmp_path)
    (directory / "batched.yaml").write_text("training: {members_per_job: 2}\n")
    code, output = snakemake(
        directory, *CI, "batched.yaml", "--cores", "1", "--", "results/fits/seeds/0.h5"
    )
    assert code == 0, output[-3000:]
    results = directory / "results"
    for schema, kind, name in (
        (schemas.MEMBER, "members", "structure_functions"),
        (schemas.FIT, "fits", "dm2_32"),
    ):
        together = read_artifact(results / f"{kind}/seeds/0.h5", schema).data
        assert list(together["member"]) == [0, 1]
        for member in (0, 1):
            alone = read_artifact(finished / f"results/{kind}/seeds/{member}.h5", schema).data
            np.testing.assert_array_equal(together[name][member], alone[name][0])


@pytest.mark.parametrize("damage", ["truncated", "foreign"])
def test_damaged_artifact_is_named(finished, tmp_path, damage):
    directory = tmp_path / "copy"
    shutil.copytree(finished, directory)
    truth = directory / "results/truth/densities.h5"
    if damage == "truncated":
        truth.write_bytes(truth.read_bytes()[:5000])
    else:
        shutil.copy(directory / "results/far/events.h5", truth)
    code, output = snakemake(
        directory, *CI, "--cores", "1", "--rerun-triggers", "mtime", "-R", "fig2", "--",
        "results/figs/fig2.pdf",
    )  # fmt: skip
    assert code != 0
    assert "results/truth/densities.h5" in output
    log = (directory / "results/logs/near_members/nominal/0.log").read_text()
    assert "results/truth/densities.h5" in log
    assert "delete it and run again" in log


def test_style_change_redraws_figures_only(finished, tmp_path):
    directory = tmp_path / "copy"
    shutil.copytree(finished, directory)
    style = directory / "workflow" / "figures.mplstyle"
    style.write_text(style.read_text() + "axes.grid: True\n")
    _, output = snakemake(directory, *CI, "-n")
    assert set(job_counts(output)) == {"all", "fig2", "fig3", "fig5", "fig8"}
