"""What each systematic uncertainty does to the oscillation parameters, in units of σ_stat."""

from typing import Any

import numpy as np
import pandas as pd

from nd2fd.io.job import Stage
from nd2fd.io.schemas import FIT, INTERVALS

snakemake: Any

SYMBOLS = {"sin2_2theta23": r"\sin^2 2\theta_{23}", "dm2_32": r"\Delta m^2_{32}"}

with Stage(snakemake) as stage:
    params = snakemake.params

    def fits_and_width(ensemble: str, parameter: str) -> tuple[Any, float]:
        """The ensemble's fits, and half the width of its interval at one standard deviation."""
        low, high = stage.read(f"{ensemble}_intervals", INTERVALS)[f"interval_{parameter}"][0]
        return stage.read_members(f"{ensemble}_fits", FIT), (high - low) / 2

    rows = []
    for ensemble, reference in params.references.items():
        row: dict[str, Any] = {"systematic": ensemble, "reference": reference}
        for parameter in SYMBOLS:
            fits, width = fits_and_width(ensemble, parameter)
            known, known_width = fits_and_width(reference, parameter)
            sigma_stat = known[parameter].std()
            shifts = (fits[f"best_{parameter}"] - known[f"best_{parameter}"]) / sigma_stat
            row |= {
                f"{parameter}_shift": shifts.mean(),
                f"{parameter}_scatter": shifts.std(ddof=1) if shifts.size > 1 else np.nan,
                f"{parameter}_added_width": (width - known_width) / sigma_stat,
            }
        rows.append(row)
    table = pd.DataFrame(rows)
    stage.write_table(table)
    head = " & ".join(rf"\multicolumn{{3}}{{c}}{{${symbol}$}}" for symbol in SYMBOLS.values())
    lines = [
        r"\begin{tabular}{l" + "rrr" * len(SYMBOLS) + "}",
        rf" & {head} \\",
        "systematic" + " & shift & scatter & added width" * len(SYMBOLS) + r" \\ \hline",
    ]
    for row in rows:
        name = row["systematic"].replace("_", r"\_")
        numbers = [
            f"${row[f'{parameter}_{column}']:+.2f}$".replace("$+nan$", "--")
            for parameter in SYMBOLS
            for column in ("shift", "scatter", "added_width")
        ]
        lines.append(" & ".join([name, *numbers]) + r" \\")
    stage.write_text("latex", "\n".join([*lines, r"\end{tabular}", ""]))
