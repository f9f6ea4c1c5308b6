"""Which code a workflow script depends on, and its digest.

Snakemake reruns a rule when its script or parameters change, but does not see that a module the
script imports has changed. The digest of all those modules, given to each rule as a parameter,
closes the gap.
"""

import ast
import hashlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).parents[1]


@cache
def imported_modules(source: Path) -> frozenset[Path]:
    """Files of this package that a Python file imports directly, with their parent packages."""
    tree = ast.parse(source.read_text(encoding="utf-8"), filename=str(source))
    return frozenset(
        path
        for name in _imported_names(tree)
        if (parts := name.split("."))[0] == PACKAGE.name
        for path in _module_files(parts[1:])
    )


def _imported_names(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            # `from package import x`: x may be a module or a name in the package.
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _module_files(parts: list[str]) -> Iterator[Path]:
    for depth in range(len(parts) + 1):
        location = PACKAGE.joinpath(*parts[:depth])
        if (location / "__init__.py").is_file():
            yield location / "__init__.py"
        elif location.with_suffix(".py").is_file():
            yield location.with_suffix(".py")


def code_files(script: Path) -> list[Path]:
    """All files of this package that a script needs, directly or through others, sorted."""
    found: set[Path] = set()
    pending = [script]
    while pending:
        new = imported_modules(pending.pop()) - found
        found |= new
        pending += new
    return sorted(found)


def code_digest(script: Path) -> str:
    """SHA-256 over names and contents of `code_files`, in hexadecimal; layout and moves count."""
    digest = hashlib.sha256()
    for path in code_files(script):
        digest.update(f"{path.relative_to(PACKAGE)}\n".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()
