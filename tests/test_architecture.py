"""The house as the documentation shows it: floors without circles, headers, links and names."""

import ast
import importlib.util
import re
from pathlib import Path

import pytest
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "src" / "nd2fd"
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
# What changed is told with the names of its time.
PAGES_OF_TODAY = [page for page in PAGES if page.name != "CHANGELOG.md"]


def _tool():
    path = ROOT / "tools" / "draw_architecture.py"
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


tool = _tool()


def relative(path):
    return str(path.relative_to(ROOT))


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A checkout with files, given as text by path; of the rooms low, middle, high, workflow."""
    rows = (("low",), ("middle",), ("high",), ("workflow",))
    monkeypatch.setattr(tool, "ORDER", rows)

    def write(**needed):
        for room in ("low", "middle", "high"):
            (tmp_path / "src/nd2fd" / room).mkdir(parents=True, exist_ok=True)
            (tmp_path / "src/nd2fd" / room / "a.py").write_text(needed.get(room, ""))
        (tmp_path / "workflow/rules").mkdir(parents=True, exist_ok=True)
        (tmp_path / "workflow/rules/a.smk").write_text(needed.get("workflow", ""))
        return tmp_path

    return write


@pytest.mark.parametrize(
    "source",
    [
        "from nd2fd.low.a import b\n",
        "import nd2fd.low.a\n",
        "from nd2fd import low\n",
        "def f():\n    from nd2fd.low import a\n",
        "if TYPE_CHECKING:\n    from nd2fd.low import a\n",
        "X = 'nd2fd.low.a:function'\n",
    ],
)
def test_an_arrow_is_read_from_whatever_names_a_module(checkout, source):
    assert tool.arrows(checkout(middle=source))["middle"] == {"low"}


def test_arrows_of_rules_are_read_from_their_imports(checkout):
    rules = "from nd2fd.high.a import b\n\nrule a:\n    output: 'from nd2fd.low import a'\n"
    assert tool.arrows(checkout(workflow=rules))["workflow"] == {"high"}


def test_words_in_a_docstring_are_no_arrow(checkout):
    assert tool.arrows(checkout(low='"""See nd2fd.high.a."""\n'))["low"] == set()


def test_a_room_without_a_floor_is_refused(checkout):
    root = checkout()
    (root / "src/nd2fd/cellar.py").write_text("")
    with pytest.raises(SystemExit, match="cellar"):
        tool.arrows(root)


@pytest.mark.parametrize(
    ("needed", "words"),
    [
        ({"high": {"low"}, "middle": {"low"}}, []),
        ({"low": {"high"}}, ["low needs high, which is not below it"]),
        (
            {"low": {"middle"}, "middle": {"low"}},
            ["low needs middle, which is not below it", "circle: low → middle → low"],
        ),
    ],
)
def test_arrows_up_and_circles_are_faults(checkout, needed, words):
    found = {"low": set(), "middle": set(), "high": set(), "workflow": set()} | needed
    assert [
        w.replace("middle → low → middle", "low → middle → low") for w in tool.faults(found)
    ] == (words)


def test_implied_arrows_are_left_out_of_the_picture():
    found = {"a": {"b", "c"}, "b": {"c"}, "c": set()}
    assert tool.without_implied(found) == {"a": {"b"}, "b": {"c"}, "c": set()}


def test_no_arrow_goes_up_and_no_rooms_need_one_another():
    assert tool.faults(tool.arrows(ROOT)) == []


def test_the_picture_is_that_of_the_code():
    picture = ROOT / tool.PICTURE
    with Image.open(picture) as image:
        drawn = image.info["Comment"]
    assert drawn == tool.as_text(tool.arrows(ROOT)), "run: python tools/draw_architecture.py"
    assert picture.stat().st_size < 150_000


def test_every_room_is_explained():
    page = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    explained = set(re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE))
    assert explained == tool.arrows(ROOT).keys()


def test_every_python_file_says_what_it_is():
    folders = ("src/nd2fd", "workflow", "tools", "bench", "tests")
    files = [path for folder in folders for path in (ROOT / folder).rglob("*.py")]
    assert len(files) > 100
    silent = [p for p in files if not ast.get_docstring(ast.parse(p.read_text("utf-8")))]
    assert [relative(path) for path in silent] == []


def prose(page):
    """A page without blocks of code."""
    return re.sub(
        r"^( *)```.*?^\1```$", "", page.read_text("utf-8"), flags=re.DOTALL | re.MULTILINE
    )


def headings(page):
    """Anchors of a page's headings, as forges make them."""
    lines = re.findall(r"^#+ +(.*)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", line.lower()).replace(" ", "-") for line in lines}


@pytest.mark.parametrize("page", PAGES, ids=relative)
def test_links_lead_somewhere(page):
    for link in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if re.match(r"\w+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{relative(page)} links to {link}"
        if anchor:
            assert anchor in headings(target), f"{relative(page)} links to {link}"


NAME = re.compile(
    r"[\w.\-]*[\w\-]+(?:/[\w.\-]+)*\.(?:py|smk|csv|json|yaml|css|mplstyle|md)|[\w\-]+(?:/[\w\-]+)*/"
)
PLACES = (ROOT, PACKAGE, ROOT / "docs", ROOT / "workflow/scripts")
FOLDERS = ("src/nd2fd", "workflow", "config", "docs", "tests", "tools", "bench", "slurm-gpu")
FILES = {path.name for folder in FOLDERS for path in (ROOT / folder).rglob("*")}
# Made by a run, or by a user.
ELSEWHERE = re.compile(r"^(results|tables/|~|\.|mine\b|study\b)|[A-Z]{4}")


@pytest.mark.parametrize("page", PAGES_OF_TODAY, ids=relative)
def test_files_and_modules_that_pages_name_exist(page):
    for name in re.findall(r"`([^`\s]+)`", prose(page)):
        if re.fullmatch(r"nd2fd(\.\w+)+", name):
            # A module, or a name in one.
            parts = name.split(".")[1:]
            found = any(
                PACKAGE.joinpath(*parts[:n]).with_suffix(".py").is_file()
                or PACKAGE.joinpath(*parts[:n]).is_dir()
                for n in range(max(1, len(parts) - 1), len(parts) + 1)
            )
        elif NAME.fullmatch(name) and not ELSEWHERE.search(name):
            found = name in FILES or any((place / name).exists() for place in PLACES)
        else:
            continue
        assert found, f"{relative(page)} names {name}"
