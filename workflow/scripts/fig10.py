"""Figure 10: the normalising flow fits the near detector."""

from typing import Any

from nd2fd.figures import fig10
from nd2fd.figures.style import save, use_style
from nd2fd.io.job import Stage
from nd2fd.io.schemas import FLOW, MEMBER, PREDICTION, TRUTH

snakemake: Any

with Stage(snakemake) as stage:
    use_style(snakemake.input.style)
    figure = fig10.draw(
        stage.read("truth", TRUTH),
        stage.read("prediction", PREDICTION),
        stage.read_members("flows", FLOW),
        stage.read_members("members", MEMBER),
    )
    save(figure, snakemake.output)
