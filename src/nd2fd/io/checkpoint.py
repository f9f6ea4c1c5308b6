"""Checkpoints of a training, so that a killed job goes on where it was."""

import logging
import time
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from nd2fd.io.atomic import write_atomically

if TYPE_CHECKING:
    from nd2fd.io.job import Job

_LOG = logging.getLogger(__name__)

_INTERVAL = 20.0
"""Seconds between two checkpoints of a job; one takes about 10 ms."""


@dataclass
class Checkpoint:
    """A file with the state of a training.

    Parameters
    ----------
    path
        The file; written atomically, removed when the training is complete.
    fingerprint
        Of everything that the result depends on. A checkpoint of another training is not used.
    interval
        Seconds between two checkpoints.
    """

    path: Path
    fingerprint: str
    interval: float
    _last: float = field(default_factory=time.monotonic, init=False)

    def of_member(self, member: int) -> "Checkpoint":
        """Another file, for one member of several that are trained one after the other."""
        path = self.path.with_name(f"{self.path.name}-{member}")
        return Checkpoint(path, f"{self.fingerprint} {member}", self.interval)

    def load(self) -> dict[str, Any] | None:
        """The state to go on from, or None to start afresh."""
        if not self.path.is_file():
            return None
        try:
            content: dict[str, Any] = torch.load(self.path, map_location="cpu", weights_only=True)
        except Exception as error:  # torch raises many types on damaged bytes
            _LOG.warning("%s: damaged checkpoint, starting afresh (%s)", self.path, error)
            return None
        if content["fingerprint"] != self.fingerprint:
            _LOG.warning("%s: checkpoint of another training, starting afresh", self.path)
            return None
        state: dict[str, Any] = content["state"]
        return state

    def due(self) -> bool:
        """Whether the interval has passed."""
        return time.monotonic() - self._last >= self.interval

    def save(self, state: dict[str, Any]) -> None:
        """Replace the file by a new state (tensors, numbers, and dictionaries of them)."""
        content = BytesIO()
        torch.save({"fingerprint": self.fingerprint, "state": state}, content)
        write_atomically(self.path, content.getvalue())
        self._last = time.monotonic()

    def remove(self) -> None:
        """Delete the file and those of single members, after the result has been written."""
        for start in (self.path.name, f".{self.path.name}"):
            for path in self.path.parent.glob(f"{start}*"):
                path.unlink(missing_ok=True)


def checkpoint_of(job: "Job") -> Checkpoint:
    """Checkpoint beside the first output of a job."""
    path = Path(job.output[0]).with_suffix(".checkpoint")
    return Checkpoint(path, job.fingerprint(), _INTERVAL)
