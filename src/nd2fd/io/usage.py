"""What a job used of the processor: a line in its log, from which the profile of a run is made."""

import re
from typing import NamedTuple

_LINE = re.compile(r"used (\d+\.\d\d) s of CPU, (\d+\.\d\d) s of them to start$", re.MULTILINE)


class Usage(NamedTuple):
    """CPU seconds, user and system, of a process.

    cpu
        Of all its threads since it started.
    start
        Those of them that passed before the job's own work: Python and imports.
    """

    cpu: float
    start: float

    def __str__(self) -> str:
        return f"used {self.cpu:.2f} s of CPU, {self.start:.2f} s of them to start"

    @classmethod
    def in_log(cls, text: str) -> "Usage | None":
        """What the log of a job says; None if the job was not finished."""
        found = _LINE.search(text)
        return None if found is None else cls(float(found[1]), float(found[2]))
