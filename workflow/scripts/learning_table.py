"""Table of how well each member learned the cross section."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from nd2fd.artifacts import read_artifact
from nd2fd.physics.density import total_variation
from nd2fd.schemas import MEMBER, PREDICTION, TRUTH
from nd2fd.stage import Stage

# Where the near-detector flux is large enough to say something about σ(E_ν).
E_MIN, E_MAX = 1.5, 9.0

snakemake: Any

with Stage(snakemake) as stage:
    truth = stage.read("truth", TRUTH)
    true_sigma = truth["sigma_total"] / np.average(truth["sigma_total"], weights=truth["near_flux"])
    constrained = (truth["energy"] > E_MIN) & (truth["energy"] < E_MAX)
    rows = []
    for member_file, prediction_file in zip(
        snakemake.input.members, snakemake.input.predictions, strict=True
    ):
        member = read_artifact(member_file, MEMBER).data
        prediction = read_artifact(prediction_file, PREDICTION).data
        deviation = np.abs(prediction["sigma_total"] / true_sigma - 1.0)[constrained]
        rows.append(
            {
                "ensemble": Path(member_file).parent.name,
                "member": int(Path(member_file).stem),
                "loss": member["loss"].min(),
                "best_step": int(member["best_step"]),
                "test_loss": member["test_loss"][-1],
                "near_total_variation": total_variation(prediction["near"], truth["near"]),
                "far_total_variation": total_variation(prediction["far"], truth["far"]),
                "max_sigma_deviation": deviation.max(),
            }
        )
    stage.write_table(pd.DataFrame(rows))
