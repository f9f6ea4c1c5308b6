"""The digest that reruns a rule when the code behind it is another, and only then."""

import ast
from pathlib import Path

import pytest

from nd2fd.io import digest as module
from nd2fd.io.digest import code_digest, code_files

SCRIPTS = module.PACKAGE.parents[1] / "workflow" / "scripts"

FILES = {
    "script.py": """
        '''Does something.'''
        from nd2fd.a import f  # a comment
        print(f(1.0))
        """,
    "nd2fd/__init__.py": "__version__ = '1'\n",
    "nd2fd/a.py": """
        '''Documentation of the module.'''
        from typing import TYPE_CHECKING
        import numpy as np
        from nd2fd.sub import b
        if TYPE_CHECKING:
            from nd2fd.types import T

        X = 3.0
        '''Documentation of the constant.'''

        class C:
            '''Documentation of the class.'''
            y: int = 1
            '''Documentation of the field.'''

        def f(x: 'T'):
            '''Documentation of the function.'''
            import nd2fd.late
            return b.g(x) + X
        """,
    "nd2fd/sub/__init__.py": "",
    "nd2fd/sub/b.py": """
        from importlib import import_module
        from importlib.resources import files
        REGISTRY = {'one': 'nd2fd.models.one:build'}
        def g(x):
            '''Reads nd2fd.c and other.csv, and not other.csv alone.'''
            'unused.csv'
            return (files('nd2fd.data') / 'flux.csv').read_text()
        """,
    "nd2fd/late.py": "Y = 1\n",
    "nd2fd/models/__init__.py": "",
    "nd2fd/models/one.py": "def build(): return 1\n",
    "nd2fd/models/two.py": "def build(): return 2\n",
    "nd2fd/types.py": "T = float\n",
    "nd2fd/c.py": "from nd2fd import a\n",
    "nd2fd/data/__init__.py": "",
    "nd2fd/data/flux.csv": "1,2\n",
    "nd2fd/data/other.csv": "1,2\n",
    "nd2fd/data/unused.csv": "1,2\n",
    "nd2fd/figures/__init__.py": "",
    "nd2fd/figures/catalogue.py": "FIGURES = {'fig1': 'spectra', 'fig2': 'contours'}\n",
    "nd2fd/figures/spectra.py": "from nd2fd.figures import style\n",
    "nd2fd/figures/contours.py": "import nd2fd.late\n",
    "nd2fd/figures/style.py": "WIDTH = 3\n",
}


def dedent(text):
    lines = text.lstrip("\n").splitlines()
    indent = min((len(line) - len(line.lstrip()) for line in lines if line.strip()), default=0)
    return "".join(f"{line[indent:]}\n" for line in lines)


def forget():
    for function in (module._source, module._module_files, module._data_file):
        function.cache_clear()


class Project:
    """A package nd2fd and a script, small."""

    def __init__(self, root, monkeypatch):
        self.root, self.monkeypatch = root, monkeypatch
        for name, text in FILES.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(dedent(text))

    def digest(self, *modules):
        self.monkeypatch.setattr(module, "PACKAGE", self.root / "nd2fd")
        forget()
        return code_digest(self.root / "script.py", *modules)

    def names(self, *modules):
        self.digest()
        files = code_files(self.root / "script.py", *modules)
        return {str(path.relative_to(self.root / "nd2fd")) for path in files}

    def change(self, name, old, new):
        text = (self.root / name).read_text()
        assert old in text
        (self.root / name).write_text(text.replace(old, new))


@pytest.fixture
def project(tmp_path, monkeypatch):
    yield Project(tmp_path, monkeypatch)
    forget()


# What belongs to a script


def test_follows_imports_registries_and_data(project):
    assert project.names() == {
        "__init__.py",
        "a.py",
        "sub/__init__.py",
        "sub/b.py",
        "late.py",  # imported when the function is called
        "models/__init__.py",
        "models/one.py",  # named by a registry
        "data/__init__.py",
        "data/flux.csv",
    }


