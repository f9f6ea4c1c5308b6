"""Figure 7: structure functions, bare and weighted by near-detector kinematics."""

from typing import Any

from nd2fd.figures import fig7
from nd2fd.figures.style import save, use_style
from nd2fd.io.job import Stage
from nd2fd.io.schemas import MEMBER, TRUTH, WEIGHTS

snakemake: Any

with Stage(snakemake) as stage:
    use_style(snakemake.input.style)
    figure = fig7.draw(
        stage.read("truth", TRUTH),
        stage.read_members("members", MEMBER),
        stage.read("weights", WEIGHTS),
    )
    save(figure, snakemake.output)
