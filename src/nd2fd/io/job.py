"""A job of the workflow: log file, progress, and artifacts with their provenance."""

import logging
import math
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

from nd2fd.io.artifacts import Artifact
from nd2fd.io.atomic import write_atomically
from nd2fd.io.checksums import sha256_of_config, sha256_of_file
from nd2fd.io.declarations import Provenance
from nd2fd.io.failures import failure_line
from nd2fd.io.schemas.inputs import Response
from nd2fd.io.usage import Usage

if TYPE_CHECKING:  # Each takes a tenth of a second or more, of which most jobs need nothing.
    import pandas as pd
    import scipy.sparse as sp
    from rich.progress import Progress

NOT_RANDOM = -1
"""Value of the attribute `seed` in artifacts that involve no random numbers."""

_SECONDS_BETWEEN_LOG_LINES = 5.0

_PACKAGE_LOG = logging.getLogger("nd2fd")

A = TypeVar("A", bound=Artifact)


class Job:
    """One job of the workflow, as a context manager around the script's work.

    Log lines, those of the package's modules as well, go to the rule's log file and to standard
    error, which says first where that file is, and nothing of outputs and time; an exception is
    logged with its traceback before Snakemake sees it, and in a last line that says rule, output
    and message.

    Parameters
    ----------
    snakemake
        The `snakemake` object of a script. Its parameters, less `code`, are the slice of the
        configuration that the artifact depends on; `seed`, where given, is the root seed.

    Attributes
    ----------
    params, input, output
        Those of the rule.
    log
        Logger of the job.
    """

    def __init__(self, snakemake: Any) -> None:
        self.params, self.input, self.output = snakemake.params, snakemake.input, snakemake.output
        self.log = logging.getLogger(f"{_PACKAGE_LOG.name}.{snakemake.rule}")
        self._rule: str = snakemake.rule
        self._log_file: str = snakemake.log[0]
        self._progress: Progress | None = None
        self._cpu_of_start = 0.0

    def __enter__(self) -> Self:
        self._cpu_of_start = time.process_time()
        log_path = Path(self._log_file)
        log_path.parent.mkdir(parents=True, exist_ok=True)
        formatter = logging.Formatter("%(asctime)s %(name)s: %(message)s", "%H:%M:%S")
        self._handlers: list[logging.StreamHandler[Any]] = [
            logging.FileHandler(log_path, mode="w", encoding="utf-8"),
            logging.StreamHandler(sys.stderr),
        ]
        self._handlers[1].setLevel(logging.INFO)
        for handler in self._handlers:
            handler.setFormatter(formatter)
            _PACKAGE_LOG.addHandler(handler)
        _PACKAGE_LOG.setLevel(logging.DEBUG)
        print(f"log: {log_path}", file=sys.stderr, flush=True)
        _PACKAGE_LOG.propagate = False
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._progress is not None:
            self._progress.stop()
        if error is not None:
            self.log.error("%s", error, exc_info=(type(error), error, traceback))
        else:
            self.log.debug("%s", Usage(time.process_time(), self._cpu_of_start))
        for handler in self._handlers:
            if isinstance(error, Exception):
                # As it is, without the time in front; on a full disk there may be no log.
                with suppress(OSError):
                    line = failure_line(self._rule, self.output[0], error)
                    handler.stream.write(f"{line}\n")
                    handler.flush()
            _PACKAGE_LOG.removeHandler(handler)
            with suppress(OSError):
                handler.close()
        _PACKAGE_LOG.propagate = True

    def load(self, name: str, kind: type[A]) -> A:
        """The artifact that is the rule's input `name`."""
        return kind.load(self.input[name])

    def load_optional(self, name: str, kind: type[A]) -> A | None:
        """The artifact that is input `name`; None for rules without that input."""
        return self.load(name, kind) if hasattr(self.input, name) else None

    def load_all(self, name: str, kind: type[A]) -> list[A]:
        """The artifacts that are input `name`, file by file; none for rules without that input."""
        return [kind.load(path) for path in _listed(getattr(self.input, name, []))]

    def input_path(self, name: str) -> str | None:
        """Path of input `name`; None for rules without that input."""
        path: str | None = getattr(self.input, name, None)
        return path

    def load_joined(self, name: str, kind: type[A], along: str = "member") -> A:
        """All files of input `name`, batches of an ensemble, joined along the members."""
        return kind.load_joined(_listed(self.input[name]), along)

    def load_response(self) -> "sp.csr_array | None":
        """Matrix of the rule's input `response`; None for rules without that input."""
        response = self.load_optional("response", Response)
        return None if response is None else response.matrix()

    def save(self, artifact: Artifact) -> None:
        """Write the rule's first output."""
        path = self.output[0]
        artifact.save(path, self.provenance())
        self.log.debug("wrote %s", path)

    def save_table(self, table: "pd.DataFrame") -> None:
        """Write the rule's first output as CSV."""
        path = Path(self.output[0])
        write_atomically(path, table.to_csv(index=False, float_format="%.6g").encode())
        self.log.debug("wrote %s:\n%s", path, table.to_string(index=False))

    def save_text(self, name: str, text: str) -> None:
        """Write the rule's output `name`."""
        path = Path(self.output[name])
        write_atomically(path, text.encode())
        self.log.debug("wrote %s", path)

    def provenance(self) -> Provenance:
        """Rule, configuration slice, seed and input checksums of this job."""
        params = {name: value for name, value in self.params.items() if name != "code"}
        inputs: dict[str, str] = {}
        for name, value in self.input.items():
            paths = _listed(value)
            inputs |= {
                name if len(paths) == 1 else f"{name}[{index}]": sha256_of_file(path)
                for index, path in enumerate(paths)
            }
        return Provenance(
            producer=self._rule,
            config_sha256=sha256_of_config(params),
            seed=params.get("seed", NOT_RANDOM),
            inputs=inputs,
        )

    def fingerprint(self) -> str:
        """Digest of everything that the result depends on: configuration, code and inputs."""
        provenance = self.provenance()
        return sha256_of_config(
            {
                "config": provenance.config_sha256,
                "code": self.params.code,
                "inputs": dict(provenance.inputs),
            }
        )

    def progress(self, description: str, total: int) -> Callable[[int, str], None]:
        """Return a function of (done, note): a bar on a terminal, log lines otherwise."""
        if sys.stderr.isatty():
            return self._bar(description, total)
        # The first report is a line at once: it tells where a killed job goes on.
        last = -math.inf

        def report(done: int, note: str) -> None:
            nonlocal last
            if done == total or time.monotonic() - last > _SECONDS_BETWEEN_LOG_LINES:
                last = time.monotonic()
                self.log.info("%s: %d of %d, %s", description, done, total, note)

        return report

    def _bar(self, description: str, total: int) -> Callable[[int, str], None]:
        from rich.console import Console
        from rich.progress import Progress

        progress = self._progress = Progress(console=Console(stderr=True), transient=True)
        progress.start()
        task = progress.add_task(description, total=total)

        def report(done: int, note: str) -> None:
            progress.update(task, completed=done, description=f"{description} {note}")
            if done == total:
                self.log.info("%s: %d of %d, %s", description, done, total, note)

        return report


def _listed(files: str | list[str]) -> list[str]:
    """A named input of a rule as a list: Snakemake gives a single file as a string."""
    return [files] if isinstance(files, str) else list(files)
