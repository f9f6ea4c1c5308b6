"""Figure 6: training and test loss."""

from typing import Any

from nd2fd.figures import fig6
from nd2fd.figures.style import save, use_style
from nd2fd.io.job import Stage
from nd2fd.io.schemas import MEMBER, NEAR

snakemake: Any

with Stage(snakemake) as stage:
    use_style(snakemake.input.style)
    figure = fig6.draw(
        stage.read_members("seeds", MEMBER),
        stage.read_members("nd30m", MEMBER),
        int(stage.read("near", NEAR)["n_events"]),
    )
    save(figure, snakemake.output)
