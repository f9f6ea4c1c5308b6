"""Figure 5: total cross section against neutrino energy, true and learned."""

from typing import Any

from nd2fd.figures import fig5
from nd2fd.figures.style import save, use_style
from nd2fd.io.job import Stage
from nd2fd.io.schemas import PREDICTION, TRUTH

snakemake: Any

with Stage(snakemake) as stage:
    use_style(snakemake.input.style)
    figure = fig5.draw(stage.read("truth", TRUTH), stage.read_members("predictions", PREDICTION))
    save(figure, snakemake.output)
