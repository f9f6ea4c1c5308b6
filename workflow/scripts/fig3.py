"""Figure 3: one-dimensional marginals at both detectors."""

from typing import Any

from nd2fd.figures import fig3
from nd2fd.figures.style import save, use_style
from nd2fd.io.job import Stage
from nd2fd.io.schemas import MARGINALS

snakemake: Any

with Stage(snakemake) as stage:
    use_style(snakemake.input.style)
    figure = fig3.draw(
        stage.read_members("truth", MARGINALS), stage.read_members("members", MARGINALS)
    )
    save(figure, snakemake.output)
