"""Keep the documentation at what was computed, or compare what was computed with it.

``python -m nd2fd.report gallery`` writes ``docs/gallery.md``, its images, ``docs/numbers.json`` and
the expected values in ``docs/results.md`` from a folder of results; ``python -m nd2fd.report
check`` compares the numbers in such a folder with those; ``python -m nd2fd.report profile`` shows
where its time went and, of a full run, writes ``docs/profile.md`` and ``docs/profile.json``.
"""

import argparse
import json
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

from nd2fd.report import profile
from nd2fd.report.images import small_png
from nd2fd.report.numbers import Number
from nd2fd.report.numbers_file import (
    Ensemble,
    Summary,
    numbers_from_json,
    summary_from_json,
)
from nd2fd.report.tables import compare, markdown

BEGIN = "<!-- Expected values: written by `make gallery`. -->"
END = "<!-- End of expected values. -->"

_DOCS = Path("docs")
_EXPECTED = _DOCS / "results.md"


def gallery(summary: Summary) -> str:
    """The gallery in Markdown: all figures with their captions."""
    lines = [
        "# Gallery",
        "",
        f"All figures of a {'toy' if summary.toy else 'full'} run, small; `results/figs` has them "
        "as PDF. The numbers in the captions are those",
        "of [numbers.json](numbers.json), which says what each was computed from. Written by "
        "`make gallery`.",
    ]
    group = None
    for name, figure in summary.figures.items():
        if figure.group != group:
            group = figure.group
            lines += ["", f"## {group}"]
        lines += [
            "",
            f"![Figure {name.removeprefix('fig')}: {figure.title}](images/{name}.png)",
            "",
            f"**Figure {name.removeprefix('fig')}: {figure.title}.** {figure.caption}",
        ]
    return "\n".join(lines) + "\n"


def with_expected_values(
    page: str, numbers: Mapping[str, Number], ensembles: Mapping[str, Ensemble]
) -> str:
    """A page with the tables of expected values between its markers.

    Raises
    ------
    ValueError
        The page has not both markers, once each.
    """
    if page.count(BEGIN) != 1 or page.count(END) != 1:
        raise ValueError(f"the page needs the lines {BEGIN!r} and {END!r}, once each")
    before, rest = page.split(BEGIN)
    after = rest.split(END)[1]
    return f"{before}{BEGIN}\n{markdown(numbers, ensembles)}{END}{after}"


def _numbers_file(results: Path) -> Path:
    file = results / "tables" / "numbers.json"
    if not file.is_file():
        sys.exit(f"there is no {file}: run the workflow first (make all), or name its results")
    return file


def _write_gallery(results: Path) -> None:
    file = _numbers_file(results)
    text = file.read_text(encoding="utf-8")
    summary = summary_from_json(text)
    for name in summary.figures:
        image = small_png(results / "figs" / f"{name}.png")
        (_DOCS / "images" / f"{name}.png").write_bytes(image)
    shutil.copyfile(file, _DOCS / "numbers.json")
    (_DOCS / "gallery.md").write_text(gallery(summary), encoding="utf-8")
    page = _EXPECTED.read_text(encoding="utf-8")
    page = with_expected_values(page, numbers_from_json(text), summary.ensembles)
    _EXPECTED.write_text(page, encoding="utf-8")


def _check(results: Path) -> None:
    numbers = numbers_from_json(_numbers_file(results).read_text(encoding="utf-8"))
    deviations = compare(_EXPECTED.read_text(encoding="utf-8"), numbers)
    beyond = [deviation for deviation in deviations if not deviation.allowed]
    for deviation in beyond:
        found = "no value" if deviation.value is None else deviation.value
        print(
            f"{deviation.name}: {found}, but {_EXPECTED} has {deviation.expected:g} (tolerance "
            f"{deviation.tolerance})"
        )
    print(f"{len(deviations) - len(beyond)} of {len(deviations)} numbers agree with {_EXPECTED}")
    if beyond:
        sys.exit(1)


def _profile(results: Path) -> None:
    """The last column is this run; what is a toy or has no numbers yet is shown and not written."""
    try:
        jobs, run = profile.job_records(results), profile.own_record(results)
    except ValueError as error:
        sys.exit(str(error))
    last = {"this run": profile.stages(jobs, run)}
    numbers, file = results / "tables" / "numbers.json", _DOCS / "profile.json"
    full = numbers.is_file() and not summary_from_json(numbers.read_text(encoding="utf-8")).toy
    runs = json.loads(file.read_text(encoding="utf-8")) | last if full else last
    page = profile.page(runs, jobs, run)
    print(page, end="")
    if full:
        file.write_text(json.dumps(runs, indent=2) + "\n", encoding="utf-8")
        (_DOCS / "profile.md").write_text(page, encoding="utf-8")


def main() -> None:
    """Run one of the commands, in a checkout's root directory."""
    commands = {"gallery": _write_gallery, "check": _check, "profile": _profile}
    parser = argparse.ArgumentParser(prog="python -m nd2fd.report", description=__doc__)
    parser.add_argument("command", choices=commands)
    parser.add_argument("results", nargs="?", type=Path, default=Path("results"))
    arguments = parser.parse_args()
    commands[arguments.command](arguments.results)


if __name__ == "__main__":
    main()
