"""Figure 2: event densities at both detectors, true and learned."""

from typing import Any

from nd2fd.figures import fig2
from nd2fd.figures.style import save, use_style
from nd2fd.io.job import Stage
from nd2fd.io.schemas import PREDICTION, TRUTH

snakemake: Any

with Stage(snakemake) as stage:
    use_style(snakemake.input.style)
    save(
        fig2.draw(stage.read("truth", TRUTH), stage.read("prediction", PREDICTION)),
        snakemake.output,
    )
