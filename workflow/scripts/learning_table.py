"""Table of how well each member learned the cross section."""

from typing import Any

import numpy as np
import pandas as pd

from nd2fd.io.job import Stage
from nd2fd.io.schemas import FLOW, MEMBER, PREDICTION, TRUTH
from nd2fd.physics.density import total_variation

# Where the near-detector flux is large enough to say something about σ(E_ν).
E_MIN, E_MAX = 1.5, 9.0

snakemake: Any

with Stage(snakemake) as stage:
    truth = stage.read("truth", TRUTH)
    true_sigma = truth["sigma_total"] / np.average(truth["sigma_total"], weights=truth["near_flux"])
    constrained = (truth["energy"] > E_MIN) & (truth["energy"] < E_MAX)
    tables = []
    for ensemble, kind in snakemake.params.models.items():
        models = stage.read_members(f"{ensemble}_models", FLOW if kind == "flow" else MEMBER)
        if kind == "flow":  # its last weights are kept, and it has no test
            learned = {"loss": models["final_loss"], "best_step": np.nan, "test_loss": np.nan}
        else:
            best_step = models["best_step"]
            learned = {
                "loss": np.take_along_axis(models["loss"], best_step[:, None], axis=1)[:, 0],
                "best_step": best_step,
                "test_loss": models["test_loss"][:, -1],
            }
        predictions = stage.read_members(f"{ensemble}_predictions", PREDICTION)
        deviation = np.abs(predictions["sigma_total"] / true_sigma - 1.0)[:, constrained]
        tables.append(
            pd.DataFrame(
                {
                    "ensemble": ensemble,
                    "member": models["member"],
                    **learned,
                    "near_total_variation": [
                        total_variation(density, truth["near"]) for density in predictions["near"]
                    ],
                    "far_total_variation": [
                        total_variation(density, truth["far"]) for density in predictions["far"]
                    ],
                    "max_sigma_deviation": deviation.max(axis=1),
                }
            )
        )
    stage.write_table(pd.concat(tables))
