"""The site: links of its pages, its list of pages, the address of the repository."""

import importlib.util
import re
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[1]


def _hooks():
    path = ROOT / "tools" / "site_hooks.py"
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


hooks = _hooks()

SITE = {"index.md", "contributing.md", "howto/README.md", "howto/figure.md", "images/a.png"}
REPOSITORY = "https://example.org/a/b"


@pytest.mark.parametrize(
    ("page", "written", "expected"),
    [
        ("index.md", "[a](docs/howto/figure.md)", "[a](howto/figure.md)"),
        ("index.md", "[a](docs/howto/)", "[a](howto/README.md)"),
        ("index.md", "![a](docs/images/a.png)", "![a](images/a.png)"),
        ("index.md", "[a](docs/howto/figure.md#b-c)", "[a](howto/figure.md#b-c)"),
        ("index.md", "[a](CONTRIBUTING.md)", "[a](contributing.md)"),
        ("howto/figure.md", "[a](../../CONTRIBUTING.md)", "[a](../contributing.md)"),
        ("howto/figure.md", "[a](../../README.md)", "[a](../index.md)"),
        ("howto/figure.md", "[a](README.md)", "[a](README.md)"),
        ("howto/figure.md", "[a](#b)", "[a](#b)"),
        ("howto/figure.md", "[a](https://x.org/y.md)", "[a](https://x.org/y.md)"),
        (
            "howto/figure.md",
            "[a](../../config/ci.yaml)",
            f"[a]({REPOSITORY}/blob/HEAD/config/ci.yaml)",
        ),
        ("index.md", "[`a`](Makefile)", f"[`a`]({REPOSITORY}/blob/HEAD/Makefile)"),
        ("index.md", "```\n[a](Makefile)\n```", "```\n[a](Makefile)\n```"),
    ],
)
def test_links_are_those_of_the_site(page, written, expected):
    assert hooks.rewritten(written, page, SITE.__contains__, REPOSITORY) == expected


def test_files_of_a_clone_without_an_address_are_text():
    written = "see [the file](../config/ci.yaml) and [a](howto/figure.md)"
    expected = "see the file and [a](howto/figure.md)"
    assert hooks.rewritten(written, "flux.md", SITE.__contains__, None) == expected


@pytest.mark.parametrize(
    ("remote", "expected"),
    [
        ("https://github.com/a/b.git\n", "https://github.com/a/b"),
        ("git@github.com:a/b.git", "https://github.com/a/b"),
        ("ssh://git@gitlab.x.org:2222/a/b/c.git", "https://gitlab.x.org/a/b/c"),
        ("https://ci-token:secret@gitlab.x.org:8443/a/b.git", "https://gitlab.x.org:8443/a/b"),
        ("/work/main", None),
        ("file:///work/main", None),
        ("", None),
    ],
)
def test_address_of_the_repository(remote, expected):
    assert hooks.address(remote) == expected


def test_folders_of_the_list_are_their_pages():
    nav = [{"A": "index.md"}, {"B": [{"C": "howto/"}]}]
    pages = ["howto/figure.md", "howto/README.md", "method/a.md", "howto/a.md"]
    assert hooks.expanded(nav, pages) == [
        {"A": "index.md"},
        {"B": [{"C": ["howto/README.md", "howto/a.md", "howto/figure.md"]}]},
    ]


def _nav():
    """`nav` of mkdocs.yml, whose tags are not YAML's own."""
    text = (ROOT / "mkdocs.yml").read_text("utf-8")
    return yaml.safe_load(re.sub(r"!!python\S+.*$", "null", text, flags=re.MULTILINE))["nav"]


def _listed(nav):
    if isinstance(nav, str):
        return [nav]
    inside = nav if isinstance(nav, list) else nav.values()
    return [page for entry in inside for page in _listed(entry)]


def test_every_page_has_its_place():
    docs = ROOT / "docs"
    pages = {path.relative_to(docs).as_posix() for path in docs.rglob("*.md")}
    pages |= {*hooks.PAGES, *hooks.module_pages()}
    listed = _listed(hooks.expanded(_nav(), sorted(pages)))
    assert len(listed) == len(set(listed))
    assert set(listed) == pages


def test_every_room_has_a_page_of_its_modules():
    rooms = {path.parent.name for path in (ROOT / "src/nd2fd").glob("*/__init__.py")}
    assert {f"modules/{room}.md" for room in rooms} <= hooks.module_pages().keys()


def test_the_lock_has_what_the_site_needs():
    lock = (ROOT / "requirements-docs.lock").read_text("utf-8")
    locked = dict(re.findall(r"^([\w.-]+)==(\S+)$", lock, re.MULTILINE))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    needed = [Requirement(text) for text in project["optional-dependencies"]["docs"]]
    assert needed
    for requirement in needed:
        assert locked[requirement.name] in requirement.specifier
