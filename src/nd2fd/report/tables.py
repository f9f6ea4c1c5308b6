"""Tables of the headline numbers: in the report, and with tolerances in the README.

The tolerance says how far another run may be from the README: on another machine the last digits
of sums differ, and networks end in other, equally good places.
"""

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from nd2fd.report.numbers import Number


class Tolerance(NamedTuple):
    """Largest allowed difference, or, if `ratio`, largest allowed ratio either way."""

    size: float
    ratio: bool = False

    def __str__(self) -> str:
        return f"factor {self.size:g}" if self.ratio else f"{self.size:g}"

    def allows(self, value: float, expected: float) -> bool:
        """Whether a value agrees with the expected one."""
        if self.ratio:
            return expected / self.size <= value <= expected * self.size
        return abs(value - expected) <= self.size


class Row(NamedTuple):
    """What its numbers are, their name after that of the column, and how exact they are."""

    label: str
    name: str
    tolerance: Tolerance


class Table(NamedTuple):
    """Columns as (heading, start of the numbers' names), and rows."""

    columns: tuple[tuple[str, str], ...]
    rows: tuple[Row, ...]


class Deviation(NamedTuple):
    """A value of the README and what it is elsewhere; `value` is None if it is not there."""

    name: str
    expected: float
    value: float | None
    tolerance: Tolerance

    @property
    def allowed(self) -> bool:
        """Whether both agree."""
        return self.value is not None and self.tolerance.allows(self.value, self.expected)


_EXACT = Table(
    tuple((f"`{name}`", name) for name in ("truth", "nominal", "seeds")),
    (
        Row("best fit of sin²2θ23", "sin2_2theta23/best", Tolerance(0.0005)),
        Row("its error, the spread of the replicas", "sin2_2theta23/sigma", Tolerance(0.0003)),
        Row("best fit of Δm²32 (10⁻³ eV²)", "dm2_32/best", Tolerance(0.002)),
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
    tuple(
        (f"`{name}`", name)
        for name in ("seeds", "nd30m", "nd3m", "smeared", "flux", "systematics", "flow")
    ),
    (
        Row("ND total variation", "near/median", Tolerance(1.5, ratio=True)),
        Row("FD total variation", "far/median", Tolerance(2, ratio=True)),
        Row("deviation of σ(E_ν)", "sigma/median", Tolerance(2, ratio=True)),
    ),
)
_SYSTEMATIC = Table(
    tuple(
        (f"`{name}`", name)
        for name in ("nd30m", "nd3m", "smeared", "flux_truth", "flux", "systematics")
    ),
    (
        Row("members", "members", Tolerance(0)),
        Row("shift of sin²2θ23", "sin2_2theta23/shift", Tolerance(0.3)),
        Row("shift of Δm²32", "dm2_32/shift", Tolerance(0.3)),
        Row("scatter of sin²2θ23", "sin2_2theta23/scatter", Tolerance(2, ratio=True)),
        Row("scatter of Δm²32", "dm2_32/scatter", Tolerance(2, ratio=True)),
        Row("added half-width of Δm²32", "dm2_32/added_width", Tolerance(0.3)),
    ),
)
_COVERAGE = Table(
    tuple((f"`{name}`", f"coverage/{name}") for name in ("truth", "systematics")),
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
)
TABLES = {
    "Oscillation parameters with the known and with learned cross sections, exact ND density": (
        _EXACT
    ),
    "What networks learned (%), medians over members": _LEARNING,
    "Systematic uncertainties, in σ_stat": _SYSTEMATIC,
    "How often regions hold the truth (%)": _COVERAGE,
}


def _quoted(number: Number | None) -> str:
    """A cell: coverage with its error, all others as they are; empty for what does not exist."""
    if number is None:
        return ""
    return f"{number:±}" if number.unit == "%" and number.uncertainty is not None else f"{number}"


def cells(table: Table, numbers: Mapping[str, Number]) -> list[list[str]]:
    """Heading and rows as text, without the tolerances."""
    return [
        ["", *(heading for heading, _ in table.columns)],
        *(
            [
                row.label,
                *(_quoted(numbers.get(f"{start}/{row.name}")) for _, start in table.columns),
            ]
            for row in table.rows
        ),
    ]


def markdown(numbers: Mapping[str, Number]) -> str:
    """All tables with tolerances, for the README."""
    lines = []
    for title, table in TABLES.items():
        heading, *rows = cells(table, numbers)
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
        for number, row in enumerate(table.rows):
            line = lines[start + 4 + number] if start + 4 + number < len(lines) else ""
            texts = [text.strip() for text in line.strip("|").split("|")]
            if texts[0] != row.label or texts[-1] != str(row.tolerance):
                raise ValueError(
                    f"the page has no row {row.label!r} with tolerance {row.tolerance} in the "
                    f"table {title!r}; write the page again with make gallery"
                )
            for (_, name), text in zip(table.columns, texts[1:-1], strict=True):
                if text:
                    value = float(re.split(" ±", text)[0])
                    yield f"{name}/{row.name}", value, row.tolerance


def compare(page: str, numbers: Mapping[str, Number]) -> list[Deviation]:
    """All numbers in a page with these tables, beside those of a numbers file."""
    return [
        Deviation(name, expected, numbers[name].value if name in numbers else None, tolerance)
        for name, expected, tolerance in expected_values(page)
    ]
