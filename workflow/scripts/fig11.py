"""Figure 11: the normalising flow fails at the far detector and at fixed neutrino energy."""

from typing import Any

from nd2fd.figures import fig11
from nd2fd.figures.style import save, use_style
from nd2fd.io.job import Stage
from nd2fd.io.schemas import PREDICTION, SLICES, TRUTH

snakemake: Any

with Stage(snakemake) as stage:
    use_style(snakemake.input.style)
    figure = fig11.draw(
        stage.read("truth", TRUTH),
        stage.read_members("flow_predictions", PREDICTION),
        stage.read_members("predictions", PREDICTION),
        stage.read("true_slices", SLICES),
        stage.read("flow_slices", SLICES),
    )
    save(figure, snakemake.output)
