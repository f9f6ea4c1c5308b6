"""Headline numbers against finer grids and another root seed: writes docs/validation-grids.md.

    python tools/doubled_grids.py FOLDER

runs the workflow with `config/doubled_grids.yaml` in FOLDER, once as it is and once for each
change, which makes anew what depends on it, and ends with an error if a number moved by more than
its tolerance.
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]


class Change(NamedTuple):
    """What is changed: words, `--config`, and whether far-detector events stay the same."""

    words: str
    override: list[str]
    same_events: bool = True


CHANGES = {
    "likelihood": Change("likelihood: 800 energies", ["far_detector={n_energy: 800}"]),
    "regions": Change("regions: twice the points", ["regions={points: 600}"]),
    "seed": Change("another root seed", ["seed=4"], same_events=False),
    "nodes": Change("structure functions: 128² nodes", ["nodes={n_xi: 128, n_tau: 128}"]),
    "grid": Change(
        "quadrature of all densities: 576 energies, 192² cells",
        ["grid={n_energy: 576, n_v1: 192, n_v2: 192}"],
    ),
}

_OF_FITS = ("best", "sigma", "low_1sigma", "high_1sigma")

TOLERANCE = {True: 0.05, False: 0.1}
"""In units of σ_stat; members that differ in their network's seed alone scatter by 0.02."""

HEAD = """# Finer grids and another seed

The headline numbers of the default analysis at its full size, with every grid doubled in turn, and
with another root seed; differences in units of σ_stat, the statistical error with the known cross
section (those of ratios of areas as they are). `make validate-grids` runs the workflow for it
(`config/doubled_grids.yaml`, `tools/doubled_grids.py`) and writes this page; a number beyond its
tolerance ends it with an error. With another seed far-detector events are others, so that best fits
are not compared.

| change | number | default | changed | difference | tolerance |
|---|---|---|---|---|---|
"""

TAIL = """
Not compared: joint fits, smeared and sampled ensembles, coverage.
"""


def numbers(folder: Path, name: str, override: list[str]) -> dict[str, float]:
    """Numbers of a run with an override by name; kept in the folder, and made if they are not."""
    kept, target = folder / f"{name}.json", folder / "tables/numbers.json"
    if not kept.exists():
        command = [sys.executable, "-m", "snakemake", "--configfile", "config/doubled_grids.yaml"]
        changed = [f"results={folder}", *override]
        subprocess.run([*command, "--config", *changed, "--", str(target)], cwd=ROOT, check=True)
        shutil.copy(target, kept)
    found = json.loads(kept.read_text("utf-8"))["numbers"]
    return {number: entry["value"] for number, entry in found.items()}


def rows(change: Change, default: dict[str, float], changed: dict[str, float]) -> list[list[str]]:
    """Rows of the table: number, both values, difference and tolerance."""
    tolerance, table = TOLERANCE[change.same_events], []
    for parameter in ("sin2_2theta23", "dm2_32"):
        sigma = default[f"truth/{parameter}/sigma"]
        units = {f"nominal/{parameter}/shift": 1.0}
        if change.same_events:
            units |= {f"truth/{parameter}/{name}": sigma for name in _OF_FITS}
            units |= {f"nominal/{parameter}/{name}": sigma for name in _OF_FITS}
        if change.same_events and parameter == "dm2_32":
            units |= {f"nominal/area_ratio_{n}sigma": 1.0 for n in (1, 2)}
        for name, unit in units.items():
            difference = (changed[name] - default[name]) / unit
            values = (f"{default[name]:.5g}", f"{changed[name]:.5g}", f"{difference:+.3f}")
            table.append([f"`{name}`", *values, f"{tolerance:g}"])
    return table


def main(folder: Path) -> None:
    """Run all, write the page, and fail if a difference is beyond its tolerance."""
    default = numbers(folder, "default", [])
    lines, beyond = [], []
    for name, change in CHANGES.items():
        for row in rows(change, default, numbers(folder, name, change.override)):
            lines.append(f"| {' | '.join([change.words, *row])} |")
            if abs(float(row[-2])) > float(row[-1]):
                beyond.append(lines[-1])
    page = ROOT / "docs/validation-grids.md"
    page.write_text(HEAD + "\n".join(lines) + "\n" + TAIL, encoding="utf-8")
    if beyond:
        sys.exit("\n".join(["beyond the tolerance:", *beyond]))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
