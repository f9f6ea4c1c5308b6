"""What tests share: a run of the workflow, a PDF set, and how they are dealt out to processes."""

from pathlib import Path

import pytest
import torch
from xdist.scheduler import LoadScopeScheduling

from nd2fd.cross_sections.pdf.evolution import evolve_to_lhapdf
from validation_table import Table
from workflow_runs import CI, copy_project, git, snakemake

# As in the workflow's training jobs: tests run side by side.
torch.set_num_threads(1)

VALIDATION = pytest.StashKey[Table]()

MAKE_REPORT = (
    "all", "results/report/index.rst", "--report", "results/report.html", "--report-after-run",
)  # fmt: skip
"""As `make report`, with the tables that are not in the report."""


def pytest_addoption(parser):
    parser.addoption("--validation-table", type=Path, help="where the validation table is written")


@pytest.fixture(scope="session")
def validation(pytestconfig):
    """The validation table; written in the end if that was asked for."""
    table = pytestconfig.stash[VALIDATION]
    yield table
    file = pytestconfig.getoption("--validation-table")
    if file is not None:
        table.write(file)


def pytest_configure(config):
    config.stash[VALIDATION] = Table()


@pytest.fixture(scope="module", autouse=True)
def _style_of_one_file():
    """What a job that draws, run in the process of the tests, leaves behind is not for others."""
    import matplotlib as mpl

    with mpl.rc_context():
        yield


@pytest.fixture(scope="module")
def figure_style():
    """Figures as the workflow draws them."""
    import matplotlib.pyplot as plt

    from nd2fd.figures.style import use_style

    with plt.rc_context():
        use_style(str(Path(__file__).resolve().parents[1] / "workflow" / "figures.mplstyle"))
        yield


@pytest.fixture
def figures(figure_style):
    """In that style; those that a test leaves open are closed."""
    import matplotlib.pyplot as plt

    yield
    plt.close("all")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item):
    report = yield
    if report.skipped and "validation" in getattr(item, "fixturenames", ()):
        reason = str(report.longrepr[2]).removeprefix("Skipped: ")
        item.config.stash[VALIDATION].absent[item.name] = reason
    return report


LONGEST = (
    "test_workflow", "test_report", "test_profiles", "test_stages", "test_pseudo_experiments",
    "test_reruns", "test_interrupt", "test_far_analysis", "test_without_truth",
)  # fmt: skip
"""Files that start first, so that no process waits for another at the end."""


def pytest_collection_modifyitems(items):
    """The longest files first, the others as they were."""
    rank = {name: number for number, name in enumerate(LONGEST)}
    items.sort(key=lambda item: rank.get(item.path.stem, len(LONGEST)))


class ByFile(LoadScopeScheduling):
    """Tests of a file run in one process, those of the first two in the same: they share a run."""

    def _split_scope(self, nodeid):
        file = nodeid.partition("::")[0]
        return LONGEST[0] if Path(file).stem in LONGEST[:2] else file


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    return ByFile(config, log)


@pytest.fixture(scope="session")
def toy_run(tmp_path_factory):
    """A complete run at toy size with its report, in a repository of its own: not to be changed."""
    directory = copy_project(tmp_path_factory.mktemp("toy") / "run")
    git(directory, "init", "-q")
    git(directory, "add", ".")
    git(directory, "commit", "-q", "-m", "a copy")
    code, output = snakemake(directory, "--cores", "2", *MAKE_REPORT, *CI)
    assert code == 0, output[-5000:]
    return directory


@pytest.fixture(scope="session")
def pdf_set(tmp_path_factory):
    """Directory of the embedded PDF set."""
    directory = tmp_path_factory.mktemp("pdf") / "ct18nnlo"
    evolve_to_lhapdf(directory)
    return directory


@pytest.fixture
def fresh(tmp_path):
    """A copy of the project in which nothing has run."""
    return copy_project(tmp_path)
