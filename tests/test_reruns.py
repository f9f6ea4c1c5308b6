"""What makes Snakemake run a job again: another content of what it reads or runs, and nothing else.

Each test has a clone of its own, package included, with the first jobs of a toy run done.
"""

import os
import shutil

import pytest

from nd2fd.figures.catalogue import CATALOGUE
from workflow_runs import CI, ROOT, copy_project, job_counts, snakemake

FLUX = "data/flux.csv"
TARGETS = ("results/truth/densities.h5", "results/figs/fig1.pdf")
ALL = {"prepare_flux", "tabulate_oscillation", "evolve_pdf", "truth_densities", "fig1"}


def run(directory, *options):
    """Snakemake with the clone's own package instead of the installed one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(directory / "src"))
        code, output = snakemake(directory, *CI, "toy.yaml", *options, "--", *TARGETS)
    assert code == 0, output[-5000:]
    return output


def reruns(directory):
    """Names of the rules that would run."""
    output = run(directory, "-n")
    return set() if "Nothing to be done" in output else set(job_counts(output))


def add_a_constant(path):
    with path.open("a") as stream:
        stream.write("\nANOTHER_CONSTANT = 1\n")


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    directory = copy_project(tmp_path_factory.mktemp("finished"))
    package = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "src" / "nd2fd", directory / "src" / "nd2fd", ignore=package)
    # A flux of the user's, so that there is an input that no rule makes. It is longer than a file
    # of which Snakemake would look at the content by default.
    (directory / "data").mkdir()
    shape = "".join(f"{energy / 10},{energy * (110 - energy)}\n" for energy in range(1, 110))
    (directory / FLUX).write_text(f"# {'comment ' * 150_000}\n{shape}")
    (directory / "toy.yaml").write_text(
        f"flux: {{near: {FLUX}, near_format: {{energies: points}}, uncertainty: smooth}}\n"
    )
    assert set(job_counts(run(directory, "--cores", "2"))) == ALL
    return directory


@pytest.fixture
def clone(finished, tmp_path):
    """The finished one at another place, with the times of its files."""
    directory = tmp_path / "clone"
    shutil.copytree(finished, directory)
    return directory


# What reruns nothing


def test_moved_clone(clone):
    assert reruns(clone) == set()


def test_records_do_not_name_the_place(finished):
    records = [p for p in (finished / ".snakemake" / "metadata").rglob("*") if p.is_file()]
    assert len(records) >= len(ALL)
    for path in records:
        assert str(finished) not in path.read_text()


def test_no_job_names_the_place(clone):
    """What all jobs read and write is relative to the clone."""
    code, output = snakemake(clone, *CI, "--detailed-summary")
    assert code == 0, output[-5000:]
    rows = [line for line in output.splitlines() if line.startswith("results/")]
    assert len(rows) > 100
    assert not [row for row in rows if str(clone) in row]


@pytest.mark.parametrize("touched", ["code and inputs", "one result", "all"])
def test_new_times(clone, touched):
    """As after touch, git checkout of equal files, or a copy that does not keep times."""
    for path in clone.rglob("*"):
        kind = "results" if clone / "results" in path.parents else "code and inputs"
        if path == clone / "results/inputs/flux.h5":
            kind = "one result"
        if touched in (kind, "all") and ".snakemake" not in path.parts:
            os.utime(path)
    assert reruns(clone) == set()


def test_edited_documentation(clone):
    for name in (
        "workflow/scripts/prepare_flux.py",
        "src/nd2fd/beam/flux.py",
        "src/nd2fd/io/job.py",
    ):
        path = clone / name
        text = path.read_text()
        assert text.startswith('"""')
        path.write_text(f'"""Other words.\n\n{text[3:]}\n# And a comment.\n')
    assert reruns(clone) == set()


def test_edited_code_that_others_use(clone):
    for name in ("figures/oscillation_contours.py", "statistics/regions.py"):
        add_a_constant(clone / "src" / "nd2fd" / name)
    assert reruns(clone) == set()


def test_other_words_about_a_figure(clone):
    """Titles and captions are for the report."""
    path = clone / "src/nd2fd/figures/entries/learned.py"
    text = path.read_text()
    assert CATALOGUE["fig1"].title in text
    path.write_text(text.replace(CATALOGUE["fig1"].title, "Another title"))
    assert reruns(clone) == set()


# What reruns what uses it


@pytest.mark.parametrize(
    ("file", "rerun"),
    [
        ("workflow/scripts/tabulate_oscillation.py", {"tabulate_oscillation", "truth_densities"}),
        ("src/nd2fd/beam/prepare.py", {"prepare_flux", "truth_densities"}),
        ("src/nd2fd/io/schemas/truth.py", {"truth_densities"}),
        ("src/nd2fd/io/artifacts.py", ALL),
        ("src/nd2fd/figures/procedure.py", {"fig1"}),
    ],
)
def test_edited_code(clone, file, rerun):
    add_a_constant(clone / file)
    assert reruns(clone) == rerun


def test_other_data_of_the_package(clone):
    data = clone / "src" / "nd2fd" / "data"
    with (data / "dune_nd_numu_fhc.csv").open("a") as stream:
        stream.write("\n")
    assert reruns(clone) == {"prepare_flux", "truth_densities"}


def test_other_input(clone):
    with (clone / FLUX).open("a") as stream:
        stream.write("# Another comment.\n")
    assert reruns(clone) == {"prepare_flux", "truth_densities"}


def test_other_style(clone):
    with (clone / "workflow" / "figures.mplstyle").open("a") as stream:
        stream.write("axes.grid: True\n")
    assert reruns(clone) == {"fig1"}


def test_run_again_after_a_change(clone):
    """Once it has run with the new code there is nothing to do, and going back is a change."""
    path = clone / "src/nd2fd/figures/procedure.py"
    before = path.read_text()
    add_a_constant(path)
    assert "fig1" in run(clone, "--cores", "2")
    assert reruns(clone) == set()
    path.write_text(before)
    assert reruns(clone) == {"fig1"}
