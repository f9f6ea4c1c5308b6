"""What is loaded when a job starts: libraries that take long, only where they are needed."""

import ast
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
SCRIPTS = ROOT / "workflow" / "scripts"

TRAINING = {"lepton_networks", "train_flows", "train_members"}
TABLES = {"learning_table", "numbers_table", "oscillation_table", "systematics_table"}
PAGES = {"figure", "report_pages"}
NO_SUMS = {"evolve_pdf", "far_smeared", "prepare_flux", "tabulate_oscillation"}


def loaded(*groups):
    """Modules that the imports of scripts load, group by group, in one process."""
    lines = ["import sys"]
    for names in groups:
        for name in sorted(names):
            tree = ast.parse((SCRIPTS / f"{name}.py").read_text("utf-8"))
            lines += [
                ast.unparse(n) for n in tree.body if isinstance(n, ast.Import | ast.ImportFrom)
            ]
        lines.append("print(*sys.modules)")
    done = subprocess.run(
        [sys.executable, "-c", "\n".join(lines)], capture_output=True, text=True, check=True
    )
    return [set(line.split()) for line in done.stdout.splitlines()]


def test_libraries_that_take_long_are_loaded_where_they_are_needed():
    others = {path.stem for path in SCRIPTS.glob("*.py")} - TRAINING - TABLES - PAGES
    no_sums, others, tables, pages = loaded(NO_SUMS, others, TABLES, PAGES)
    assert "nd2fd.io.job" in no_sums
    assert not no_sums & {"scipy", "torch"}
    assert "scipy" in others
    assert not others & {"torch", "pandas", "matplotlib", "pydantic", "rich"}
    assert "pandas" in tables
    assert not tables & {"torch", "matplotlib", "rich"}
    assert {"matplotlib", "pydantic"} <= pages
    assert not pages & {"torch", "rich"}
