"""The whole workflow at toy size on a live Slurm, against the same on this machine.

make test-slurm
"""

import re
import shutil
from datetime import datetime

import pandas as pd
import pytest
from harness import ROOT, Snakemake, clone, digests, plain_environment

CI = ("--configfile", "config/ci.yaml")
SUBMITTED = (
    "train_members",
    "train_flows",
    "predict_members",
    "marginals_members",
    "fit_members",
    "ensemble_intervals",
    "coverage_block",
    "joint_design",
    "joint_fit",
    "joint_coverage_block",
)


def script_seconds(directory):
    """Seconds that the scripts of all submitted rules took, from their benchmarks."""
    files = (
        path
        for rule in SUBMITTED
        for path in (directory / f"results/benchmarks/{rule}").rglob("*.tsv")
    )
    rows = [pd.read_csv(path, sep="\t") for path in files]
    return sum(float(row["s"].iloc[0]) for row in rows), len(rows)


def slurm_times(cluster, run):
    """When each Slurm job of a run was submitted, began and ended, by its id."""
    lines = cluster.command("squeue", "-h", "-t", "all", "-n", run.run_id, "-o", "%i|%V|%S|%e")
    rows = (line.split("|") for line in lines.splitlines())
    return {job: [datetime.fromisoformat(time) for time in times] for job, *times in rows}


def mean_seconds(durations):
    durations = [duration.total_seconds() for duration in durations]
    return sum(durations) / len(durations)


def noticed(run, times):
    """How long after their end Snakemake knew of the jobs that are not groups of rules."""
    ids = re.findall(r"Job (\d+) has been submitted with SLURM jobid (\d+)", run.text)
    finished = {
        job: datetime.strptime(time, "%a %b %d %H:%M:%S %Y")
        for time, job in re.findall(r"\[(.+)\]\nFinished jobid: (\d+)", run.text)
    }
    return [finished[job] - times[slurm][2] for job, slurm in ids]


@pytest.fixture(scope="module")
def local(tmp_path_factory):
    """A run of everything on this machine."""
    directory = clone(tmp_path_factory.mktemp("local"))
    run = Snakemake.start(directory, plain_environment(), *CI, "--cores", "2")
    run.finish(1800)
    return directory


def test_everything_on_slurm(cluster, snakemake, local, tmp_path, table):
    directory = clone(tmp_path)
    run = snakemake(directory, "--profile", "slurm-gpu", *CI)
    wall = run.finish(1800)
    times = slurm_times(cluster, run)
    assert set(times) == set(run.submitted)
    in_scripts, n_rules = script_seconds(directory)
    assert digests(directory) == digests(local)
    assert len(digests(local)) > 70
    assert not cluster.jobs()
    assert not list((directory / "results/logs/slurm").rglob("*.log"))

    log = ROOT / "results" / "logs" / "test-slurm.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_text(run.text)
    running = mean_seconds(end - start for _, start, end in times.values())
    queued = mean_seconds(start - submit for submit, start, _ in times.values())
    table(("Slurm jobs", f"{len(times)}, with {n_rules} rules"))
    table(("wall time", f"{wall:.0f} s"))
    table(("a job runs for", f"{running:.1f} s"))
    table(("of which not in scripts", f"{running - in_scripts / len(times):.1f} s"))
    table(("before, in the queue", f"{queued:.1f} s"))
    table(("after, until noticed", f"{mean_seconds(noticed(run, times)):.1f} s"))
    table(("artifacts, byte by byte", f"{len(digests(local))} equal"))
    table(("log", str(log.relative_to(ROOT))))


def test_group_that_slurm_refuses(cluster, snakemake, local, tmp_path):
    """What sbatch says of a wrong partition is shown, and not the log of the good run before."""
    directory = shutil.copytree(local, tmp_path / "clone")
    log = directory / "results/logs/train_members/nominal/0.log"
    before = log.read_text()
    assert "wrote results/members/nominal/0.h5" in before
    targets = [f"results/{folder}/nominal/0.h5" for folder in ("members", "predictions")]
    for target in targets:
        (directory / target).unlink()
    arguments = ("--profile", "slurm-gpu", "--retries", "0", *CI, "--", targets[1])
    run = snakemake(directory, *arguments, ND2FD_GPU_PARTITION="nowhere")
    assert run.wait(300) != 0
    assert not run.submitted
    said = run.text[run.text.rindex("Exiting because a job execution failed") :]
    for target in targets:
        assert f"file {target}: not submitted: SLURM sbatch failed" in said
    assert "invalid partition specified: nowhere" in said
    assert "wrote results/members/nominal/0.h5" not in run.text
