"""Figure 17: the final regions, with all systematic uncertainties."""

from typing import Any

from nd2fd.figures import fig17
from nd2fd.figures.style import save, use_style
from nd2fd.io.job import Stage
from nd2fd.io.schemas import FIT, INTERVALS

snakemake: Any

with Stage(snakemake) as stage:
    use_style(snakemake.input.style)
    names = fig17.CURVES
    figure = fig17.draw(
        {name: stage.read(name, INTERVALS) for name in names},
        {name: stage.read_members(f"{name}_fits", FIT) for name in names},
        snakemake.params.true_point,
    )
    save(figure, snakemake.output)
