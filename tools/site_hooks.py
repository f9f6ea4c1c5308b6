"""What mkdocs does not do itself for the site (`mkdocs.yml`); it calls the functions `on_…`.

README, CHANGELOG and CONTRIBUTING become pages. Links from any page to a file outside docs/ lead to
the repository, whose address is that of the clone's remote; in a clone of a folder on the disk they
become plain text. An entry of `nav` that ends in / stands for all pages of that folder, and there
is a page of the API for each room of the package.
"""

from __future__ import annotations

import posixpath
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

ROOT = Path(__file__).resolve().parents[1]

PAGES = {
    "index.md": "README.md",
    "changelog.md": "CHANGELOG.md",
    "contributing.md": "CONTRIBUTING.md",
}
"""Pages of the site that are files of the root."""

MODULES = "modules"
"""Folder of the pages of the API."""

_LINK = re.compile(r"(!?)\[((?:[^\]\[]|\[[^\]]*\])*)\]\(([^()\s]+)\)")

_FENCE = re.compile(r"^( *)(```|~~~).*?^\1\2[ \t]*$", re.DOTALL | re.MULTILINE)


def address(remote: str) -> str | None:
    """Address of a repository's pages from that of its remote; None of a folder on the disk.

    Names and passwords in it are left out.
    """
    remote = remote.strip().removesuffix("/").removesuffix(".git")
    if match := re.fullmatch(r"(?:ssh://)?[\w.-]+@([\w.-]+)(?::\d+)?[:/](.+)", remote):
        return f"https://{match[1]}/{match[2]}"
    parts = urlsplit(remote)
    if parts.scheme not in ("http", "https") or parts.hostname is None:
        return None
    port = f":{parts.port}" if parts.port else ""
    return f"https://{parts.hostname}{port}{parts.path}"


def rewritten(text: str, page: str, is_page: Callable[[str], bool], repository: str | None) -> str:
    """Markdown of a page with links that are right on the site.

    page : its path on the site, as index.md or howto/figure.md
    is_page : whether a path on the site, as howto/figure.md, is a page, image or file of it
    """
    file = PAGES.get(page, f"docs/{page}")

    def link(match: re.Match[str]) -> str:
        mark, label, target = match.groups()
        if re.match(r"[a-z]+:|#", target):
            return match[0]
        path, hash_, anchor = target.partition("#")
        named = posixpath.normpath(posixpath.join(posixpath.dirname(file), path))
        for place in _places(named):
            if is_page(place):
                start = posixpath.dirname(page) or "."
                return f"{mark}[{label}]({posixpath.relpath(place, start)}{hash_}{anchor})"
        if repository is None:
            return label
        return f"{mark}[{label}]({repository}/blob/HEAD/{named}{hash_}{anchor})"

    parts, end = [], 0
    for fence in _FENCE.finditer(text):
        parts += [_LINK.sub(link, text[end : fence.start()]), fence[0]]
        end = fence.end()
    return "".join([*parts, _LINK.sub(link, text[end:])])


def _places(named: str) -> Iterator[str]:
    """Where a file or folder of the repository may be on the site."""
    yield from (page for page, file in PAGES.items() if file == named)
    if named.startswith("docs/"):
        place = named.removeprefix("docs/")
        yield from (place, f"{place}/README.md")


def expanded(nav: Any, pages: list[str]) -> Any:
    """A `nav` whose entries of folders are lists of the folders' pages, README first."""
    if isinstance(nav, list):
        return [expanded(entry, pages) for entry in nav]
    if isinstance(nav, dict):
        return {title: expanded(entry, pages) for title, entry in nav.items()}
    if not nav.endswith("/"):
        return nav
    inside = [page for page in pages if page.startswith(nav)]
    return sorted(inside, key=lambda page: (not page.endswith("README.md"), page))


def module_pages() -> dict[str, str]:
    """Pages of the API by path: one for each room of the package, and a list of them."""
    package = ROOT / "src" / "nd2fd"
    rooms = sorted(path.parent.name for path in package.glob("*/__init__.py"))
    pages = {f"{MODULES}/{room}.md": f"# {room}\n\n::: nd2fd.{room}\n" for room in rooms}
    links = "\n".join(f"* [{room}]({room}.md)" for room in rooms)
    pages[f"{MODULES}/README.md"] = (
        "# Modules\n\nAll rooms of the package, from their docstrings. These names may change; "
        "those of the [library](../api.md)\nare what other programs should use. What is where "
        f"is told in [architecture](../architecture.md).\n\n{links}\n"
    )
    return pages


def on_config(config: Any) -> Any:
    """Fill in the address of the repository and the folders of `nav`."""
    done = subprocess.run(
        ["git", "-C", str(ROOT), "remote", "get-url", "origin"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    config.repo_url = address(done.stdout)
    docs = Path(config.docs_dir)
    pages = [path.relative_to(docs).as_posix() for path in docs.rglob("*.md")]
    config.nav = expanded(config.nav, [*pages, *module_pages()])
    return config


def on_files(files: Any, config: Any) -> Any:
    """Add the pages that are no files of docs/."""
    from mkdocs.structure.files import File  # only in the environment of the site

    made = {page: (ROOT / file).read_text("utf-8") for page, file in PAGES.items()}
    for page, content in (made | module_pages()).items():
        files.append(File.generated(config, page, content=content))
    return files


def on_page_markdown(text: str, page: Any, config: Any, files: Any) -> str:
    """Mend the links of a page."""
    return rewritten(
        text,
        page.file.src_uri,
        lambda place: files.get_file_from_path(place) is not None,
        config.repo_url,
    )
