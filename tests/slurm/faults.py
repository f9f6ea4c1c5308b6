"""What a run on a live Slurm makes of the accidents that a cluster has.

    make test-slurm-faults

Whatever happens, the artifacts are those of an undisturbed run, byte by byte, and a training that
was hit goes on from its checkpoint.
"""

import re
import shutil
import signal
import time

import pytest
from harness import Snakemake, clone, digests, plain_environment

CONFIG = ("--configfile", "config/ci.yaml", "tests/slurm/faults.yaml")
SLURM = ("--profile", "slurm-gpu", *CONFIG)
TARGET = ("--", "results/fits/nominal/0.h5")
TARGETS = (*TARGET, "results/predictions/seeds/1.h5")
# Long enough for Slurm to see the end of a limit of one minute, which it does every 30 s.
LONG = 80_000
PATIENCE = 3600
COLUMNS = ("fault", "Slurm says", "Slurm jobs", "training", "outcome", "s")


def undisturbed(directory, targets):
    """Artifacts of a run on this machine."""
    run = Snakemake.start(directory, plain_environment(), *CONFIG, "--cores", "2", *targets)
    run.finish(PATIENCE)
    return digests(directory)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """A clone with everything up to the first job that is submitted."""
    directory = clone(tmp_path_factory.mktemp("prepared"))
    inputs = [f"results/near/{batch}.h5" for batch in ("nominal/0", "seeds/1")]
    run = Snakemake.start(
        directory,
        plain_environment(),
        *CONFIG,
        *("--cores", "2", "--", *inputs, "results/far/events.h5"),
    )
    run.finish(PATIENCE)
    return directory


@pytest.fixture(scope="module")
def reference(prepared, tmp_path_factory):
    directory = tmp_path_factory.mktemp("reference") / "clone"
    return undisturbed(shutil.copytree(prepared, directory), TARGETS)


@pytest.fixture(scope="module")
def outcomes(table):
    """Function that adds a row to the table of outcomes."""
    table(COLUMNS)
    return table


@pytest.fixture
def directory(prepared, tmp_path):
    return shutil.copytree(prepared, tmp_path / "clone")


def edit(path, old, new):
    text = path.read_text()
    assert old in text, f"{path} has no {old!r}"
    path.write_text(text.replace(old, new))


def wait_for(condition, what):
    end = time.monotonic() + PATIENCE
    while not (found := condition()):
        assert time.monotonic() < end, f"waited in vain for {what}"
        time.sleep(0.2)
    return found


def steps(directory):
    """Step counters in the log of the training of `nominal`, which an attempt begins anew."""
    log = directory / "results/logs/train_members/nominal/0.log"
    return [int(n) for n in re.findall(r"training: (\d+) of", log.read_text())]


def training(cluster, directory):
    """Id and fields of the Slurm job that trains `nominal`, once it has saved a checkpoint."""
    checkpoint = directory / "results/members/nominal/0.checkpoint-0"
    wait_for(checkpoint.exists, "a checkpoint")
    # The job that has it is the first of the two trainings.
    trainings = {i: job for i, job in cluster.jobs().items() if "train" in job["comment"]}
    ids = [
        i
        for i in trainings
        if "nominal" in cluster.command("scontrol", "write", "batch_script", i, "-")
    ]
    return ids[0], trainings[ids[0]]


def states(cluster, *runs):
    """How often Slurm gave each state to the jobs of these runs."""
    names = ",".join(run.run_id for run in runs)
    said = cluster.command("squeue", "-h", "-t", "all", "-n", names, "-o", "%T").split()
    return {state: said.count(state) for state in sorted(set(said))}


def check(directory, expected):
    """Everything is there, as in an undisturbed run, and nothing else."""
    assert digests(directory) == expected
    left = [p for p in (directory / "results").rglob("*") if re.search("checkpoint|tmp", p.name)]
    assert not left


def row(fault, said, before, after, seconds):
    jobs = sum(said.values())
    counters = f"stopped at {before}, went on at {after}" if before else f"began at {after}"
    text = ", ".join(f"{n} {state}" for state, n in said.items())
    return fault, text, str(jobs), counters, "equal bytes", f"{seconds:.0f}"


def test_cancelled(cluster, snakemake, directory, reference, outcomes):
    run = snakemake(directory, *SLURM, *TARGETS)
    job, _ = training(cluster, directory)
    cluster.command("scancel", job)
    wait_for(lambda: job not in cluster.jobs(), "the end of the job")
    stopped = steps(directory)[-1]
    seconds = run.finish(PATIENCE)
    said = states(cluster, run)
    assert said["CANCELLED"] == 1
    assert steps(directory)[0] > 10
    check(directory, reference)
    outcomes(row("training job cancelled", said, stopped, steps(directory)[0], seconds))


