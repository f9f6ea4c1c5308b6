"""Digest of the code that a job runs.

Of what a script runs, Snakemake sees only when the script itself was changed last. The digest,
given to a rule as a parameter, reruns the rule when the script, a module of the package that it
needs, or a data file of these has changed, and only then: comments, layout, docstrings and times do
not count, and equal files have equal digests in any place. So no result may depend on a docstring.

What a script needs is read from its syntax tree, and from those of the modules it needs in turn:

* modules of the package that are imported anywhere in the file, but for type checking,
* modules that a string names as registries do, ``"nd2fd.module"`` or ``"nd2fd.module:function"``,
* files of ``nd2fd/data`` that a string names.

Imports are absolute ones; a name that is put together while the script runs is not seen.

To read the trees of all files takes most of a second. `recalled` keeps what was found, by the
content of a file, for the next start of the workflow.
"""

import ast
import hashlib
import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

PACKAGE = Path(__file__).parents[1]

_NAMING = (ast.Import, ast.ImportFrom, ast.Constant)


def code_digest(script: Path, *modules: str) -> str:
    """SHA-256, in hexadecimal, of a script and all that it needs of the package.

    Parameters
    ----------
    script
        Python file.
    modules
        Dotted names of modules that the script imports by names it is given.

    Raises
    ------
    ValueError
        The package has no such module.
    """
    digest = hashlib.sha256(_source(script).sha256.encode())
    for path in code_files(script, *modules):
        name = path.relative_to(PACKAGE).as_posix()
        digest.update(f"\n{name} {_source(path).sha256}".encode())
    return digest.hexdigest()


def code_files(script: Path, *modules: str) -> list[Path]:
    """The files of the package that `code_digest` is of, sorted; raises as that."""
    pending = [*_source(script).needs]
    for module in modules:
        files = _module_files(module)
        if len(files) <= module.count("."):
            raise ValueError(f"{PACKAGE.name} has no module {module!r}")
        pending += files
    found: set[Path] = set()
    while pending:
        path = pending.pop()
        if path not in found:
            found.add(path)
            pending += _source(path).needs
    return sorted(found)


@contextmanager
def recalled(file: Path) -> Iterator[None]:
    """While this lasts, what an earlier run found is taken from a file; what is new is added to it.

    The file says which names and which code a Python file of some content has, so that it is right
    wherever it comes from; one that cannot be read counts as empty, and a failure to write it is
    none.
    """
    with suppress(OSError, ValueError):
        _FOUND.update(json.loads(file.read_text(encoding="utf-8")).get(_THIS, {}))
    known = len(_FOUND)
    yield
    if len(_FOUND) > known:
        temporary = file.with_name(f"{file.name}.{os.getpid()}")
        with suppress(OSError):
            temporary.write_text(json.dumps({_THIS: _FOUND}), encoding="utf-8")
            temporary.replace(file)


class _Source(NamedTuple):
    """Digest of what counts in a file, and the files of the package that it names."""

    sha256: str
    needs: frozenset[Path]


_THIS = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()
"""Another version of this module may find something else."""

_FOUND: dict[str, tuple[str, list[str]]] = {}
"""Digest of the code and names in it, by digest of a Python file's content."""


@cache
def _source(path: Path) -> _Source:
    content = path.read_bytes()
    key = hashlib.sha256(content).hexdigest()
    if path.suffix != ".py":
        return _Source(key, frozenset())
    if key not in _FOUND:
        found: set[str] = set()
        code = repr(_plain(ast.parse(content, filename=str(path)), found))
        _FOUND[key] = hashlib.sha256(code.encode()).hexdigest(), sorted(found)
    sha256, names = _FOUND[key]
    files = (file for name in names for file in (*_module_files(name), *_data_file(name)))
    return _Source(sha256, frozenset(files))


def _plain(node: Any, names: set[str]) -> Any:
    """A syntax tree as nested lists, without positions and docstrings; adds the names in it.

    Other than in `ast.dump` empty fields are left out: they differ between versions of Python.
    """
    if isinstance(node, list):
        return [_plain(item, names) for item in node if not _is_docstring(item)]
    if not isinstance(node, ast.AST):
        return node
    if isinstance(node, _NAMING):
        names.update(_named(node))
    plain: list[Any] = [type(node).__name__]
    for field in node._fields:
        value = getattr(node, field, None)
        # Whether a name is read or written (ctx) follows from where it stands.
        if value is None or value == [] or field == "ctx":
            continue
        if field == "body" and isinstance(node, ast.If) and _is_type_checking(node.test):
            plain += field, _plain(value, set())
        else:
            plain += field, _plain(value, names)
    return plain


def _is_docstring(node: Any) -> bool:
    """Whether a statement is a string alone: documentation of what it stands in or behind."""
    return isinstance(node, ast.Expr) and isinstance(getattr(node.value, "value", None), str)


def _is_type_checking(test: ast.expr) -> bool:
    return isinstance(test, ast.Name) and test.id == "TYPE_CHECKING"


def _named(node: ast.Import | ast.ImportFrom | ast.Constant) -> list[str]:
    """What a node names that can be a module, or a file with data."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        # `from package import x`: x may be a module or a name in the package.
        return [f"{node.module}.{alias.name}" for alias in node.names]
    match = re.fullmatch(r"(\w+\.[\w.-]+)(:\w+)?", str(node.value))
    return [match[1]] if match else []


@cache
def _module_files(name: str) -> list[Path]:
    """Files of a module and of the packages it is in, as far as there are any."""
    package, *parts = name.split(".")
    if package != PACKAGE.name:
        return []
    places = [PACKAGE.joinpath(*parts[:depth]) for depth in range(len(parts) + 1)]
    files = [file for p in places for file in (p / "__init__.py", p.with_suffix(".py"))]
    return [file for file in files if file.is_file()]


@cache
def _data_file(name: str) -> list[Path]:
    """The data file of the package that has this name, if there is one."""
    return [file for file in [PACKAGE / "data" / name] if file.is_file()]
