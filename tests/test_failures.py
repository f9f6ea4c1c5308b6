"""What a failed job leaves and says: no half-written file, and a last line with file and reason."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from nd2fd.figures.style import save
from nd2fd.io.atomic import write_atomically
from nd2fd.io.declarations import ArtifactError
from nd2fd.io.failures import failure_line, failures, forget_logs
from nd2fd.io.job import Job
from nd2fd.io.schemas.inputs import Oscillation
from nd2fd.report.numbers_file import record
from test_job import OSCILLATION
from test_job import rule as rule  # a fixture
from workflow_runs import CI, outer_environment

FULL = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.fixture
def full_disk(monkeypatch):
    """What is written reaches no disk; the system names no file."""

    def fail(_):
        raise OSError(*FULL.args)

    monkeypatch.setattr(os, "fsync", fail)


def files_in(directory):
    return {str(p.relative_to(directory)) for p in directory.rglob("*") if p.is_file()}


def test_full_disk_is_said_of_the_file(tmp_path, full_disk):
    (tmp_path / "out").write_bytes(b"old")
    with pytest.raises(OSError, match="No space left") as info:
        write_atomically(tmp_path / "out", b"new")
    assert info.value.filename == str(tmp_path / "out")
    assert files_in(tmp_path) == {"out"}
    assert (tmp_path / "out").read_bytes() == b"old"


def test_full_disk_leaves_no_half_figure(tmp_path, full_disk):
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with (
        mpl.rc_context({"savefig.dpi": 100}),  # a number, as in the style of all figures
        pytest.raises(OSError, match="No space left") as info,
    ):
        save(Figure(), [str(tmp_path / "fig1.pdf")], "")
    assert info.value.filename == str(tmp_path / "fig1.pdf")
    assert files_in(tmp_path) == set()


def run_job(rule, work):
    with Job(rule) as job:
        work(job)


def last_line(rule):
    return Path(rule.log[0]).read_text(encoding="utf-8").splitlines()[-1]


def test_job_on_a_full_disk(rule, tmp_path, full_disk, capsys):
    before = files_in(tmp_path)
    with pytest.raises(OSError, match="No space left"):
        run_job(rule, lambda job: job.save(OSCILLATION))
    out = rule.output.main
    assert last_line(rule) == f"nd2fd: rule toy, file {out}: {out}: No space left on device"
    assert capsys.readouterr().err.splitlines()[-1] == last_line(rule)
    assert files_in(tmp_path) == before | {"logs/toy.log"}


def a_directory(path):
    path.unlink()
    path.mkdir()


def shorter(path):
    os.truncate(path, path.stat().st_size // 2)


def other_hdf5(path):
    import h5py

    with h5py.File(path, "w") as file:
        file["energy"] = np.arange(3.0)


DAMAGE = {
    "directory": (a_directory, "Is a directory"),
    "missing": (Path.unlink, "no such file, expected a 'oscillation' artifact"),
    "empty": (lambda path: os.truncate(path, 0), "its 0 bytes do not end with the checksum"),
    "truncated": (shorter, "do not end with the checksum"),
    "another HDF5": (other_hdf5, "not an nd2fd artifact"),
    "text": (lambda path: path.write_text("energy\n"), "not an nd2fd artifact"),
}


@pytest.mark.parametrize(("damage", "said"), DAMAGE.values(), ids=DAMAGE)
def test_job_with_an_input_that_cannot_be_read(rule, damage, said):
    damage(Path(rule.input.one))
    with pytest.raises((ArtifactError, OSError)):
        run_job(rule, lambda job: job.load("one", Oscillation))
    start = f"nd2fd: rule toy, file {rule.output.main}: {rule.input.one}: "
    assert last_line(rule).startswith(start)
    assert said in last_line(rule)


def test_file_that_may_not_be_read(rule, monkeypatch):
    """Root may read everything; others are told."""
    denied = PermissionError(errno.EACCES, "Permission denied", rule.input.one)

    def deny(_):
        raise denied

    monkeypatch.setattr(Path, "read_bytes", deny)
    with pytest.raises(PermissionError):
        run_job(rule, lambda job: job.load("one", Oscillation))
    assert last_line(rule).endswith(f"{rule.input.one}: Permission denied")


def test_record_names_a_damaged_file(rule):
    shorter(Path(rule.input.one))
    with pytest.raises(ArtifactError, match=rule.input.one):
        record(rule.input.one)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ValueError("two\n  lines"), "two lines"),
        (MemoryError(), "MemoryError"),
        (KeyError("x"), "'x'"),
        (FileNotFoundError(errno.ENOENT, "No such file", "a/b"), "a/b: No such file"),
        (FULL, "[Errno 28] No space left on device"),
    ],
)
def test_failure_in_a_line(error, said):
    assert failure_line("r", "out", error) == f"nd2fd: rule r, file out: {said}"


def test_last_lines_of_a_run(tmp_path):
    good, bad, silent = (str(tmp_path / name) for name in ("good", "bad", "silent"))
    Path(good).write_text("12:00:00 nd2fd.a: wrote x\n")
    Path(bad).write_text("Traceback\nnd2fd: rule b, file y: it broke\n")
    jobs = [("a", "x", [good]), ("b", "y", [bad]), ("c", "z", [silent])]
    # Of a group the rule that failed; the others did not.
    assert failures(jobs, {}) == ["nd2fd: rule b, file y: it broke"]
    assert failures(jobs[:1], {}) == [
        f"nd2fd: rule a, file x: it ended without saying why; see {good}"
    ]
    refusal = (
        "SLURM sbatch failed. The error message was 'sbatch: error: no'.\n    sbatch call:\n x"
    )
    assert failures(jobs[2:], {("c", "z"): refusal}) == [
        "nd2fd: rule c, file z: not submitted: SLURM sbatch failed. The error message was "
        "'sbatch: error: no'."
    ]
    forget_logs([bad, silent])
    assert "it broke" not in failures(jobs, {})[0]


def test_run_that_may_write_no_large_file(fresh):
    """A limit of the shell stands for the disk: 20 kB do not fit."""
    snakemake = f"{sys.executable} -m snakemake --cores 1 {' '.join(CI)} -- results/inputs/flux.h5"
    done = subprocess.run(
        ["bash", "-c", f"ulimit -f 16; {snakemake}"],
        cwd=fresh,
        env=outer_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    said = done.stderr[done.stderr.index("Exiting because a job execution failed") :]
    out = "results/inputs/flux.h5"
    assert f"\nnd2fd: rule prepare_flux, file {out}: {out}: File too large\n" in said
    assert files_in(fresh / "results") == {"run.json", "logs/prepare_flux.log"}
