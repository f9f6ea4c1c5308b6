"""A cluster for the session, and a table of what was measured at its end."""

import signal

import pytest
from cluster import Cluster, UnavailableError
from harness import Snakemake, plain_environment

ROWS = pytest.StashKey[list[tuple[str, ...]]]()


def pytest_configure():
    """A terminated session takes its cluster down, as an interrupted one does."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)


@pytest.fixture(scope="session")
def cluster(tmp_path_factory):
    cluster = Cluster(tmp_path_factory.mktemp("cluster"))
    try:
        cluster.start()
        yield cluster
    except UnavailableError as reason:
        pytest.skip(f"no Slurm: {reason}")
    finally:
        cluster.stop()


@pytest.fixture
def snakemake(cluster):
    """Function that starts Snakemake in a directory, on the cluster; all are killed at the end."""
    running = []

    def start(directory, *arguments, **variables):
        environment = {**plain_environment(), "SLURM_CONF": str(cluster.config), **variables}
        running.append(Snakemake.start(directory, environment, *arguments))
        return running[-1]

    yield start
    for run in running:
        run.end()


@pytest.fixture(scope="session")
def table(pytestconfig):
    """Function that adds a row to the table at the end of the session."""
    return pytestconfig.stash.setdefault(ROWS, []).append


def pytest_terminal_summary(terminalreporter, config):
    rows = config.stash.get(ROWS, [])
    if rows:
        terminalreporter.section("measured")
        widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
        for row in rows:
            cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
            terminalreporter.write_line("| " + " | ".join(cells) + " |")
