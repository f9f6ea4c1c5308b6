"""Figure 4: cross section at fixed neutrino energies, true and learned."""

from typing import Any

from nd2fd.figures import fig4
from nd2fd.figures.style import save, use_style
from nd2fd.io.job import Stage
from nd2fd.io.schemas import SLICES

snakemake: Any

with Stage(snakemake) as stage:
    use_style(snakemake.input.style)
    figure = fig4.draw(stage.read("truth", SLICES), stage.read("learned", SLICES))
    save(figure, snakemake.output)
