"""Survival probability at the true oscillation parameters."""

from typing import Any

from nd2fd.physics.density import midpoints
from nd2fd.physics.baseline import Experiment
from nd2fd.io.schemas import OSCILLATION
from nd2fd.io.job import Stage

# Spacing 1.25 MeV at E_max = 10 GeV: the oscillation phase at 0.2 GeV turns by 0.13 rad per step.
TABLE_POINTS = 8000

snakemake: Any

with Stage(snakemake) as stage:
    energy = midpoints(TABLE_POINTS, snakemake.params.energy_max)
    experiment = Experiment.from_config(snakemake.params.oscillation)
    stage.write(
        OSCILLATION,
        {"energy": energy, "survival_probability": experiment.true_survival(energy)},
    )
