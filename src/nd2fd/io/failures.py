"""What is said last of a failed job: a line in its log, and at the end of the run."""

from collections.abc import Mapping, Sequence
from pathlib import Path

_START = "nd2fd: rule "


def failure_line(rule: str, output: str, error: Exception) -> str:
    """Rule, first output and what went wrong, in one line."""
    message = " ".join(str(error).split()) or type(error).__name__
    if isinstance(error, OSError) and error.filename is not None:
        message = f"{error.filename}: {error.strerror}"
    return f"{_START}{rule}, file {output}: {message}"


def failures(
    jobs: Sequence[tuple[str, str, Sequence[str]]], refusals: Mapping[tuple[str, str], str]
) -> list[str]:
    """What went wrong in a failed job of Snakemake, a line each.

    Parameters
    ----------
    jobs
        Rule, first output and log files: of the one job, or of all in a group, of which those that
        say nothing are left out if another says why.
    refusals
        By rule and output, what the cluster said of what it did not accept.
    """
    found = []
    for rule, output, logs in jobs:
        if (rule, output) in refusals:
            # Behind this comes the whole call.
            said = " ".join(refusals[rule, output].partition("sbatch call:")[0].split())
            found.append(f"{_START}{rule}, file {output}: not submitted: {said}")
        else:
            found += filter(None, map(_last_line, logs))
    rule, output, logs = jobs[0]
    where = ", ".join(logs) or "the output above"
    return found or [f"{_START}{rule}, file {output}: it ended without saying why; see {where}"]


def _last_line(log: str) -> str | None:
    """The failure line at the end of a log, if there is one."""
    try:
        lines = Path(log).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return None
    return lines[-1] if lines and lines[-1].startswith(_START) else None


def forget_logs(logs: Sequence[str]) -> None:
    """Delete logs of earlier runs, which must not be taken for those of jobs that are to run."""
    for log in logs:
        Path(log).unlink(missing_ok=True)
