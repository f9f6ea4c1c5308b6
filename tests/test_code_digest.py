"""The digest that reruns a rule when a module it imports has changed."""

import pytest

from nd2fd.io import digest as module


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package nd2fd with a → b, and c that nobody imports."""
    root = tmp_path / "nd2fd"
    (root / "sub").mkdir(parents=True)
    (root / "__init__.py").write_text("")
    (root / "sub" / "__init__.py").write_text("")
    (root / "a.py").write_text("from nd2fd.sub import b\n")
    (root / "sub" / "b.py").write_text("X = 1\n")
    (root / "c.py").write_text("import nd2fd.a\n")
    script = tmp_path / "script.py"
    script.write_text("import numpy\nfrom nd2fd.a import b\n")
    monkeypatch.setattr(module, "PACKAGE", root)
    module.imported_modules.cache_clear()
    yield root, script
    module.imported_modules.cache_clear()


def test_follows_imports_and_nothing_else(package):
    root, script = package
    names = [str(p.relative_to(root)) for p in module.code_files(script)]
    assert names == ["__init__.py", "a.py", "sub/__init__.py", "sub/b.py"]


@pytest.mark.parametrize(("file", "changes"), [("sub/b.py", True), ("c.py", False)])
def test_digest_changes_with_the_modules_that_matter(package, file, changes):
    root, script = package
    before = module.code_digest(script)
    (root / file).write_text("X = 2\n")
    module.imported_modules.cache_clear()
    assert (module.code_digest(script) != before) is changes


def test_real_scripts_see_their_physics():
    scripts = module.PACKAGE.parents[1] / "workflow" / "scripts"
    trained = {p.name for p in module.code_files(scripts / "train_members.py")}
    assert {"training.py", "operator.py", "cross_section.py", "constants.py"} <= trained
    assert "regions.py" not in trained
    assert "fig2.py" not in trained