def test_modules_that_a_script_is_given(project):
    figure = {"figures/__init__.py", "figures/spectra.py", "figures/style.py"}
    assert project.names("nd2fd.figures.spectra") == project.names() | figure
    assert project.digest("nd2fd.figures.spectra") != project.digest()
    assert project.digest("nd2fd.figures.spectra") != project.digest("nd2fd.figures.contours")


@pytest.mark.parametrize("name", ["nd2fd.figures.nothing", "nd2fd.nothing.at.all", "figures"])
def test_unknown_module_is_refused(project, name):
    with pytest.raises(ValueError, match=f"nd2fd has no module '{name}'"):
        project.digest(name)


# What changes the digest

CHANGES = {
    "script": ("script.py", "1.0", "2.0", True),
    "comment": ("script.py", "# a comment", "", False),
    "docstring of the script": ("script.py", "something", "another", False),
    "layout": ("script.py", "print(f(1.0))", "print(\n    f(1.0)\n)", False),
    "code": ("nd2fd/a.py", "X = 3.0", "X = 4.0", True),
    "annotation": ("nd2fd/a.py", "y: int", "y: float", True),
    "docstring of a module": ("nd2fd/a.py", "of the module", "", False),
    "docstring of a constant": ("nd2fd/a.py", "of the constant", "", False),
    "docstring of a class": ("nd2fd/a.py", "of the class", "", False),
    "docstring of a field": ("nd2fd/a.py", "of the field", "", False),
    "docstring of a function": ("nd2fd/a.py", "of the function", "", False),
    "no docstring": ("nd2fd/a.py", "'''Documentation of the function.'''", "", False),
    "code further down": ("nd2fd/sub/b.py", "'one'", "'two'", True),
    "empty file": ("nd2fd/data/__init__.py", "", "X = 1", True),
    "lazy import": ("nd2fd/late.py", "1", "2", True),
    "named by a registry": ("nd2fd/models/one.py", "1", "2", True),
    "not named": ("nd2fd/models/two.py", "2", "3", False),
    "data": ("nd2fd/data/flux.csv", "1", "2", True),
    "other data": ("nd2fd/data/other.csv", "1", "2", False),
    "data in a docstring": ("nd2fd/data/unused.csv", "1", "2", False),
    "for type checking": ("nd2fd/types.py", "float", "int", False),
    "importing module": ("nd2fd/c.py", "import a", "import late", False),
    "figure": ("nd2fd/figures/spectra.py", "style", "catalogue", False),
}


@pytest.mark.parametrize(("file", "old", "new", "counts"), CHANGES.values(), ids=CHANGES)
def test_digest_changes_with_what_matters(project, file, old, new, counts):
    before = project.digest()
    if old:
        project.change(file, old, new)
    else:
        (project.root / file).write_text(new)
    assert (project.digest() != before) is counts


def test_figures_change_one_by_one(project):
    names = ("nd2fd.figures.spectra", "nd2fd.figures.contours")
    before = [project.digest(name) for name in names]
    project.change("nd2fd/figures/catalogue.py", "fig2", "fig3")
    assert [project.digest(name) for name in names] == before
    project.change("nd2fd/figures/style.py", "3", "4")
    assert project.digest(names[0]) != before[0]
    assert project.digest(names[1]) == before[1]


def test_equal_files_have_equal_digests_anywhere(project, tmp_path, monkeypatch):
    before = project.digest("nd2fd.figures.spectra")
    other = Project(tmp_path / "another" / "place", monkeypatch)
    assert other.digest("nd2fd.figures.spectra") == before


