"""The report and its numbers as a user gets them: one command at toy size, from a fresh copy."""

import json
import os
import re
import shutil
from html.parser import HTMLParser

import h5py
import numpy as np
import pytest
from PIL import Image

import browser
import warm_python
from configurations import planned
from nd2fd.figures.catalogue import CATALOGUE, present
from nd2fd.report.__main__ import BEGIN, END
from nd2fd.report.numbers_file import TOY_RUN, numbers_from_json
from workflow_runs import CI, copy_project, git, job_counts, snakemake

SHOWN = {name: CATALOGUE[name] for name in present(planned("ci.yaml"))}
"""Figures of the toy run."""

PARAMETERS = {"sin2_2theta23": 1.0, "dm2_32": 1e3}
# Tables have six digits.
ROUNDING = 1e-5


@pytest.fixture(scope="module")
def reported(toy_run):
    return toy_run


@pytest.fixture(scope="module")
def numbers(reported):
    return numbers_from_json((reported / "results/tables/numbers.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def page(reported):
    return (reported / "results/report.html").read_text(encoding="utf-8")


def read(directory, pattern, name):
    """A dataset of all files of a pattern, joined along the first dimension."""
    files = sorted((directory / "results").glob(pattern))
    assert files
    parts = []
    for path in files:
        with h5py.File(path) as file:
            parts.append(file[name][()])
    return parts[0] if parts[0].ndim == 0 else np.concatenate(parts)


def javascript(page, variable):
    """Value of a variable in the report."""
    start = re.search(rf'<script id="[a-z-]+">\s*var {variable} = ', page)
    assert start is not None
    return json.JSONDecoder().raw_decode(page, start.end())[0]


@pytest.mark.parametrize("name", PARAMETERS)
def test_fits_agree_with_artifacts(reported, numbers, name):
    scale = PARAMETERS[name]
    best = {
        ensemble: read(reported, f"fits/{ensemble}/*.h5", f"best_{name}")
        for ensemble in ("truth", "truth_smeared", "nominal", "systematics", "flow")
    }
    sigma = {
        ensemble: read(reported, f"fits/{ensemble}/*.h5", name).std()
        for ensemble in ("truth", "truth_smeared")
    }
    of_truth = numbers[f"truth/{name}/best"]
    assert of_truth.value == pytest.approx(best["truth"][0] * scale, rel=ROUNDING)
    assert of_truth.uncertainty == pytest.approx(sigma["truth"] * scale, rel=ROUNDING)
    for ensemble in ("nominal", "flow"):
        shift = (best[ensemble].mean() - best["truth"][0]) / sigma["truth"]
        # The difference of numbers with six digits.
        rounding = 1e-6 * best["truth"][0] / sigma["truth"]
        assert numbers[f"{ensemble}/{name}/shift"].value == pytest.approx(shift, abs=rounding)
    # Smeared members are compared with the known cross section, smeared as well.
    shifts = (best["systematics"] - best["truth_smeared"][0]) / sigma["truth_smeared"]
    quoted = numbers[f"systematics/{name}/shift"]
    assert quoted.value == pytest.approx(shifts.mean(), rel=ROUNDING)
    assert quoted.uncertainty == pytest.approx(shifts.std(ddof=1) / np.sqrt(3), rel=ROUNDING)


def test_learning_agrees_with_artifacts(reported, numbers):
    for ensemble in ("seeds", "flow"):
        for detector in ("near", "far"):
            true = read(reported, "truth/densities.h5", detector)
            learned = read(reported, f"predictions/{ensemble}/*.h5", detector)
            # Both have unit integral over the unit square.
            variation = 100 * 0.5 * np.abs(learned - true).mean(axis=(1, 2))
            quoted = numbers[f"{ensemble}/{detector}/median"].value
            assert quoted == pytest.approx(np.median(variation), rel=1e-4)
    loss = read(reported, "flows/flow/*.h5", "final_loss").max()
    assert numbers["flow/loss/worst"].value == pytest.approx(loss, rel=ROUNDING)
    # The point of the baseline: a worse fit at the ND, and no idea of the FD.
    assert numbers["flow/far/median"].value > 20 * numbers["seeds/far/median"].value


def test_coverage_and_areas_agree_with_artifacts(reported, numbers):
    contained = read(reported, "coverage/truth/*.h5", "contained")
    assert contained.shape[:2] == (4, 1)
    for region, name in enumerate(("both", "sin2_2theta23", "dm2_32")):
        for level in (1, 2):
            quoted = numbers[f"coverage/truth/{name}_{level}sigma"].value
            assert quoted == pytest.approx(100 * contained[:, 0, level - 1, region].mean())
    mixing, mass = (read(reported, "intervals/nominal.h5", name) for name in PARAMETERS)
    cell = (mixing[1] - mixing[0]) * (mass[1] - mass[0])
    inside = read(reported, "intervals/nominal.h5", "mask")[0].sum()
    assert numbers["nominal/area_1sigma"].value == pytest.approx(1e3 * inside * cell)


def test_numbers_say_where_they_come_from(reported, numbers):
    content = json.loads((reported / "results/tables/numbers.json").read_text(encoding="utf-8"))
    assert set(content["numbers"]) == set(numbers)
    for name, entry in content["numbers"].items():
        assert entry["unit"] and entry["description"] and entry["sources"], name  # noqa: PT018
        for source in entry["sources"]:
            path, dataset = source.rsplit(":", 1)
            assert len(content["artifacts"][path]["sha256"]) == 64
            if path.endswith(".h5"):
                with h5py.File(reported / path) as file:
                    assert dataset in file, source
            elif path.endswith(".csv"):
                header = (reported / path).read_text().splitlines()[0]
                assert dataset in header.split(","), source
            else:
                assert path == "configuration"


def test_equal_artifacts_give_equal_bytes(reported, tmp_path):
    """Also in another process, whose sets and mappings have another order."""
    directory = tmp_path / "copy"
    shutil.copytree(reported, directory)
    names = [f"results/tables/numbers.{suffix}" for suffix in ("json", "tex")]
    before = [(directory / name).read_bytes() for name in names]
    for name in names:
        (directory / name).unlink()
    code, output = snakemake(directory, names[0], *CI, "--cores", "1")
    assert code == 0, output[-3000:]
    assert set(job_counts(output)) == {"numbers_table"}
    assert [(directory / name).read_bytes() for name in names] == before


class _Links(HTMLParser):
    """What a page loads: addresses in `src`, `href` of anything but a link to click on, and CSS."""

    def __init__(self):
        super().__init__()
        self.addresses = []
        self.style = ""
        self.in_style = False

    def handle_starttag(self, tag, attrs):
        self.in_style = tag == "style"
        names = {"src", "srcset", "data", "poster"} | ({"href"} if tag != "a" else set())
        self.addresses += [value for name, value in attrs if name in names]

    def handle_data(self, data):
        if self.in_style:
            self.style += data


def test_report_loads_nothing_from_elsewhere(page):
    links = _Links()
    links.feed(page)
    assert [a for a in links.addresses if not a.startswith("data:")] == []
    assert "@import" not in links.style
    assert re.findall(r"url\((?!['\"]?data:)", links.style) == []
    # The application makes elements of these.
    front = _Links()
    front.feed(javascript(page, "workflow_desc"))
    assert len(front.addresses) == len(SHOWN)
    assert all(address.startswith("data:image/png;base64,") for address in front.addresses)
    results = javascript(page, "results")
    assert all(result["data_uri"].startswith("data:") for result in results.values())
    # Vega would load the data of a plot from an address.
    for specification in ("rulegraph_spec", "runtimes_spec", "timeline_spec"):
        assert '"url"' not in json.dumps(javascript(page, specification))


def test_report_has_all_figures_with_numbers_in_their_captions(page, numbers):
    results, plan = javascript(page, "results"), planned("ci.yaml")
    for name, figure in SHOWN.items():
        result = results[f"results/figs/{name}.png"]
        # One label: two with two values each would become switches, and the section a white page.
        assert result["labels"] == {"figure": f"{figure.number}: {figure.title}"}
        assert figure.title in result["caption"]
        assert TOY_RUN in result["caption"]
        for quoted in re.findall(r"{([^}:]+)}", figure.caption(plan)):
            if quoted.endswith("/at_edge") and quoted not in numbers:
                continue  # no fit ends at an edge, and nothing is said of it
            assert str(f"{numbers[quoted]}" if quoted in numbers else "n/a") in result["caption"]
    categories = javascript(page, "categories")
    assert {figure.group for figure in SHOWN.values()} < set(categories)


def test_pages_of_figures_lead_to_what_they_are_made_of(page, reported):
    """All links are files: figure, data and artifacts beside the report, module and rules."""
    results, plan = javascript(page, "results"), planned("ci.yaml")
    for name, figure in SHOWN.items():
        caption = results[f"results/figs/{name}.png"]["caption"]
        links = re.findall(r'href="([^"]+)"', caption)
        folder = reported / "results"
        files = [(folder / link).resolve() for link in links]
        assert all(file.is_file() for file in files)
        # The package may be installed elsewhere.
        (module,) = (file for file in files if file.suffix == ".py")
        assert module.parts[-4:] == ("src", "nd2fd", "figures", f"{figure.module}.py")
        names = {
            file.relative_to(reported.resolve()).as_posix() for file in files if file != module
        }
        inputs = [path for files in (figure.inputs(plan) or {}).values() for path in
                  ([files] if isinstance(files, str) else files)]  # fmt: skip
        assert names >= {f"results/figs/{name}.pdf", *figure.data(plan), *inputs}
        assert "workflow/rules/figures.smk" in names
        for key in figure.params(plan):
            assert re.search(rf"\b{key}\b", caption)


def test_front_page(page, numbers, reported):
    front = javascript(page, "workflow_desc")
    for name in ("truth/dm2_32/best", "flow/far/median", "systematics/dm2_32/shift"):
        assert f"{numbers[name]}" in front
    for figure in SHOWN.values():
        assert figure.title in front
    assert re.search(r"nd2fd: DUNE</h1>", front)
    assert f"<strong>{TOY_RUN}</strong>" in front
    assert re.search(r"torch</td>\s*<td>\d+\.\d+", front)
    assert f"Commit: {git(reported, 'rev-parse', 'HEAD')}</p>" in front
    assert f"values sin²θ23 = {numbers['true/sin2_theta23']}, " in front
    assert "matter_density" in front
    assert "system-message" not in front  # of docutils


@pytest.fixture
def shown(reported, tmp_path):
    """The report in a browser."""
    if browser.find() is None:
        pytest.skip(f"no browser: none of {', '.join(browser.NAMES)} is installed")
    with browser.Page((reported / "results/report.html").as_uri(), tmp_path / "profile") as page:
        page.wait_for("document.querySelector('#app .prose h1')")
        yield page
        assert page.errors == []


# Whether the upper left corner of an element is what one sees there, after scrolling.
IN_SIGHT = """(element => {
    for (let e = element; e; e = e.parentElement) e.scrollTo(0, 0);
    const box = element.getBoundingClientRect();
    return element.contains(document.elementFromPoint(box.left + 2, box.top + 2));
})"""


def test_front_page_can_be_scrolled_to_its_beginning(shown):
    title = "document.querySelector('#app .prose h1')"
    assert shown.evaluate(f"{title}.innerText") == "nd2fd: DUNE"
    assert shown.evaluate(f"{IN_SIGHT}({title})")


def test_all_sections_of_the_menu_show_their_figures(shown):
    groups = {}
    for figure in SHOWN.values():
        groups.setdefault(figure.group, []).append(f"{figure.number}: {figure.title}")
    link = "[...document.querySelectorAll('#app a')].find(a => a.innerText.trim() === {})"
    rows = "[...document.querySelectorAll('#app tbody tr')]"
    for group, titles in groups.items():
        shown.evaluate(link.format(json.dumps(group)) + ".click()")
        shown.wait_for(f"{rows}.some(r => r.innerText.trim() === {json.dumps(titles[0])})")
        listed = shown.evaluate(f"{rows}.map(r => r.innerText.trim())")
        assert [text for text in listed if re.match(r"\d+: ", text)] == titles
        for title in titles:
            shown.evaluate(f"{rows}.find(r => r.innerText.trim() === {json.dumps(title)})"
                           ".querySelector('a').click()")  # fmt: skip
            image = "document.querySelector('#app .p-3 > img')"
            shown.wait_for(f"{image} && {image}.complete && {image}.naturalWidth > 500")
            assert shown.evaluate(f"{IN_SIGHT}({image})")
        shown.evaluate(link.format('"Results"') + ".click()")
        shown.wait_for(link.format(json.dumps(group)))


def test_style_change_redraws_figures_and_the_report(reported, tmp_path):
    directory = tmp_path / "copy"
    shutil.copytree(reported, directory)
    style = directory / "workflow" / "figures.mplstyle"
    style.write_text(style.read_text() + "axes.grid: True\n")
    _, output = snakemake(directory, "results/report/index.rst", *CI, "-n")
    assert set(job_counts(output)) == {"report_pages", *SHOWN}


def test_one_figure_needs_only_its_own(tmp_path):
    _, output = snakemake(copy_project(tmp_path), "-n", "results/figs/fig7.pdf")
    jobs = job_counts(output)
    assert jobs["train_members"] == 1  # ten seeds in one batch
    needed = {"train_members", "truth_densities", "node_weights", "fig7"}
    inputs = {"evolve_pdf", "prepare_flux", "tabulate_oscillation"}
    assert needed <= set(jobs) <= needed | inputs | {"near_members"}


def test_gallery_and_check(reported, tmp_path):
    """Both commands, on another page: what was written agrees, other numbers do not."""
    (tmp_path / "docs" / "images").mkdir(parents=True)
    (tmp_path / "docs" / "results.md").write_text(f"before\n{BEGIN}\n{END}\nafter\n")
    # Of figures that are small already: the report has shown how others are made so.
    (tmp_path / "figs").mkdir()
    for file in (reported / "results/figs").glob("*.png"):
        with Image.open(file) as image:
            image.reduce(10).save(tmp_path / "figs" / file.name)
    (tmp_path / "tables").mkdir()
    numbers = tmp_path / "tables/numbers.json"
    shutil.copy(reported / "results/tables/numbers.json", numbers)

    def run(command, results):
        arguments = ["-m", "nd2fd.report", command, str(results)]
        return warm_python.run(arguments, tmp_path, os.environ)

    code, _, errors = run("gallery", tmp_path)
    assert code == 0, errors
    page = (tmp_path / "docs" / "results.md").read_text(encoding="utf-8")
    assert page.startswith("before\n")
    assert page.endswith("after\n")
    assert len(list((tmp_path / "docs/images").glob("fig*.png"))) == len(SHOWN)
    assert run("check", tmp_path)[0] == 0
    content = json.loads(numbers.read_text(encoding="utf-8"))
    content["numbers"]["truth/dm2_32/best"]["value"] = 2.3456
    numbers.write_text(json.dumps(content))
    code, output, _ = run("check", tmp_path)
    assert code == 1
    assert "truth/dm2_32/best: 2.3456, but docs/results.md has 2.4" in output
    code, _, errors = run("check", tmp_path / "docs")
    assert code == 1
    assert "run the workflow first" in errors
