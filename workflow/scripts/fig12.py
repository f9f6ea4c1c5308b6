"""Figure 12: finite near-detector statistics."""

from typing import Any

from nd2fd.figures import fig12
from nd2fd.figures.style import save, use_style
from nd2fd.io.job import Stage
from nd2fd.io.schemas import FIT, INTERVALS, NEAR, PREDICTION, TRUTH

snakemake: Any

with Stage(snakemake) as stage:
    use_style(snakemake.input.style)
    names = ("truth", *fig12.LEARNED_STYLES)
    figure = fig12.draw(
        {name: stage.read(name, INTERVALS) for name in names},
        {name: stage.read_members(f"{name}_fits", FIT) for name in names},
        snakemake.params.true_point,
        stage.read("densities", TRUTH),
        {name: stage.read(f"{name}_near", NEAR) for name in fig12.LEARNED_STYLES},
        {name: stage.read(f"{name}_prediction", PREDICTION) for name in fig12.LEARNED_STYLES},
    )
    save(figure, snakemake.output)