def test_time_limit(cluster, snakemake, directory, prepared, tmp_path, outcomes):
    own = shutil.copytree(prepared, tmp_path / "local")
    for place in (own, directory):
        edit(place / "tests/slurm/faults.yaml", "evaluations: 40000", f"evaluations: {LONG}")
    limit = "mem_mb: 4000 * attempt\n    runtime: {}"
    edit(
        directory / "slurm-gpu/config.yaml",
        limit.format("30 * attempt"),
        limit.format("1 if attempt == 1 else 30"),
    )
    # In the job of the training; the runtimes of a group add up.
    edit(directory / "slurm-gpu/config.yaml", "runtime: 5 * attempt", "runtime: 0")
    run = snakemake(directory, *SLURM, *TARGET)
    job, _ = training(cluster, directory)
    wait_for(lambda: job not in cluster.jobs(), "the time limit")
    stopped = steps(directory)[-1]
    seconds = run.finish(PATIENCE)
    said = states(cluster, run)
    assert said["TIMEOUT"] >= 1
    assert steps(directory)[0] > 10
    check(directory, undisturbed(own, TARGET))
    outcomes(row("time limit", said, stopped, steps(directory)[0], seconds))


def test_out_of_memory(cluster, snakemake, directory, reference, outcomes):
    edit(
        directory / "slurm-gpu/config.yaml",
        "mem_mb: 4000 * attempt",
        "mem_mb: 400 if attempt == 1 else 4000",
    )
    run = snakemake(directory, *SLURM, *TARGETS)
    seconds = run.finish(PATIENCE)
    said = states(cluster, run)
    assert said.get("FAILED", 0) + said.get("OUT_OF_MEMORY", 0) >= 1
    assert "exceeded memory limit" in run.text
    check(directory, reference)
    outcomes(row("out of memory", said, None, steps(directory)[0], seconds))


def test_node_lost(cluster, snakemake, directory, reference, outcomes):
    run = snakemake(directory, *SLURM, *TARGETS)
    _, job = training(cluster, directory)
    stopped = steps(directory)[-1]
    cluster.lose_node(job["node"])
    try:
        seconds = run.finish(PATIENCE)
    finally:
        cluster.start_node(job["node"])
        wait_for(lambda: set(cluster.node_states()) == {"idle"}, "the lost node")
    said = states(cluster, run)
    assert said["NODE_FAIL"] == 1
    assert steps(directory)[0] > 10
    check(directory, reference)
    outcomes(row("node lost", said, stopped, steps(directory)[0], seconds))


def test_controller_away(cluster, snakemake, directory, reference, outcomes):
    run = snakemake(directory, *SLURM, *TARGETS)
    training(cluster, directory)
    cluster.stop_controller()
    time.sleep(60)
    cluster.start_controller()
    seconds = run.finish(PATIENCE)
    check(directory, reference)
    said = states(cluster, run)
    outcomes(row("controller away for 60 s", said, None, steps(directory)[0], seconds))


def test_snakemake_terminated(cluster, snakemake, directory, reference, outcomes):
    run = snakemake(directory, *SLURM, *TARGETS)
    training(cluster, directory)
    run.process.send_signal(signal.SIGTERM)
    assert run.wait(PATIENCE) != 0
    assert not cluster.jobs()
    assert digests(directory) != reference
    again = snakemake(directory, *SLURM, *TARGETS)
    seconds = again.finish(PATIENCE)
    check(directory, reference)
    said = states(cluster, run, again)
    outcomes(row("Snakemake: SIGTERM, again", said, None, steps(directory)[0], seconds))


def test_snakemake_killed(cluster, snakemake, directory, reference, outcomes):
    """The orphans are cancelled and the lock removed, as docs/cluster.md says."""
    run = snakemake(directory, *SLURM, *TARGETS)
    training(cluster, directory)
    run.process.kill()
    run.wait(PATIENCE)
    assert cluster.jobs(), "the jobs of a killed Snakemake go on"
    refused = snakemake(directory, *SLURM, *TARGETS)
    assert refused.wait(PATIENCE) != 0
    assert "unlock" in refused.text

    cluster.command("scancel", "--name", run.run_id)
    wait_for(lambda: not cluster.jobs(), "the end of the orphans")
    stopped = steps(directory)[-1]
    snakemake(directory, *SLURM, "--unlock").finish(PATIENCE)
    again = snakemake(directory, *SLURM, *TARGETS)
    seconds = again.finish(PATIENCE)
    assert steps(directory)[0] > 10
    check(directory, reference)
    said = states(cluster, run, again)
    outcomes(row("Snakemake: SIGKILL, again", said, stopped, steps(directory)[0], seconds))
