"""Errors on purpose, one at a time: which test sees each of them? Writes docs/mutants.md.

tests/mutants.yaml lists them. Each is made in a copy of the project, never in the working tree, and
only the tests named for it run there. A list that does not fit the code, or tests that fail without
any error, end the run before it begins.
"""

import argparse
import hashlib
import json
import multiprocessing
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.util import cache_from_source
from pathlib import Path
from queue import Queue
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[1]
LIST = ROOT / "tests" / "mutants.yaml"
PAGE = ROOT / "docs" / "mutants.md"
STATE = ROOT / "results" / "mutants.json"
LIMIT = 600
"""Seconds for the tests of one error; most take ten."""
LIBRARIES = (
    *("pytest", "numpy", "scipy.stats", "scipy.sparse", "h5py", "pandas", "yaml", "pydantic"),
    *("torch", "zuko", "hoppet", "snakemake.iocontainers", "snakemake.utils"),
)
"""What most tests need and no error changes: loaded once, since it takes longer than the tests."""


@dataclass(frozen=True)
class Change:
    """A text of a file that stands there exactly once, and what replaces it."""

    file: str
    old: str
    new: str

    def changed(self, root: Path) -> str:
        """The file below `root` with the change; ValueError if that does not fit."""
        text = (root / self.file).read_text(encoding="utf-8")
        if (found := text.count(self.old)) != 1:
            raise ValueError(f"{self.file} has {found} times, not once: {self.old!r}")
        if self.new == self.old:
            raise ValueError(f"{self.file}: {self.old!r} is replaced by itself")
        return text.replace(self.old, self.new)

    def apply(self, root: Path) -> None:
        """Make the change below `root`; raises as `changed`."""
        path = root / self.file
        path.write_text(self.changed(root), encoding="utf-8")
        # A change within a second that keeps the size would not be noticed.
        Path(cache_from_source(str(path))).unlink(missing_ok=True)


@dataclass(frozen=True)
class Mutant:
    """An error.

    name, kind
        What it is called, and where it belongs.
    effect
        What would be wrong.
    changes
        Of the code.
    tests
        Those that should see it, as pytest names them below tests/.
    """

    name: str
    kind: str
    effect: str
    changes: tuple[Change, ...]
    tests: tuple[str, ...]

    @property
    def files(self) -> list[str]:
        """What decides about the result: changed files, and those of the tests."""
        tests = [f"tests/{test.partition('::')[0]}" for test in self.tests]
        return sorted({*(change.file for change in self.changes), *tests})


@dataclass(frozen=True)
class Result:
    """What happened: `seen_by` is the first test that failed, empty if none did."""

    seen_by: str
    seconds: float
    digest: str


def mutants() -> list[Mutant]:
    """All of the list; ValueError if one is not described or has the name of another."""
    listed = []
    for kind, entries in yaml.safe_load(LIST.read_text(encoding="utf-8")).items():
        for name, entry in entries.items():
            changes = [entry, *entry.get("and", [])]
            listed.append(
                Mutant(
                    name,
                    kind,
                    entry["effect"],
                    tuple(Change(c["file"], c["old"], c["new"]) for c in changes),
                    tuple(entry["tests"]),
                )
            )
    names = [mutant.name for mutant in listed]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"{LIST.name} has two of {', '.join(twice)}")
    return listed


def misfits(chosen: Sequence[Mutant]) -> Iterator[str]:
    """What is wrong with errors that cannot be made in the working tree, or tests that are not."""
    for mutant in chosen:
        for change in mutant.changes:
            try:
                change.changed(ROOT)
            except (OSError, ValueError) as error:
                yield f"{mutant.name}: {error}"
        for test in mutant.tests:
            file, _, function = test.partition("::")
            path = ROOT / "tests" / file
            if not path.is_file() or f"def {function.partition('[')[0]}" not in path.read_text():
                yield f"{mutant.name}: there is no test {test}"


