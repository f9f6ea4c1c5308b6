"""Digest of the code that a job runs.

Snakemake sees neither that a module has changed which a script imports, nor a file that comes with
the package; of the script itself it sees the time of its last change. The digest of all three,
given to a rule as a parameter, reruns the rule when what it runs is another program, and only then:
comments, layout, docstrings and times do not count, and equal files have equal digests wherever
they are. It takes no module to be imported, and is the same in all versions of Python.

What a script needs is found in its text, and in that of the modules it needs in turn:

* modules of this package that are imported anywhere, unless for type checking only,
* modules named by a string, ``"nd2fd.module"`` or ``"nd2fd.module:function"``, as in registries,
* files in ``nd2fd/data`` named by a string.

So the name of a module or of such a file must not be put together from pieces.
"""

import ast
import hashlib
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

PACKAGE = Path(__file__).parents[1]


class _Source(NamedTuple):
    """A Python file: digest of its code, and what it needs."""

    sha256: str
    needs: frozenset[Path]


def code_files(script: Path, *modules: str) -> list[Path]:
    """Files of this package that a script needs, sorted: Python modules and data.

    Parameters
    ----------
    script
        The script.
    modules
        Dotted names of modules that it imports by names which are not in its text.

    Raises
    ------
    ValueError
        There is no module of such a name.
    """
    pending = [*_source(script).needs]
    for module in modules:
        files = _module_files(module)
        if not files or files[-1].relative_to(PACKAGE.parent) not in _locations(module):
            raise ValueError(f"no module {module!r} in {PACKAGE}")
        pending += files
    found: set[Path] = set()
    while pending:
        path = pending.pop()
        if path not in found:
            found.add(path)
            pending += _source(path).needs if path.suffix == ".py" else ()
    return sorted(found)


def code_digest(script: Path, *modules: str) -> str:
    """SHA-256 of a script and its `code_files`, in hexadecimal; raises as that."""
    digest = hashlib.sha256(_source(script).sha256.encode())
    for path in code_files(script, *modules):
        sha256 = _source(path).sha256 if path.suffix == ".py" else _data_sha256(path)
        digest.update(f"\n{path.relative_to(PACKAGE).as_posix()} {sha256}".encode())
    return digest.hexdigest()


@cache
def _source(path: Path) -> _Source:
    tree = ast.parse(path.read_text(encoding="utf-8"), filename=str(path))
    return _Source(
        hashlib.sha256(repr(_plain(tree)).encode()).hexdigest(),
        frozenset(needed for node in _nodes(tree) for needed in _needs(node)),
    )


@cache
def _data_sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _is_docstring(node: object) -> bool:
    """Whether a statement is nothing but a string, which documents what stands before it."""
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def _plain(tree: Any) -> Any:
    """A syntax tree as nested tuples, without positions and docstrings.

    `ast.dump` would write empty fields, which are not the same in all versions of Python.
    """
    if isinstance(tree, ast.AST):
        fields = ((name, value) for name, value in ast.iter_fields(tree) if value not in (None, []))
        return (type(tree).__name__, *((name, _plain(value)) for name, value in fields))
    if isinstance(tree, list):
        return tuple(_plain(node) for node in tree if not _is_docstring(node))
    return tree


def _nodes(tree: ast.AST) -> Iterator[ast.AST]:
    """All nodes but docstrings and what is for type checking only."""
    pending = [tree]
    while pending:
        node = pending.pop()
        yield node
        children: Any = ast.iter_child_nodes(node)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            children = node.orelse
        pending += [child for child in children if not _is_docstring(child)]


def _needs(node: ast.AST) -> Iterator[Path]:
    """Files that a node of a syntax tree names."""
    if isinstance(node, ast.Import):
        for alias in node.names:
            yield from _module_files(alias.name)
    elif isinstance(node, ast.ImportFrom) and not node.level:
        # `from package import x`: x may be a module or a name in the package.
        for alias in node.names:
            yield from _module_files(f"{node.module}.{alias.name}")
    elif isinstance(node, ast.Constant) and isinstance(node.value, str):
        if re.fullmatch(r"\w+(\.\w+)+(:\w+)?", node.value):
            yield from _module_files(node.value.partition(":")[0])
            yield from _data_files().get(node.value, ())