def test_syntax_counts_and_not_its_spelling():
    def plain(text):
        names: set[str] = set()
        return repr(module._plain(ast.parse(text), names)), names

    assert plain("x = 'a'  # b")[0] == plain("x = (\n'a')")[0]
    assert plain("def f(): return 1")[0] != plain("def f(): yield 1")[0]
    assert plain("x[0] = y")[0] != plain("x[1] = y")[0]
    assert plain("f(x, *y)")[0] != plain("f(*x, y)")[0]
    assert plain("x: int")[0] != plain("x: int = 0")[0]
    assert plain("f'{x}.csv'")[1] == set()
    assert plain("import a.b as c\nfrom d.e import f, g")[1] == {"a.b", "d.e.f", "d.e.g"}


# This package


def all_scripts():
    return sorted(SCRIPTS.glob("*.py"))


def package_modules():
    return sorted(module.PACKAGE.rglob("*.py"))


def test_scripts_see_their_physics_and_not_that_of_others():
    trained = {path.name for path in code_files(SCRIPTS / "train_members.py")}
    assert {"training.py", "operator.py", "cross_section.py", "constants.py"} <= trained
    assert not {"regions.py", "style.py"} & trained
    assert "ct18nnlo_q0.json" in {path.name for path in code_files(SCRIPTS / "evolve_pdf.py")}
    assert "dune_nd_numu_fhc.csv" in {path.name for path in code_files(SCRIPTS / "prepare_flux.py")}


def test_figure_script_has_no_figure_of_its_own():
    files = {path.name for path in code_files(SCRIPTS / "figure.py")}
    assert "catalogue.py" not in files
    assert "oscillation_contours.py" not in files
    one = code_files(SCRIPTS / "figure.py", "nd2fd.figures.oscillation_contours")
    assert "oscillation_contours.py" in {path.name for path in one}
    assert "near_statistics.py" not in {path.name for path in one}


def test_all_data_files_are_named_somewhere():
    """Otherwise their names are put together, and the digest does not see who reads them."""
    named = {path for source in package_modules() for path in module._source(source).needs}
    data = module.PACKAGE / "data"
    assert {p for p in data.rglob("*.*") if p.suffix not in (".py", ".pyc")} <= named


def test_package_has_no_relative_imports():
    """The digest does not follow them."""
    for path in (*package_modules(), *all_scripts()):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            assert not isinstance(node, ast.ImportFrom) or node.level == 0, path


def test_no_result_depends_on_a_docstring():
    for script in all_scripts():
        for path in (script, *code_files(script)):
            assert path.suffix != ".py" or "__doc__" not in path.read_text(encoding="utf-8"), path


def test_nothing_is_imported(tmp_path):
    """The digest is taken from the text, whatever is installed."""
    script = tmp_path / "script.py"
    script.write_text("import nd2fd.io.digest\nimport no_such_package\n")
    assert Path(module.__file__) in code_files(script)


# From one start to the next


def forget_all():
    forget()
    module._FOUND.clear()


def test_what_an_earlier_run_found_is_not_looked_for_again(project, tmp_path, monkeypatch):
    file = tmp_path / "digests.json"
    forget_all()
    with module.recalled(file):
        digest = project.digest()
    forget_all()
    monkeypatch.setattr(ast, "parse", None)
    with module.recalled(file):
        assert project.digest() == digest
    project.change("nd2fd/late.py", "1", "2")
    with module.recalled(file), pytest.raises(TypeError):
        project.digest()


@pytest.mark.parametrize("content", ["", "{", '{"another version": {}}'])
def test_what_another_version_found_is_no_matter(project, tmp_path, content):
    digest = project.digest()
    file = tmp_path / "digests.json"
    file.write_text(content)
    forget_all()
    with module.recalled(file):
        assert project.digest() == digest
    forget_all()
    with module.recalled(file):
        assert module._FOUND


def test_without_a_place_for_the_file_digests_are_the_same(project, tmp_path):
    digest = project.digest()
    forget_all()
    with module.recalled(tmp_path / "nowhere" / "digests.json"):
        assert project.digest() == digest
