"""Which profile, experiment and folder a run uses, and what it asks of Slurm.

Slurm is an sbatch that only takes notes.
"""

import os
import re
import subprocess
import sys

import pytest
import yaml

from workflow_runs import (
    CI,
    ROOT,
    copy_project,
    job_counts,
    outer_environment,
    snakemake,
)

EXPERIMENTS = sorted(path.stem for path in (ROOT / "config/experiments").glob("*.yaml"))

SBATCH = """\
#!{python}
import sys
with open({notes!r}, "a") as file:
    file.write(" ".join(sys.argv[1:]).split(" --wrap=")[0] + "\\n")
sys.exit("no Slurm here")
"""
# Notes the environment of every script of the workflow, and torch's threads at its end.
SITECUSTOMIZE = """\
import atexit, os, sys

def note():
    torch = sys.modules.get("torch")
    with open({notes!r}, "a") as file:
        print(os.environ["OMP_NUM_THREADS"], torch and torch.get_num_threads(), file=file)

if ".snakemake/scripts" in " ".join(sys.orig_argv):
    atexit.register(note)
"""
TARGETS = {
    "training": "results/predictions/nominal/0.h5",
    "fit": "results/intervals/truth.h5",
    "marginals": "results/marginals/truth/0.h5",
    "coverage_block": "results/coverage/truth/0.h5",
}


@pytest.fixture
def fresh(tmp_path):
    (tmp_path / "project").mkdir()
    return copy_project(tmp_path / "project")


def run_on_slurm(directory, programs, *arguments, **variables):
    """A run with the profile, with scripts in place of Slurm's commands; it must fail."""
    folder = directory / "programs"
    folder.mkdir()
    for name in ("sbatch", "squeue", "sacct", "sacctmgr", "sshare", "scontrol"):
        (folder / name).write_text(programs.get(name, "#!/bin/sh\nexit 1\n"))
        (folder / name).chmod(0o755)
    variables["PATH"] = f"{folder}:{os.environ['PATH']}"
    profile = ("--profile", "slurm-gpu", "--retries", "0")
    profile += ("--slurm-init-seconds-before-status-checks", "1")
    code, output = snakemake(directory, *profile, *CI, *arguments, limit=300, **variables)
    assert code != 0
    return output


def submissions(directory, *arguments, **variables):
    """What a run with the profile hands to sbatch, by the job's comment."""
    notes = directory / "notes"
    sbatch = SBATCH.format(python=sys.executable, notes=str(notes))
    programs = {"sbatch": sbatch, "sacctmgr": "#!/bin/sh\necho phys\n"}
    output = run_on_slurm(directory, programs, *arguments, **variables)
    assert notes.exists(), output[-3000:]
    return {
        next(name for name in TARGETS if f"rule_{name}" in line): line
        for line in notes.read_text().splitlines()
    }, output


@pytest.mark.parametrize("profile", [(), ("--profile", "slurm-gpu")], ids=["default", "slurm-gpu"])
@pytest.mark.parametrize("config", ["config", "ci", "paper"])
def test_dry_run(fresh, config, profile):
    code, output = snakemake(fresh, "-n", *profile, "--configfile", f"config/{config}.yaml")
    assert code == 0, output
    assert job_counts(output)["train_members"] > 5
    assert "workflow specific profile profiles/default" in output
    assert ("Using profiles slurm-gpu" in output) == bool(profile)


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_dry_run_of_an_experiment(fresh, name):
    """The whole of it, as a user would look at it first."""
    code, output = snakemake(fresh, "-n", "--configfile", f"config/experiments/{name}.yaml")
    text = (ROOT / f"config/experiments/{name}.yaml").read_text()
    if "measurements:" in text:
        # Published data are not part of the project: what is missing is named, with its source.
        assert code == 1
        assert re.search(r"data/\w+/\S+ is missing; the release of arXiv:\d+\.\d+", output)
        return
    assert code == 0, output
    jobs = job_counts(output)
    if "far_detector: null" in text:
        far = {"tabulate_oscillation", "far_events", "fit_members", "coverage", "fig8"}
        assert not far & jobs.keys()
        assert {"fig2", "fig7", "learning_table", "numbers_table"} <= jobs.keys()
    else:
        assert {f"fig{number}" for number in range(1, 22)} <= jobs.keys()


