"""The validation table: quantities of the package beside values that it did not compute.

`make validate` writes the rows of `test_validation.py` to `docs/validation.md`.
"""

from dataclasses import dataclass, field
from pathlib import Path

HEAD = """# Validation

Quantities beside values that this package did not compute: other programs, published measurements,
identities. Each row is a test of `tests/test_validation.py`; `make validate` installs the programs
of `requirements-validate.lock`, runs them and writes this page. [Finer grids and another
seed](validation-grids.md) have a page of their own.

| quantity | ours | reference | difference | tolerance | source |
|---|---|---|---|---|---|
"""


@dataclass
class Table:
    """Rows of the table, and why others are missing."""

    rows: list[str] = field(default_factory=list)
    absent: dict[str, str] = field(default_factory=dict)

    def add(self, quantity: str, ours: float, reference: float, tolerance: float, source: str):
        """A row; fails if the difference is above the tolerance."""
        difference = ours - reference
        numbers = f"{ours:.6g} | {reference:.6g} | {difference:.2g} | {tolerance:.2g}"
        self.rows.append(f"| {quantity} | {numbers} | {source} |")
        assert abs(difference) <= tolerance, self.rows[-1]

    def write(self, file: Path):
        """The page, with what was not run and why."""
        lines = [f"* `{name}`: {reason}" for name, reason in sorted(self.absent.items())]
        missing = ["", "Not run:", "", *lines] if lines else []
        file.write_text(HEAD + "\n".join([*self.rows, *missing]) + "\n", encoding="utf-8")