def copy_project(destination: Path) -> Path:
    """Copy what git knows and what it does not ignore."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout
    for name in filter(None, listed.decode().split("\0")):
        if (ROOT / name).is_file():
            (destination / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, destination / name)
    return destination


def run_tests(root: Path, tests: Sequence[str]) -> tuple[int, str]:
    """Run tests of a copy up to the first that fails; exit code of pytest and what it printed.

    Without reference data, which not everybody has: what they would see is not counted on.
    """
    with tempfile.NamedTemporaryFile() as output:
        context = multiprocessing.get_context("forkserver")
        process = context.Process(target=_pytest_in, args=(str(root), list(tests), output.name))
        process.start()
        process.join(LIMIT)
        if process.exitcode is None:
            process.kill()
            process.join()
            return 1, f"FAILED no end after {LIMIT} s"
        return process.exitcode, Path(output.name).read_text(encoding="utf-8", errors="replace")


def _pytest_in(root: str, tests: list[str], output: str) -> None:
    """Run pytest with the code of a copy; what it prints goes to a file."""
    descriptor = os.open(output, os.O_WRONLY)
    for stream in (1, 2):
        os.dup2(descriptor, stream)
    os.chdir(root)
    os.environ |= {"PYTHONPATH": f"{root}/src", "ND2FD_REFERENCE_DATA": f"{root}/none"}
    sys.path[:0] = [f"{root}/src"]
    import pytest

    options = ["-x", "-q", "--tb=no", "-p", "no:cacheprovider"]
    code = pytest.main([*options, *(f"tests/{test}" for test in tests)])
    sys.stdout.flush()
    os._exit(code)


def failed_test(output: str) -> str:
    """The first test that failed, from pytest's summary."""
    found = re.search(r"^(?:FAILED|ERROR) (?:tests/)?(.*?)(?: - .*)?$", output, re.MULTILINE)
    return found[1] if found else ""


def try_mutant(mutant: Mutant, root: Path) -> Result:
    """Make an error in a copy, run its tests, and mend it again.

    Raises RuntimeError where the tests cannot run, which says nothing about them.
    """
    digest = digest_of(mutant, root)
    before = {change.file: (root / change.file).read_bytes() for change in mutant.changes}
    start = time.monotonic()
    try:
        for change in mutant.changes:
            change.apply(root)
        code, output = run_tests(root, mutant.tests)
    finally:
        for file, content in before.items():
            (root / file).write_bytes(content)
            Path(cache_from_source(str(root / file))).unlink(missing_ok=True)
    if code not in (0, 1):
        raise RuntimeError(f"{mutant.name}: pytest ended with {code}:\n{output[-2000:]}")
    seen_by = failed_test(output) if code == 1 else ""
    return Result(seen_by, time.monotonic() - start, digest)


def digest_of(mutant: Mutant, root: Path) -> str:
    """Of an error, the files it changes and those of its tests."""
    content = json.dumps(asdict(mutant)).encode()
    for file in mutant.files:
        content += (root / file).read_bytes()
    return hashlib.sha256(content).hexdigest()


def try_all(
    chosen: Sequence[Mutant], roots: Sequence[Path], known: dict[str, Result]
) -> Iterator[tuple[Mutant, Result]]:
    """Results as they come, several at a time in a copy each; those that are known first."""
    free: Queue[Path] = Queue()
    for root in roots:
        free.put(root)

    def in_a_copy(mutant: Mutant) -> tuple[Mutant, Result]:
        root = free.get()
        try:
            return mutant, try_mutant(mutant, root)
        finally:
            free.put(root)

    left = []
    for mutant in chosen:
        result = known.get(mutant.name)
        if result is not None and result.digest == digest_of(mutant, roots[0]):
            yield mutant, result
        else:
            left.append(mutant)
    with ThreadPoolExecutor(len(roots)) as pool:
        yield from pool.map(in_a_copy, left)