def test_figure_of_an_experiment_is_one_command(fresh):
    code, output = snakemake(
        fresh, "-n", "--configfile", "config/experiments/t2k.yaml", "--", "results/figs/fig8.pdf"
    )
    assert code == 0, output
    jobs = job_counts(output)
    assert (jobs["fig8"], jobs["train_members"], jobs["fit_members"]) == (1, 1, 2)


@pytest.mark.parametrize("absolute", [False, True])
def test_results_go_where_they_are_wanted(fresh, tmp_path, absolute):
    """Artifacts, logs and benchmarks alike; and there only."""
    folder = str(tmp_path / "away") if absolute else "elsewhere"
    target = f"{folder}/inputs/flux.h5"
    arguments = (*CI, "--config", f"results={folder}")
    code, output = snakemake(fresh, *arguments, "--cores", "1", "--", target)
    assert code == 0, output[-3000:]
    made = {
        str(path.relative_to(fresh / folder))
        for path in (fresh / folder).rglob("*")
        if path.is_file()
    }
    logs = {"logs/prepare_flux.log", "benchmarks/prepare_flux.tsv", "benchmarks/snakemake.json"}
    assert made == {"inputs/flux.h5", "run.json", *logs}
    assert not (fresh / "results").exists()
    code, output = snakemake(fresh, "-n", *arguments, "--", target)
    assert "Nothing to be done" in output


def test_full_run_does_not_overwrite_a_toy_run(fresh):
    target = "results/inputs/flux.h5"
    code, output = snakemake(fresh, *CI, "--cores", "1", "--", target)
    assert code == 0, output[-3000:]
    before = (fresh / target).read_bytes()
    for options in (("-n",), ("--cores", "1")):
        code, output = snakemake(fresh, *options, "--", target)
        assert code != 0
        assert "the folder results holds results of a toy run" in output
        assert "--config results=PATH" in output
    assert (fresh / target).read_bytes() == before
    assert snakemake(fresh, "--unlock")[0] == 0
    assert snakemake(fresh, "-n", "--config", "results=full", "--", "full/inputs/flux.h5")[0] == 0


def test_figure_that_does_not_exist_is_a_clear_error(fresh):
    (fresh / "mine.yaml").write_text("ensembles: {seeds: {shown_in: [fig99]}}\n")
    code, output = snakemake(fresh, "-n", "--configfile", "mine.yaml")
    assert code != 0
    assert "ensembles.seeds.shown_in: there is no figure fig99; there are fig1, fig2" in output


def test_removed_ensemble_takes_its_figures_out(fresh):
    (fresh / "mine.yaml").write_text("ensembles: {flow: null, systematics: null}\n")
    code, output = snakemake(fresh, "-n", "--configfile", "mine.yaml")
    assert code == 0, output
    jobs = job_counts(output)
    assert not {"fig10", "fig11", "fig17", "train_flows"} & jobs.keys()
    assert {"fig8", "fig16", "oscillation_table", "numbers_table"} <= jobs.keys()


def test_slurm_gets_what_the_profile_says(fresh):
    """A GPU for training alone; memory and time of every job; cheap rules are not submitted."""
    jobs, output = submissions(fresh, "--", *TARGETS.values())
    assert set(jobs) == set(TARGETS)
    for name, line in jobs.items():
        assert "--job-name nd2fd_" in line
        assert "--no-requeue" in line
        assert ("--gpus=1" in line) == (name == "training")
        assert ("-p gpu" in line) == (name == "training")
        assert ("-p cpu" in line) == (name != "training")
        assert " -A " not in line
    # Training and prediction are one job: the larger memory, the sum of times.
    assert "-t 35 --mem 4000" in jobs["training"]
    # Fits and regions likewise.
    assert "-t 20 --mem 1500" in jobs["fit"]
    assert "-t 45 --mem 1800" in jobs["coverage_block"]
    assert "Rule: truth_densities" in output


