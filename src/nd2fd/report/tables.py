"""Tables of the headline numbers: in the report, and with tolerances in the documentation.

The tolerance says how far another run may be from that: on another machine the last digits
of sums differ, and networks end in other, equally good places.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from nd2fd.report.numbers import NOT_DEFINED, Number
from nd2fd.report.numbers_file import Ensemble


class Tolerance(NamedTuple):
    """Largest allowed difference, or, if `ratio`, largest allowed ratio of positive numbers.

    `share` of the expected value is allowed where that is more than the difference.
    """

    size: float
    ratio: bool = False
    share: float = 0.0

    def __str__(self) -> str:
        if self.ratio:
            return f"factor {self.size:g}"
        return f"{self.size:g}" + (f" or {100 * self.share:g} %" if self.share else "")

    def allows(self, value: float, expected: float) -> bool:
        """Whether a value agrees with the expected one."""
        if self.ratio:
            return expected / self.size <= value <= expected * self.size
        return abs(value - expected) <= max(self.size, self.share * abs(expected))


class Row(NamedTuple):
    """What its numbers are, their name after that of the column, and how exact they are.

    `true` is the name of the number that they should be.
    """

    label: str
    name: str
    tolerance: Tolerance
    true: str | None = None


class Table(NamedTuple):
    """Which ensembles are its columns, rows, and how the numbers' names start.

    `shows` is None for a table of joint fits: all of which there are numbers are its columns.
    """

    shows: Callable[[Ensemble], bool] | None
    rows: tuple[Row, ...]
    start: str = ""


class Deviation(NamedTuple):
    """A value of the page and what it is elsewhere; None if it is not there or not defined."""

    name: str
    expected: float
    value: float | None
    tolerance: Tolerance

    @property
    def allowed(self) -> bool:
        """Whether both agree."""
        return self.value is not None and self.tolerance.allows(self.value, self.expected)


def _learns_at_most(ensemble: Ensemble) -> bool:
    """Whether it differs from the known cross section in nothing but that it was learned."""
    return (
        ensemble.kind != "flow"
        and ensemble.near_events is None
        and not ensemble.smeared
        and set(ensemble.vary) <= {"network_seed"}
    )


def _is_systematic(ensemble: Ensemble) -> bool:
    """Whether it stands for a systematic besides what networks make of the Asimov density."""
    return ensemble.reference is not None and not _learns_at_most(ensemble)


def _has_learned(ensemble: Ensemble) -> bool:
    """One network is left out where there are several in which nothing else differs."""
    return ensemble.kind != "known" and (bool(ensemble.vary) or not _learns_at_most(ensemble))


_EXACT = Table(
    _learns_at_most,
    (
        Row("best fit of sin²2θ23", "sin2_2theta23/best", Tolerance(0.0005), "true/sin2_2theta23"),
        Row("its error, the spread of the replicas", "sin2_2theta23/sigma", Tolerance(0.0003)),
        Row("best fit of Δm²32 (10⁻³ eV²)", "dm2_32/best", Tolerance(0.002), "true/dm2_32"),
        Row("its error", "dm2_32/sigma", Tolerance(0.001)),
        Row("shift of sin²2θ23 (σ_stat)", "sin2_2theta23/shift", Tolerance(0.1)),
        Row("shift of Δm²32 (σ_stat)", "dm2_32/shift", Tolerance(0.1)),
        Row(
            "scatter of sin²2θ23 between members (σ_stat)", "sin2_2theta23/scatter", Tolerance(0.05)
        ),
        Row("scatter of Δm²32 between members (σ_stat)", "dm2_32/scatter", Tolerance(0.05)),
    ),
)
_LEARNING = Table(
    _has_learned,
    (
        Row("ND total variation", "near/median", Tolerance(1.5, ratio=True)),
        Row("FD total variation", "far/median", Tolerance(2, ratio=True)),
        Row("deviation of σ(E_ν)", "sigma/median", Tolerance(2, ratio=True)),
    ),
)
_SYSTEMATIC = Table(
    _is_systematic,
    (
        Row("members", "members", Tolerance(0)),
        Row("shift of sin²2θ23", "sin2_2theta23/shift", Tolerance(0.3)),
        Row("shift of Δm²32", "dm2_32/shift", Tolerance(0.3)),
        Row("scatter of sin²2θ23", "sin2_2theta23/scatter", Tolerance(2, ratio=True)),
        Row("scatter of Δm²32", "dm2_32/scatter", Tolerance(2, ratio=True)),
        Row("added half-width of Δm²32", "dm2_32/added_width", Tolerance(0.3, share=0.6)),
    ),
)
_COVERAGE = Table(
    lambda ensemble: True,
    (
        Row("pseudo-experiments", "experiments", Tolerance(0)),
        *(
            Row(f"{region}, {level}σ", f"{name}_{level}sigma", Tolerance(5))
            for level in (1, 2)
            for region, name in (
                ("both parameters", "both"),
                ("sin²2θ23", "sin2_2theta23"),
                ("Δm²32", "dm2_32"),
            )
        ),
    ),
    "coverage/",
)
_JOINT = Table(
    None,
    (
        Row("best fit of Δm²32 (10⁻³ eV²)", "dm2_32/best", Tolerance(0.02), "true/dm2_32"),
        Row("shift of Δm²32 (σ_stat)", "dm2_32/shift", Tolerance(0.5)),
        Row("half-width of Δm²32 (σ_stat)", "dm2_32/half_width", Tolerance(0.2)),
        Row("pseudo-experiments", "experiments", Tolerance(0)),
        *(
            Row(f"{region}, {level}σ (%)", f"{name}_{level}sigma", Tolerance(5))
            for level in (1, 2)
            for region, name in (
                ("both parameters", "both"),
                ("sin²θ23", "sin2_theta23"),
                ("Δm²32", "dm2_32"),
            )
        ),
        *(
            Row(f"{region}, {level}σ, Feldman–Cousins (%)", f"{name}_{level}sigma_fc", Tolerance(5))
            for level in (1, 2)
            for region, name in (
                ("both parameters", "both"),
                ("sin²θ23", "sin2_theta23"),
                ("Δm²32", "dm2_32"),
            )
        ),
        Row("their half-width of Δm²32 (σ_stat)", "half_width_mean", Tolerance(0.1)),
        Row("mean pull of Δm²32", "pull_dm2_32_mean", Tolerance(0.15)),
        Row("width of the pulls", "pull_dm2_32_std", Tolerance(0.15)),
    ),
    "joint/",
)
TABLES = {
    "Oscillation parameters with the known and with learned cross sections, Asimov ND density": (
        _EXACT
    ),
    "What networks learned (%), medians over members": _LEARNING,
    "Systematic uncertainties, in σ_stat": _SYSTEMATIC,
    "How often regions hold the truth (%)": _COVERAGE,
    "Joint fits of both detectors": _JOINT,
}


def _quoted(number: Number | None) -> str:
    """A cell: coverage with its error, all others as they are; empty for what does not exist."""
    if number is None:
        return ""
    if number.undefined is not None:
        return f"{NOT_DEFINED}: {number.undefined}"
    has_error = number.uncertainty is not None or number.interval is not None
    return f"{number:±}" if number.unit == "%" and has_error else f"{number}"


def columns(
    table: Table, numbers: Mapping[str, Number], ensembles: Mapping[str, Ensemble]
) -> list[str]:
    """The ensembles in a table: those that it is of and that have a number in it.

    How many there are of something, which is exact, alone makes no column.
    """
    results = [row.name for row in table.rows if row.tolerance.size > 0]
    shows = table.shows
    if shows is None:
        of_table = (name for name in numbers if name.startswith(table.start))
        names = list(dict.fromkeys(name.split("/")[1] for name in of_table))
    else:
        names = [name for name, ensemble in ensembles.items() if shows(ensemble)]
    return [
        name
        for name in names
        if any(f"{table.start}{name}/{result}" in numbers for result in results)
    ]


def cells(
    table: Table, numbers: Mapping[str, Number], ensembles: Mapping[str, Ensemble]
) -> list[list[str]]:
    """Heading and rows as text, without the tolerances."""
    shown = columns(table, numbers, ensembles)
    return [
        ["", *(f"`{name}`" for name in shown)],
        *(
            [
                row.label,
                *(_quoted(numbers.get(f"{table.start}{name}/{row.name}")) for name in shown),
            ]
            for row in table.rows
        ),
    ]


def with_true_values(
    table: Table, numbers: Mapping[str, Number], ensembles: Mapping[str, Ensemble]
) -> list[list[str]]:
    """`cells` with a column of true values in front, if a row has one."""
    true = [_quoted(numbers.get(row.true)) if row.true else "" for row in table.rows]
    rows = cells(table, numbers, ensembles)
    if not any(true):
        return rows
    return [
        [row[0], value, *row[1:]] for row, value in zip(rows, ["true value", *true], strict=True)
    ]


def markdown(numbers: Mapping[str, Number], ensembles: Mapping[str, Ensemble]) -> str:
    """All tables with tolerances, for `docs/results.md`."""
    lines = []
    for title, table in TABLES.items():
        heading, *rows = cells(table, numbers, ensembles)
        lines += [f"{title}:", ""]
        lines.append(f"| {' | '.join([*heading, 'tolerance'])} |".replace("|  |", "| |"))
        lines.append("|---" * (len(heading) + 1) + "|")
        for row, texts in zip(table.rows, rows, strict=True):
            lines.append(f"| {' | '.join([*texts, str(row.tolerance)])} |")
        lines.append("")
    return "\n".join(lines)


def expected_values(page: str) -> Iterator[tuple[str, float, Tolerance]]:
    """Name, value and tolerance of all numbers in a page with these tables in Markdown.

    Raises
    ------
    ValueError
        The page lacks a row.
    """
    lines = page.splitlines()
    for title, table in TABLES.items():
        start = lines.index(f"{title}:") if f"{title}:" in lines else len(lines)
        names = [name.strip("`") for name in _cells_of(lines, start + 2)[1:-1]]
        for number, row in enumerate(table.rows):
            texts = _cells_of(lines, start + 4 + number)
            if texts[0] != row.label or texts[-1] != str(row.tolerance):
                raise ValueError(
                    f"the page has no row {row.label!r} with tolerance {row.tolerance} in the "
                    f"table {title!r}; write the page again with make gallery"
                )
            for name, text in zip(names, texts[1:-1], strict=True):
                if text and not text.startswith(NOT_DEFINED):
                    value = float(re.split(r" [±(]", text)[0])
                    yield f"{table.start}{name}/{row.name}", value, row.tolerance


def _cells_of(lines: list[str], number: int) -> list[str]:
    """A line of a table in Markdown, which may lie behind the end of the page."""
    line = lines[number] if number < len(lines) else ""
    return [text.strip() for text in line.removeprefix("|").removesuffix("|").split("|")]


def compare(page: str, numbers: Mapping[str, Number]) -> list[Deviation]:
    """All numbers in a page with these tables, beside those of a numbers file."""
    values = {name: number.value for name, number in numbers.items() if number.undefined is None}
    return [
        Deviation(name, expected, values.get(name), tolerance)
        for name, expected, tolerance in expected_values(page)
    ]
