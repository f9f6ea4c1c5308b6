"""The pages of the report, from numbers that are known."""

import re
import subprocess
from html import unescape
from pathlib import Path

import pytest
import yaml
from docutils.core import publish_parts
from jinja2 import Template

from nd2fd.report.figure_pages import FigureSource, figure_page
from nd2fd.report.numbers import Number
from nd2fd.report.numbers_file import TOY_RUN, Ensemble, FigureText, Summary
from nd2fd.report.pages import commit_of, front_page

SOURCE = (("oscillation", "column"),)
NUMBERS = {
    "true/sin2_theta23": Number(0.47, "1", ".3f", "", SOURCE),
    "true/sin2_2theta23": Number(0.9964, "1", ".4f", "", SOURCE),
    "true/dm2_32": Number(2.4381, "1e-3 eV2", ".4f", "", SOURCE),
    "best/sin2_2theta23/best": Number(0.99484, "1", ".5f", "", SOURCE, 0.005),
    "best/dm2_32/best": Number(2.4437, "1e-3 eV2", ".4f", "", SOURCE, 0.021),
    "best/dm2_32/sigma": Number(0.021, "1e-3 eV2", ".4f", "", SOURCE),
}


def page(numbers, toy=False):
    """The front page as HTML, by docutils and not by the browser's application."""
    ensembles = {
        "best": Ensemble("known", None, False, None, [], 1),
        "truth": Ensemble("structure_functions", "best", True, 3_000_000, ["near_statistics"], 5),
    }
    figures = {"fig1": FigureText("1 Method", "Title", "Caption.")}
    summary = Summary("DUNE", toy, ensembles, figures)
    text = front_page(numbers, summary, {"fig1": b"png"}, {"numpy": "2.4"}, "abc123", "seed: 3\n")
    text = text.removeprefix("{% raw %}").removesuffix("{% endraw %}")
    return publish_parts(text, writer="html")["html_body"]


def rows(html):
    """Cells of all rows of all tables, without markup."""
    plain = [part.split("</tr>")[0] for part in html.split("<tr>")[1:]]
    cells = [
        [c.split(">", 1)[1] for c in row.replace("<th", "<td").split("<td")[1:]] for row in plain
    ]
    return [[c.split("</t")[0].split("<p>")[-1].strip() for c in row] for row in cells]


def test_true_values_stand_beside_the_fits():
    html = page(NUMBERS)
    assert "sin²θ23 = 0.470, sin²2θ23 = 0.9964, Δm²32 = 2.4381·10⁻³ eV²" in html
    of_label = {row[0]: row[1:] for row in rows(html)}
    assert of_label["best fit of sin²2θ23"] == ["0.9964", "0.99484"]
    assert of_label["best fit of Δm²32 (10⁻³ eV²)"] == ["2.4381", "2.4437"]
    assert of_label["its error"][1] == "0.0210"


def test_ensembles_are_called_what_they_are_whatever_their_names():
    described = {row[0].split(">")[-1]: row[1:] for row in rows(page({})) if len(row) == 4}
    names = [name for name in described if "best" in name or "truth" in name]
    assert [described[name][:2] for name in names] == [
        ["true cross section", "1"], ["learned, smeared, 3 M ND events", "5"]
    ]  # fmt: skip


def test_without_fits_there_is_no_word_of_true_values():
    assert "true value" not in page({})


def test_versions_and_commit():
    html = page(NUMBERS)
    assert "abc123" in html
    assert ["numpy", "2.4"] in rows(html)


@pytest.mark.parametrize("toy", [True, False])
def test_a_toy_run_is_called_one(toy):
    assert (TOY_RUN in page(NUMBERS, toy)) == toy


def test_commit_of_a_checkout(tmp_path):
    def git(*arguments):
        options = ("-c", "user.name=a", "-c", "user.email=a@b", "-C", str(tmp_path))
        done = subprocess.run(
            ["git", *options, *arguments], check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    assert commit_of(tmp_path) == "unknown"
    git("init", "-q")
    (tmp_path / "folder").mkdir()
    file = tmp_path / "folder/file"
    file.write_text("1\n")
    git("add", ".")
    git("commit", "-q", "-m", "first")
    git("tag", "-a", "v1", "-m", "a tag is no commit")
    commit = git("rev-parse", "HEAD")
    assert commit_of(tmp_path) == commit
    # In a checkout of another project.
    assert commit_of(tmp_path / "folder") == "unknown"
    file.write_text("2\n")
    assert commit_of(tmp_path) == f"{commit}, with changes that are not committed"


def test_page_of_a_figure(tmp_path):
    """Links start from the folder of results; the slice of the configuration is YAML as it is."""
    source = FigureSource(
        ["out/figs/fig8.pdf", "out/figs/fig8.csv"],
        ["out/fits/truth/0.h5", "elsewhere/a_b.h5"],
        {"true_point": [0.99, 0.00244], "shown": {"truth": {"label": "{true} cross section"}}},
        "contours",
    )
    text = figure_page(
        "fig8", FigureText("3 Fits", "Contours", "Caption."), source, Path("out"),
        Path("src/nd2fd"), Path("workflow/rules/figures.smk"),
    )  # fmt: skip
    # As Snakemake does; a brace is none of its own.
    html = publish_parts(Template(text).render(), writer="html")["html_body"]
    assert "<strong>Figure 8: Contours.</strong> Caption." in html
    links = dict(reversed(link) for link in re.findall(r'href="([^"]+)">([^<]+)<', html))
    assert links == {
        "figs/fig8.pdf": "figs/fig8.pdf",
        "figs/fig8.csv": "figs/fig8.csv",
        "fits/truth/0.h5": "fits/truth/0.h5",
        "../elsewhere/a_b.h5": "../elsewhere/a_b.h5",
        "contours.py": "../src/nd2fd/figures/contours.py",
        "figures.smk": "../workflow/rules/figures.smk",
    }
    (block,) = re.findall(r"<pre[^>]*>(.*?)</pre>", html, re.DOTALL)
    assert yaml.safe_load(unescape(re.sub("<[^>]+>", "", block))) == source.settings
