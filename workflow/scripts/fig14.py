"""Figure 14: the fluxes, their uncertainty, and the fluxes that ensembles draw from it."""

from typing import Any

from nd2fd.figures import fig14
from nd2fd.figures.style import save, use_style
from nd2fd.io.job import Stage
from nd2fd.io.schemas import FIT, FLUX, OSCILLATION

snakemake: Any

with Stage(snakemake) as stage:
    use_style(snakemake.input.style)
    figure = fig14.draw(
        stage.read("flux", FLUX),
        stage.read("oscillation", OSCILLATION),
        stage.read_members("fits", FIT)["flux_parameters"],
    )
    save(figure, snakemake.output)