def test_site_is_set_by_the_environment(fresh):
    """What Slurm says of it is shown last, of a group, too, and no log of an earlier run.

    Here, where Snakemake runs, no GPU is asked for.
    """
    log = fresh / "results/logs/train_members/nominal/0.log"
    log.parent.mkdir(parents=True)
    log.write_text("of a good run\n")
    jobs, output = submissions(
        fresh,
        *("--config", "training={device: cuda}", "--"),
        TARGETS["training"],
        TARGETS["marginals"],
        ND2FD_ACCOUNT="phys",
        ND2FD_CPU_PARTITION="short",
        ND2FD_GPU_PARTITION="accelerated",
        ND2FD_GPU_MODEL="a100",
    )
    assert "-A phys -p accelerated" in jobs["training"]
    assert "--gpus=a100:1" in jobs["training"]
    assert "-A phys -p short" in jobs["marginals"]
    assert "gpu" not in jobs["marginals"]
    assert "of a good run" not in output + log.read_text()
    last = output[output.rindex("Error in ") :]
    for name in ("train_members, file results/members/nominal/0.h5", "predict_members, "):
        assert f"nd2fd: rule {name}" in last
    assert "not submitted: SLURM sbatch failed. The error message was 'no Slurm here'" in last


def test_cluster_without_gpus(fresh):
    jobs, _ = submissions(
        fresh, "--", TARGETS["training"], ND2FD_GPUS="0", ND2FD_GPU_PARTITION="short"
    )
    assert "-p short" in jobs["training"]
    assert "--gpus" not in jobs["training"]


def test_no_answer_of_slurm_is_no_end(fresh):
    """The plugin asks five times within a second; then it would forget its jobs, and wait."""
    first = fresh / "first"
    sacct = f"""\
#!/bin/sh
[ -f {first} ] || date +%s > {first}
[ $(($(date +%s) - $(cat {first}))) -ge 3 ] && echo "7|FAILED"
"""
    programs = {"sbatch": "#!/bin/sh\necho 7\n", "sacct": sacct}
    output = run_on_slurm(fresh, programs, "--", TARGETS["marginals"])
    assert "SLURM-job '7' failed" in output


def test_group_that_cannot_be_submitted_is_an_error(fresh):
    """Here the account cannot be checked; the plugin would wait for ever."""
    output = run_on_slurm(fresh, {}, "--", TARGETS["training"], ND2FD_ACCOUNT="phys")
    assert "Job submission failed" in output
    assert "account 'phys'" in output


def test_default_profile_undoes_nothing():
    """A key in the default profile replaces the same key of a named one, as a whole."""
    default, slurm = (
        yaml.safe_load((ROOT / name / "config.yaml").read_text())
        for name in ("profiles/default", "slurm-gpu")
    )
    shared = {k for k in default if k in slurm and not k.startswith("__")}
    assert all(default[key] == slurm[key] for key in shared), shared


def test_unknown_profile_is_an_error(fresh):
    code, output = snakemake(fresh, "-n", "--profile", "slurm-cpu")
    assert code != 0
    assert "slurm-cpu" in output


@pytest.mark.parametrize("profile", [(), ("--profile", "slurm-gpu")], ids=["default", "slurm-gpu"])
def test_broken_file_is_refused_by_line(fresh, profile):
    """By the default profile: Snakemake reads the file before its Snakefile, and names no line."""
    (fresh / "mine.yaml").write_text("toy: true\ngrid:\n\tn_v1: 8\n")
    code, output = snakemake(fresh, "-n", *profile, *CI, "mine.yaml")
    assert code != 0
    assert "nd2fd: mine.yaml, line 3: there is a tab" in output
    assert "Traceback" not in output


def test_threads_follow_the_rule(fresh, tmp_path):
    """However many threads the user's shell or the machine offers; memory has a limit."""
    notes = tmp_path / "threads"
    (tmp_path / "site").mkdir()
    (tmp_path / "site/sitecustomize.py").write_text(SITECUSTOMIZE.format(notes=str(notes)))
    path = os.pathsep.join([str(tmp_path / "site"), *sys.path])
    done = subprocess.run(
        [sys.executable, "-m", "snakemake", *CI, "--", "results/members/nominal/0.h5"],
        cwd=fresh,
        env=outer_environment() | {"OMP_NUM_THREADS": "7", "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    threads = notes.read_text().split()
    assert len(threads) >= 10
    assert set(threads) == {"1", "None"}
    assert threads.count("1") > threads.count("None")
    assert "Provided resources: mem_mb" in done.stdout + done.stderr
