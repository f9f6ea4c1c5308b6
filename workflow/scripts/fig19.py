"""Figure 19: calibration, from pseudo-experiments."""

from typing import Any

from nd2fd.figures import fig19
from nd2fd.figures.style import save, use_style
from nd2fd.io.job import Stage
from nd2fd.io.schemas import COVERAGE

snakemake: Any

with Stage(snakemake) as stage:
    use_style(snakemake.input.style)
    figure = fig19.draw({name: stage.read(name, COVERAGE) for name in fig19.ENSEMBLES})
    save(figure, snakemake.output)
