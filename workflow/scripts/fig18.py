"""Figure 18: the inputs, and where in (x, Q²) the events of both detectors are."""

from typing import Any

from nd2fd.figures import fig18
from nd2fd.figures.style import save, use_style
from nd2fd.io.job import Stage
from nd2fd.io.schemas import FLUX, OSCILLATION, TRUTH, WEIGHTS

snakemake: Any

with Stage(snakemake) as stage:
    use_style(snakemake.input.style)
    figure = fig18.draw(
        stage.read("flux", FLUX),
        stage.read("oscillation", OSCILLATION),
        stage.read("truth", TRUTH),
        stage.read("weights", WEIGHTS),
    )
    save(figure, snakemake.output)