def page(results: Sequence[tuple[Mutant, Result]]) -> str:
    """docs/mutants.md."""
    survivors = [mutant.name for mutant, result in results if not result.seen_by]
    minutes = sum(result.seconds for _, result in results) / 60
    command = ["git", "rev-parse", "--short", "HEAD"]
    commit = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    lines = [
        "# Errors on purpose",
        "",
        "`make mutants` makes each of these errors in a copy of the project, one at a time, and",
        "runs the tests that should see it, without reference data. The list is",
        "`tests/mutants.yaml`; `tests/test_mutants.py` sees to it that it fits the code. An error",
        "that no test has seen becomes an entry there, and then a test.",
        "",
        f"Of {datetime.now(UTC):%-d %B %Y}, after commit {commit.strip()}: {len(results)} errors, "
        f"{len(results) - len(survivors)} seen, {minutes:.0f} minutes on one core.",
    ]
    if survivors:
        lines += ["", f"**Not seen: {', '.join(survivors)}.**"]
    for kind in dict.fromkeys(mutant.kind for mutant, _ in results):
        lines += [
            "",
            f"## {kind.capitalize()}",
            "",
            "| error | what is wrong | seen by |",
            "|---|---|---|",
        ]
        for mutant, result in results:
            if mutant.kind == kind:
                seen = (
                    f"`{result.seen_by}`".replace("|", r"\|") if result.seen_by else "**nothing**"
                )
                lines.append(f"| {mutant.name.replace('_', ' ')} | {mutant.effect} | {seen} |")
    return "\n".join([*lines, ""])


def arguments() -> Any:
    """Of the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="*", help="errors to make; all if none is named")
    parser.add_argument("-j", type=int, default=1, metavar="N", help="so many at a time")
    parser.add_argument(
        "--resume", action="store_true", help="keep results whose files have not changed since"
    )
    parser.add_argument("--no-check", action="store_true", help="do not run tests without errors")
    return parser.parse_args()


def main() -> int:
    """Exit code: 1 if an error was not seen."""
    options = arguments()
    listed = mutants()
    if unknown := set(options.names).difference(mutant.name for mutant in listed):
        sys.exit(f"{LIST.name} has no {', '.join(sorted(unknown))}")
    chosen = [m for m in listed if not options.names or m.name in options.names]
    os.environ["OMP_NUM_THREADS"] = "1"
    multiprocessing.get_context("forkserver").set_forkserver_preload(list(LIBRARIES))
    known: dict[str, Result] = {}
    if STATE.is_file():
        known = {name: Result(**r) for name, r in json.loads(STATE.read_text()).items()}
    with tempfile.TemporaryDirectory(prefix="nd2fd-mutants-") as folder:
        roots = [copy_project(Path(folder, str(i))) for i in range(options.j)]
        if problems := list(misfits(chosen)):
            sys.exit("\n".join([f"{LIST.name} does not fit the code:", *problems]))
        if not options.no_check:
            tests = sorted({test for mutant in chosen for test in mutant.tests})
            code, output = run_tests(roots[0], tests)
            if code != 0:
                sys.exit(f"tests fail without any error:\n{output[-2000:]}")
        results = []
        resumed = known if options.resume else {}
        for mutant, result in try_all(chosen, roots, resumed):
            print(
                f"{result.seconds:4.0f} s  {mutant.name}: {result.seen_by or 'NOT SEEN'}",
                flush=True,
            )
            results.append((mutant, result))
            known[mutant.name] = result
            STATE.parent.mkdir(exist_ok=True)
            STATE.write_text(json.dumps({name: asdict(r) for name, r in known.items()}, indent=1))
    if not options.names:
        results.sort(key=lambda pair: listed.index(pair[0]))
        PAGE.write_text(page(results), encoding="utf-8")
    return int(any(not result.seen_by for _, result in results))


if __name__ == "__main__":
    sys.exit(main())
