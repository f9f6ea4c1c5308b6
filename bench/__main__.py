"""Command line of the benchmarks."""

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path

from rich.console import Console

from bench.bootstrap import bootstrap
from bench.harness import Comparison, console, set_threads
from bench.limit import limit
from bench.operator import build, scaling
from bench.oscillation import oscillation
from bench.report import performance_page, terminal_tables
from bench.training import gpu, step, time_to_loss

ENTRIES: dict[str, Callable[[bool], Comparison]] = {
    entry.__name__: entry
    for entry in (step, limit, time_to_loss, build, scaling, bootstrap, oscillation, gpu)
}
RESULTS = Path("results/bench")
PAGE = Path("docs/performance.md")
_BUSY = 0.5
_WIDTH_OF_LOGS = 160


def main() -> None:
    """Run entries and write their results, in a checkout's root directory."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=main.__doc__)
    parser.add_argument(
        "entries", nargs="*", metavar="entry", help=f"all if none is named: {', '.join(ENTRIES)}"
    )
    parser.add_argument(
        "--quick", action="store_true", help="smaller, in 3 minutes; results in results/bench/quick"
    )
    parser.add_argument("--docs", action="store_true", help=f"only write {PAGE} from the results")
    parser.add_argument("--threads", type=int, default=2, help="threads per contestant (default 2)")
    arguments = parser.parse_args()
    if unknown := set(arguments.entries) - set(ENTRIES):
        parser.error(f"no entry {', '.join(sorted(unknown))}; there are {', '.join(ENTRIES)}")

    if not arguments.docs:
        if os.getloadavg()[0] > _BUSY:
            console.log(f"[yellow]the machine is busy: load {os.getloadavg()[0]:.1f}")
        set_threads(arguments.threads)
        tables = Console(width=None if sys.stdout.isatty() else _WIDTH_OF_LOGS)
        directory = RESULTS / "quick" if arguments.quick else RESULTS
        for name in arguments.entries or ENTRIES:
            comparison = ENTRIES[name](arguments.quick)
            comparison.write(directory, threads=arguments.threads, quick=arguments.quick)
            tables.print(*terminal_tables(comparison))
    elif not any(RESULTS.glob("*.json")):
        sys.exit(f"no results in {RESULTS}; run python -m bench first")
    if not arguments.quick:
        PAGE.write_text(performance_page(RESULTS, list(ENTRIES)), encoding="utf-8")


if __name__ == "__main__":
    main()
