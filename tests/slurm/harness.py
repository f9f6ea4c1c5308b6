"""What the tests on a live cluster share: fresh clones, runs of Snakemake, and their results."""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ARTIFACTS = (".h5", ".csv", ".tex", ".json")


def clone(destination: Path) -> Path:
    """Copy what git would carry of the working tree, and nothing else."""
    names = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split("\0")
    for name in filter(None, names):
        if (ROOT / name).is_file():
            (destination / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, destination / name)
    return destination


def digests(directory: Path) -> dict[str, str]:
    """SHA-256 of every artifact and table, by its path; times and memory differ from run to run."""
    return {
        str(path.relative_to(directory)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted((directory / "results").rglob("*"))
        if path.suffix in ARTIFACTS and path.parent.name != "benchmarks"
    }


@dataclass
class Snakemake:
    """A run of Snakemake in a clone, in the background, with its output in a file."""

    process: "subprocess.Popen[bytes]"
    output: Path
    started: float

    @classmethod
    def start(cls, directory: Path, environment: dict[str, str], *arguments: str) -> "Snakemake":
        """Start `snakemake` with arguments, on the clone's own source."""
        number = len(list(directory.glob("snakemake.*.log")))
        output = directory / f"snakemake.{number}.log"
        with output.open("wb") as file:
            process = subprocess.Popen(
                [sys.executable, "-m", "snakemake", *arguments],
                cwd=directory,
                env={**environment, "PYTHONPATH": str(directory / "src")},
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return cls(process, output, time.monotonic())

    @property
    def text(self) -> str:
        """What it has printed."""
        return self.output.read_text(errors="replace")

    @property
    def run_id(self) -> str:
        """Name of all its Slurm jobs."""
        found = re.search(r"SLURM run ID: (\S+)", self.text)
        assert found, self.text[-3000:]
        return found[1]

    @property
    def submitted(self) -> list[str]:
        """Ids of the Slurm jobs that it submitted."""
        return re.findall(r"submitted with SLURM jobid (\d+)", self.text)

    def wait(self, timeout: float) -> int:
        """Wait for the end; the exit code."""
        return self.process.wait(timeout)

    def finish(self, timeout: float) -> float:
        """Wait for the end, which must be a good one; seconds since the start."""
        code = self.wait(timeout)
        assert code == 0, self.text[-8000:]
        return time.monotonic() - self.started

    def end(self) -> None:
        """Kill it if it still runs."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


def plain_environment() -> dict[str, str]:
    """Environment without what a test session or a site adds."""
    foreign = ("PYTEST", "SNAKEMAKE", "SLURM", "SBATCH", "ND2FD")
    return {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
