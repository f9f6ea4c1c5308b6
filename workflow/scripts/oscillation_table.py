"""Best fits, intervals and shifts of all ensembles, against the known cross section."""

from typing import Any

import numpy as np
import pandas as pd

from nd2fd.io.job import Stage
from nd2fd.io.schemas import FIT, INTERVALS

snakemake: Any

PARAMETERS = ("sin2_2theta23", "dm2_32")

with Stage(snakemake) as stage:
    rows = {}
    for ensemble in snakemake.params.ensembles:
        intervals = stage.read(f"{ensemble}_intervals", INTERVALS)
        fits = stage.read_members(f"{ensemble}_fits", FIT)
        row: dict[str, float] = {"members": fits["member"].size}
        for name in PARAMETERS:
            best = fits[f"best_{name}"]
            low, high = intervals[f"interval_{name}"][0]
            row |= {
                f"{name}_best": best.mean(),
                f"{name}_low": low,
                f"{name}_high": high,
                f"{name}_sigma": fits[name].std(axis=1).mean(),
                f"{name}_scatter": best.std(ddof=1) if best.size > 1 else np.nan,
            }
        rows[ensemble] = row
    table = pd.DataFrame.from_dict(rows, orient="index").rename_axis("ensemble").reset_index()
    # σ_stat is the spread of the replicas with the known cross section.
    known = table.set_index("ensemble").loc[snakemake.params.reference]
    for name in PARAMETERS:
        sigma = known[f"{name}_sigma"]
        table[f"{name}_shift_in_sigma"] = (table[f"{name}_best"] - known[f"{name}_best"]) / sigma
        table[f"{name}_scatter_in_sigma"] = table[f"{name}_scatter"] / sigma
    stage.write_table(table)
